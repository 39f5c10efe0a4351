/** Whatever is written, checking ends with problems: no crash, no hang, no memory that fills. */
import test from "ava";
import { problemsOf } from "../../support/check.ts";

const of = (count: number, line: (i: number) => string): string => Array.from({ length: count }, (_, i) => line(i)).join("\n");
const inBody = (body: string): string => `fn f(x: f32[N]) -> f32[N] { ${body} }`;

/** A text, and a code that must be among its problems (none: it is fine). */
const CASES: Readonly<Record<string, readonly [text: string, code: string | undefined]>> = {
  "10,000 parentheses": [inBody(`${"(".repeat(10000)}x${")".repeat(10000)}`), "S111"],
  "a sum of 10,000": [inBody(`x${" + x".repeat(10000)}`), "S111"],
  "5,000 calls in each other": [inBody(`${"exp(".repeat(5000)}x${")".repeat(5000)}`), "S111"],
  "500 functions that call each other in a row": [`${of(500, (i) => `fn f${i}(x: f32[N]) -> f32[N] { f${i + 1}(x) }`)}\nfn f500(x: f32[N]) -> f32[N] { x }`, "T321"],
  "calls that double at every step": [`${of(60, (i) => `fn f${i}(x: f32[N]) -> f32[N] { f${i + 1}(x) + f${i + 1}(x) }`)}\nfn f60(x: f32[N]) -> f32[N] { x }`, "B324"],
  "functions that call each other in a circle": ["fn f(x: f32[N]) -> f32[N] { g(x) + g(x) }\nfn g(x: f32[N]) -> f32[N] { f(x) + f(x) }", "T320"],
  "3,000 statements": [inBody(`\n${of(3000, (i) => `let a${i + 1} = ${i === 0 ? "x" : `a${i}`} + 1.0`)}\na3000\n`), undefined],
  "3,000 mistakes": [inBody(`\n${of(3000, (i) => `let a${i + 1} = b${i} + 1.0`)}\nx\n`), "N205"],
  "a billion rounds": [inBody("repeat 1000000000 from y = x { y + 1.0 }"), "B324"],
  "25 million rounds, nested": [inBody("repeat 5000 from y = x { repeat 5000 from z = y { z + 1.0 } }"), "B324"],
  "a list of ten billion": ["let a = [i for i in 0..10000000000]", "B324"],
  "lists in lists in lists": ["let a = [[[i + j + k for i in 0..10000] for j in 0..10000] for k in 0..10000]", "B324"],
  "a petabyte of random numbers": [inBody("x * sum(random([100000, 100000, 100000]) as [A, B, C]; over: (A, B, C))"), "B324"],
  "2 to the 1000th": ["let a = 2 ^ 1000", "B324"],
  "1000 factorial": ["let a = product([i for i in 1..1000])", "B324"],
  "a polynomial of thousands of terms": ["fn f(x: f32[A, B, C, D, E]) -> f32[A, B, C, D, E] {\n  let s = A + B + C + D + E\n  let t = s * s * s * s\n  let u = t * t * t * t * t * t\n  x * cast(u; to: f32)\n}", "B324"],
  "a size that doubles in length": ["fn f(x: f32[N]) -> f32[N] {\n  let a = repeat 60 from y = N { min(y, floor((y + 1) / 2)) }\n  x * cast(a; to: f32)\n}", "B324"],
  "no text": ["", undefined],
  "junk": ["}{)(*&^%$#@!~`", "S106"],
};

for (const [title, [text, code]] of Object.entries(CASES))
  test(title, (t) => {
    t.timeout(20_000);
    const problems = problemsOf(text);
    if (code === undefined) t.deepEqual(problems, []);
    else t.true(problems.some((p) => p.startsWith(code)), problems.slice(0, 3).join("\n") || "no problem");
    t.true(problems.length <= 202);
  });
