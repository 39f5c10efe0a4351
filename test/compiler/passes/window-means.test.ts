// Folding a grid of tokens and taking it apart again, as the library spells it and as it is compiled, against plain loops.
import test from "ava";
import { topological } from "../../../compiler/graph/node.ts";
import type { TargetName } from "../../../compiler/targets/target.ts";
import { type Nd, array, at, distance, map, nd, noise, sum, value } from "../../support/array.ts";
import { runGraph } from "../../support/evaluate.ts";
import { compiled } from "../../support/program.ts";

interface Case {
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
  readonly channels: number;
  readonly window: number;
  readonly near: number;
  /** A constant sharpness, or one that follows the picture. */
  readonly t?: number;
  readonly follow?: number;
  readonly norm?: "l1" | "l2";
  readonly residual?: boolean;
  readonly rounds?: number;
}
const BATCH = 2;

const pipeline = (c: Case): string => `use folds.expedite (expedite)
pipeline fold(x: f32[N = ${c.from[0] * c.from[1]}, C = ${c.channels}], z: f32[K = ${c.to[0] * c.to[1]}, C = ${c.channels}]) -> { c: f32[K = ${c.to[0] * c.to[1]}, C = ${c.channels}], y: f32[N = ${c.from[0] * c.from[1]}, C = ${c.channels}] } {
  let f = expedite(from: (${c.from.join(", ")}), to: (${c.to.join(", ")}), rounds: ${c.rounds ?? 2}, window: ${c.window}, near: ${c.near}, t: ${c.t ?? 0.02}, norm: ${c.norm ?? "l2"}, residual: ${c.residual ?? false}, follow: ${(c.follow ?? 0).toFixed(3)})
  let c = f.down(x) as [B, K, C]
  { c: c, y: f.up(z) }
}`;

const apart = (a: Nd, i: readonly [number, number], b: Nd, j: readonly [number, number], channels: number): number =>
  sum(Array.from({ length: channels }, (_, k) => (at(a, [...i, k]) - at(b, [...j, k])) ** 2));

/** Clusters and the tokens rebuilt from `z`, in f64, as the paper's code has it. */
function folded(x: Nd, z: Nd, { from, to, channels, window, near, t = 0.02, follow = 0, norm = "l2", residual = false, rounds = 2 }: Case): { c: Nd; y: Nd } {
  const [n, m] = [from[0] * from[1], to[0] * to[1]];
  const band = (i: number, cells: number, size: number): [number, number] => [Math.floor((i * size) / cells), Math.ceil(((i + 1) * size) / cells)];
  let c = nd([BATCH, m, channels], ([b, j, k]) => {
    const [top, bottom] = band(Math.floor((j as number) / to[1]), to[0], from[0]);
    const [left, right] = band((j as number) % to[1], to[1], from[1]);
    let total = 0;
    for (let row = top; row < bottom; row++) for (let column = left; column < right; column++) total += at(x, [b as number, row * from[1] + column, k as number]);
    return total / ((bottom - top) * (right - left));
  });
  const squared = (centres: Nd): Nd => nd([BATCH, n, m], ([b, i, j]) => apart(x, [b as number, i as number], centres, [b as number, j as number], channels));
  const start = squared(c);
  const sharpness = Array.from({ length: BATCH }, (_, b) => {
    if (follow === 0) return t;
    const nearest = Array.from({ length: n }, (_, i) => Math.min(...Array.from({ length: m }, (_, j) => at(start, [b, i, j]))));
    return follow / (sum(nearest) / n);
  });
  const reach = Math.floor(window / 2);
  const allowed = (i: number, j: number): boolean =>
    Math.abs(Math.floor((Math.floor(i / from[1]) * to[0]) / from[0]) - Math.floor(j / to[1])) <= reach &&
    Math.abs(Math.floor(((i % from[1]) * to[1]) / from[1]) - (j % to[1])) <= reach;
  for (let round = 0; round < rounds; round++) {
    const d = squared(c);
    const weight = new Float64Array(BATCH * n * m);
    for (let b = 0; b < BATCH; b++)
      for (let i = 0; i < n; i++) {
        const seen = Array.from({ length: m }, (_, j) => j).filter((j) => allowed(i, j));
        const least = Math.min(...seen.map((j) => at(d, [b, i, j])));
        const each = seen.map((j) => Math.exp(-(sharpness[b] as number) * (at(d, [b, i, j]) - least)));
        seen.forEach((j, s) => { weight[(b * n + i) * m + j] = (each[s] as number) / sum(each); });
      }
    const w = (b: number, i: number, j: number): number => weight[(b * n + i) * m + j] as number;
    c = nd([BATCH, m, channels], ([b, j, k]) => {
      let [over, under] = [0, 0];
      for (let i = 0; i < n; i++) {
        const share = w(b as number, i, j as number);
        over += share * at(x, [b as number, i, k as number]);
        under += share;
      }
      return over / Math.max(under, 1e-16);
    });
  }
  const d = squared(c);
  const y = nd([BATCH, n, channels], ([b, i, k]) => {
    const row = Array.from({ length: m }, (_, j) => at(d, [b as number, i as number, j]));
    const limit = [...row].sort((p, q) => p - q)[near - 1] as number;
    const least = Math.min(...row);
    const weight = row.map((v) => (v <= limit ? Math.exp(-(sharpness[b as number] as number) * (v - least)) : 0));
    const total = norm === "l1" ? sum(weight) : Math.sqrt(sum(weight.map((v) => v * v)));
    const from = (j: number): number => at(z, [b as number, j, k as number]) - (residual ? at(c, [b as number, j, k as number]) : 0);
    return (residual ? at(x, [b as number, i as number, k as number]) : 0) + sum(weight.map((v, j) => v * from(j))) / total;
  });
  return { c, y };
}

