/** Programs in, problems out: what is wrong in each text, and at which words. */
import test from "ava";
import { openProgram } from "../../../compiler/program.ts";
import { host, messagesOf, problemsOf } from "../../support/check.ts";

const CASES: Readonly<Record<string, readonly [text: string, ...problems: string[]]>> = {
  "axes of two operands that neither has": ["fn f(x: f32[N], y: f32[M]) -> f32[N] { x + y }", 'T301 at "x + y"'],
  "an axis that is not there": ["fn f(x: f32[B, N]) -> f32[B] { x[M: 0] }", 'T301 at "M: 0"'],
  "a slice beyond the end": ["fn f(x: f32[B, N = 3]) -> f32[B, M = 9] { x[N: 0..9] as [B, M] }", 'T301 at "N: 0..9"'],
  "too few names in `as`": ["fn f(x: f32[B, N]) -> f32[B] { x as [B] }", 'T301 at "x as [B]"'],
  "a split that leaves a rest": ["fn f(x: f32[B, C = 12]) -> f32[B, H = 5, D] { split(x; C into (H = 5, D)) }", 'T301 at "split(x; C into (H = 5, D))"'],
  "a word where a number is wanted": ["fn g(x: f32[N]; k: Int) -> f32[N] { x * k }\nfn f(x: f32[N]) -> f32[N] { g(x; \"three\") }", 'T302 at "\\"three\\""'],
  "an argument that is missing": ["fn g(x: f32[N]; k: Int) -> f32[N] { x * k }\nfn f(x: f32[N]) -> f32[N] { g(x) }", 'T303 at "g(x)"'],
  "one argument too many": ["fn g(x: f32[N]) -> f32[N] { x }\nfn f(x: f32[N]) -> f32[N] { g(x, x) }", 'T304 at "x"'],
  "a parameter that does not exist": ["fn g(x: f32[N]; count: Int) -> f32[N] { x * count }\nfn f(x: f32[N]) -> f32[N] { g(x; coutn: 3) }", 'T305 at "coutn"'],
  "a field that does not exist": ["record R { a: Int }\nlet r = R { b: 1 }", 'T305 at "R { b: 1 }"'],
  "axes in another order": ["fn g(x: f32[B, N, C]) -> f32[B, N, C] { x }\nfn f(x: f32[B, C, N]) -> f32[B, C, N] { g(x) }", 'T306 at "g(x)"'],
  "one axis of two sizes": ["fn g(x: f32[N], y: f32[N]) -> f32[N] { x + y }\nfn f(x: f32[A], y: f32[C]) -> f32[A] { g(x, y) }", 'T307 at "g(x, y)"'],
  "a where clause that is false": ["fn g(x: f32[H]) -> f32[H] where H <= 4 { x }\nfn f() -> f32[H] { g(full(1.0; like: iota(5 as H), dtype: f32)) }", 'T308 at "g(full(1.0; like: iota(5 as H), dtype: f32))"'],
  "a result of another shape": ["fn f(x: f32[N]) -> f32[N] { concat(x, x; over: N) }", 'T309 at "concat(x, x; over: N)"'],
  "a loop that changes the shape": ["fn f(x: f32[N]) -> f32[N] { repeat 3 from y = x { concat(y, y; over: N) } }", 'T309 at "repeat 3 from y = x { concat(y, y; over: N) }"'],
  "a record without a declared field": ["fn f(x: f32[N]) -> { a: f32[N], b: i64 } { { a: x } }", 'T309 at "{ a: x }"'],
  "a field of another element type": ["fn f(x: f32[N]) -> { a: f32[N], b: f32 } { { a: x, b: argmax(x; over: N) } }", 'T309 at "{ a: x, b: argmax(x; over: N) }"'],
  "a tuple that is none": ["fn f(x: f32[N]) -> (f32[N], f32[N]) { x }", 'T309 at "x"'],
  "a list that is none": ["fn f(x: f32[N]) -> [Int] { x }", 'T309 at "x"'],
  "a fraction for an Int": ["fn f(; n: Int) -> Int { 1.5 }", 'T309 at "1.5"'],
  "a constant of another type": ["let a: Int = 1.5", 'T309 at "1.5"'],
  "a local of another type": ["fn f(x: f32[N]) -> f32[N] {\n  let y: i64[N] = x\n  cast(y; to: f32)\n}", 'T309 at "x"'],
  "a record that is a number": ["use grid (Grid)\nfn f(; n: Int) -> Grid { n }", 'T309 at "n"'],
  "a number that is called": ["let a = 3\nfn f(x: f32[N]) -> f32[N] { a(x) }", 'T310 at "a"'],
  "two element types": ["fn f(x: f32[N], y: i64[N]) -> f32[N] { x + y }", 'T311 at "x + y"'],
  "an argument of another element type": ["fn g(x: i64[N]) -> i64[N] { x }\nfn f(x: f32[N]) -> i64[N] { g(x) }", 'T311 at "g(x)"'],
  "a type that does not exist": ["fn f(x: f32[N]; k: Integer) -> f32[N] { x * k }", 'T312 at "Integer"'],
  "an operator between a text and a number": ['let a = "x" * 2', 'T313 at "\\"x\\" * 2"'],
  "two names for one value": ["fn f(x: f32[N]) -> f32[N] {\n  let (a, b) = x\n  a + b\n}", 'T314 at "let (a, b) = x"'],
  "an index beyond a list": ["let a = [1, 2][5]", 'T315 at "5"'],
  "an index beyond an axis": ["fn f(x: f32[B, N = 3]) -> f32[B] { x[N: 5] }", 'T315 at "N: 5"'],
  "a step backwards": ["let a = [1, 2, 3][0..3 step -1]", 'T315 at "-1"'],
  "an index without an axis": ["fn f(x: f32[B, N]) -> f32[B] { x[0] }", 'T317 at "0"'],
  "a claim that says nothing": ['check "c" { iota(3 as N) }', 'T318 at "iota(3 as N)"'],
  "a claim with an unknown name": ['check "c" { nothing == 3 }', 'N205 at "nothing"'],
  "a size that does not come out": ["let a = [i for i in 0..7 / 2]", 'T319 at "7 / 2"'],
  "a function that calls itself": ["fn f(x: f32[N]) -> f32[N] { f(x) }", 'T320 at "f(x)"'],
  "a layer that holds itself": ["layer A() {\n  use b = A()\n  (x: f32[N]) -> f32[N] { b(x) }\n}", 'T320 at "A()"'],
  "constants that need each other": ["let a = b + 1\nlet b = a + 1", 'T320 at "b"'],
  "a division by zero": ["let a = 1 / 0", 'T322 at "1 / 0"'],
  "a tensor for a compile-time argument": ["fn g(x: f32[N]; k: Int) -> f32[N] { x * k }\nfn f(x: f32[N], k: i64) -> f32[N] { g(x; k) }", 'B321 at "k"'],
  "a condition that a run decides": ["fn f(x: f32[N]) -> f32[N] { if x > 0.0 { x } else { -x } }", 'B322 at "x > 0.0"'],
  "`:=` outside of a fold": ["fn f(x: f32[N]) -> f32[N] {\n  y := x\n  x\n}", 'B323 at "y := x"'],
  "a loop without end": ["fn f(x: f32[N]) -> f32[N] { repeat 1000000000 from y = x { y + 1.0 } }", 'B324 at "1000000000"'],
  "a name that means nothing": ["let a = b", 'N205 at "b"'],
  "a member that is not there": ["fn f(x: f32[N]) -> f32[N] { x * x.M }", 'N206 at "M"'],
  "a method that a tokenizer lacks": ["tokenizer T(l: [Int]) { encode(x: f32[N]) -> f32[N] { x } }\nfn f(x: f32[N]) -> f32[N] { T([1]).decode(x) }", 'N206 at "decode"'],
  "a name that is bound twice": ["fn f(x: f32[N]) -> f32[N] {\n  let y = x\n  let y = x + 1.0\n  y\n}", 'N210 at "y"'],
  "a parameter that stands twice": ["fn f(x: f32[N], x: f32[N]) -> f32[N] { x }", 'N210 at "x"'],
  "an axis that stands twice": ["fn f(x: f32[N, N], k: f32[N]) -> f32[N] { k + 1.0 }", 'N210 at "N"'],
  "a local that nothing reads": ["fn f(x: f32[N]) -> f32[N] {\n  let y = x * 2.0\n  x\n}", 'N211 at "y"'],
  "a contract that does not exist": ["layer A() offers Nothing { (x: f32[N]) -> f32[N] { x } }", 'N205 at "Nothing"'],
  "a site that the contract lacks": ["sites S { a, b }\nlayer A() offers S { c = input } { (x: f32[N]) -> f32[N] { x } }", 'N206 at "c"'],
  "a site that leads nowhere": ["sites S { a, b }\nlayer A() offers S { a = nowhere.q } { (x: f32[N]) -> f32[N] { x } }", 'N206 at "nowhere"'],
  "a compression of nothing": ["compress nothing as small { }", 'F312 at "nothing"'],
  "a decode, which is not run": ["decode greedy() { fn draft(x: f32[N]) -> f32[N] { x } }", 'G611 at "greedy"'],
  "a fold without down": ["fold g() : N -> K { }", 'F304 at "g"'],
};

