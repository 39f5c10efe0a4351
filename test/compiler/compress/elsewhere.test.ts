/** A fold that reads sites of other blocks than its own: `taps: blocks[0..2].output`. */
import test from "ava";
import { f32 } from "../../support/evaluate.ts";
import { attempted, compiled, output, run, SPELLINGS, told } from "../../support/program.ts";

/** Block i adds i + 1 to every token; a fold adds what it reads. */
const program = (line: string, reads = "f32[S, B, N, C]", body = "x + sum(taps; over: S)"): string => `
use nn.sites (TransformerBlock)
fold tapped(at: Site) : N -> K where K = N {
  down(x: f32[B, N, C]) reads taps = at: ${reads} -> f32[B, K, C] { (${body}) as [B, K, C] }
}
layer Step(by: Int) offers TransformerBlock { (x: f32[B, N, C]) -> f32[B, N, C] { x + by } }
layer Stack() {
  use first = Step(by: 1)
  use blocks[3] = Step(by: 10)
  (x: f32[B, N, C]) -> f32[B, N, C] { blocks(first(x)) }
}
model stack = Stack() from random(seed: 1)
compress stack as folded { fold tokens in each ${line} }
pipeline probe(x: f32[N, C = 1]) -> { total: f32[C] } { { total: sum(stack(x); over: N) } }
`;

async function total(line: string, reads?: string, body?: string): Promise<number[]> {
  const model = compiled(program(line, reads, body), { variant: "folded" });
  const found = await Promise.all(SPELLINGS.map(async (spelling) => output(await run(model, { x: f32([1, 2, 1], [100, 200]) }, spelling), "total")[0] as number));
  return [...new Set(found)];
}
// Plain: tokens leave with 1 + 3·10 more.
const plain = 300 + 2 * 31;

test("several places are stacked along a first axis", async (t) => {
  // Outputs of the first two blocks: 11 and 21 more than the tokens.
  t.deepEqual(await total("blocks[2] after input with tapped(at: blocks[0..2].output)"), [plain + 2 * 300 + 2 * (11 + 21)]);
});

test("one place is stacked where the fold declares the axis, and is itself where it does not", async (t) => {
  const one = plain + 300 + 2 * 11;
  t.deepEqual(await total("blocks[2] after input with tapped(at: blocks[0].output)"), [one]);
  t.deepEqual(await total("blocks[2] after input with tapped(at: blocks[-3])", "f32[B, N, C]", "x + taps"), [one]);
});

test("what a path reads may have been folded itself", async (t) => {
  // Block 1 receives its own input twice: 300 + 2·11 more from there on; block 2 reads it again.
  t.deepEqual(await total("blocks[1..3] after input with tapped(at: blocks[1].input)"), [plain + (300 + 2 * 11) * 3]);
});

test("a word is still a site of the block itself", async (t) => {
  t.deepEqual(await total("blocks[0] after input with tapped(at: output)", "f32[B, N, C]", "x + taps"), [plain + 300 + 2 * 11]);
});

test("what is read between tokens lacks the protected ones on both sides", async (t) => {
  const text = `
use nn.sites (TransformerBlock)
fold weighed() : N -> K where K = N {
  down(x: f32[B, N, C]) reads scores: f32[B, N', N] -> f32[B, K, C] { x as [B, K, C] + sum(scores; over: (N', N)) }
}
layer Step() offers TransformerBlock {
  (x: f32[B, N, C]) -> f32[B, N, C] {
    let scores = permute(dot(x as [B, N', C], x; over: C); (B, N', N))
    x + sum(scores; over: N') * 0.0
  }
}
layer Stack() {
  use blocks[1] = Step()
  (x: f32[B, N, C]) -> f32[B, N, C] { blocks(x) }
}
model one = Stack() from random(seed: 1)
compress one as folded { fold tokens protect 1 in each blocks with weighed() }
pipeline probe(x: f32[N, C = 1]) -> { tokens: f32[N, C] } { { tokens: one(x) } }
`;
  const model = compiled(text, { variant: "folded" });
  // Scores of 2 and 3 alone: 4 + 6 + 6 + 9.
  t.deepEqual(output(await run(model, { x: f32([1, 3, 1], [1, 2, 3]) }), "tokens"), [1, 27, 28]);
});

const problems = (line: string, reads?: string, body?: string): string[] => told(attempted(program(line, reads, body), { variant: "folded" }).problems.filter((p) => p.severity === "error"));

test("places that are not there, and several where one is wanted, are refused", (t) => {
  t.regex(problems("blocks[2] after input with tapped(at: blocks[7].output)")[0] ?? "", /^F301 .*blocks/);
  t.regex(problems("blocks[2] after input with tapped(at: blocks[0].rows)")[0] ?? "", /^F301 /);
  t.regex(problems("blocks[2] after input with tapped(at: blocks[0..2].output)", "f32[B, N, C]", "x + taps")[0] ?? "", /^T302 taps, read by tapped,/);
});
