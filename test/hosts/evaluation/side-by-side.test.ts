// Folds of the library at one budget: each takes the setting that leaves most work within it, by the sizes of its tokens; what it reaches is what its line reaches in a program.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { compare } from "../../../hosts/evaluation/compare.ts";
import { type Blocks, LISTED, UNLISTED } from "../../../hosts/evaluation/fold-catalogue.ts";
import { peakMemory } from "../../../hosts/evaluation/peak-memory.ts";
import { plainly, sideBySide } from "../../../hosts/evaluation/side-by-side.ts";
import { build } from "../../../hosts/build.ts";
import { ROOT } from "../../support/program.ts";
import { temporaryFolder } from "../../support/safetensors-file.ts";

const ACCURACY = "accuracy(label) on held_out";
const USES = "use folds.tome (tome)\nuse folds.control (random_keep)\n";
const PROGRAM = `use model.vit
use image
use measure.accuracy (accuracy)
model classifier = vit.Classifier from "models/tiny-vit-mnist"
data held_out: (picture: image, label: Int) = "data/records.json"
compress classifier as wanted { report accuracy(label) on held_out }
pipeline digits(picture: image) -> { label: Int } { { label: argmax(classifier(image.prepare(picture; classifier.processor)); over: Classes) } }
`;

/** The trained classifier with five digits, and more lines of the program. */
function project(more = ""): string {
  const root = temporaryFolder();
  cpSync(join(ROOT, "pipelines/models/tiny-vit-mnist"), join(root, "models/tiny-vit-mnist"), { recursive: true });
  mkdirSync(join(root, "data"));
  for (const label of [0, 1, 2, 3, 4]) cpSync(join(ROOT, `pipelines/data/digits/${label}.png`), join(root, `data/${label}.png`));
  writeFileSync(join(root, "data/records.json"), JSON.stringify([0, 1, 2, 3, 4].map((label) => ({ picture: `${label}.png`, label }))));
  writeFileSync(join(root, "main.kiri"), `${more === "" ? "" : USES}${PROGRAM}${more}`);
  return root;
}

/** Multiply-adds of a block on n tokens of width 96 with a MLP of four widths; where merging stands behind attention the MLP has fewer. */
const attention = (n: number): number => 4 * n * 96 ** 2 + 2 * n * n * 96;
const mlp = (n: number): number => 8 * n * 96 ** 2;
const PLAIN = 6 * (attention(50) + mlp(50));

