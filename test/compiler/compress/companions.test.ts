/** What goes along with folded tokens: values that folds carry, hooks, sites that they read, masks; and what is refused by name. */
import test from "ava";
import type { Value } from "../../../compiler/host.ts";
import { f32, i64 } from "../../support/evaluate.ts";
import { difference } from "../../support/golden.ts";
import { attempted, compiled, output, run, SPELLINGS, told } from "../../support/program.ts";

const HEAD = `
use nn.sites (TransformerBlock)

/// The tokens at even places, and those at odd ones; a last one without a neighbour is its own.
fn left(x: f32[B, N, C]) -> f32[B, K, C] where K = ceil(N / 2) { x[N: 0.. step 2] as [B, K, C] }
fn right(x: f32[B, N, C]) -> f32[B, K, C] where K = ceil(N / 2) {
  let at = iota(ceil(N / 2) as K) * 2 + 1
  gather(x, select(at < N, at, at - 1); over: N)
}
fn column(size: f32[B, N]) -> f32[B, N, C = 1] { split(size; N into (N, C = 1)) }

/// Neighbours become their sum; how many each stands for goes along.
fold pairs() : N -> K where K = ceil(N / 2) {
  carry size: f32[B, N] = 1 down by sum
  at attended(a: f32[B, N, C]) { a * column(size) }
  down mask by largest
  down(x: f32[B, N, C]) -> f32[B, K, C] {
    size := (left(column(size)) + right(column(size)))[C: 0]
    left(x) + right(x)
  }
  up(y: f32[B, K, C]) -> f32[B, N, C] { gather(y, iota(down.x.N as N) / 2; over: K) }
  fn largest(v: f32[B, N, C]) -> f32[B, K, C] { max(left(v), right(v)) }
}

/// Every second token; it can fold what others carry by \`sum\`.
fold evens() : N -> K where K = ceil(N / 2) {
  down(x: f32[B, N, C]) -> f32[B, K, C] { left(x) }
  up(y: f32[B, K, C]) -> f32[B, N, C] { gather(y, iota(down.x.N as N) / 2; over: K) }
  fn sum(v: f32[B, N, C]) -> f32[B, K, C] { left(v) }
}
/// The same, and it cannot.
fold deaf() : N -> K where K = ceil(N / 2) {
  down(x: f32[B, N, C]) -> f32[B, K, C] { left(x) }
  up(y: f32[B, K, C]) -> f32[B, N, C] { gather(y, iota(down.x.N as N) / 2; over: K) }
}
/// Keeps the token of every pair that the chosen site says is the larger.
fold larger(by: Site = attended) : N -> K where K = ceil(N / 2) {
  down(x: f32[B, N, C]) reads like = by: f32[B, N, C] -> f32[B, K, C] { select(left(like) >= right(like), left(x), right(x)) }
  up(y: f32[B, K, C]) -> f32[B, N, C] { gather(y, iota(down.x.N as N) / 2; over: K) }
}
/// A hook that changes the element type.
fold wrong() : N -> K where K = ceil(N / 2) {
  at attended(a: f32[B, N, C]) { cast(a; to: i64) }
  down(x: f32[B, N, C]) -> f32[B, K, C] { left(x) }
}

layer Step() offers TransformerBlock {
  (x: f32[B, N, C], mask: f32[B, N]) -> f32[B, N, C] {
    let attended = x + sum(x * split(mask; N into (N, C = 1)); over: N)
    let later = attended * -1.0
    attended * 2.0
  }
}
layer Stack(depth: Int) {
  use blocks[depth] = Step()
  (x: f32[B, N, C], mask: f32[B, N]) -> f32[B, N, C] { blocks(x, mask) }
}
`;
const program = (compress: string, more = ""): string => `${HEAD}${more}
model stack = Stack(depth: 3) from random(seed: 1)
compress stack as folded { ${compress} }
pipeline probe(x: f32[N, C = 1], mask: f32[N]) -> { tokens: f32[N, C] } { { tokens: stack(x, mask) } }
`;

