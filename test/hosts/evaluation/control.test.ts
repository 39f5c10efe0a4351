// Controls beside the variants: a row for each that drops tokens, at its budget, with the mean of its draws; and what the table says of counts that only a run knows.
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { benchTable } from "../../../hosts/cli/commands/bench.ts";
import { compare } from "../../../hosts/evaluation/compare.ts";
import { kiri } from "../../support/command-line.ts";
import { ROOT } from "../../support/program.ts";
import { literal } from "../../../compiler/graph/build.ts";
import { digits } from "../../support/pictures.ts";
import { temporaryFolder, writeSafetensors } from "../../support/safetensors-file.ts";

const ACCURACY = "accuracy(label) on some";

/** The first 40 digits, and a classifier folded in several ways. */
function project(): string {
  const root = temporaryFolder();
  mkdirSync(join(root, "models"));
  for (const model of ["tiny-vit-mnist", "tiny-random-minilm"]) cpSync(join(ROOT, "pipelines/models", model), join(root, "models", model), { recursive: true });
  const { pictures, labels } = digits(Array.from({ length: 40 }, (_, i) => i));
  writeSafetensors(join(root, "some.safetensors"), { picture: { dtype: "u8", shape: [40, 28, 28], bytes: pictures.bytes }, label: { dtype: "i64", shape: [40], bytes: literal("i64", labels).bytes } });
  writeFileSync(join(root, "main.kiri"), `
use model.vit
use image
use folds.tome (tome)
use folds.control (uniform)
use rewrites.int8 (int8)
use measure.accuracy (accuracy)
fold halved() : N -> K where K = ceil(N / 2) {
  at scores(s: f32[B, H, N', N]) { s }
  down(x: f32[B, N, C]) reads keys: f32[B, H, N, D] -> f32[B, K, C] { x[N: 0..K] }
}
/// Nothing but what is protected.
fold only_first() : N -> K where K = protected { down(x: f32[B, N, C]) -> f32[B, K, C] { x[N: 0..K] } }
model classifier = vit.Classifier from "models/tiny-vit-mnist"
data some: (picture: image, label: Int) = "some.safetensors"
compress classifier as merged {
  fold tokens protect 1 in each blocks[*] after attended with tome(r: 7)
  rewrite blocks with int8()
  require accuracy(label) >= 0.5 on some
  expect fused attention * 6
}
compress classifier as first { fold tokens protect 1 across blocks[5..] with only_first() }
compress classifier as cut { fold tokens protect 1 across blocks[1..] with halved() }
compress classifier as even { fold tokens protect 1 across blocks[3..] with uniform(from: (7, 7), to: (4, 4)) }
compress classifier as small { rewrite blocks with int8() }
pipeline classify(picture: image) -> { label: Int } { { label: argmax(classifier(image.prepare(picture; classifier.processor)); over: Classes) } }
`);
  writeFileSync(join(root, "text.kiri"), `
use model.bert
use folds.tome (tome)
tokenizer words = text from "models/tiny-random-minilm"
model encoder = bert.Encoder from "models/tiny-random-minilm"
compress encoder as folded { fold tokens protect 1 in each blocks[*] after attended with tome(r: 2) }
pipeline embed(sentence: text) -> { vector: f32[C] } {
  let tokens = words.encode(sentence)
  { vector: encoder(tokens.ids, tokens.mask, tokens.types)[N: 0] }
}
`);
  writeFileSync(join(root, "heads.kiri"), `
layer One() {
  (x: f32[B, N, H, D]) -> f32[B, N, H, D] { tanh(x) }
}
layer Both() {
  use parts[2] = One()
  (x: f32[B, N, H, D]) -> f32[B, N, H, D] { parts(x) }
}
fold front() : N -> K where K = ceil(N / 2) { down(x: f32[B, N, H, D]) -> f32[B, K, H, D] { x[N: 0..K] } }
model both = Both() from random(seed: 1)
compress both as front { fold tokens across parts[1..] with front() }
pipeline reduce(x: f32[N, H, D]) -> { y: f32[H, D] } { { y: max(both(x); over: N) } }
`);
  return root;
}

const root = project();

