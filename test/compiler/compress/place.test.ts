/** Where folds go down and come back, in a toy model whose values are computed here by hand. */
import test from "ava";
import { f32 } from "../../support/evaluate.ts";
import { attempted, compiled, output, run, SPELLINGS, told } from "../../support/program.ts";

/** Tokens are single numbers; a block adds to each the sum of all, then doubles: it mixes tokens, and whole numbers stay exact. */
const program = (compress: string, result = "tokens: stack(x)", type = "tokens: f32[N, C]"): string => `
use nn.sites (TransformerBlock)

/// Every second token stays; the others come back as their left neighbour.
fold halves(gain = 1.0) : N -> K where K = ceil(N / 2) {
  down(x: f32[B, N, C]) -> kept: f32[B, K, C] { x[N: 0.. step 2] * gain }
  up(y: f32[B, K, C]) -> f32[B, N, C] { gather(y, iota(down.x.N as N) / 2; over: K) / gain }
}

/// The first \`count\` tokens stay, the others come back as zeros plus what they were.
fold front(count: Int) : N -> K where K = count, K <= N {
  down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0..count] }
  up(y: f32[B, K, C]) -> f32[B, N, C] { concat(y, down.x[N: count..] as [B, K, C]; over: K) }
}

/// One way.
fold drop() : N -> K where K = ceil(N / 2) { down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0.. step 2] } }

layer Step() offers TransformerBlock {
  (x: f32[B, N, C]) -> f32[B, N, C] {
    let attended = x + sum(x; over: N)
    attended * 2.0
  }
}
layer Stack(depth: Int) {
  use blocks[depth] = Step()
  (x: f32[B, N, C]) -> f32[B, N, C] {
    let tokens = blocks(x)
    let normed = tokens - 1.0
    normed + 0.0
  }
}
model stack = Stack(depth: 4) from random(seed: 1)
${compress}
pipeline probe(x: f32[N, C = 1]) -> { ${type} } { { ${result} } }
`;
const folded = (...lines: string[]): string => `compress stack as folded {\n${lines.map((l) => `  fold tokens ${l}`).join("\n")}\n}`;

const sum = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);
const attended = (x: readonly number[]): number[] => x.map((v) => v + sum(x));
const doubled = (x: readonly number[]): number[] => x.map((v) => 2 * v);
const step = (x: readonly number[]): number[] => doubled(attended(x));
const minusOne = (x: readonly number[]): number[] => x.map((v) => v - 1);
const evens = (x: readonly number[]): number[] => x.filter((_, i) => i % 2 === 0);
const back = (y: readonly number[], count: number): number[] => Array.from({ length: count }, (_, i) => y[Math.floor(i / 2)] as number);

const X = [3, 1, 4, 1, 5, 9, 2];

async function tokens(text: string, x: readonly number[] = X, variant = "folded"): Promise<number[]> {
  const model = compiled(text, { variant });
  const [fused, plain] = await Promise.all(SPELLINGS.map(async (spelling) => output(await run(model, { x: f32([1, x.length, 1], x) }, spelling), "tokens")));
  if (fused?.join() !== plain?.join()) throw new Error(`fused ${fused?.join()} differs from plain ${plain?.join()}`);
  return fused as number[];
}
const problems = (text: string, variant = "folded"): string[] => told(attempted(text, { variant }).problems);

test("across: down before the first block of the region, back after its last", async (t) => {
  const inside = step(step(evens(step(X))));
  t.deepEqual(await tokens(program(folded("across blocks[1..3] with halves()"))), minusOne(step(back(inside, 7))));
});

test("across, with the place where tokens come back", async (t) => {
  const inside = minusOne(step(step(step(evens(step(X))))));
  t.deepEqual(await tokens(program(folded("across blocks[1..] with halves() up after normed"))), back(inside, 7));
});

test("across looks at the value that enters the region, and what goes round it keeps every token", async (t) => {
  const inside = step(evens(X));
  t.deepEqual(await tokens(program(folded("across blocks[0..1] with halves()"), "tokens: stack(x) + x")), minusOne(step(step(step(back(inside, 7))))).map((v, i) => v + (X[i] as number)));
});

test("in each: down in every block; the ups run in reverse where the region ends, for the output needs every token", async (t) => {
  const first = attended(X);
  const second = attended(doubled(evens(first)));
  const y = doubled(evens(second));
  t.deepEqual(await tokens(program(folded("in each blocks[0..2] after attended with halves()"))), minusOne(step(step(back(back(y, 4), 7)))));
});

test("in each stays down where one token is read", async (t) => {
  const first = attended(X);
  const second = attended(doubled(evens(first)));
  const rest = step(step(doubled(evens(second))));
  const text = program(folded("in each blocks[0..2] after attended with halves()"), "tokens: stack(x)[N: 0]", "tokens: f32[C]");
  t.deepEqual(await tokens(text), minusOne(rest).slice(0, 1));
});

test("in each, told where to come back although nothing needs it", async (t) => {
  const y = step(step(doubled(evens(attended(X)))));
  const text = program(folded("in each blocks[0..1] after attended with halves() up after blocks[2]"), "tokens: stack(x)[N: 0]", "tokens: f32[C]");
  t.deepEqual(await tokens(text), minusOne(step(back(y, 7))).slice(0, 1));
});

test("at: a named value", async (t) => {
  const y = step(doubled(evens(attended(step(step(X))))));
  t.deepEqual(await tokens(program(folded("at blocks[2].attended with halves() up after blocks[3]"))), minusOne(back(y, 7)));
});

