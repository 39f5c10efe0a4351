/** MrT5's delete gate with weights of its own, in a vision transformer. */
import test from "ava";
import { f32 } from "../support/evaluate.ts";
import { compiled, output, run } from "../support/program.ts";

const program = (fold: string): string => `
use model.vit
use folds.mrt5 (DeleteGate, mrt5)
model transformer = vit.Classifier from "models/tiny-vit-mnist"
model gate = DeleteGate(width: 96) from random(seed: 9)
/// Untrained weights give nearly the same score everywhere: what lies above the mean of a picture stays.
fn centred(x: f32[B, N, C]) -> f32[B, N] { gate(x) - mean(gate(x); over: N) }
compress transformer as folded {
  fold tokens protect 1 across blocks[3..] with ${fold}
  expect fused attention * 6
}
pipeline probe(pixels: f32[Channels = 1, Y = 28, X = 28]) -> { scores: f32[Classes] } { { scores: transformer(pixels) } }`;
const PIXELS = { pixels: f32([2, 1, 28, 28], Array.from({ length: 2 * 784 }, (_, i) => Math.sin(0.37 * i + Math.cos(1.7 * (i % 28))))) };
const scores = async (fold: string, variant?: string): Promise<number[]> => output(await run(compiled(program(fold), { variant }), PIXELS), "scores");
const apart = (a: readonly number[], b: readonly number[]): number => Math.max(...a.map((v, i) => Math.abs(v - (b[i] as number))));

test("the gate deletes, attention stays fused, and each picture is by itself", async (t) => {
  const plain = await scores("mrt5(gate: gate)");
  const folded = compiled(program("mrt5(gate: centred, threshold: 0.0)"), { variant: "folded" });
  // How many that is only a run knows: the cost is that of the most.
  t.deepEqual(folded.cost.tokens, { entering: 50, leaving: 50 });
  const both = output(await run(folded, PIXELS), "scores");
  t.true(both.every(Number.isFinite));
  t.true(apart(both, plain) > 1e-3);
  const one = output(await run(folded, { pixels: f32([1, 1, 28, 28], Array.from({ length: 784 }, (_, i) => Math.sin(0.37 * (i + 784) + Math.cos(1.7 * ((i + 784) % 28))))) }), "scores");
  t.true(apart(one, both.slice(10)) <= 1e-4);
});

test("a capacity that is never reached is the dynamic size, one that is cuts the last tokens", async (t) => {
  const free = await scores("mrt5(gate: centred, threshold: 0.0)", "folded");
  t.true(apart(await scores("mrt5(gate: centred, threshold: 0.0, capacity: 49)", "folded"), free) <= 1e-4);
  const few = compiled(program("mrt5(gate: centred, threshold: 0.0, capacity: 6)"), { variant: "folded" });
  t.deepEqual(few.cost.tokens, { entering: 50, leaving: 7 });
  t.true(apart(output(await run(few, PIXELS), "scores"), free) > 1e-3);
});

test("a threshold below every score keeps all, and a soft gate deletes nothing but counts", async (t) => {
  const plain = await scores("mrt5(gate: gate)");
  t.true(apart(await scores("mrt5(gate: gate, threshold: -30.0)", "folded"), plain) <= 1e-4);
  t.true(apart(await scores("mrt5(gate: gate, soft: true)", "folded"), plain) > 1e-4);
});
