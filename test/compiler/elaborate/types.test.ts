/** Programs in, types out: what the parts of the language give. */
import test from "ava";
import { graphOf, input, typesOf } from "../../support/check.ts";

const X = [input("x: f32[B, N, C]")];

const CASES: Readonly<Record<string, readonly [text: string, inputs: readonly string[], statics: Readonly<Record<string, unknown>>, ...types: string[]]>> = {
  "operators align by name": ["fn f(x: f32[B, N, C], y: f32[C, B]) -> f32[B, N, C] { x * y }", ["x: f32[B, N, C]", "y: f32[C, B]"], {}, "result: f32[B, N, C] (B, N, C)"],
  "a primed axis is another axis": ["fn f(x: f32[B, N, C]) -> f32[B, N, N'] { dot(x, x as [B, N', C]; over: C) }", ["x: f32[B, N, C]"], {}, "result: f32[B, N, N] (B, N, N')"],
  "split, permute and join": [
    "fn f(x: f32[B, N, C]; h: Int) -> f32[B, N, E] { join(permute(split(x; C into (H = h, D)); (B, N, D, H)); (D, H) into E) }",
    ["x: f32[B, N, 12]"], { h: 3 }, "result: f32[B, N, 12] (B, N, E)",
  ],
  "slices by name": ["fn f(x: f32[B, N, C]) -> (f32[B, K, C], f32[B, C]) { (x[N: 1.. step 2] as [B, K, C], x[N: -1]) }", ["x: f32[B, 9, C]"], {}, "result.0: f32[B, 4, C] (B, K, C)", "result.1: f32[B, C] (B, C)"],
  "records and tuples are several outputs": [
    "fn f(x: f32[B, N]) -> { best: i64[B], both: (f32[B], f32[B]) } { { best: argmax(x; over: N), both: (min(x; over: N), max(x; over: N)) } }",
    ["x: f32[2, 5]"], {}, "result.best: i64[2] (B)", "result.both.0: f32[2] (B)", "result.both.1: f32[2] (B)",
  ],
  "where binds and is decided": ["fn f(x: f32[N, C]) -> f32[H, D, C] where H = N / 2, D = 2, N % 2 == 0 { split(x; N into (H = N / 2, D)) }", ["x: f32[6, C]"], {}, "result: f32[3, 2, C] (H, D, C)"],
  "any other axes": ["fn f(x: f32[..., C]) -> f32[...] { sum(x; over: C) }", ["x: f32[2, 3, 4]"], {}, "result: f32[2, 3] (_0, _1)"],
  "some K": ["fn f(x: f32[N]) -> f32[some K <= N] { x[N: 1..] }", ["x: f32[5]"], {}, "result: f32[4] (K)"],
  "a count names its axis": ["fn f(x: f32[B, N]) -> f32[B, J] { top(x; count: 2 as J, over: N)[0] }", ["x: f32[B, N]"], {}, "result: f32[B, 2] (B, J)"],
  "repeat unrolls, with an index": ["fn f(x: f32[N]) -> f32[N] { repeat i in 0..3 from y = x { y * i } }", ["x: f32[N]"], {}, "result: f32[N] (N)"],
  "comprehensions": ["fn f(; n: Int) -> i64[K] { tensor([i * i for i in 0..n]; dtype: i64) as [K] }", [], { n: 4 }, "result: i64[4] (K)"],
  "records with methods and computed fields": [
    "record Box {\n  h: Int\n  w: Int\n  let area = h * w\n  let twice = area * 2\n  fn spread(x: f32[N]) -> f32[N] where N = area { x * twice }\n}\nfn f(x: f32[N]; box: Box) -> f32[N] { box.spread(x) }",
    ["x: f32[6]"], { box: { h: 2, w: 3 } }, "result: f32[6] (N)",
  ],
  "a tuple stands for a record": ["use grid (Grid, pool)\nfn f(x: f32[B, N = 16, C]; to: Grid) -> f32[B, K, C] { pool(x; (4, 4), to) }", ["x: f32[B, 16, C]"], { to: { h: 2, w: 1 } }, "result: f32[B, 2, C] (B, K, C)"],
  "words choose": ["fn f(x: f32[N]; by: Word) -> f32[N] { normalize(x; over: N, by: by) }", ["x: f32[N]"], { by: "l1" }, "result: f32[N] (N)"],
  "a tokenizer in the graph": [
    "use tokens.fsq (Fsq)\nfn f(x: f32[N, C = 2]) -> { codes: f32[N, C], ids: i64[N], back: f32[N, C] } {\n  let t = Fsq([3, 5])\n  let (codes, ids) = t.encode(x)\n  { codes: codes, ids: ids, back: t.decode(ids) as [N, C] }\n}",
    ["x: f32[7, 2]"], {}, "result.codes: f32[7, 2] (N, C)", "result.ids: i64[7] (N)", "result.back: f32[7, 2] (N, C)",
  ],
  "a fold down and up": [
    "use folds.tome (tome)\nfn f(x: f32[B, N, C]) -> { less: f32[B, K, C], back: f32[B, N, C] } {\n  let t = tome(r: 2)\n  let y = t.down(x, like: x)\n  { less: y as [B, K, C], back: t.up(y) }\n}",
    ["x: f32[B, 9, C]"], {}, "result.less: f32[B, 7, C] (B, K, C)", "result.back: f32[B, 9, C] (B, N, C)",
  ],
};

for (const [title, [text, inputs, statics, ...types]] of Object.entries(CASES))
  test(title, (t) => {
    t.deepEqual(typesOf(text, inputs.map(input), statics), types);
  });

test("functions are inlined: a call is what stands in its body", (t) => {
  const called = "fn g(y: f32[A, D]) -> f32[A, D] { y * 2.0 + y }\nfn f(x: f32[N, C]) -> f32[N, C] { g(x) }";
  const written = "fn f(x: f32[N, C]) -> f32[N, C] { x * 2.0 + x }";
  t.is(graphOf(called, [input("x: f32[N, C]")]), graphOf(written, [input("x: f32[N, C]")]));
});

test("a compile-time `if` leaves one side", (t) => {
  const text = "fn f(x: f32[B, N, C]; twice: Bool) -> f32[B, N, C] { if twice { x * 2.0 } else { exp(x) } }";
  t.regex(graphOf(text, X, { twice: true }), /mul/);
  t.notRegex(graphOf(text, X, { twice: true }), /exp\(/);
  t.regex(graphOf(text, X, { twice: false }), /exp/);
});

test("mistakes in a request are told", (t) => {
  const text = "fn f(x: f32[N]; k: Int) -> f32[N] { x * k }";
  t.deepEqual(typesOf(text, [input("x: f32[3]")], { k: "no" }), ['T302 at "f"']);
  t.deepEqual(typesOf(text, [input("x: f32[3]")]), ['T303 at "f"']);
  t.deepEqual(typesOf(text, [input("y: f32[3]")], { k: 1 }), ['T305 at "f"']);
  t.deepEqual(typesOf(text, [input("x: i64[3]")], { k: 1 }), ['T311 at "f"']);
  t.deepEqual(typesOf(text, [], {}, "g"), ["N205 at nowhere"]);
});