test("protected tokens stand beside a fold that does not ask for them", async (t) => {
  const [head, ...tail] = step(X) as [number, ...number[]];
  const [h, ...y] = step([head, ...evens(tail)]) as [number, ...number[]];
  t.deepEqual(await tokens(program(folded("protect 1 across blocks[1..2] with halves()"))), minusOne(step(step([h, ...back(y, 6)]))));
});

test("one fold within another comes back first", async (t) => {
  const outer = evens(step(X));
  const inner = step(evens(step(outer)));
  t.deepEqual(await tokens(program(folded("across blocks[1..] with halves()", "across blocks[2..3] with front(count: 2)"))),
    minusOne(back(step([...step(step(outer).slice(0, 2)), ...step(outer).slice(2)]), 7)));
  t.deepEqual(await tokens(program(folded("across blocks[1..] with halves()", "across blocks[2..3] with halves()"))), minusOne(back(step(back(inner, 4)), 7)));
});

test("folds of one region are woven in the order of their lines and come back in the opposite one", async (t) => {
  const once = (x: number[]): number[] => step(x);
  const x = step(X);
  const evenFirst = evens(x).slice(0, 2);
  t.deepEqual(await tokens(program(folded("across blocks[1..2] with halves()", "across blocks[1..2] with front(count: 2)"))),
    minusOne(step(step(back([...once(evenFirst), ...evens(x).slice(2)], 7)))));
  const frontFirst = evens(x.slice(0, 4));
  t.deepEqual(await tokens(program(folded("across blocks[1..2] with front(count: 4)", "across blocks[1..2] with halves()"))),
    minusOne(step(step([...back(once(frontFirst), 4), ...x.slice(4)]))));
});

test("several regions one after the other", async (t) => {
  const a = back(step(evens(X)), 7);
  const b = step(a);
  const c = [...step(b.slice(0, 3)), ...b.slice(3)];
  t.deepEqual(await tokens(program(folded("across blocks[0..1] with halves()", "across blocks[2..3] with front(count: 3)"))), minusOne(step(c)));
});

test("several compressions of one model do not see each other", async (t) => {
  const text = program("compress stack as one { fold tokens across blocks[0..1] with halves() }\ncompress stack as other { fold tokens across blocks[3..] with front(count: 2) }");
  t.deepEqual(await tokens(text, X, "one"), minusOne(step(step(step(back(step(evens(X)), 7))))));
  const late = step(step(step(X)));
  t.deepEqual(await tokens(text, X, "other"), minusOne([...step(late.slice(0, 2)), ...late.slice(2)]));
  const plain = compiled(text);
  t.deepEqual(output(await run(plain, { x: f32([1, 7, 1], X) }), "tokens"), minusOne(step(step(step(step(X))))));
});

test("selectors: all, ranges, negative indices, steps; what each chose is told", (t) => {
  const chosen = (selector: string): string[] => compiled(program(folded(`in each ${selector} with front(count: 1)`), "tokens: stack(x)[N: 0]", "tokens: f32[C]"), { variant: "folded" }).selectors.flatMap((s) => s.resolved);
  const outputs = (...indices: number[]): string[] => indices.map((i) => `stack.blocks[${i}].output`);
  t.deepEqual(chosen("blocks[*]"), outputs(0, 1, 2, 3));
  t.deepEqual(chosen("blocks[-1]"), outputs(3));
  t.deepEqual(chosen("blocks[1..-1]"), outputs(1, 2));
  t.deepEqual(chosen("blocks[2..]"), outputs(2, 3));
  t.deepEqual(chosen("blocks[0.. step 3]"), outputs(0, 3));
});

for (const [selector, says] of [
  ["blokcs[*]", "F301 stack has no blokcs[*]."],
  ["blocks[4..]", "F301 stack.blocks, a list of 4, has no blocks[4..]."],
  ["blocks[2..9]", "F301 stack.blocks, a list of 4, has no blocks[2..9]."],
  ["blocks[-9]", "F301 stack.blocks, a list of 4, has no blocks[-9]."],
  ["blocks[3..1]", "F301 stack.blocks, a list of 4, has no blocks[3..1]."],
] as const)
  test(`a selector that matches nothing: ${selector}`, (t) => {
    const [problem, ...more] = attempted(program(folded(`across ${selector} with halves()`)), { variant: "folded" }).problems;
    t.is(`${problem?.code} ${problem?.says}`, says);
    t.is(more.length, 0);
    if (selector === "blokcs[*]") t.regex(problem?.next ?? "", /blocks/);
  });

test("a site that no layer of the selector has", (t) => {
  const text = program(folded("in each blocks[*] after atended with halves()"));
  const [problem, ...more] = attempted(text, { variant: "folded" }).problems;
  t.is(`${problem?.code} ${problem?.says}`, "F301 stack.blocks[0] has no atended.");
  t.is(text.slice(problem?.span?.start, problem?.span?.end), "atended");
  t.regex(problem?.next ?? "", /attended/);
  t.is(more.length, 0);
});

test("a one-way fold before an output that has every token", (t) => {
  const [problem] = problems(program(folded("in each blocks[1] with drop()")));
  t.regex(problem ?? "", /^F303 What follows needs as many tokens as before `drop`; it has no `up`\.$/);
  const [stays] = problems(program(folded("in each blocks[1] with halves() up none")));
  t.regex(stays ?? "", /^F303 .*`halves`; it is told to stay down \(`up none`\)\.$/);
});

test("an up that is asked of a fold without one", (t) => {
  t.regex(problems(program(folded("in each blocks[1] with drop() up after normed")))[0] ?? "", /^F303 .*it has no `up`/);
});
