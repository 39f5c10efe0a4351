/** Controls: where a fold stands, as many tokens stay, drawn without looking; nothing of the fold is left but its count. */
import test from "ava";
import type { Compiled } from "../../../compiler/compile.ts";
import { topological } from "../../../compiler/graph/node.ts";
import { i64 } from "../../support/evaluate.ts";
import { digits, scenes } from "../../support/pictures.ts";
import { attempted, compiled, output, run } from "../../support/program.ts";

const segmenter = (uses: string, compress: string): string => `
use model.vit
use image
${uses}
model transformer = vit.Segmenter from "models/digit-scenes-segmenter"
compress transformer as folded { ${compress} }
pipeline probe(picture: image) -> { label: i64[Y, X] } { { label: argmax(transformer(image.prepare(picture; transformer.processor)); over: Classes) } }`;
const TOME = segmenter("use folds.tome (tome)", "fold tokens protect 1 in each blocks[*] after attended with tome(r: 14)");
const EXPEDITE = segmenter("use folds.expedite (expedite)", "fold tokens protect 1 across blocks[3..] with expedite(from: (16, 16), to: (8, 8), near: 4)\n expect fused attention * 8");

/** Whether the graph holds something that this fold alone made. */
const holds = ({ graph }: Compiled, fold: string): boolean => topological(graph.outputs.map((o) => o.node)).some((n) => {
  const origins = graph.arena.originsOf(n);
  return origins.length > 0 && origins.every((o) => o.by === fold);
});

test("the budget is that of the fold, and nothing of the fold stays in the graph", (t) => {
  for (const [text, fold, places] of [[TOME, "tome", 8], [EXPEDITE, "expedite", 1]] as const) {
    const real = compiled(text, { variant: "folded" });
    const control = compiled(text, { variant: "folded", control: { seed: 1 } });
    t.is(real.controls, 0);
    t.is(control.controls, places);
    t.is(control.cost.blocks, real.cost.blocks);
    t.deepEqual(control.cost.tokens, real.cost.tokens);
    t.true(holds(real, fold));
    t.false(holds(control, fold));
    t.true(holds(control, "random_keep"));
    // Nothing is required of a control.
    t.deepEqual(control.gates, []);
  }
});

/** The tokens that enter blocks[3], and the places of those that a draw of 64 keeps among the 256 patches. */
const drawnFrom = (seed: number): string => `
use model.vit
use image
use folds.control (random_keep)
model transformer = vit.Segmenter from "models/digit-scenes-segmenter"
pipeline probe(picture: image) -> { tokens: f32[N, C], kept: f32[K, One] } {
  let x = transformer.blocks[2](transformer.blocks[1](transformer.blocks[0](transformer.embeddings(image.prepare(picture; transformer.processor)))))
  let places = expand(cast(iota(256 as N); to: f32); like: x[C: 0..1, N: 1..] as [B, N, One])
  { tokens: x, kept: random_keep(keep: 64, seed: ${seed}).down(permute(places; (B, N, One))) as [B, K, One] }
}`;

test("a dropped token comes back as the kept one that was most similar where it was dropped", async (t) => {
  const { pictures } = await scenes([1]);
  const drawn: number[][] = [];
  for (const seed of [1, 2]) {
    // The first place of a model with seed s draws with 1000 s.
    const outputs = await run(compiled(drawnFrom(seed * 1000)), { picture: pictures });
    const [x, kept] = [output(outputs, "tokens"), output(outputs, "kept")];
    const width = x.length / 257;
    const rows = Array.from({ length: 256 }, (_, i) => x.slice((i + 1) * width, (i + 2) * width));
    const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, v, i) => sum + v * (b[i] as number), 0);
    const lengths = rows.map((r) => Math.sqrt(dot(r, r)));
    const nearest = rows.map((row, i) => {
      const own = kept.indexOf(i);
      const similar = kept.map((k) => dot(row, rows[k] as number[]) / (lengths[k] as number));
      return own >= 0 ? own : similar.indexOf(Math.max(...similar));
    });
    const groups = output(await run(compiled(EXPEDITE, { variant: "folded", control: { seed }, trace: true }), { picture: pictures }), "folds");
    t.deepEqual(groups, [0, ...nearest.map((g) => g + 1)]);
    drawn.push(kept);
  }
  t.is(new Set(drawn[0]).size, 64);
  t.deepEqual(drawn[0], [...(drawn[0] ?? [])].sort((a, b) => a - b));
  // Two draws of a quarter have about a quarter in common.
  const common = drawn[0]?.filter((k) => drawn[1]?.includes(k)).length ?? 0;
  t.true(common > 4 && common < 30, `${common} in common`);
});

const TEXT = `
use model.bert
use folds.tome (tome)
model encoder = bert.Encoder from "models/tiny-random-minilm"
compress encoder as folded { fold tokens protect 1 in each blocks[*] after attended with tome(r: 2) }
pipeline probe(ids: i64[N], mask: i64[N]) -> { hidden: f32[N, C] } { { hidden: encoder(ids, mask, ids * 0) } }`;

test("text, whose length only a run knows, with its mask", async (t) => {
  const model = compiled(TEXT, { variant: "folded", control: { seed: 3 }, trace: true });
  for (const length of [9, 14, 3]) {
    const groups = output(await run(model, { ids: i64([1, length], Array.from({ length }, (_, i) => (i * 37) % 90)), mask: i64([1, length], Array.from({ length }, () => 1)) }), "folds");
    // Two blocks merge two pairs each, where there are so many beside the protected token: floor(2 / 2) and floor(1 / 2) of three.
    t.is(new Set(groups).size, length === 3 ? 2 : length - 4, `${length}`);
  }
});

