/** Recoverable compression behind a vision transformer: how many tokens are left differs from picture to picture. */
import test from "ava";
import { f32 } from "../support/evaluate.ts";
import { compiled, output, run } from "../support/program.ts";

const PROGRAM = `
use model.vit
use folds.recoverable (class_attention, divided, likeness, recovered)
model encoder = vit.Encoder from "models/tiny-vit-mnist"
pipeline probe(pixels: f32[Channels = 1, Y = 28, X = 28], question: f32[E = 96]) -> { tokens: f32[some K <= 99, C], valid: bool[K], seen: Int, back: Int, centres: Int } {
  let features = encoder(pixels) * 0.2
  let patches = features[N: 1..]
  let attention = class_attention(features, features)
  let parts = divided(attention as [B, N], likeness(question, patches as [B, N, E]) as [B, N]; width: 96, near: [5, 5, 4])
  let (tokens, valid) = recovered(patches, patches as [B, N, D], attention as [B, N], parts.likeness, parts.main, parts.centres; cluster: 8)
  { tokens: tokens, valid: valid, seen: parts.seen, back: parts.back, centres: parts.centres }
}`;
const picture = (p: number): number[] => Array.from({ length: 784 }, (_, i) => (p === 1 && i > 300 ? 0 : Math.sin(0.37 * i + Math.cos((1.7 + p) * (i % 28)))));
const QUESTION = Array.from({ length: 96 }, (_, i) => Math.cos(i));
const inputs = (...pictures: readonly number[]): Record<string, ReturnType<typeof f32>> => ({
  pixels: f32([pictures.length, 1, 28, 28], pictures.flatMap(picture)), question: f32([pictures.length, 96], pictures.flatMap(() => QUESTION)),
});

test("each picture keeps what it keeps alone, in order, and is filled up to the longest", async (t) => {
  const model = compiled(PROGRAM);
  const both = await run(model, inputs(0, 1));
  const [tokens, valid] = [output(both, "tokens"), output(both, "valid")];
  const width = valid.length / 2;
  const lengths: number[] = [];
  for (const p of [0, 1]) {
    const one = await run(model, inputs(p));
    const [seen = 0, back = 0, centres = 0] = ["seen", "back", "centres"].map((name) => output(one, name)[0]);
    const count = output(one, "valid").length;
    lengths.push(count);
    // Main tokens, centres and the rest's sum. A row of which nothing is left keeps one.
    t.is(count, Math.max(1, seen + back + centres + (centres > 0 ? 1 : 0)));
    t.deepEqual(valid.slice(p * width, (p + 1) * width), Array.from({ length: width }, (_, k) => (k < count ? 1 : 0)));
    const alone = output(one, "tokens");
    t.true(alone.every((v, k) => Math.abs(v - (tokens[p * width * 96 + k] as number)) <= 1e-4));
  }
  t.is(width, Math.max(...lengths));
  t.not(lengths[0], lengths[1]);
});