for (const [title, [text, ...problems]] of Object.entries(CASES))
  test(title, (t) => {
    t.deepEqual(problemsOf(text), problems);
  });

test("what is unknown to a declaration alone is left to its callers, what is wrong is not", (t) => {
  const good = "use grid (Grid, pool)\nfold g(from: Grid, to: Grid) : N -> K where N = from.area, K = to.area {\n  down(x: f32[B, N, C]) -> f32[B, K, C] { pool(x; from, to) }\n}";
  t.deepEqual(problemsOf(good), []);
  // The two grids the wrong way round: the sizes are symbols, and the mistake shows.
  t.deepEqual(problemsOf(good.replace("from, to) }", "to, from) }")), ['T301 at "pool(x; to, from)"']);
});

test("the least of a tensor and a number that is not known yet has the axes of the tensor", (t) => {
  t.deepEqual(problemsOf("fn f(x: f32[N]; most: Int) -> f32[N] { min(max(x, most - 1.5), most - 1.0) }"), []);
  t.deepEqual(problemsOf("fn f(x: f32[N]; most: Int) -> f32[N, M] { min(x, most - 1.0) }"), ['T309 at "min(x, most - 1.0)"']);
});

test("a division taken on trust does not become 1 where something else is repeated along it", (t) => {
  t.deepEqual(problemsOf("fn f(x: f32[N, C], y: f32[C]; s: Int) -> f32[A, E, C] where A == N / s, E == s { split(x; N into (A = N / s, E)) + y }\n"), []);
});

