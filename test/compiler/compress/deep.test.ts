/** Many merges behind each other, of a length that only a run knows: what they cost grows with their number and no faster. */
import test from "ava";
import type { Compiled } from "../../../compiler/compile.ts";
import { manifestOf } from "../../../compiler/emit/manifest.ts";
import { emitModel } from "../../../compiler/emit/onnx.ts";
import { topological } from "../../../compiler/graph/node.ts";
import type { Value } from "../../../compiler/host.ts";
import { isDim } from "../../../compiler/types/dim.ts";
import { Guards } from "../../../runtime/guards.ts";
import { parseSize } from "../../../runtime/size.ts";
import { f32, i64 } from "../../support/evaluate.ts";
import { difference } from "../../support/golden.ts";
import { compiled, output, run } from "../../support/program.ts";

/** A BERT whose every block merges 3 tokens. */
const deep = (layers: number): Compiled => compiled(`
use model.bert (Config, Encoder)
use folds.tome (tome)
model encoder = Encoder(config: Config { vocab_size: 128, hidden_size: 16, num_hidden_layers: ${layers}, num_attention_heads: 2, intermediate_size: 16 }) from random(seed: 1)
compress encoder as folded { fold tokens protect 1 in each blocks[*] after attended with tome(r: 3) }
pipeline probe(ids: i64[N], mask: i64[N]) -> { found: f32[C] } { { found: encoder(ids, mask, ids * 0)[N: 0] } }`, { variant: "folded" });

const sentence = (length: number): Record<string, Value> => ({ ids: i64([1, length], Array.from({ length }, (_, i) => (i * 7 + 1) % 128)), mask: i64([1, length], Array.from({ length }, () => 1)) });

const began = Date.now();
const many = deep(24);
const took = Date.now() - began;

/** Everything that a compilation makes, counted. */
function counted(of: Compiled): { arena: number; fused: number; onnx: number } {
  return { arena: of.fused.arena.size, fused: topological(of.fused.outputs.map((o) => o.node)).length, onnx: emitModel(of.fused, { target: "cpu", name: "probe" }).nodeCount };
}

/** The longest size that a node or a guard of the graph mentions. */
function longestSize({ fused }: Compiled): number {
  const dims = [...topological(fused.outputs.map((o) => o.node)).flatMap((n) => [...n.types.flatMap((t) => t.dims), ...Object.values(n.attrs).flat().filter(isDim)]), ...fused.guards.flatMap((g) => [g.left, g.right])];
  return Math.max(...dims.map((d) => d.key.length));
}

test("twice as many merges make twice as much, and every size stays short", (t) => {
  // Two seconds where nothing else runs; 20 blocks once took minutes.
  t.true(took < 60_000);
  const twelve = deep(12);
  const [a, b] = [counted(twelve), counted(many)];
  for (const what of ["arena", "fused", "onnx"] as const) t.true(b[what] <= 2.1 * a[what], `${what}: ${a[what]} of 12 blocks, ${b[what]} of 24`);
  t.true(longestSize(many) <= longestSize(twelve) + 8, `${longestSize(twelve)} and ${longestSize(many)} characters`);
});

test("one block more is the same arithmetic of sizes once more", (t) => {
  const scalars = (of: Compiled): number => emitModel(of.fused, { target: "cpu", name: "probe" }).nodeCount - topological(of.fused.outputs.map((o) => o.node)).length;
  const [few, more, most] = [3, 4, 5].map((layers) => scalars(deep(layers))) as [number, number, number];
  t.is(most - more, more - few);
});

test("24 merges run for every length, and the plain graph gives the same", async (t) => {
  for (const length of [2, 40]) {
    const [fused, plain] = [output(await run(many, sentence(length)), "found"), output(await run(many, sentence(length), "plain"), "found")];
    t.is(fused.length, 16);
    t.true(fused.every(Number.isFinite));
    const { relative } = difference(fused, plain);
    t.true(relative <= 1e-4, `${length} tokens: ${relative}`);
  }
});

/** Drops 3 tokens 24 times, as long as 2 stay. */
const dropping = `
fold drop() : N -> K where K = N - min(3, floor((N - 1) / 2)), K >= 2 {
  down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0..K] }
}
layer Double() { (x: f32[B, N, C]) -> f32[B, N, C] { x * 2.0 } }
layer Stack() {
  use blocks[24] = Double()
  (x: f32[B, N, C]) -> f32[B, C] { blocks(x)[N: -1] }
}
model stack = Stack() from random(seed: 1)
compress stack as folded { fold tokens in each blocks[*] after input with drop() }
pipeline probe(x: f32[N, C = 1]) -> { found: f32[C] } { { found: stack(x) } }`;

test("a manifest defines sizes one after the other, and its guards are said with them", async (t) => {
  const model = compiled(dropping, { variant: "folded" });
  const { sizes = [], guards } = manifestOf(model, { version: "0", digests: {}, files: new Map() });
  t.true(sizes.length >= 23);
  for (const size of [...sizes.map((s) => s.size), ...guards.flatMap((g) => [g.left, g.right])]) t.true(String(size).length < 80, String(size));
  const left = (length: number, times: number): number => (times === 0 ? length : left(length - Math.min(3, Math.floor((length - 1) / 2)), times - 1));
  for (const length of [2, 40, 90]) {
    const known = new Map([["N", length]]);
    for (const { name, size } of sizes) known.set(name, parseSize(size)(known) ?? Number.NaN);
    const counts = Array.from({ length: 25 }, (_, i) => left(length, i));
    for (const count of known.values()) t.true(counts.includes(count), `${count} of ${length} tokens`);
    for (const { left, right } of guards) t.true((parseSize(left)(known) ?? 0) >= (parseSize(right)(known) ?? 1));
    const x = { x: f32([1, length, 1], Array.from({ length }, (_, i) => i)) };
    t.deepEqual(output(await run(model, x), "found"), [(left(length, 24) - 1) * 2 ** 24]);
  }
});

test("a run that breaks the guard of a fold in the middle is refused before it computes", (t) => {
  const manifest = manifestOf(compiled(dropping, { variant: "folded" }), { version: "0", digests: {}, files: new Map() });
  const check = (length: number): void => new Guards(manifest).check(new Map([["x", { dtype: "f32", dims: [1, length, 1], data: new Float32Array(length) }]]), new Map());
  t.notThrows(() => check(40));
  t.throws(() => check(1), { message: /K >= 2/ });
});