/** Features with a little noise on something smooth, as neighbouring tokens are alike; near ties would be decided by rounding. */
const features = (grid: readonly [number, number], channels: number, spread: number): Nd => {
  const rough = noise([BATCH, grid[0] * grid[1], channels], 5);
  return nd(rough.dims, ([b, i, k]) => {
    const [row, column] = [Math.floor((i as number) / grid[1]), (i as number) % grid[1]];
    return Math.fround(spread * (Math.sin(row * 0.31 + (k as number)) + Math.cos(column * 0.23 * ((k as number) % 3) + (b as number)) + 0.3 * at(rough, [b as number, i as number, k as number])));
  });
};

const CASES: Readonly<Record<string, Case & { readonly tiles: boolean }>> = {
  "7×9 to 3×4, uneven": { from: [7, 9], to: [3, 4], channels: 8, window: 3, near: 4, t: 0.5, tiles: false },
  "13×19 to 9×11, uneven, in tiles that reach beyond the grid": { from: [13, 19], to: [9, 11], channels: 8, window: 3, near: 4, t: 0.5, tiles: true },
  "13×19 to 9×11, weights that sum to 1, the change alone": { from: [13, 19], to: [9, 11], channels: 8, window: 3, near: 5, t: 0.5, norm: "l1", residual: true, tiles: true },
  "13×19 to 9×11, following the picture": { from: [13, 19], to: [9, 11], channels: 8, window: 3, near: 4, follow: 1, tiles: true },
  "7×9 to 3×4, following the picture": { from: [7, 9], to: [3, 4], channels: 8, window: 3, near: 3, follow: 2, norm: "l1", residual: true, tiles: false },
  "16×16 to 12×12": { from: [16, 16], to: [12, 12], channels: 6, window: 5, near: 12, t: 0.5, tiles: true },
  "20×20 to 14×14": { from: [20, 20], to: [14, 14], channels: 4, window: 5, near: 8, t: 0.5, tiles: true },
  "12×12 to 12×12, sharply": { from: [12, 12], to: [12, 12], channels: 8, window: 3, near: 2, t: 30, rounds: 1, tiles: true },
};

