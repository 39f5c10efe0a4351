/** Correlation-guided compression in a vision transformer: pictures keep as many tokens as they are worth. */
import test from "ava";
import { f32 } from "../support/evaluate.ts";
import { compiled, output, run } from "../support/program.ts";

const program = (fold: string): string => `
use model.vit
use folds.token_correlation (token_correlation)
model transformer = vit.Classifier from "models/tiny-vit-mnist"
compress transformer as folded {
  fold tokens protect 1 ${fold}
  expect fused attention * 4
}
pipeline probe(pixels: f32[Channels = 1, Y = 28, X = 28]) -> { scores: f32[Classes] } { { scores: transformer(pixels) } }`;
const IN_BLOCK = "in each blocks[3] after output with token_correlation(low: blocks[0].probs)";
const ACROSS = "across blocks[4..] with token_correlation(low: blocks[0].probs, deep: blocks[3].probs, keys: blocks[3].keys)";

/** Waves on a page, a blank page, and one that is half blank. */
const at = (picture: number, i: number): number => (picture === 1 || (picture === 2 && i > 392) ? 0 : Math.sin(0.37 * i + Math.cos(1.7 * (i % 28))));
const pages = (...which: readonly number[]): { pixels: ReturnType<typeof f32> } => ({ pixels: f32([which.length, 1, 28, 28], which.flatMap((p) => Array.from({ length: 784 }, (_, i) => at(p, i)))) });
const apart = (a: readonly number[], b: readonly number[]): number => Math.max(...a.map((v, i) => Math.abs(v - (b[i] as number))));

test("a page beside others gives what it gives alone", async (t) => {
  const model = compiled(program(IN_BLOCK), { variant: "folded" });
  const all = output(await run(model, pages(0, 1, 2)), "scores");
  t.true(all.every(Number.isFinite));
  for (const page of [0, 1, 2]) t.true(apart(output(await run(model, pages(page)), "scores"), all.slice(page * 10, page * 10 + 10)) <= 1e-4);
  t.true(apart(all, output(await run(compiled(program(IN_BLOCK)), pages(0, 1, 2)), "scores")) > 1e-3);
});

test("in a block, and before the next with that one's keys and attention: the same", async (t) => {
  const [a, b] = await Promise.all([IN_BLOCK, ACROSS].map(async (fold) => output(await run(compiled(program(fold), { variant: "folded" }), pages(0, 2)), "scores")));
  t.true(apart(a as number[], b as number[]) <= 1e-5);
});

test("where nothing is alike nothing is folded", async (t) => {
  const folded = compiled(program(IN_BLOCK.replace("probs)", "probs, tau: 1.1)")), { variant: "folded" });
  t.true(apart(output(await run(folded, pages(0, 2)), "scores"), output(await run(compiled(program(IN_BLOCK)), pages(0, 2)), "scores")) <= 1e-4);
});