const sum = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);
type Pairwise = (a: number, b: number) => number;
const paired = (x: readonly number[], f: Pairwise): number[] => Array.from({ length: x.length / 2 }, (_, i) => f(x[2 * i] as number, x[2 * i + 1] as number));
const plus: Pairwise = (a, b) => a + b;
const twice = (y: readonly number[]): number[] => y.flatMap((v) => [v, v]);
const attended = (x: readonly number[], mask: readonly number[]): number[] => x.map((v) => v + sum(x.map((w, i) => w * (mask[i] as number))));
const double = (x: readonly number[]): number[] => x.map((v) => 2 * v);
const step = (x: readonly number[], mask: readonly number[]): number[] => double(attended(x, mask));

const X = [3, 1, 4, 1, 5, 9, 2, 6];
const MASK = [1, 1, 0, 0, 1, 0, 1, 1];

async function tokens(text: string): Promise<number[]> {
  const model = compiled(text, { variant: "folded" });
  const inputs = { x: f32([1, 8, 1], X), mask: f32([1, 8], MASK) };
  const [fused, plain] = await Promise.all(SPELLINGS.map(async (spelling) => output(await run(model, inputs, spelling), "tokens")));
  if (fused?.join() !== plain?.join()) throw new Error(`fused ${fused?.join()} differs from plain ${plain?.join()}`);
  return fused as number[];
}
const problems = (text: string): string[] => told(attempted(text, { variant: "folded" }).problems.filter((p) => p.severity === "error"));

test("a mask goes down with the tokens, and a hook holds from the fold to its up", async (t) => {
  const mask = paired(MASK, Math.max);
  const down = paired(step(X, MASK), plus);
  // The hook: what attention gives times the size, 2, inside the region only.
  const inside = double(double(attended(down, mask)));
  t.deepEqual(await tokens(program("fold tokens across blocks[1..2] with pairs()")), step(twice(inside), MASK));
});

test("a hook holds to the end of the model where tokens stay down, and the size goes on", async (t) => {
  const text = program("fold tokens in each blocks[0..2] with pairs()").replace("-> { tokens: f32[N, C] } { { tokens: stack(x, mask) } }", "-> { tokens: f32[C] } { { tokens: stack(x, mask)[N: 0] } }");
  const mask = paired(MASK, Math.max);
  const first = paired(step(X, MASK), plus);
  const second = paired(double(attended(first, mask).map((v) => 2 * v)), plus);
  const third = double(attended(second, paired(mask, Math.max)).map((v) => 4 * v));
  t.deepEqual(await tokens(text), third.slice(0, 1));
});

test("what one fold carries is folded by another as it was declared", async (t) => {
  // No mask is read here: only the size goes along.
  const text = program("fold tokens across blocks[1..] with pairs()\n fold tokens across blocks[2..] with evens()", "").replaceAll("sum(x * split(mask; N into (N, C = 1)); over: N)", "sum(x; over: N)");
  const all = (x: readonly number[]): number[] => attended(x, x.map(() => 1));
  const begin = paired(double(all(X)), plus);
  const middle = double(all(begin).map((v) => 2 * v));
  const kept = middle.filter((_, i) => i % 2 === 0);
  const end = double(all(kept).map((v) => 2 * v));
  t.deepEqual(await tokens(text), twice(twice(end)));
});

test("a fold that cannot fold what another carries is refused by name", (t) => {
  t.deepEqual(problems(program("fold tokens across blocks[1..] with pairs()\n fold tokens across blocks[2..] with deaf()")),
    ["F311 pairs carries size with the tokens, to be folded by `sum`, and deaf has no function of that name."]);
});

test("a value that no fold takes along is refused by name", (t) => {
  const [problem, ...more] = problems(program("fold tokens across blocks[1..] with deaf()"));
  t.regex(problem ?? "", /^F307 stack\.mask has N tokens and stack\.blocks\[\d\] N\.folded, and they meet here/);
  t.is(more.length, 0);
});