for (const [name, { tiles, ...each }] of Object.entries(CASES))
  test(name, async (t) => {
    const x = features(each.from, each.channels, 1);
    const z = noise([BATCH, each.to[0] * each.to[1], each.channels], 9);
    const wanted = folded(x, z, each);
    for (const target of ["cpu", "portable"] as const satisfies readonly TargetName[]) {
      const of = compiled(pipeline(each), { target });
      const inputs = { x: value("f32", x), z: value("f32", z) };
      const [plain, fused] = [await runGraph(of.graph, inputs), await runGraph(of.fused, inputs, { target })];
      for (const key of ["c", "y"] as const) {
        const found = array(fused[key] as never);
        const [gap, own] = [distance(found, array(plain[key] as never)), distance(array(plain[key] as never), wanted[key])];
        t.true(distance(found, wanted[key]) <= 1e-5, `${key}: ${distance(found, wanted[key])} from the loops`);
        // The spelling of the library loses digits where |x|² cancels: that much of the gap is its own.
        t.true(gap <= 1e-5 + own, `${key}: ${gap} from the spelling of the library, which is off by ${own} itself`);
      }
      t.is(of.record.fused.get("window_means"), each.rounds ?? 2);
      const left = topological(of.fused.outputs.map((o) => o.node)).filter((n) => n.op === "windowMeans").length;
      t.is(left, tiles ? 0 : each.rounds ?? 2, "rounds that are not on tiles");
      t.is(of.record.fired("blends", "weights of the nearest"), 1);
    }
  });

const LARGE: readonly Case[] = [
  { from: [40, 40], to: [28, 28], channels: 16, window: 5, near: 20, t: 0.05, rounds: 2 },
  { from: [44, 44], to: [26, 26], channels: 16, window: 5, near: 20, t: 0.05, rounds: 2 },
];
for (const each of LARGE)
  test(`${each.from.join("×")} to ${each.to.join("×")} in tiles is what all pairs give`, async (t) => {
    const of = compiled(pipeline(each));
    const inputs = { x: value("f32", features(each.from, each.channels, 1)), z: value("f32", noise([BATCH, each.to[0] * each.to[1], each.channels], 9)) };
    const [plain, fused] = [await runGraph(of.graph, inputs), await runGraph(of.fused, inputs)];
    for (const key of ["c", "y"]) {
      const gap = distance(array(fused[key] as never), array(plain[key] as never));
      t.true(gap <= 1e-5, `${key}: ${gap}`);
    }
    t.false(topological(of.fused.outputs.map((o) => o.node)).some((n) => n.op === "windowMeans"));
  });

test("what stays the same in all rounds is computed once", (t) => {
  const ops = (rounds: number): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const n of topological(compiled(pipeline({ from: [20, 20], to: [14, 14], channels: 4, window: 5, near: 4, rounds })).fused.outputs.map((o) => o.node))) counts.set(n.op, (counts.get(n.op) ?? 0) + 1);
    return counts;
  };
  const [two, three] = [ops(2), ops(3)];
  t.is((three.get("gather") ?? 0) - (two.get("gather") ?? 0), 1, "clusters are gathered in each round, tokens once");
  t.is(three.get("fill"), two.get("fill"));
});

test("means over cells are two small products, and equal", async (t) => {
  const text = `use grid (pool)
pipeline pooled(x: f32[N = 247, C = 5]) -> { c: f32[K = 99, C = 5] } { { c: pool(x; from: (13, 19), to: (9, 11)) as [B, K, C] } }`;
  const of = compiled(text);
  const inputs = { x: value("f32", map(noise([BATCH, 247, 5], 3), (v) => v + 2)) };
  const [plain, fused] = [await runGraph(of.graph, inputs), await runGraph(of.fused, inputs)];
  t.true(distance(array(fused.c as never), array(plain.c as never)) <= 2e-6);
  t.deepEqual(topological(of.fused.outputs.map((o) => o.node)).filter((n) => n.op === "poolMatrix").map((n) => n.attrs.from), [[1, 19], [13, 1]]);
});
