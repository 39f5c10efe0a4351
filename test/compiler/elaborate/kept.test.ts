/** Counts that the data decide, in the language: what their types say, what is computed, what is refused. */
import test from "ava";
import { compileFunction } from "../../../compiler/function.ts";
import type { Value } from "../../../compiler/host.ts";
import { runPasses } from "../../../compiler/passes/order.ts";
import { host, input, typesOf } from "../../support/check.ts";
import { f32, numbers, runGraph, tensor } from "../../support/evaluate.ts";
import { compiled, output, run } from "../../support/program.ts";

const HEAD = "fn f(x: f32[B, N, C], mask: bool[B, N])";
const SIGNED = [input("x: f32[B, N, 2]"), input("mask: bool[B, N]")];
const types = (text: string): string[] => typesOf(text, SIGNED);

test("a mask names a size; the same mask names the same one, another mask another", (t) => {
  t.deepEqual(types(`${HEAD} -> (f32[B, some K <= N, C], i64[B, K]) {
    let tokens = gather(x, kept(mask; over: N, some: K)[0]; over: N)
    (tokens as [B, K, C], kept(mask; over: N, some: K)[0])
  }`), ["result.0: f32[B, K, 2] (B, K, C)", "result.1: i64[B, K] (B, K)"]);
  t.deepEqual(types(`${HEAD} { { a: kept(mask; over: N, some: K)[0], b: kept(not mask; over: N, some: K)[0], c: kept(mask; over: N)[1] } }`),
    ["result.a: i64[B, K] (B, K)", "result.b: i64[B, K.1] (B, K)", "result.c: bool[B, K] (B, N)"]);
  // Two that do not have the same count do not meet.
  t.deepEqual(types(`${HEAD} { kept(mask; over: N, some: K)[0] + kept(not mask; over: N, some: K)[0] }`), ['T301 at "kept(mask; over: N, some: K)[0] + kept(not mask; over: N, some: K)[0]"']);
});

test("the most that a count can be is known: what follows from it needs no guard, what does not is refused", (t) => {
  const two = (bound: string): string[] => types(`${HEAD} -> i64[B, some K <= ${bound}] {
    let places = kept(mask[N: 1..]; over: N, some: K)[0]
    concat(places, places[K: 0..1]; over: K)
  }`);
  t.deepEqual(two("N"), ["result: i64[B, K + 1] (B, K)"]);
  t.deepEqual(two("2 * N").length, 1);
  t.regex(two("N - 1").join(), /^T323 /);
  t.regex(types(`${HEAD} -> f32[B, K, C] where K = N - 1 { gather(x, kept(mask; over: N)[0]; over: N) as [B, K, C] }`).join(), /^T309 /);
  t.regex(types(`${HEAD} { kept(mask; over: N, least: 2)[0] }`).join(), /^T302 /);
});

async function rows(text: string, x: Value, mask: Value): Promise<Record<string, number[][]>> {
  const { value, problems } = compileFunction(host, { file: "pipelines/test.kiri", text, fn: "f", inputs: SIGNED });
  if (!value) throw new Error(problems.map((p) => p.says).join());
  const found = await runGraph(runPasses(value, "cpu"), { x, mask });
  return Object.fromEntries(Object.entries(found).map(([name, v]) => {
    const [batch = 0, width = 0] = [v.dims[0], v.dims.slice(1).reduce((a, b) => a * b, 1)];
    return [name, Array.from({ length: batch }, (_, i) => numbers(v).slice(i * width, (i + 1) * width))];
  }));
}
const BODY = `${HEAD} { let (places, valid) = kept(mask; over: N, some: K)
  { places: places, valid: valid, first: gather(x, places; over: N)[C: 0] } }`;
const tokens = (batch: number): Value => f32([batch, 4, 2], Array.from({ length: batch * 8 }, (_, i) => i));
const masks = (...lists: readonly (readonly number[])[]): Value => tensor("bool", [lists.length, 4], lists.flat());

test("one row, all kept, rows of three lengths, a row of which nothing is left", async (t) => {
  t.deepEqual(await rows(BODY, tokens(1), masks([0, 1, 0, 1])), { "result.places": [[1, 3]], "result.valid": [[1, 1]], "result.first": [[2, 6]] });
  t.deepEqual(await rows(BODY, tokens(1), masks([1, 1, 1, 1])), { "result.places": [[0, 1, 2, 3]], "result.valid": [[1, 1, 1, 1]], "result.first": [[0, 2, 4, 6]] });
  t.deepEqual(await rows(BODY, tokens(3), masks([0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 1, 0])), {
    "result.places": [[1, 2, 3], [0, 0, 0], [2, 0, 0]], "result.valid": [[1, 1, 1], [1, 0, 0], [1, 0, 0]], "result.first": [[2, 4, 6], [8, 8, 8], [20, 16, 16]],
  });
  t.deepEqual(await rows(BODY, tokens(2), masks([0, 0, 0, 0], [0, 0, 0, 0])), { "result.places": [[0], [0]], "result.valid": [[1], [1]], "result.first": [[0], [8]] });
});

test("`least: 0` keeps nothing where there is nothing, and what is computed of it goes on", async (t) => {
  const none = `${HEAD} { let (places, valid) = kept(mask; over: N, some: K, least: 0)
    let found = gather(x, places; over: N)
    { valid: valid, sum: sum(found; over: K), both: concat(found, x[N: 0..1] as [B, K, C]; over: K), flat: join(found; (K, C) into M) } }`;
  t.deepEqual(await rows(none, tokens(2), masks([0, 0, 0, 0], [0, 0, 0, 0])), { "result.valid": [[], []], "result.sum": [[0, 0], [0, 0]], "result.both": [[0, 1], [8, 9]], "result.flat": [[], []] });
  t.deepEqual((await rows(none, tokens(2), masks([0, 1, 0, 0], [0, 0, 0, 0])))["result.valid"], [[1], [0]]);
});

test("a number of the count alone is computed as well", async (t) => {
  const found = await rows(`${HEAD} { { count: full(1.0; like: x[C: 0]) * kept(mask; over: N, some: K)[0].K } }`, tokens(2), masks([1, 0, 1, 1], [0, 1, 0, 0]));
  t.deepEqual(found["result.count"], [[3, 3, 3, 3], [3, 3, 3, 3]]);
});

test("a model that chooses by itself is folded: it chooses among the folded tokens", async (t) => {
  const text = `
fold evens() : N -> K where K = ceil(N / 2) { down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0.. step 2] as [B, K, C] } }
layer Step() { (x: f32[B, N, C]) -> f32[B, N, C] { x * 2.0 } }
layer Net() {
  use steps[2] = Step()
  (x: f32[B, N, C]) -> f32[B, C] {
    let found = steps(x)
    let (places, valid) = kept(found[C: 0] > 4.0; over: N, some: K)
    sum(gather(found, places; over: N) * cast(valid; to: f32); over: K)
  }
}
model net = Net() from random(seed: 1)
compress net as half { fold tokens across steps[1..] with evens() up none }
pipeline probe(x: f32[N, C = 1]) -> { y: f32[C] } { { y: net(x) } }`;
  const x = { x: f32([2, 6, 1], [1, 2, 3, 4, 5, 6, 2, 0, 0, 9, 1, 1]) };
  t.deepEqual(output(await run(compiled(text), x), "y"), [4 * 20, 4 * 11]);
  t.deepEqual(output(await run(compiled(text, { variant: "half" }), x), "y"), [4 * 8, 4 * 2]);
});
