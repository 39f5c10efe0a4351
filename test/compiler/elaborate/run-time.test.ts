/** What only a run knows, in programs that are compiled: it is asked at run time, computed there, or refused; never guessed. */
import test from "ava";
import { f32 } from "../../support/evaluate.ts";
import { attempted, compiled, output, run, told } from "../../support/program.ts";

const pipeline = (body: string, more = ""): string => `${more}\npipeline probe(x: f32[N], y: f32[M]) -> { found: f32[N] } { { found: ${body} } }`;
const problems = (text: string): string[] => told(attempted(text).problems).map((p) => p.split("\n")[0] as string);
const X = [3, 1, 4, 1, 5];

async function found(body: string, more = ""): Promise<number[]> {
  return output(await run(compiled(pipeline(body, more)), { x: f32([1, 5], X), y: f32([1, 2], [0, 0]) }), "found");
}

test("an `if` on a size that only a run knows is refused, not taken to be true", (t) => {
  const [problem, ...more] = problems(pipeline("double_some(x)", "fn double_some(x: f32[B, N]) -> f32[B, N] { if N > 100 { x * 2.0 } else { x } }"));
  t.regex(problem ?? "", /^B322 `if` chooses at compile time/);
  t.deepEqual(more, []);
  t.regex(problems(pipeline("if x.N == y.M { x } else { -x }"))[0] ?? "", /^B322 /);
});

test("an `if` on a size that is known chooses", async (t) => {
  const text = "fn f(x: f32[B, N]; k: Int) -> f32[B, N] { if k > 3 { x * 2.0 } else { x } }";
  t.deepEqual(await found("f(x; 4)", text), X.map((v) => 2 * v));
  t.deepEqual(await found("f(x; 3)", text), X);
  // The difference of one size and itself is known.
  t.deepEqual(await found("if x.N + 1 > x.N { x } else { -x }"), X);
});

test("`select` chooses by a size at run time", async (t) => {
  t.deepEqual(await found("select(x.N > 4, x, -x)"), X);
  t.deepEqual(await found("select(x.N > 5, x, -x)"), X.map((v) => -v));
  t.deepEqual(await found("select(x.N / 2 > 2.25, x, -x)"), X);
  t.deepEqual(await found("select(x.N != y.M, x, -x)"), X);
});

test("numbers made of such sizes are computed at run time", async (t) => {
  t.deepEqual(await found("x * (1.0 / x.N)"), X.map((v) => Math.fround(v * Math.fround(0.2))));
  t.deepEqual(await found("x + 0.5 * x.N"), X.map((v) => v + 2.5));
  t.deepEqual(await found("x - y.M ^ 2"), X.map((v) => v - 4));
});

test("a number of rounds, layers or picks that only a run knows is refused", (t) => {
  t.deepEqual(problems(pipeline("repeat x.N from c = x { c + 1.0 }")), ["B321 How often this is repeated is N, which only a run knows."]);
  t.regex(problems(pipeline("x * [1.0, 2.0, 3.0][y.M]"))[0] ?? "", /^B321 This index of a list is a size/);
  t.regex(problems(pipeline("x + sum(tensor([1.0, 2.0, 3.0][0..y.M]) as [K]; over: K)"))[0] ?? "", /^B321 This range of a list/);
});

test("a clause of sizes is asked at run time, each part of an `and` by itself; another one is refused", async (t) => {
  const where = (clause: string): string => `fn f(x: f32[B, N]) -> f32[B, N] where ${clause} { x }`;
  t.deepEqual(compiled(pipeline("f(x)", where("N >= 2 and N <= 9.0"))).fused.guards.map((g) => `${g.left.key} ${g.comparison} ${g.right.key}`), ["N >= 2", "N <= 9"]);
  t.regex(problems(pipeline("f(x)", where("N >= 2 or N == 0")))[0] ?? "", /^B321 The clause `N >= 2 or N == 0`/);
  t.regex(problems(pipeline("f(x)", where("N < 2.5")))[0] ?? "", /^B321 The clause `N < 2.5`/);
  t.deepEqual(await found("f(x)", where("N >= 2")), X);
});