test("a rule that the fold does not have", (t) => {
  const text = program("fold tokens across blocks[1..] with pairs()").replace("down mask by largest", "down mask by most");
  t.regex(problems(text)[0] ?? "", /^F304 pairs has no rule `most`/);
});

test("a fold reads the site of its own block, by the name that is given", async (t) => {
  const all = program("fold tokens in each blocks[1..2] after attended with larger()").replaceAll("sum(x * split(mask; N into (N, C = 1)); over: N)", "sum(x; over: N)");
  const ones = X.map(() => 1);
  const at = attended(step(X, ones), ones);
  const after = (kept: number[]): number[] => step(twice(double(kept)), ones);
  t.deepEqual(await tokens(all), after(paired(at, Math.max)));
  // `later` is computed behind the place of the fold, from the tokens as they are before it.
  t.deepEqual(await tokens(all.replace("with larger()", "with larger(by: later)")), after(paired(at, Math.min)));
  t.deepEqual(problems(all.replace("with larger()", "with larger(by: scores)")), ["F305 larger reads scores, and there is no such value where it is placed."]);
});

test("a hook that changes the type of its site", (t) => {
  const [problem] = problems(program("fold tokens across blocks[1..] with wrong()").replaceAll("sum(x * split(mask; N into (N, C = 1)); over: N)", "sum(x; over: N)").replace("f32[N, C] } { { tokens: stack(x, mask)", "f32[C] } { { tokens: stack(x, mask)[N: 0]"));
  t.is(problem, "F309 wrong replaces stack.blocks[1].attended.\n  found  i64[B, N = N.folded, C = 1]\n  wanted f32[B, N = N.folded, C = 1]");
});

const bert = (fold: string): string => `
use model.bert
use folds.tome (tome)
model encoder = bert.Encoder from "models/tiny-random-minilm"
${fold ? `compress encoder as folded { fold tokens protect 1 ${fold} }` : ""}
pipeline probe(ids: i64[N], mask: i64[N]) -> { hidden: f32[N, C] } { { hidden: encoder(ids, mask, ids * 0) } }`;
const sentence = (...ids: number[]): { ids: Value; mask: Value } => ({ ids: i64([1, ids.length], ids), mask: i64([1, ids.length], ids.map((id) => (id === 0 ? 0 : 1))) });

test("bert with tome: nothing merged is nothing changed, padding and all", async (t) => {
  const inputs = sentence(2, 17, 23, 9, 31, 3, 0, 0, 0);
  const plain = output(await run(compiled(bert("")), inputs), "hidden");
  const model = compiled(bert("in each blocks[*] after attended with tome(r: 0)"), { variant: "folded" });
  t.true(difference(output(await run(model, inputs), "hidden"), plain).relative <= 1e-6);
});

test("bert with tome: padding that is merged with padding changes no word", async (t) => {
  // Tokens of padding differ in position alone and are far more alike than words: with few merges these are what merges.
  const model = compiled(bert("in each blocks[0..1] after attended with tome(r: 1, residual: true, proportional: false)"), { variant: "folded", trace: true });
  const inputs = sentence(2, 17, 23, 9, 31, 3, ...Array.from({ length: 9 }, () => 0));
  const outputs = await run(model, inputs);
  const groups = output(outputs, "folds");
  const merged = groups.flatMap((g, i) => (groups.filter((o) => o === g).length > 1 ? [i] : []));
  t.is(merged.length, 2);
  if (merged.every((i) => i >= 6)) {
    const plain = output(await run(compiled(bert("")), inputs), "hidden");
    const width = plain.length / groups.length;
    t.true(difference(output(outputs, "hidden").slice(0, 6 * width), plain.slice(0, 6 * width)).relative <= 1e-5);
  } else t.fail(`words were merged: ${groups.join(" ")}`);
});
