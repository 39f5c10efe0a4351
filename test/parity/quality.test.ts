/** Quality over whole data sets, of the committed pipelines: what PyTorch measured, see `pipelines/models/*\/README.md` and `README.md` here. */
import { readFileSync } from "node:fs";
import test from "ava";
import type { Value } from "../../compiler/host.ts";
import { digits, scenes } from "../support/pictures.ts";
import { compiled, output, ROOT, run } from "../support/program.ts";

/** Without `expect fused`: what was fused is another test's matter, and changes no value. */
const pipeline = (name: string): string => readFileSync(`${ROOT}pipelines/${name}.kiri`, "utf8").replaceAll(/^\s*expect .*$/gm, "");
const file = (name: string): string => `pipelines/${name}.kiri`;

const CLASSES = 11;
const PIXELS = 64 * 64;
const AT_ONCE = 25;

/** Mean over classes of intersection / union of one count over all pixels of all scenes. */
async function meanIou(variant: string | undefined, text = pipeline("scenes")): Promise<number> {
  const { pictures, labels } = await scenes();
  const model = compiled(text, { file: file("scenes"), variant });
  const counts = new Float64Array(CLASSES * CLASSES);
  for (let from = 0; from < 100; from += AT_ONCE) {
    const batch: Value = { dtype: "u8", dims: [AT_ONCE, 1, 64, 64], bytes: pictures.bytes.subarray(from * PIXELS, (from + AT_ONCE) * PIXELS) };
    const guesses = output(await run(model, { picture: batch }), "label");
    for (const [i, guess] of guesses.entries()) {
      const at = (labels.bytes[from * PIXELS + i] as number) * CLASSES + guess;
      counts[at] = (counts[at] as number) + 1;
    }
  }
  const count = (truth: number, guess: number): number => counts[truth * CLASSES + guess] as number;
  const all = Array.from({ length: CLASSES }, (_, i) => i);
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  return sum(all.map((c) => count(c, c) / (sum(all.map((o) => count(c, o))) + sum(all.map((o) => count(o, c))) - count(c, c)))) / CLASSES;
}

/** The whole-set figures are steady to far less: f32 flips single pixels, 0.005 is 0.7 % of the best. */
const WITHIN = 0.005;

for (const [variant, wanted] of [
  [undefined, 0.749],
  ["expedite_12", 0.655],
  ["expedite_8", 0.531],
  ["expedite_8_residual", 0.61],
  ["uniform_12", 0.463],
  ["uniform_8", 0.287],
  ["tome_keys", 0.638],
  ["tome_features", 0.747],
  ["tome_features_30_residual", 0.723],
] as const)
  test.serial(`scenes: mIoU of ${variant ?? "the plain model"}`, async (t) => {
    const found = await meanIou(variant);
    t.true(Math.abs(found - wanted) <= WITHIN, `${found}`);
  });

// The draws are ours and not those of the README, so single ones differ: twelve seeds in PyTorch deviate by 0.009 and 0.013.
for (const [variant, wanted] of [["random_12", 0.483], ["random_8", 0.281]] as const)
  test.serial(`scenes: mean mIoU of four seeds of ${variant}`, async (t) => {
    const found: number[] = [];
    for (const seed of [1, 2, 3, 4]) found.push(await meanIou(variant, pipeline("scenes").replaceAll("seed: 1)", `seed: ${seed})`)));
    const mean = found.reduce((a, b) => a + b, 0) / found.length;
    t.true(Math.abs(mean - wanted) <= 0.02, found.join(" "));
    t.true(new Set(found).size > 1, "the seeds must differ");
  });

/** Share of the digits that are named rightly. */
async function accuracy(variant: string | undefined): Promise<number> {
  const { pictures, labels } = digits();
  const guesses = output(await run(compiled(pipeline("digits"), { file: file("digits"), variant }), { picture: pictures }), "label");
  return guesses.filter((guess, i) => guess === labels[i]).length / labels.length;
}

for (const [variant, wanted] of [[undefined, 0.952], ["lite", 0.952]] as const)
  test.serial(`digits: accuracy of ${variant ?? "the plain model"}`, async (t) => {
    const found = await accuracy(variant);
    t.true(Math.abs(found - wanted) <= 0.001, `${found}`);
  });
