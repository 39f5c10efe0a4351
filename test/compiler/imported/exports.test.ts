/** Recognition and weaving agree on small exports of both exporters: what is said to fold does, and what is said not to is refused; a fold of nothing changes nothing. */
import { join } from "node:path";
import test from "ava";
import type { Value } from "../../../compiler/host.ts";
import { alike } from "../../../compiler/import/alike.ts";
import { importModel } from "../../../compiler/import/onnx-graph.ts";
import { type Recognition, recognise } from "../../../compiler/import/recognise/recognise.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { f32, i64, numbers, runModel } from "../../support/evaluate.ts";
import { difference, readSafetensors } from "../../support/golden.ts";
import { attempted, compiled, output, run, told } from "../../support/program.ts";

const FOLDER = new URL("../import/exports/", import.meta.url).pathname;
/** Of the largest value. */
const TOLERANCE = 1e-6;

const TEXT = "pipeline p(input_ids: i64[N], attention_mask: i64[N]) -> { y: f32[N, C = 16] } { { y: m(input_ids, attention_mask) } }";
const PICTURE = "pipeline p(pixel_values: f32[Channels = 3, Y = 32, X = 32]) -> { y: f32[N, C] } { { y: m(pixel_values) } }";
/** Tokens come before the batch in the file. */
const TOKENS_FIRST = "pipeline p(x: f32[N = 9, C = 16]) -> { y: f32[N = 9, C = 16] } { { y: permute(m(permute(x; (N, B, C))) as [N, B, C]; (B, N, C)) } }";

const FOLDS: Readonly<Record<string, string>> = {
  "whisper-decoder.dynamo": "pipeline p(input_ids: i64[N], encoder_hidden_states: f32[M, C = 16]) -> { y: f32[N, C = 16] } { { y: m(input_ids, encoder_hidden_states) } }",
  "bert.script": TEXT, "bert.dynamo": TEXT, "gpt2.dynamo": TEXT, "clip-text.dynamo": TEXT, "gpt2.fused": TEXT, "llama.dynamo": TEXT, "gemma2.dynamo": TEXT, "deberta-v2.dynamo": TEXT,
  "vit.dynamo": PICTURE, "dinov2.script": PICTURE, "packed.script": TOKENS_FIRST,
};

interface Refused {
  readonly pipeline: string;
  /** What recognition says of it. */
  readonly why: RegExp;
  /** What the compiler says of a fold. */
  readonly refusal: RegExp;
}

const REFUSED: Readonly<Record<string, Refused>> = {
  "swin.script": { pipeline: PICTURE, why: /cut into windows/, refusal: /^F302 m\.blocks\[0\].*Reshape works for 64 tokens and no other number/ },
  "table.script": { pipeline: TOKENS_FIRST, why: /^a table for 9 tokens: f32\[1, 2, 9, 9\]$/, refusal: /^F302 m\.blocks\[0\].*Add works for 9 tokens and no other number/ },
};

function recognised(name: string): Recognition {
  const { value, problems } = importModel(new NodeHost({ root: FOLDER }), `${name}.onnx`, { raise: "all", same: alike });
  if (!value) throw new Error(told(problems).join());
  return recognise(value.graph);
}

const program = (name: string, pipeline: string, line = ""): string => `${line && "use folds.tome (tome)\n"}model m = import "${name}.onnx"\n${line && `compress m as folded { fold tokens ${line} }\n`}${pipeline}\n`;
const PLACE = { root: FOLDER, file: "exports.kiri" };
const FOLDED = { ...PLACE, variant: "folded" };

/** `[9, 2, 16]` as `[2, 9, 16]` and back. */
function turned({ dims: [rows = 0, columns = 0, width = 0], ...value }: Value): Value {
  const given = numbers({ ...value, dims: [rows, columns, width] });
  return f32([columns, rows, width], Array.from({ length: given.length }, (_, i) => given[((Math.floor(i / width) % rows) * columns + Math.floor(i / (width * rows))) * width + (i % width)] ?? Number.NaN));
}

for (const [name, pipeline] of Object.entries(FOLDS))
  test(`${name} folds, as recognition says, and a fold of nothing gives what the file gives`, async (t) => {
    const found = recognised(name);
    t.deepEqual([found.foldable, found.obstacles], [true, []]);
    const inputs = Object.fromEntries([...readSafetensors(join(FOLDER, `${name}.safetensors`))].filter(([key]) => key.startsWith("in.")).map(([key, { dtype, dims, data }]) => [key.slice(3), (dtype === "i64" ? i64 : f32)(dims, [...data].map(Number))]));
    const [original] = Object.values(await runModel(join(FOLDER, `${name}.onnx`), inputs)) as [Value];
    const isTurned = pipeline === TOKENS_FIRST;
    const wanted = numbers(isTurned ? turned(original) : original);
    const given = isTurned ? { x: turned(inputs.x as Value) } : inputs;
    const made = async (line: string): Promise<number> => difference(output(await run(compiled(program(name, pipeline, line), line ? FOLDED : PLACE), given), "y"), wanted).relative;
    t.true((await made("")) <= TOLERANCE);
    for (const place of ["across blocks[*]", "in each blocks[*] after attended"]) {
      t.true((await made(`${place} with tome(r: 0)`)) <= TOLERANCE, place);
      const changed = await made(`${place} with tome(r: 2)`);
      t.true(changed > 0.01 && changed < Number.POSITIVE_INFINITY, place);
    }
  });

for (const [name, { pipeline, why, refusal }] of Object.entries(REFUSED))
  test(`${name} does not fold, as recognition says`, (t) => {
    const found = recognised(name);
    t.false(found.foldable);
    t.regex(found.obstacles.at(-1)?.why ?? "", why);
    t.deepEqual(told(attempted(program(name, pipeline), PLACE).problems), []);
    for (const place of ["across blocks[*]", "in each blocks[*] after input"]) {
      const { value, problems } = attempted(program(name, pipeline, `${place} with tome(r: 2, metric: input)`), FOLDED);
      t.is(value, undefined);
      t.regex(told(problems).join(), refusal);
    }
  });

test("axes named by hand count before those that are found, and before what a rank suggests", async (t) => {
  const inputs = { x: turned(f32([9, 2, 16], Array.from({ length: 288 }, (_, i) => Math.sin(i * 1.7)))) };
  const named = (sites: string): string => `${program("packed.script", TOKENS_FIRST, "in each blocks[*] after input with tome(r: 2, metric: keys)")}\nsites by_hand for m { ${sites} }\n`;
  const found = output(await run(compiled(named("given = \"x\" as [N, B, C]"), FOLDED), inputs), "y");
  t.true(difference(output(await run(compiled(named("blocks[0].input = \"x\" as [N, B, C]"), FOLDED), inputs), "y"), found).relative <= 1e-6);
  t.is(attempted(named("blocks[0].input = \"x\""), FOLDED).value, undefined);
});