test("a mistake in a function is told once, however many call it", (t) => {
  const text = "fn f(x: f32[N]) -> f32[N] { x + nothing }\nfn g(x: f32[N]) -> f32[N] { f(x) }\nfn h(x: f32[N]) -> f32[N] { f(g(x)) }";
  t.deepEqual(problemsOf(text), ['N205 at "nothing"']);
});

test("one mistake is one problem: what follows from it is not told", (t) => {
  t.deepEqual(problemsOf("fn f(x: f32[B, N]) -> f32[B] {\n  let a = x + nothing\n  let b = softmax(a; over: N)\n  sum(b * 2.0; over: N)\n}"), ['N205 at "nothing"']);
});

test("a name of one letter is near its other case only", (t) => {
  const next = (text: string): readonly (string | undefined)[] => openProgram(host, "pipelines/test.kiri", text).problems.map((p) => p.next);
  t.deepEqual(next("fn f(x: f32[A]) -> f32[A] { x * q }"), ["Check the spelling, or bring it in with `use`."]);
  t.deepEqual(next("fn f(x: f32[A]) -> f32[A] { x * X }"), ["Did you mean x?"]);
});

test("a mistake of a library call is told at the user's line", (t) => {
  const text = "use nn.activation (gelu)\nfn f(x: i64[N]) -> i64[N] { gelu(x) }";
  t.deepEqual(problemsOf(text), ['T311 at "gelu(x)"']);
  t.regex(messagesOf(text)[0] ?? "", /found {2}i64\[N\]\n {2}wanted f32\[\.\.\.\]/);
});
