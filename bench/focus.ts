/**
 * Folds on a trained ViT that is known only as an ONNX file: DINOv2 ViT-S/14 with a saliency head, `focus/at-224.kiri` and `focus/at-448.kiri`.
 * `python bench/fetch.py focus photos`, then `npx tsx bench/focus.ts [--side 224|448] [--only quality|speed|pictures] [--rows NAME,…] [--again] [--python PYTHON] [--rounds N]`.
 * Quality: maps of 22 photos against the plain ones, and (with a PyTorch) against the same folds there. Speed: one thread, one interleaved run,
 * the whole model and its blocks alone. Pictures: maps and folded tokens, in bench/.models/focus-made. Prints Markdown; fails where a bar is missed.
 * What models and PyTorch made of the photos is kept there too: `--rows` (variants by name, pictures by their side) does a part of the table,
 * and a run that ended early goes on where it was. Models are known by their bytes, folds in PyTorch by name; `--again` computes both anew.
 */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { FILE } from "./focus/files.ts";
import { draw } from "./focus/pictures.ts";
import { PHOTOS } from "./focus/photos.ts";
import { judged, rowsOf } from "./focus/quality.ts";
import { raced } from "./focus/speed.ts";

const { values } = parseArgs({ options: { side: { type: "string" }, only: { type: "string" }, rows: { type: "string" }, again: { type: "boolean", default: false }, python: { type: "string" }, rounds: { type: "string", default: "15" } } });
for (const file of [FILE, ...PHOTOS.map((p) => p.file)]) if (!existsSync(file)) throw new Error(`${file} is missing: python bench/fetch.py focus photos`);
const sides = ([448, 224] as const).filter((side) => values.side === undefined || Number(values.side) === side);
const rows = values.rows?.split(",");
for (const row of rows ?? []) if (!sides.some((side) => rowsOf(side).includes(row))) throw new Error(`there is no row ${row}, only ${sides.flatMap(rowsOf).join(", ")}`);
const does = (part: string): boolean => values.only === undefined || values.only === part;

const missed: string[] = [];
for (const side of sides) {
  if (does("quality")) missed.push(...(await judged(side, { python: values.python, rows, isAnew: values.again })));
  if (does("speed")) missed.push(...(await raced(side, Number(values.rounds))));
  if (does("pictures")) console.log(`\n${await draw(side)}`);
}
console.log(missed.length === 0 ? "\nall bars are reached" : `\nmissed:\n${missed.map((m) => `- ${m}`).join("\n")}`);
process.exitCode = missed.length === 0 ? 0 : 1;
