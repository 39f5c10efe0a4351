/** `folds`: the group of each original token, told by the ups alone. Compared with the oracles' own groups where these have them. */
import test from "ava";
import { expectedOf, readSafetensors } from "../../support/golden.ts";
import { i64 } from "../../support/evaluate.ts";
import { digits, scenes } from "../../support/pictures.ts";
import { attempted, compiled, output, run } from "../../support/program.ts";

const expected = (name: string): ReturnType<typeof readSafetensors> => readSafetensors(new URL(`../../parity/${name}/expected.safetensors`, import.meta.url).pathname);
const whole = (file: ReturnType<typeof expected>, name: string): number[] => Array.from(expectedOf(file, name).data, Number);

interface Vision {
  readonly model: string;
  readonly label: string;
}
const vision = ({ model, label }: Vision, fold: string, more = ""): string => `
use model.vit
use image
${["tome", "expedite"].filter((name) => fold.includes(name)).map((name) => `use folds.${name} (${name})`).join("\n")}
${fold.includes("uniform") ? "use folds.control (uniform)" : ""}
${more}
model transformer = ${model}
compress transformer as folded { ${fold} }
pipeline probe(picture: image) -> { label: ${label} } {
  { label: argmax(transformer(image.prepare(picture; transformer.processor)); over: Classes) }
}`;
const SEGMENTER: Vision = { model: 'vit.Segmenter from "models/digit-scenes-segmenter"', label: "i64[Y, X]" };
const CLASSIFIER: Vision = { model: 'vit.Classifier from "models/tiny-vit-mnist"', label: "Int" };

for (const [name, options] of [["keys", ""], ["features", ", metric: mlp_input"], ["features", ", metric: mlp_input, residual: true"]] as const)
  test(`tome in all blocks, ${name}${options.includes("residual") ? ", residual" : ""}: the merged groups`, async (t) => {
    const file = expected("segmenter-tome");
    const { pictures } = await scenes(whole(file, "scenes"));
    const model = compiled(vision(SEGMENTER, `fold tokens protect 1 in each blocks[*] after attended with tome(r: 14${options})`), { variant: "folded", trace: true });
    const groups = output(await run(model, { picture: pictures }), "folds");
    t.deepEqual(groups, whole(file, `${name}-r14.group`));
    // As many tokens in each group as its size says.
    const sizes = Array.from({ length: 2 * 145 }, (_, at) => groups.filter((g, i) => Math.floor(i / 257) === Math.floor(at / 145) && g === at % 145).length);
    t.deepEqual(sizes, whole(file, `${name}-r14.size`).map(Math.round));
  });

test("tome where nothing comes back: the classifier reads one token, and the groups are known all the same", async (t) => {
  const file = expected("vit-classifier");
  const model = compiled(vision(CLASSIFIER, "fold tokens protect 1 in each blocks[2..] after attended with tome(r: 4)"), { variant: "folded", trace: true });
  t.deepEqual(output(await run(model, { picture: digits(whole(file, "rows")).pictures }), "folds"), whole(file, "tome-keys.group"));
});

test("uniform: each patch belongs to its nearest kept one, and the class token beside them to itself", async (t) => {
  const file = expected("segmenter-controls");
  const { pictures } = await scenes([0]);
  for (const residual of [false, true]) {
    const model = compiled(vision(SEGMENTER, `fold tokens protect 1 across blocks[4..] with uniform(from: (16, 16), to: (12, 12), residual: ${residual})`), { variant: "folded", trace: true });
    t.deepEqual(output(await run(model, { picture: pictures }), "folds"), [0, ...whole(file, "a4-12x12.source").map((i) => i + 1)], `${residual}`);
  }
});

test("expedite: each patch belongs to the centre that it takes most of", async (t) => {
  const { pictures } = await scenes([1, 8]);
  for (const options of ["near: 4", "near: 20, norm: l1", "near: 4, norm: l1, residual: true"]) {
    const model = compiled(vision(SEGMENTER, `fold tokens protect 1 across blocks[3..] with expedite(from: (16, 16), to: (8, 8), ${options})`), { variant: "folded", trace: true });
    const groups = output(await run(model, { picture: pictures }), "folds");
    // The weights fall with the distance, so the largest is that of the nearest refined centre: computed here from the same tokens.
    const nearest = output(await run(compiled(nearestCentre), { picture: pictures }), "nearest");
    t.deepEqual(groups.filter((_, i) => i % 257 !== 0), nearest.map((i) => i + 1), options);
    t.deepEqual(groups.filter((_, i) => i % 257 === 0), [0, 0]);
  }
});

const nearestCentre = `
use model.vit
use image
use grid (Grid, pool, window_mask)
model transformer = ${SEGMENTER.model}
fn refine(x: f32[B, N, C], c: f32[B, K, C]; from: Grid, to: Grid) -> f32[B, K, C] where N = from.area, K = to.area {
  let weights = softmax(distance(x, c) * -0.02 + window_mask(from, to, 5); over: K)
  dot(weights, x; over: N) / max(sum(weights; over: N), 1e-16)
}
fn centre(x: f32[B, N, C]; from: Grid, to: Grid) -> i64[B, N] where N = from.area {
  let c = repeat 5 from c = pool(x; from, to) { refine(x, c; from, to) }
  argmin(distance(x, c); over: K)
}
pipeline probe(picture: image) -> { nearest: i64[P = 256] } {
  let tokens = transformer.embeddings(image.prepare(picture; transformer.processor))
  let x = transformer.blocks[2](transformer.blocks[1](transformer.blocks[0](tokens)))
  { nearest: centre(x[N: 1..257] as [B, P, C]; (16, 16), (8, 8)) }
}`;

test("text, whose length only a run knows", async (t) => {
  const model = compiled(`
use model.bert
use folds.tome (tome)
model encoder = bert.Encoder from "models/tiny-random-minilm"
compress encoder as folded { fold tokens protect 1 in each blocks[*] after attended with tome(r: 2) }
pipeline probe(ids: i64[N], mask: i64[N]) -> { hidden: f32[N, C] } { { hidden: encoder(ids, mask, ids * 0) } }`, { variant: "folded", trace: true });
  for (const length of [9, 14]) {
    const ids = Array.from({ length }, (_, i) => (i * 37) % 90);
    const groups = output(await run(model, { ids: i64([1, length], ids), mask: i64([1, length], ids.map(() => 1)) }), "folds");
    t.deepEqual([...new Set(groups)].sort((a, b) => a - b), Array.from({ length: length - 4 }, (_, i) => i));
    t.is(groups[0], 0);
    t.is(groups.filter((g) => g === 0).length, 1);
  }
});

test("a fold without an up has no trace, and the plain model none", (t) => {
  const head = `
fold first_half() : N -> K where K = ceil(N / 2) { down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0..K] } }
`;
  const text = vision(CLASSIFIER, "fold tokens in each blocks[3] with first_half()", head);
  t.deepEqual(attempted(text, { variant: "folded", trace: true }).value?.outputs.map((o) => o.name), ["label"]);
  t.deepEqual(attempted(text, { trace: true }).value?.outputs.map((o) => o.name), ["label"]);
});
