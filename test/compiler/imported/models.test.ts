/** `model m = import "model.onnx"`: exports of both exporters against PyTorch, and folds on them against the same folds on our own models of the same weights. */
import test from "ava";
import type { Value } from "../../../compiler/host.ts";
import { literal } from "../../../compiler/graph/build.ts";
import { f32 } from "../../support/evaluate.ts";
import { difference, expectedOf, readSafetensors } from "../../support/golden.ts";
import { attempted, compiled, output, run, SPELLINGS, told } from "../../support/program.ts";

const file = readSafetensors(new URL("../../parity/imported/expected.safetensors", import.meta.url).pathname);
const numbersOf = (name: string): number[] => Array.from(expectedOf(file, name).data, Number);
const whole = (name: string): Value => ({ dtype: "i64", dims: expectedOf(file, name).dims, bytes: literal("i64", numbersOf(name)).bytes });
/** Of the largest value. */
const TOLERANCE = 1e-5;
/** A fold decides by comparing values that rounding moves. */
const FOLDED = 1e-4;

const KINDS = {
  vit: {
    own: "vit.Classifier", use: "use model.vit", protect: "protect 1 ", blocks: 3, result: "logits", files: ["vit-torchscript", "vit-dynamo", "vit-one"],
    pipeline: "pipeline p(pixels: f32[Channels = 3, Y = 24, X = 24]) -> { logits: f32[Classes] } { { logits: m(pixels) } }",
    inputs: { pixels: f32([3, 3, 24, 24], numbersOf("pixels")) },
  },
  bert: {
    own: "bert.Encoder", use: "use model.bert", protect: "", blocks: 2, result: "hidden", files: ["bert-torchscript", "bert-dynamo"],
    pipeline: "pipeline p(ids: i64[N], mask: i64[N], kinds: i64[N]) -> { hidden: f32[N, C = 32] } { { hidden: m(ids, mask, kinds) } }",
    inputs: { ids: whole("ids"), mask: whole("mask"), kinds: whole("kinds") },
  },
} as const;
type Kind = keyof typeof KINDS;

function program(kind: Kind, model: string, line = "", use = ""): string {
  const { pipeline, protect } = KINDS[kind];
  return `${use}\nmodel m = ${model}\n${line ? `compress m as folded { fold tokens ${protect}${line} }` : ""}\n${pipeline}\n`;
}
const imported = (kind: Kind, name: string, line = "", use = ""): string => program(kind, `import "models/tiny-onnx/${name}.onnx"`, line, use);
const own = (kind: Kind, line = "", use = ""): string => program(kind, `${KINDS[kind].own} from "models/tiny-onnx/${kind}"`, line, `${KINDS[kind].use}\n${use}`);

for (const kind of ["vit", "bert"] as const)
  for (const name of KINDS[kind].files)
    test(`${name}: as PyTorch, and every attention is fused`, async (t) => {
      const { inputs, result, blocks } = KINDS[kind];
      const model = compiled(imported(kind, name));
      t.is(model.record.fused.get("attention"), blocks);
      for (const spelling of SPELLINGS) t.true(difference(output(await run(model, inputs, spelling), result), numbersOf(result)).relative <= TOLERANCE, spelling);
    });

const FOLDS: readonly (readonly [Kind, string, string])[] = [
  ["vit", "in each blocks[1..] after attended with tome(r: 4)", "use folds.tome (tome)"],
  ["vit", "in each blocks[*] after attended with tome(r: 2, metric: mlp_input, proportional: false)", "use folds.tome (tome)"],
  ["vit", "across blocks[1..] with expedite(from: (4, 4), to: (3, 3), near: 4)", "use folds.expedite (expedite)"],
  ["vit", "across blocks[1..2] with expedite(from: (4, 4), to: (2, 2), near: 2)", "use folds.expedite (expedite)"],
  ["bert", "in each blocks[*] after attended with tome(r: 2)", "use folds.tome (tome)"],
  ["bert", "in each blocks[0..1] after input with tome(r: 3, metric: input)", "use folds.tome (tome)"],
];
for (const [kind, line, use] of FOLDS)
  test(`${kind}, ${line}: as on our own model`, async (t) => {
    const { inputs, result, files } = KINDS[kind];
    const wanted = output(await run(compiled(own(kind, line, use), { variant: "folded" }), inputs), result);
    t.true(difference(wanted, numbersOf(result)).relative > 0.01, "the fold does something");
    for (const name of files) {
      const folded = compiled(imported(kind, name, line, use), { variant: "folded" });
      if (kind === "vit") t.true(folded.cost.blocks < compiled(imported(kind, name)).cost.blocks);
      for (const spelling of SPELLINGS) t.true(difference(output(await run(folded, inputs, spelling), result), wanted).relative <= FOLDED, `${name} ${spelling}`);
    }
  });

test("nothing merged is nothing changed", async (t) => {
  for (const kind of ["vit", "bert"] as const)
    for (const name of KINDS[kind].files) {
      const { inputs, result } = KINDS[kind];
      const folded = compiled(imported(kind, name, "in each blocks[*] after attended with tome(r: 0)", "use folds.tome (tome)"), { variant: "folded" });
      t.true(difference(output(await run(folded, inputs), result), numbersOf(result)).relative <= TOLERANCE, name);
    }
});