test("where data decide how many stay, as many stay", async (t) => {
  const program = (pipeline: string): string => `
use model.vit
use image
use folds.mrt5 (DeleteGate, mrt5)
model transformer = vit.Classifier from "models/tiny-vit-mnist"
model gate = DeleteGate(width: 96) from random(seed: 9)
fn centred(x: f32[B, N, C]) -> f32[B, N] { gate(x) - mean(gate(x); over: N) }
compress transformer as folded { fold tokens protect 1 across blocks[3..] with mrt5(gate: centred, threshold: 0.0) }
${pipeline}`;
  const folded = program("pipeline probe(picture: image) -> { label: Int } { { label: argmax(transformer(image.prepare(picture; transformer.processor)); over: Classes) } }");
  const counting = program(`pipeline probe(picture: image) -> { kept: Int } {
    let x = transformer.blocks[2](transformer.blocks[1](transformer.blocks[0](transformer.embeddings(image.prepare(picture; transformer.processor)))))
    { kept: sum(cast(centred(x[N: 1..] as [B, N, C]) > 0.0; to: i64); over: N) }
  }`);
  const control = compiled(folded, { variant: "folded", control: { seed: 1 }, trace: true });
  const counts = new Set<number>();
  for (const row of [0, 7]) {
    const { pictures } = digits([row]);
    const [kept = 0] = output(await run(compiled(counting), { picture: pictures }), "kept");
    const groups = output(await run(control, { picture: pictures }), "folds");
    t.is(new Set(groups).size, kept + 1);
    counts.add(kept);
  }
  t.is(counts.size, 2, "the two pictures keep different counts");
});

test("a decoder: positions and causal mask go along with what stays", async (t) => {
  const text = `
use model.llama (Decoder)
fold evens() : N -> K where K = ceil(N / 2) {
  down positions by pick
  down(x: f32[B, N, C]) -> kept: f32[B, K, C] { pick(x) }
  fn pick(v: f32[B, N, C]) -> f32[B, K, C] { v[N: 0.. step 2] as [B, K, C] }
  up(y: f32[B, K, C]) -> f32[B, N, C] { down.x + gather(y - down.kept, iota(down.x.N as N) / 2; over: K) }
}
model decoder = Decoder from "models/tiny-llama-shakespeare"
compress decoder as folded { fold tokens across blocks[2..4] with evens() }
pipeline probe(ids: i64[N]) -> { logits: f32[N, V] } { { logits: decoder(ids) } }`;
  const ids = [17, 254, 3, 99, 512, 7, 1000, 42, 8, 61, 300, 5];
  const control = compiled(text, { variant: "folded", control: { seed: 1 }, trace: true });
  const outputs = await run(control, { ids: i64([1, ids.length], ids) });
  t.is(new Set(output(outputs, "folds")).size, 6);
  t.true(output(outputs, "logits").every(Number.isFinite));
});

test("what drops nothing, and what is a control itself, has none", (t) => {
  for (const text of [
    segmenter("use folds.tome (tome)", "fold tokens protect 1 in each blocks[*] after attended with tome(r: 0)"),
    segmenter("use folds.control (uniform)", "fold tokens protect 1 across blocks[3..] with uniform(from: (16, 16), to: (8, 8))"),
    segmenter("use rewrites.int8 (int8)", "rewrite blocks with int8()"),
    segmenter("fold louder() : N -> K where K = N { down(x: f32[B, N, C]) -> f32[B, K, C] { x * 1.5 } }", "fold tokens in each blocks[3] with louder()"),
  ]) {
    const { value, problems } = attempted(text, { variant: "folded", control: { seed: 1 } });
    t.deepEqual(problems.filter((p) => p.severity === "error"), []);
    t.is(value?.controls, 0);
  }
});

test("the seed decides: the same twice is the same, another is another", async (t) => {
  const inputs = { picture: digits([3]).pictures };
  const text = `
use model.vit
use image
use folds.tome (tome)
model transformer = vit.Classifier from "models/tiny-vit-mnist"
compress transformer as folded { fold tokens protect 1 in each blocks[2..] after attended with tome(r: 8) }
pipeline probe(picture: image) -> { scores: f32[Classes] } { { scores: transformer(image.prepare(picture; transformer.processor)) } }`;
  const scores = async (seed: number): Promise<number[]> => output(await run(compiled(text, { variant: "folded", control: { seed } }), inputs), "scores");
  t.deepEqual(await scores(1), await scores(1));
  t.notDeepEqual(await scores(1), await scores(2));
});

test("F303 points at what needs every token", (t) => {
  const text = `
use model.vit
fold first_half() : N -> K where K = ceil(N / 2) { down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0..K] } }
model transformer = vit.Segmenter from "models/digit-scenes-segmenter"
compress transformer as folded { fold tokens across blocks[3..] with first_half() }
pipeline probe(pixels: f32[Channels = 1, Y = 64, X = 64]) -> { label: i64[Y, X] } { { label: argmax(transformer(pixels); over: Classes) } }`;
  const problem = attempted(text, { variant: "folded" }).problems.find((p) => p.code === "F303");
  t.is(problem?.span?.file, "pipelines/test.kiri");
  t.deepEqual(problem?.labels.map((l) => [l.span.file, l.says]), [["std:model/vit.kiri", "this needs every token"]]);
});
