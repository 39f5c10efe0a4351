/** Vision transformers, plain and folded, against PyTorch: `README.md` says what each expected file holds and how it was computed. */
import test from "ava";
import { difference, every, expectedOf, readSafetensors } from "../support/golden.ts";
import { digits, scenes } from "../support/pictures.ts";
import { compiled, output, run, SPELLINGS } from "../support/program.ts";

/**
 * Of the largest expected value. Every oracle computes in f64 and keeps only cases whose own f32 stays within this, so
 * what is larger is not rounding; what we compute differs by 1e-6 to 1e-5.
 */
const TOLERANCE = 1e-4;

const expected = (name: string): ReturnType<typeof readSafetensors> => readSafetensors(new URL(`${name}/expected.safetensors`, import.meta.url).pathname);
const whole = (file: ReturnType<typeof expected>, name: string): number[] => Array.from(expectedOf(file, name).data, Number);

const program = (model: string, axes: string, line: string): string => `
use model.vit
use image
use folds.tome (tome)
use folds.expedite (expedite)
use folds.control (uniform)

model transformer = ${model}
pipeline probe(picture: image) -> { logits: f32[${axes}] } { { logits: transformer(image.prepare(picture; transformer.processor)) } }
${line ? `compress transformer as folded { fold tokens protect 1 ${line} }` : ""}
`;

/** A name in the expected file, and the fold that gives it. */
type Case = readonly [name: string, fold: string];

const classifier: readonly Case[] = [
  ["logits", ""],
  ["tome-keys.logits", "in each blocks[2..] after attended with tome(r: 4)"],
  ["tome-features.logits", "in each blocks[2..] after attended with tome(r: 4, metric: mlp_input)"],
];

for (const [name, fold] of classifier)
  test(`vit-classifier: ${name}`, async (t) => {
    const file = expected("vit-classifier");
    const { pictures } = digits(whole(file, "rows"));
    const model = compiled(program('vit.Classifier from "models/tiny-vit-mnist"', "Classes", fold), { variant: fold ? "folded" : undefined });
    for (const spelling of SPELLINGS) {
      const logits = output(await run(model, { picture: pictures }, spelling), "logits");
      t.true(difference(logits, whole(file, name)).relative <= TOLERANCE, spelling);
    }
  });

test("vit-classifier: the pixels that go in are those of the image processor", async (t) => {
  const file = expected("vit-classifier");
  const { pictures } = digits(whole(file, "rows").slice(0, 1));
  const model = compiled(`
use model.vit
use image
model transformer = vit.Classifier from "models/tiny-vit-mnist"
pipeline probe(picture: image) -> { pixels: f32[Channels, H, W] } { { pixels: image.prepare(picture; transformer.processor) } }`);
  t.true(difference(output(await run(model, { picture: pictures }), "pixels"), whole(file, "pixels")).relative <= 1e-6);
});

/** The fold from block α on, with the options of each variant; `README.md` defines them. */
const expedite = (alpha: number, k: number, near: number): readonly Case[] => {
  const at = (options: string, up = "up after normed"): string => `across blocks[${alpha}..] with expedite(from: (16, 16), to: (${k}, ${k}), ${options}) ${up}`;
  const name = `a${alpha}-${k}x${k}`;
  return [
    [`${name}.l2`, at(`near: ${near}`)],
    [`${name}.l1`, at(`near: ${near}, norm: l1`)],
    [`${name}.l2-norm-after`, at(`near: ${near}`, "")],
    [`${name}.residual`, at("near: 4, norm: l1, residual: true", "")],
    [`${name}.follow-l1`, at(`near: ${near}, norm: l1, follow: 5.0`)],
    [`${name}.follow-residual`, at("near: 4, norm: l1, residual: true, follow: 5.0", "")],
  ];
};

const tome = (named: string, metric: string): readonly Case[] => {
  const at = (options = ""): string => `in each blocks[*] after attended with tome(r: 14, metric: ${metric}${options})`;
  return [
    [`${named}-r14.value`, at()],
    [`${named}-r14.residual`, at(", residual: true")],
    [`${named}-r14.no-proportional`, at(", proportional: false")],
  ];
};

const uniform = (alpha: number, k: number): readonly Case[] => {
  const at = (residual: boolean): string => `across blocks[${alpha}..] with uniform(from: (16, 16), to: (${k}, ${k}), residual: ${residual})`;
  return [[`a${alpha}-${k}x${k}.value`, at(false)], [`a${alpha}-${k}x${k}.residual`, at(true)]];
};

const segmenter: Readonly<Record<string, readonly Case[]>> = {
  "segmenter": [["logits", ""]],
  "segmenter-expedite": [...expedite(3, 8, 20), ...expedite(4, 12, 4)],
  "segmenter-tome": [...tome("keys", "keys"), ...tome("features", "mlp_input")],
  "segmenter-controls": [...uniform(3, 8), ...uniform(4, 12)],
};

for (const [folder, cases] of Object.entries(segmenter))
  for (const [name, fold] of cases)
    test(`${folder}: ${name}`, async (t) => {
      const file = expected(folder);
      const { pictures } = await scenes(whole(file, "scenes"));
      const model = compiled(program('vit.Segmenter from "models/digit-scenes-segmenter"', "Classes, Y, X", fold), { variant: fold ? "folded" : undefined });
      for (const spelling of SPELLINGS) {
        const logits = Float32Array.from(output(await run(model, { picture: pictures }, spelling), "logits"));
        const kept = every(logits, pictures.dims[0] as number, whole(file, "stride")[0] as number);
        t.true(difference(kept, whole(file, name)).relative <= TOLERANCE, spelling);
      }
    });

test("segmenter: the classes of every pixel", async (t) => {
  const file = expected("segmenter");
  const { pictures } = await scenes(whole(file, "scenes"));
  const model = compiled(`
use model.vit
use image
model transformer = vit.Segmenter from "models/digit-scenes-segmenter"
pipeline probe(picture: image) -> { label: i64[Y = 64, X = 64] } { { label: argmax(transformer(image.prepare(picture; transformer.processor)); over: Classes) } }`);
  for (const spelling of SPELLINGS) t.deepEqual(output(await run(model, { picture: pictures }, spelling), "label"), whole(file, "classes"), spelling);
});