test("sites are those of the contract, with its axes; tokens are counted by a size of their own", (t) => {
  const { elaboration: { sites, arena } } = compiled(imported("vit", "vit-torchscript"));
  const shape = (path: string): string | undefined => { const site = sites.get(path)?.tensor; return site?.axes.map((a, i) => `${a} = ${site.node.type.dims[i]?.key}`).join(", "); };
  t.is(shape("m.blocks[2].keys"), "B = B, H = 4, N = N, D = 8");
  t.is(shape("m.blocks[0].scores"), "B = B, H = 4, N' = N, N = N");
  t.is(shape("m.blocks[1].mlp_input"), "B = B, N = N, C = 32");
  t.is(shape("m.pixel_values"), "B = B, Channels = 3, Y = 24, X = 24");
  t.is(arena.facts.number(sites.get("m.blocks[0].input")?.tensor.node.type.dims[1] as never), 17);
  t.deepEqual([...compiled(imported("vit", "vit-torchscript")).elaboration.files].map((f) => f.replace(/.*\//, "")), ["vit-torchscript.onnx"]);
});

test("a call may name its arguments, and a model be called on several", async (t) => {
  const text = `
model m = import "models/tiny-onnx/bert-dynamo.onnx"
pipeline p(ids: i64[N], mask: i64[N], kinds: i64[N]) -> { all: f32[N, C = 32], first: f32[K = 5, C = 32] } {
  let all = m(attention_mask: mask, token_type_ids: kinds, input_ids: ids)
  let first = m(ids[N: 0..5], mask[N: 0..5], kinds[N: 0..5])
  { all: all, first: first }
}`;
  const made = await run(compiled(text), KINDS.bert.inputs);
  t.true(difference(output(made, "all"), numbersOf("hidden")).relative <= TOLERANCE);
  const short = `
model m = import "models/tiny-onnx/bert-torchscript.onnx"
pipeline p(ids: i64[N], mask: i64[N], kinds: i64[N]) -> { hidden: f32[N, C = 32] } { { hidden: m(ids, mask, kinds) } }`;
  const cut = (name: string): Value => ({ dtype: "i64", dims: [3, 5], bytes: literal("i64", [0, 1, 2].flatMap((b) => numbersOf(name).slice(b * 11, b * 11 + 5))).bytes });
  const alone = await run(compiled(short), { ids: cut("ids"), mask: cut("mask"), kinds: cut("kinds") });
  t.true(difference(output(made, "first"), output(alone, "hidden")).relative <= TOLERANCE);
});

test("places named by hand count before those that are found", async (t) => {
  const line = "in each blocks[1..] after attended with tome(r: 4, metric: mlp_input)";
  const use = 'use folds.tome (tome)\nsites by_hand for m { blocks[1].mlp_input = "layer_norm_2", blocks[2].mlp_input = "layer_norm_4", middle = "layer_norm_2" }';
  const folded = compiled(imported("vit", "vit-dynamo", line, use), { variant: "folded" });
  // `layer_norm_2` enters the attention of block 1, which `mlp_input` never is.
  const entering = compiled(imported("vit", "vit-dynamo", line, use)).elaboration.sites;
  t.is(entering.get("m.blocks[1].mlp_input")?.tensor.node, entering.get("m.middle")?.tensor.node);
  const found = compiled(imported("vit", "vit-dynamo", line, "use folds.tome (tome)"), { variant: "folded" });
  const [byHand, recognised] = [output(await run(folded, KINDS.vit.inputs), "logits"), output(await run(found, KINDS.vit.inputs), "logits")];
  t.true(difference(byHand, recognised).relative > 0.001);
});

test("arguments that do not fit the file are told with what it wants", (t) => {
  const call = (pipeline: string, name = "vit-torchscript"): string[] => told(attempted(`model m = import "models/tiny-onnx/${name}.onnx"\n${pipeline}`).problems);
  t.deepEqual(call("pipeline p(x: f32[Channels = 3, Y = 24, X = 12]) -> { y: f32[C] } { { y: m(x) } }"), ["T302 pixel_values of m is\n  found  f32[B, Channels = 3, Y = 24, X = 12]\n  wanted f32[batch, 3, 24, 24]"]);
  t.deepEqual(call("pipeline p(x: i64[Channels = 3, Y = 24, X = 24]) -> { y: f32[C] } { { y: m(x) } }"), ["T311 pixel_values of m has another element type.\n  found  i64[B, Channels = 3, Y = 24, X = 24]\n  wanted f32[batch, 3, 24, 24]"]);
  t.deepEqual(call("pipeline p(x: i64[N]) -> { y: f32[N, C] } { { y: m(x, x) } }", "bert-dynamo"), ["T303 m wants token_type_ids: i64[batch, sequence]."]);
  t.deepEqual(call("pipeline p(x: i64[N], z: i64[M]) -> { y: f32[N, C] } { { y: m(x, z, x) } }", "bert-dynamo"), ["T307 sequence is N (an input before), and here it is M."]);
  t.deepEqual(call("pipeline p(x: i64[N]) -> { y: f32[N, C] } { { y: m(x, x, token_type_id: x) } }", "bert-dynamo"), ["T305 m has no parameter token_type_id."]);
  t.regex(call("pipeline p(x: i64[N]) -> { y: f32[N, C] } { { y: m(x) } }", "nothing").join(), /N207/);
});