test("a control behind each variant that drops tokens, at its budget; none for what is a control or drops none", async (t) => {
  const found = await compare({ root, file: "main.kiri", latency: false });
  t.deepEqual(found.problems, []);
  t.deepEqual(found.rows.map((r) => r.variant), ["plain", "merged", "merged / random", "first", "first / random", "cut", "cut / random", "even", "small"]);
  const row = (name: string): (typeof found.rows)[number] | undefined => found.rows.find((r) => r.variant === name);
  for (const name of ["merged", "first", "cut"]) {
    t.is(row(name)?.flopRatio, row(`${name} / random`)?.flopRatio);
    t.deepEqual(row(name)?.tokens, row(`${name} / random`)?.tokens);
  }
  // A control's rewrites are its variant's, and nothing is required of it.
  t.true((row("merged / random")?.bytes ?? Infinity) < 0.5 * (row("plain")?.bytes ?? 0));
  t.deepEqual(row("merged / random")?.problems, []);
  // Seven of fifty tokens in each of six blocks: merging what is alike is worth more than keeping any.
  t.true((row("merged")?.measures[ACCURACY] ?? 0) > (row("merged / random")?.measures[ACCURACY] ?? 1), JSON.stringify(found.rows.map((r) => r.measures)));
});

test("quality is the mean of the draws", async (t) => {
  const quality = async (seeds: number): Promise<number> => (await compare({ root, file: "main.kiri", variants: ["merged"], latency: false, seeds })).rows[2]?.measures[ACCURACY] ?? Number.NaN;
  const [one, two] = [await quality(1), await quality(2)];
  // A share of 40 pictures; of two draws a share of 80.
  t.true(Math.abs(one * 40 - Math.round(one * 40)) < 1e-4, `${one}`);
  t.true(Math.abs(two * 80 - Math.round(two * 80)) < 1e-4, `${two}`);
  t.deepEqual((await compare({ root, file: "main.kiri", variants: ["merged"], latency: false, seeds: 0 })).rows.map((r) => r.variant), ["plain", "merged"]);
});

test("the table names the symbol of tokens that only a run counts, and no number for what is left of them", async (t) => {
  const found = await compare({ root, file: "text.kiri", latency: false, seeds: 1 });
  t.deepEqual(found.problems.filter((p) => p.severity === "error"), []);
  t.deepEqual(found.rows.map((r) => r.tokens), [{ entering: "N", leaving: "N" }, { entering: "N", leaving: undefined }, { entering: "N", leaving: undefined }]);
  const lines = benchTable(found).split("\n").slice(2).map((line) => line.trim().split(/ {2,}/));
  t.deepEqual(lines.slice(0, 3).map((l) => l.slice(0, 3)), [["plain", "1.000", "N"], ["folded", "–", "N → –"], ["folded / random", "–", "N → –"]]);
});

test("G610: a fold of something else than f32[B, N, C] stands without a control, and that is told", async (t) => {
  const found = await compare({ root, file: "heads.kiri", latency: false });
  t.deepEqual(found.problems, []);
  t.deepEqual(found.rows.map((r) => r.variant), ["plain", "front"]);
  t.deepEqual(found.rows[1]?.problems.map((p) => [p.code, p.severity]), [["G610", "warning"]]);
});

test("the command draws as often as it is told, or not at all", async (t) => {
  const rows = async (...flags: string[]): Promise<string[]> => {
    const { code, out, err } = await kiri({ cwd: root }, "bench", "heads.kiri", "--no-latency", ...flags);
    t.is(code, 0, err);
    t.is(/G610/.test(err), !flags.includes("--no-control"));
    return out.split("\n").slice(2, 4).map((line) => line.split(" ")[0] ?? "");
  };
  t.deepEqual(await rows("--no-control"), ["plain", "front"]);
  t.deepEqual(await rows("--seeds", "1"), ["plain", "front"]);
  const { out } = await kiri({ cwd: root }, "bench", "text.kiri", "--no-latency", "--seeds", "1");
  t.regex(out, /^folded \/ random .*N → –/m);
  t.regex(out, /\n\/ random: as many tokens as the variant keeps/);
  t.is((await kiri({ cwd: root }, "bench", "text.kiri", "--seeds", "none")).code, 2);
});
