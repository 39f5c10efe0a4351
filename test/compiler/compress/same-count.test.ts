/** Folds of as many tokens as before: they replace values in their place, alone and inside of others. */
import test from "ava";
import { f32 } from "../../support/evaluate.ts";
import { compiled, output, run, SPELLINGS } from "../../support/program.ts";

/** A block adds to each token the sum of those before it and itself; a table of as many places as there are tokens would be refused to a fold that takes some out. */
const program = (...lines: readonly string[]): string => `
use nn.sites (TransformerBlock)

fold greeted(by: Float) : N -> K where K = N {
  down(x: f32[B, N, C]) -> f32[B, K, C] { select(iota(N as N) == 0, x[N: -1] + by, x) }
}

fold front(count: Int) : N -> K where K = count, K <= N {
  down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0..count] }
  up(y: f32[B, K, C]) -> f32[B, N, C] { concat(y, down.x[N: count..] as [B, K, C]; over: K) }
}

layer Step() offers TransformerBlock {
  (x: f32[B, N, C]) -> f32[B, N, C] { cumsum(x; over: N) }
}
layer Stack(depth: Int) {
  use blocks[depth] = Step()
  (x: f32[B, N, C]) -> f32[B, N, C] { blocks(x) + cast(iota(N as N); to: f32) }
}
model stack = Stack(depth: 3) from random(seed: 1)
compress stack as folded {
${lines.map((line) => `  fold tokens ${line}`).join("\n")}
}
pipeline probe(x: f32[N, C = 1]) -> { tokens: f32[N, C] } { { tokens: stack(x) } }
`;

const X = [3, 1, 4, 1, 5];
const step = (x: readonly number[]): number[] => x.map((_, i) => x.slice(0, i + 1).reduce((a, b) => a + b, 0));
const greeted = (x: readonly number[], by: number): number[] => x.map((v, i) => (i === 0 ? (x[x.length - 1] as number) + by : v));
const placed = (x: readonly number[]): number[] => x.map((v, i) => v + i);

async function tokens(...lines: readonly string[]): Promise<readonly number[]> {
  const model = compiled(program(...lines), { variant: "folded" });
  const [fused, plain] = await Promise.all(SPELLINGS.map(async (spelling) => output(await run(model, { x: f32([1, X.length, 1], X) }, spelling), "tokens")));
  if (!fused || fused.join() !== plain?.join()) throw new Error(`fused ${fused?.join()} differs from plain ${plain?.join()}`);
  return fused;
}

test("in each: before every block of the selection, and all tokens are there behind it", async (t) => {
  t.deepEqual(await tokens("in each blocks[1..] after input with greeted(by: 2.0)"), placed(step(greeted(step(greeted(step(X), 2)), 2))));
});

test("across: once, where the region begins", async (t) => {
  t.deepEqual(await tokens("across blocks[1..] with greeted(by: 2.0)"), placed(step(step(greeted(step(X), 2)))));
});

test("inside of a fold that takes tokens out, the last one is the last of those that are left", async (t) => {
  const first = step(X);
  const inner = step(greeted(step(first.slice(0, 3)), 1));
  t.deepEqual(await tokens("across blocks[1..] with front(count: 3)", "in each blocks[2] after input with greeted(by: 1.0)"), placed([...inner, ...first.slice(3)]));
});
