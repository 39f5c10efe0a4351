// Merging tokens and undoing it, as compiled, against plain loops; several merges are undone by one gather of rows.
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import { type Node, topological } from "../../../compiler/graph/node.ts";
import merge from "../../../compiler/passes/merge.ts";
import product from "../../../compiler/passes/product.ts";
import { type Nd, array, at, distance, nd, noise, sum, value } from "../../support/array.ts";
import { runGraph } from "../../support/evaluate.ts";
import { B, M, N, passCase, tokens } from "../../support/pass-case.ts";
import { compiled } from "../../support/program.ts";

const BATCH = 2;
const [COUNT, CHANNELS, WIDTH] = [13, 5, 4];

/** Groups of tokens as the paper has them, best merged first; of equals the lower position. */
function groupsOf(metric: Nd, b: number, count: number, r: number): number[][] {
  const cosine = (i: number, j: number): number => {
    const dot = (p: number, q: number): number => sum(Array.from({ length: WIDTH }, (_, d) => at(metric, [b, p, d]) * at(metric, [b, q, d])));
    return dot(i, j) / Math.sqrt(dot(i, i) * dot(j, j));
  };
  const evens = Array.from({ length: Math.ceil(count / 2) }, (_, i) => 2 * i);
  const odds = Array.from({ length: Math.floor(count / 2) }, (_, i) => 2 * i + 1);
  const best = new Map(evens.map((i) => [i, odds.reduce((a, j) => (cosine(i, j) > cosine(i, a) ? j : a))]));
  const order = [...evens].sort((p, q) => cosine(q, best.get(q) as number) - cosine(p, best.get(p) as number) || p - q);
  const leaving = order.slice(0, r);
  return [...order.slice(r).map((i) => [i]), ...odds.map((j) => [j, ...leaving.filter((i) => best.get(i) === j)])];
}

test("merged rows are means of groups, and come back to every member", async (t) => {
  const r = 4;
  const of = compiled(`use folds.tome (tome)
pipeline merged(x: f32[N = ${COUNT}, C = ${CHANNELS}], metric: f32[N = ${COUNT}, D = ${WIDTH}]) -> { merged: f32[K = ${COUNT - r}, C = ${CHANNELS}], back: f32[N = ${COUNT}, C = ${CHANNELS}] } {
  let f = tome(r: ${r})
  let y = f.down(x, like: metric) as [B, K, C]
  { merged: y, back: f.up(y) }
}`);
  const [x, metric] = [noise([BATCH, COUNT, CHANNELS], 3), noise([BATCH, COUNT, WIDTH], 4)];
  const inputs = { x: value("f32", x), metric: value("f32", metric) };
  const groups = [0, 1].map((b) => groupsOf(metric, b, COUNT, r));
  const wanted = nd([BATCH, COUNT - r, CHANNELS], ([b, k, c]) => {
    const members = groups[b as number]?.[k as number] as number[];
    return sum(members.map((i) => at(x, [b as number, i, c as number]))) / members.length;
  });
  const back = nd([BATCH, COUNT, CHANNELS], ([b, i, c]) => at(wanted, [b as number, groups[b as number]?.findIndex((g) => g.includes(i as number)) as number, c as number]));
  for (const graph of [of.graph, of.fused]) {
    const found = await runGraph(graph, inputs);
    t.true(distance(array(found.merged as never), wanted) <= 1e-6);
    t.true(distance(array(found.back as never), back) <= 1e-6);
  }
});

const counted = (nodes: readonly { readonly node: Node }[], op: string): number => topological(nodes.map((n) => n.node)).filter((n) => n.op === op).length;
/** Places among `count` rows, from numbers that the run gives. */
const places = (b: Build, name: string, count: number): Node => b.binary("mod", b.input(name, "i64", [B, N]), b.scalar("i64", count));

test("rows of rows move once", async (t) => {
  const { after, record } = await passCase(t, {
    golden: "merge/rows of rows", passes: [merge],
    make: (b) => b.take(b.take(b.take(b.input("rows", "f32", [B, 5, 3]), places(b, "i", 5), 1), places(b, "j", 7), 1), places(b, "k", 4), 1),
  });
  t.is(record.fired("merges", "rows of rows"), 2);
  t.is(topological(after.outputs.map((o) => o.node)).filter((n) => n.op === "take" && n.type.dims.length === 3).length, 1);
});

test("partners are looked for among the rows that are taken", async (t) => {
  const scores = (b: Build): Node => b.input("scores", "f32", [B, 40, 9]);
  const { after, record } = await passCase(t, {
    golden: "merge/partners", passes: [merge],
    make: (b) => b.take(b.argmax(scores(b), 2), b.slice(b.item(b.topk(b.reduce("reduceMax", scores(b), [2], false), 40, 1), 1), 1, 0, 7), 1),
  });
  t.is(record.fired("merges", "argmax of some rows"), 1);
  t.deepEqual(topological(after.outputs.map((o) => o.node)).find((n) => n.op === "argmax")?.inputs[0]?.type.dims.map((d) => d.key), ["B", "7", "9"]);
});

test("of most rows it is looked for in all", async (t) => {
  const { record } = await passCase(t, {
    golden: "merge/most rows", passes: [merge],
    make: (b) => b.take(b.argmax(b.input("scores", "f32", [B, 8, 9]), 2), b.slice(places(b, "i", 8), 1, 0, 5), 1),
  });
  t.is(record.fired("merges", "argmax of some rows"), 0);
});

test("rows that are read in between stay", async (t) => {
  const { record } = await passCase(t, {
    golden: "merge/read in between", passes: [merge],
    make: (b) => { const inner = b.take(b.input("rows", "f32", [B, 5, 3]), places(b, "i", 5), 1); return [inner, b.take(inner, places(b, "j", 7), 1)]; },
  });
  t.is(record.fired("merges", "rows of rows"), 0);
});

test("a transposition becomes part of the product, on either side", async (t) => {
  const { after } = await passCase(t, {
    golden: "product/both sides", passes: [product],
    make: (b) => {
      const [x, y] = [tokens(b), b.input("c", "f32", [B, M, 12])];
      return [b.matmul(x, b.transpose(y, [0, 2, 1])), b.matmul(b.transpose(x, [0, 2, 1]), b.exp(x))];
    },
  });
  t.is(counted(after.outputs, "transpose"), 0);
  t.is(counted(after.outputs, "fusedMatmul"), 2);
});

test("the standard has no such product", async (t) => {
  const { after } = await passCase(t, {
    golden: "product/portable", passes: [product], target: "portable",
    make: (b) => b.matmul(tokens(b), b.transpose(b.input("c", "f32", [B, M, 12]), [0, 2, 1])),
  });
  t.is(counted(after.outputs, "fusedMatmul"), 0);
});