test("every fold of the library is placed, or there is a reason not to", (t) => {
  const folds = join(ROOT, "stdlib/folds");
  const all = readdirSync(folds).flatMap((file) => [...readFileSync(join(folds, file), "utf8").matchAll(/^fold (\w+)/gm)].map((m) => m[1] ?? ""));
  const classifier: Blocks = { list: "blocks", count: 6, tokens: 50, lead: 1, grid: { h: 7, w: 7 }, needsAll: false };
  const calls: string[] = [];
  for (const listed of LISTED) {
    const settings = [classifier, { ...classifier, needsAll: true }].flatMap((blocks) => listed.settings(blocks, (text) => `${listed.file}.${text}`));
    t.true(settings.length > 0, listed.name);
    for (const [, file, fold = ""] of settings.flat().join("\n").matchAll(/with (\w+)\.(\w+)\(/g)) {
      t.is(file, listed.file);
      calls.push(fold);
    }
  }
  t.true(all.length > 20);
  t.deepEqual([...new Set(calls), ...UNLISTED.map((u) => u.name)].sort(), all.sort());
});

test("each fold takes as much as the budget lets it, and not one token less", async (t) => {
  const found = await sideBySide({ root: project(), file: "main.kiri", target: "cpu", budget: 0.6, folds: ["tome", "vflowopt", "random_keep"], latency: false });
  t.deepEqual([found.problems, found.absent, found.refused], [[], [], undefined]);
  t.deepEqual(found.rows.map((r) => r.variant), ["plain", "tome", "vflowopt", "random_keep"]);
  const [plain, tome, vflowopt, random] = found.rows;
  // So many merges altogether, the first blocks one more.
  const merged = (total: number): number => {
    let [n, work] = [50, 0];
    for (let block = 0; block < 6; block++) {
      work += attention(n);
      n -= Math.floor(total / 6) + (block < total % 6 ? 1 : 0);
      work += mlp(n);
    }
    return work / PLAIN;
  };
  const total = Array.from({ length: 46 }, (_, i) => i + 1).find((r) => merged(r) <= 0.6) ?? 0;
  t.true(Math.abs((tome?.flopRatio ?? 0) - merged(total)) < 1e-9, `${tome?.flopRatio}, and ${merged(total)} with ${total} merges`);
  const kept = (keep: number): number => (2 * (attention(50) + mlp(50)) + 4 * (attention(keep + 1) + mlp(keep + 1))) / PLAIN;
  const keep = Array.from({ length: 48 }, (_, i) => 48 - i).find((k) => kept(k) <= 0.6) ?? 0;
  t.true(Math.abs((random?.flopRatio ?? 0) - kept(keep)) < 1e-9);
  t.regex(random?.lines[0] ?? "", new RegExp(`keep: ${keep},`));
  // The data decide: by what stayed in runs.
  t.true((vflowopt?.flopRatio ?? 1) <= 0.6 && (vflowopt?.flopRatio ?? 0) > 0.5, `${vflowopt?.flopRatio}`);
  // Merging begins in the first block; where all tokens are in that block it decides the peak.
  if (process.platform === "linux") {
    t.true((tome?.peakBytes ?? 0) > 0 && (tome?.peakBytes ?? 0) < 0.9 * (plain?.peakBytes ?? 0), `${tome?.peakBytes} of ${plain?.peakBytes}`);
    t.true((random?.peakBytes ?? 0) > 0.9 * (plain?.peakBytes ?? 0), `${random?.peakBytes} of ${plain?.peakBytes}`);
  }

  const written = project(["merged", "drawn"].map((name, i) => `compress classifier as ${name} {\n  fold tokens ${plainly((i === 0 ? tome : random)?.lines[0] ?? "")}\n  report accuracy(label) on held_out\n}\n`).join(""));
  const own = await compare({ root: written, file: "main.kiri", latency: false, seeds: 0, variants: ["merged", "drawn"] });
  t.deepEqual(own.rows.map((r) => r.flopRatio), [1, tome?.flopRatio, random?.flopRatio]);
  t.is(own.rows[1]?.measures[ACCURACY], tome?.measures[ACCURACY]);
});

test("what does not fit is told: a budget beyond a fold's reach, tokens that only a run counts, a model without blocks, a model once more", async (t) => {
  const known = new Map<string, string>();
  const root = project();
  const least = await sideBySide({ root, file: "main.kiri", target: "cpu", budget: 0.2, folds: ["todre"], latency: false, memory: false, known });
  // Two of six blocks see all tokens.
  t.regex(least.absent[0]?.why ?? "", /^the least that it leaves is 0\.3[3-9]/);
  t.is((await sideBySide({ root, file: "main.kiri", target: "cpu", budget: 0.6, known })).refused, "its model is that of main.kiri");
  t.regex((await sideBySide({ root: ROOT, file: "pipelines/embed.kiri", target: "cpu", budget: 0.6 })).refused ?? "", /only a run knows how many tokens/);
  writeFileSync(join(root, "none.kiri"), 'use nn.linear (Linear)\nmodel m = Linear(4, 3) from random(seed: 1)\npipeline p(x: f32[C = 4]) -> { y: f32[O] } { { y: m(x) } }\n');
  t.regex((await sideBySide({ root, file: "none.kiri", target: "cpu", budget: 0.6 })).refused ?? "", /no model of this pipeline has blocks/);
});

if (process.platform === "linux")
  test("the peak of a run holds at least its largest value, and little more than what lives at once", async (t) => {
    const root = temporaryFolder();
    writeFileSync(join(root, "main.kiri"), "pipeline p(x: f32[N]) -> { y: f32 } { { y: sum(exp(dot(x, x as [B, M]; over: ())); over: (N, M)) } }\n");
    const made = await build({ root, file: "main.kiri", out: join(root, "out"), gates: false });
    t.truthy(made.artifact, made.problems.map((p) => p.says).join());
    const n = 4096;
    const bytes = (await peakMemory(made.artifact ?? "", { x: { dtype: "f32", dims: [1, n], data: new Float32Array(n) } })) ?? 0;
    const table = 4 * n * n;
    t.true(bytes >= 0.95 * table && bytes <= 2.5 * table, `${bytes} for tables of ${table}`);
    await t.throwsAsync(peakMemory(join(root, "nowhere"), {}), { message: /nowhere/ });
  });
