/** Positions that an exported file counts by itself follow its tokens: folds on exports against the same blocks of PyTorch, given the same tokens only. */
import { join } from "node:path";
import test from "ava";
import type { Value } from "../../../compiler/host.ts";
import { f32, i64 } from "../../support/evaluate.ts";
import { difference, expectedOf, readSafetensors } from "../../support/golden.ts";
import { attempted, compiled, output, run, SPELLINGS, told } from "../../support/program.ts";

const FOLDER = process.env.EXPORTS ?? new URL("../import/exports/", import.meta.url).pathname;
/** Of the largest value. */
const TOLERANCE = 2e-5;

/** Those tokens of each record whose first channel is largest, in their order; the others leave as zeros. `counts`: what becomes of their positions. */
const fold = (positions: string): string => `
use folds.keep (Keep, largest)
fold strongest(keep: Int) : N -> K where K = keep {
  down mask by first
  ${positions}
  down(x: f32[B, N, C]) -> f32[B, K, C] {
    let plan = Keep { places: largest(x[C: 0]; count: keep) as [B, K] }
    plan.pick(x)
  }
  fn anew(x: f32[B, N, C]) -> f32[B, K, C] { 0.0 - x[N: 0..down.plan.places.K] as [B, K, C] }
  up(y: f32[B, K, C]) -> f32[B, N, C] { put(down.x * 0.0, down.plan.places, y; over: N, how: set) }
}`;

const TEXT = "pipeline p(input_ids: i64[N], attention_mask: i64[N]) -> { y: f32[N, C = 16] } { { y: m(input_ids, attention_mask) } }";
const BOTH = "pipeline p(input_ids: i64[N], attention_mask: i64[N], decoder_input_ids: i64[M]) -> { y: f32[M, C = 16] } { { y: m(input_ids, attention_mask, decoder_input_ids) } }";

interface Kind {
  readonly pipeline: string;
  readonly stacks: readonly string[];
  /** Whether the blocks know positions at all; else they were added before. */
  readonly counts: boolean;
}
const one = (counts: boolean): Kind => ({ pipeline: TEXT, stacks: ["blocks"], counts });
const KINDS: Readonly<Record<string, Kind>> = {
  "bert.dynamo": one(false), "clip-text.dynamo": one(true), "gpt2.fused": one(true), "llama.dynamo": one(true), "phi.script": one(true), "gemma2.dynamo": one(true), "gpt2.dynamo": one(true),
  "whisper-decoder.dynamo": { pipeline: "pipeline p(input_ids: i64[N], encoder_hidden_states: f32[M, C = 16]) -> { y: f32[N, C = 16] } { { y: m(input_ids, encoder_hidden_states) } }", stacks: ["blocks"], counts: true },
  "deberta-v2.dynamo": one(true), "t5.script": { pipeline: BOTH, stacks: ["encoder", "decoder"], counts: true },
};

const program = (name: string, pipeline: string, line: string, positions = "down positions by first"): string =>
  `${fold(positions)}\nmodel m = import "${name}.onnx"\n${line && `compress m as folded { fold tokens ${line} }\n`}${pipeline}\n`;
const FOLDED = { root: FOLDER, file: "positions.kiri", variant: "folded" };

for (const [name, { pipeline, stacks, counts }] of Object.entries(KINDS))
  test(`${name}: as its own blocks on the tokens that stay`, async (t) => {
    const file = readSafetensors(join(FOLDER, `${name}.folded.safetensors`));
    const inputs = Object.fromEntries([...file].filter(([key]) => key.startsWith("in.")).map(([key, { dtype, dims, data }]): [string, Value] => [key.slice(3), (dtype === "i64" ? i64 : f32)(dims, [...data].map(Number))]));
    for (const [at, stack] of stacks.entries()) {
      const wanted = expectedOf(file, `y.${at}`).data;
      const line = `across ${stack}[1..] with strongest(keep: 4)`;
      const folded = compiled(program(name, pipeline, line), FOLDED);
      for (const spelling of SPELLINGS) t.true(difference(output(await run(folded, inputs, spelling), "y"), wanted).relative <= TOLERANCE, `${stack} ${spelling} ${difference(output(await run(folded, inputs, spelling), "y"), wanted).relative}`);
      // Tokens that were counted anew, and backwards, would give something else.
      const anew = compiled(program(name, pipeline, line, "down positions by anew"), FOLDED);
      const { relative } = difference(output(await run(anew, inputs), "y"), wanted);
      t.true(counts ? relative > 1e-3 : relative <= TOLERANCE, `${stack} ${relative}`);
      if (counts) t.regex(told(attempted(program(name, pipeline, line, ""), FOLDED).problems).join(), new RegExp(`^F307 m\\.${stack}\\[\\d\\]\\.positions has \\S+ tokens`));
    }
  });
