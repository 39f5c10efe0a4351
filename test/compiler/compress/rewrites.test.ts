/** Rewrites: what they compute, against the formula in plain numbers, and that nothing outside of their region changes. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { topological } from "../../../compiler/graph/node.ts";
import { f32 } from "../../support/evaluate.ts";
import { difference } from "../../support/golden.ts";
import { compiled, graphAs, output, run, SPELLINGS } from "../../support/program.ts";
import { temporaryFolder, writeSafetensors } from "../../support/safetensors-file.ts";

const [ROWS, INNER, OUTER] = [5, 16, 6];
/** Numbers that look random and are the same every time; the columns of a weight differ in size. */
const wave = (count: number, seed: number, size: (i: number) => number = () => 1): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin((i + 1) * (seed + 0.618)) * size(i));
const LEFT = wave(OUTER * INNER, 3, (i) => 1 + Math.floor(i / INNER));
const RIGHT = wave(OUTER * INNER, 5);
const SHIFT = wave(OUTER, 7);
const X = wave(ROWS * INNER, 11, () => 3);

const root = temporaryFolder();
mkdirSync(join(root, "model"));
const stored = (shape: number[], values: Float32Array): { dtype: "f32"; shape: number[]; bytes: Uint8Array } => ({ dtype: "f32", shape, bytes: new Uint8Array(values.buffer) });
writeSafetensors(join(root, "model", "model.safetensors"), {
  "left.weight": stored([OUTER, INNER], LEFT), "left.bias": stored([OUTER], SHIFT), "right.weight": stored([OUTER, INNER], RIGHT), "right.bias": stored([OUTER], SHIFT),
});

const text = `
use nn.linear (Linear)
use rewrites.int8 (int8)
layer Two() {
  use left = Linear(${INNER}, ${OUTER})
  use right = Linear(${INNER}, ${OUTER})
  (x: f32[B, N, C = ${INNER}]) -> f32[B, N, O] { concat(left(x), right(x); over: O) }
}
model two = Two() from "model"
compress two as small { rewrite left with int8() }
pipeline probe(x: f32[N, C = ${INNER}]) -> { y: f32[N, O] } { { y: two(x) } }`;
const place = { root, file: "test.kiri" };
const plain = compiled(text, place);
const small = compiled(text, { ...place, variant: "small" });
const given = { x: f32([1, ROWS, INNER], [...X]) };
/** The columns of one of both maps. */
const half = (y: readonly number[], which: 0 | 1): number[] => y.filter((_, i) => Math.floor((i % (2 * OUTER)) / OUTER) === which);

const halfToEven = (x: number): number => {
  const low = Math.floor(x);
  return x - low === 0.5 ? low + (low % 2) : Math.round(x);
};

/** Jacob et al. 2018: weights in 8 bits with one scale a column, activations in 8 bits with one scale and zero point a call. */
function quantized(x: Float32Array, w: Float32Array, bias: Float32Array): number[] {
  const [low, high] = [Math.min(0, ...x), Math.max(0, ...x)];
  const scale = Math.fround((high - low) / 255);
  const zero = Math.min(255, Math.max(0, halfToEven(Math.fround(-low / scale))));
  const whole = Array.from(x, (v) => Math.min(255, Math.max(0, halfToEven(Math.fround(v / scale)) + zero)) - zero);
  return Array.from({ length: ROWS * OUTER }, (_, at) => {
    const [row, column] = [Math.floor(at / OUTER), at % OUTER];
    const weights = w.slice(column * INNER, (column + 1) * INNER);
    const step = Math.fround(Math.max(...weights.map(Math.abs)) / 127);
    let sum = 0;
    for (let i = 0; i < INNER; i++) sum += (whole[row * INNER + i] as number) * halfToEven(Math.fround((weights[i] as number) / step));
    return sum * scale * step + (bias[column] as number);
  });
}

test("int8 computes the formula in the words of every target, bit for bit in whole numbers", async (t) => {
  const wanted = quantized(X, LEFT, SHIFT);
  for (const target of ["cpu", "portable", "cuda"] as const) {
    const model = compiled(text, { ...place, variant: "small", target });
    for (const spelling of SPELLINGS) t.true(difference(half(output(await run(model, given, spelling, target), "y"), 0), wanted).relative <= 1e-6, `${target}, ${spelling}`);
  }
});

test("int8 is near the plain map, and not the same", async (t) => {
  const [a, b] = [half(output(await run(small, given), "y"), 0), half(output(await run(plain, given), "y"), 0)];
  const { relative } = difference(a, b);
  t.true(relative > 1e-5 && relative < 0.02, `${relative}`);
});

test("outside of the region the same numbers come out, bit for bit", async (t) => {
  for (const spelling of SPELLINGS) t.deepEqual(half(output(await run(small, given, spelling), "y"), 1), half(output(await run(plain, given, spelling), "y"), 1));
});

test("outside of the region the same nodes stand", (t) => {
  const classifier = (variant?: string): string[] => {
    const model = compiled(`
use model.vit
use image
use rewrites.int8 (int8)
model transformer = vit.Classifier from "models/tiny-vit-mnist"
compress transformer as small { rewrite blocks[4..] with int8() }
pipeline probe(picture: image) -> { logits: f32[Classes] } { { logits: transformer(image.prepare(picture; transformer.processor)) } }`, { variant });
    const nodes = topological(graphAs("plain", model).outputs.map((o) => o.node));
    const outside = nodes.filter((n) => !model.fused.arena.originsOf(n).some((o) => /blocks\[[45]\]/.test(o.path) || o.by === "int8"));
    return outside.map((n) => `${n.op} ${n.type.dims.map((d) => d.key).join("x")} ${model.fused.arena.originsOf(n).map((o) => o.path).join(" ")}`).sort();
  };
  const [before, after] = [classifier(), classifier("small")];
  t.true(before.length > 100);
  t.deepEqual(after, before);
});

test("a rewritten region holds whole numbers and nothing else of its maps", (t) => {
  const counts = (model: typeof plain): number => topological(model.fused.outputs.map((o) => o.node)).filter((n) => n.op === "linearInt8").length;
  t.is(counts(plain), 0);
  t.is(counts(small), 1);
});
