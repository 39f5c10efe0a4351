/** GlobalCom² at the output of an encoder: a thumbnail and its crops become one sequence, as long as the data say. */
import test from "ava";
import type { Value } from "../../compiler/host.ts";
import { f32 } from "../support/evaluate.ts";
import { compiled, output, run } from "../support/program.ts";

const mosaic = (side: number, more: string): string => `Mosaic { side: ${side}, pw: 2, ph: 2, ${more} }`;

// ── on numbers ──
const NUMBERS = (base: number, size: string): string => `
use folds.globalcom2 (Mosaic, compressed)
pipeline probe(thumbnail: f32[N = 16, C = 1], crops: f32[P = 4, N = 16, C = 1], scores: f32[N = 16], crop_scores: f32[P = 4, N = 16])
  -> { tokens: f32[some K <= 16 + 64 + 8, C = 1], valid: bool[K] } {
  let newline = tensor([-1.0]) as [C]
  let (tokens, valid) = compressed(thumbnail, crops, newline, scores, crop_scores; mosaic: ${mosaic(4, size)}, base: ${base})
  { tokens: tokens, valid: valid }
}`;
/** A picture: thumbnail tokens are 100, 101, …; token i of crop p is 16·p + i. */
const picture = (scores: readonly number[]): { thumbnail: number[]; crops: number[]; scores: number[]; crop_scores: number[] } => ({
  thumbnail: Array.from({ length: 16 }, (_, i) => 100 + i), crops: Array.from({ length: 64 }, (_, i) => i),
  scores: [...scores], crop_scores: Array.from({ length: 64 }, (_, i) => Math.sin(i * 1.3)),
});
const batch = (pictures: readonly ReturnType<typeof picture>[]): Record<string, Value> => ({
  thumbnail: f32([pictures.length, 16, 1], pictures.flatMap((p) => p.thumbnail)), crops: f32([pictures.length, 4, 16, 1], pictures.flatMap((p) => p.crops)),
  scores: f32([pictures.length, 16], pictures.flatMap((p) => p.scores)), crop_scores: f32([pictures.length, 4, 16], pictures.flatMap((p) => p.crop_scores)),
});
const EVEN = Array.from({ length: 16 }, () => 0.5);
/** The rows of the mosaic: four tokens of the left crop, four of the right one, the end. */
const ROWS = Array.from({ length: 8 }, (_, y) => [...[0, 1].flatMap((right) => Array.from({ length: 4 }, (_, x) => 32 * Math.floor(y / 4) + 16 * right + 4 * (y % 4) + x)), -1]);

test("where every crop keeps all, the mosaic stands row by row with its ends", async (t) => {
  const found = output(await run(compiled(NUMBERS(1, "image_w: 60, image_h: 60")), batch([picture(EVEN)])), "tokens");
  t.deepEqual(found, [...Array.from({ length: 16 }, (_, i) => 100 + i), ...ROWS.flat()]);
});

test("rows of padding have neither tokens nor ends", async (t) => {
  // Twice as wide as high: half of the eight rows is padding.
  const found = output(await run(compiled(NUMBERS(1, "image_w: 60, image_h: 30")), batch([picture(EVEN)])), "tokens");
  t.deepEqual(found.slice(16), ROWS.slice(2, 6).flat());
});

test("a picture that keeps less is filled up beside one that keeps more", async (t) => {
  const model = compiled(NUMBERS(0.8, "image_w: 60, image_h: 60"));
  const pictures = [picture(EVEN), picture(EVEN.map((v, i) => (i === 0 ? 90 : v)))];
  const both = await run(model, batch(pictures));
  const [tokens, valid] = [output(both, "tokens"), output(both, "valid")];
  const width = tokens.length / 2;
  const counts = await Promise.all(pictures.map(async (p, i) => {
    const one = output(await run(model, batch([p])), "tokens");
    t.deepEqual(tokens.slice(i * width, i * width + one.length), one);
    t.deepEqual(valid.slice(i * width, (i + 1) * width), Array.from({ length: width }, (_, k) => (k < one.length ? 1 : 0)));
    return one.length;
  }));
  t.not(counts[0], counts[1]);
});

// ── behind a model ──
test("tokens of a vision transformer, thumbnail and crops", async (t) => {
  const model = compiled(`
use model.vit
use folds.globalcom2 (Mosaic, compressed)
model encoder = vit.Encoder from "models/tiny-vit-mnist"
/// How like the class token each token is: what stands for its attention here.
fn seen(x: f32[B, N, C]) -> f32[B, K] where K = N - 1 { dot(x[N: 1..], x[N: 0]; over: C) / 10.0 }
pipeline probe(views: f32[V = 5, Channels = 1, Y = 28, X = 28]) -> { tokens: f32[some K <= 49 + 4 * 49 + 14, C], valid: bool[K] } {
  let features = encoder(join(views; (B, V) into B))
  let (tokens, scores) = (split(features[N: 1..]; B into (B, V = 5)), split(seen(features); B into (B, V = 5)))
  let newline = tensor([0.0 for i in 0..96]) as [C]
  let (all, valid) = compressed(tokens[V: 0], tokens[V: 1..] as [B, P, N, C], newline, scores[V: 0], scores[V: 1..] as [B, P, N]; mosaic: ${mosaic(7, "image_w: 50, image_h: 40")})
  { tokens: all, valid: valid }
}`);
  const views = { views: f32([1, 5, 1, 28, 28], Array.from({ length: 5 * 784 }, (_, i) => Math.sin(0.37 * i + Math.cos(1.7 * (i % 28))))) };
  const outputs = await run(model, views);
  const [rows = 0, count = 0, width] = outputs.tokens?.dims ?? [];
  t.deepEqual([rows, width], [1, 96]);
  // A quarter of the thumbnail, about a quarter of the crops inside (12 of 14 rows), an end for each of those rows.
  t.true(count > 12 + 30 + 12 && count < 12 + 49 + 12, `${count}`);
  t.true(output(outputs, "tokens").every(Number.isFinite));
});
