/** Our own 8 bits on imported files: every linear map of the blocks that are asked for, nothing else, and all that was fused before is fused still. */
import test from "ava";
import { topological } from "../../../compiler/graph/node.ts";
import type { Value } from "../../../compiler/host.ts";
import { f32, i64 } from "../../support/evaluate.ts";
import { difference } from "../../support/golden.ts";
import { type compiled as Compile, compiled, output, run } from "../../support/program.ts";

const PLACE = { root: new URL("../import/exports/", import.meta.url).pathname, file: "int8.kiri" };
const TEXT = "pipeline p(input_ids: i64[N], attention_mask: i64[N]) -> { y: f32[N, C = 16] } { { y: m(input_ids, attention_mask) } }";
const PICTURE = "pipeline p(pixel_values: f32[Channels = 3, Y = 32, X = 32]) -> { y: f32[N, C] } { { y: m(pixel_values) } }";
const words = { input_ids: i64([2, 9], Array.from({ length: 18 }, (_, i) => (i * 7) % 20)), attention_mask: i64([2, 9], Array.from({ length: 18 }, (_, i) => Number(i !== 17))) };
const picture = { pixel_values: f32([2, 3, 32, 32], Array.from({ length: 2 * 3 * 32 * 32 }, (_, i) => Math.sin(i * 1.7) + Math.cos(i * i * 0.013))) };

/** Linear maps of a block: queries, keys and values apart or in one, what follows the attention, and the MLP, with a gate or without. */
const MODELS: Readonly<Record<string, { readonly pipeline: string; readonly inputs: Readonly<Record<string, Value>>; readonly maps: number }>> = {
  "bert.script": { pipeline: TEXT, inputs: words, maps: 6 }, "gpt2.fused": { pipeline: TEXT, inputs: words, maps: 4 }, "llama.dynamo": { pipeline: TEXT, inputs: words, maps: 7 },
  "phi.script": { pipeline: TEXT, inputs: words, maps: 6 }, "vit.dynamo": { pipeline: PICTURE, inputs: picture, maps: 6 }, "dinov2.script": { pipeline: PICTURE, inputs: picture, maps: 6 },
};

const ops = (of: ReturnType<typeof Compile>, ...names: readonly string[]): number[] => {
  const all = topological(of.fused.outputs.map((o) => o.node)).map((n) => n.op);
  return names.map((name) => all.filter((op) => op === name).length);
};

/** How many there are of each; a self-attention that took its maps in counts as one of them and as an attention. */
const maps = (of: ReturnType<typeof Compile>): readonly number[] => {
  const [quantized, linear, attention, packed, softmax] = ops(of, "linearInt8", "linear", "attention", "packedAttention", "softmax") as [number, number, number, number, number];
  return [quantized, linear + packed, attention + packed, softmax];
};

for (const [name, { pipeline, inputs, maps: linear }] of Object.entries(MODELS))
  test(`${name}: blocks in 8 bits`, async (t) => {
    const made = (region: string): ReturnType<typeof Compile> => {
      const text = `${region && "use rewrites.int8 (int8)\n"}model m = import "${name}.onnx"\n${region && `compress m as small { rewrite ${region} with int8() }\n`}${pipeline}\n`;
      return compiled(text, { ...PLACE, ...(region ? { variant: "small" } : {}) });
    };
    const plain = made("");
    const wanted = output(await run(plain, inputs), "y");
    const [, others, fusedBefore] = maps(plain) as [number, number, number];
    for (const [region, blocks] of [["blocks[*]", 2], ["blocks[1]", 1]] as const) {
      const small = made(region);
      t.deepEqual(maps(small), [blocks * linear, others - blocks * linear, fusedBefore, 0], region);
      const { relative } = difference(output(await run(small, inputs), "y"), wanted);
      t.true(relative > 1e-6 && relative < 0.06, `${region}: ${relative}`);
    }
  });

test("a fold that looks at no values, so that rounding decides nothing, and 8 bits together", async (t) => {
  const text = `use rewrites.int8 (int8)
fold evens() : N -> K where K = ceil(N / 2) {
  down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0.. step 2] as [B, K, C] }
  up(y: f32[B, K, C]) -> f32[B, N, C] { gather(y, iota(N) / 2; over: K) as [B, N, C] }
}
model m = import "vit.dynamo.onnx"
compress m as folded { fold tokens in each blocks[*] after attended with evens() }
compress m as both {
  fold tokens in each blocks[*] after attended with evens()
  rewrite blocks[*] with int8()
}
${PICTURE}
`;
  const [folded, both] = ["folded", "both"].map((variant) => compiled(text, { ...PLACE, variant })) as [ReturnType<typeof Compile>, ReturnType<typeof Compile>];
  t.deepEqual([ops(both, "linearInt8"), ops(folded, "linearInt8")], [[12], [0]]);
  const { relative } = difference(output(await run(both, picture), "y"), output(await run(folded, picture), "y"));
  t.true(relative > 1e-6 && relative < 0.01, `${relative}`);
});
