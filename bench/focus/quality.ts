// What folding does to the maps of real photos, against the plain maps, the controls and the same folds in PyTorch.
import { basename } from "node:path";
import { missedOf } from "./bars.ts";
import { compared, mean, type Quality, spreadOf, structured } from "./figures.ts";
import { FILE, rawAt } from "./files.ts";
import { normalised, PHOTOS, squareOf, stretched } from "./photos.ts";
import { type Exactness, isKnown, PyTorch, worst } from "./pytorch.ts";
import { type Seen, seenBy } from "./seen.ts";
import { type Side, type Variant, variantOf } from "./variants.ts";

/** Variants of each side in the order of the table; a number is the plain model on smaller pictures. */
const ROWS: Readonly<Record<Side, readonly (string | number)[]>> = {
  448: [
    "merged_44", "merged_60", "merged_60_unweighed", "merged_60_features", "merged_60_residual", "merged_68_residual", "merged_80", "merged_80_features", "merged_80_residual", "merged_80_both",
    "clustered_6_20", "clustered_6_20_residual", "clustered_4_20", "clustered_4_20_residual", "clustered_6_20_paper", "merged_70_clustered_9_18",
    392, 378, 364, 336, "grid_6_20", "grid_4_20", "pooled_4_20", "dropped_6_20", "dropped_4_20", "dropped_60",
  ],
  224: [
    "merged_26_from_4", "merged_16", "merged_16_unweighed", "merged_16_features", "merged_16_residual", "merged_16_both",
    "clustered_4_12", "clustered_4_10", "clustered_4_10_residual", "clustered_4_10_paper",
    196, 182, 168, "grid_4_10", "pooled_4_10", "dropped_4_10", "dropped_26_from_4", "dropped_16",
  ],
};

interface JudgeOptions {
  /** A Python with torch and onnx; without, nothing is compared with PyTorch. */
  readonly python: string | undefined;
  /** Rows of the table to print; all unless given. */
  readonly rows: readonly string[] | undefined;
  /** Computed again, also what an earlier run has left. */
  readonly isAnew: boolean;
}

/** What the rows of one side have in common. */
interface Bench {
  readonly side: Side;
  readonly isAnew: boolean;
  readonly pictures: readonly Float32Array[];
  readonly plain: Variant;
  /** What the plain model makes of the photos. */
  readonly wanted: readonly Seen[];
  readonly reference: PyTorch | undefined;
}

const picturesAt = (side: number): Promise<Float32Array[]> => Promise.all(PHOTOS.map(async (photo) => normalised(await squareOf(photo, side))));

/** Prints the table of one side; returns the bars that are missed, of those whose rows were asked for. */
export async function judged(side: Side, { python, rows: asked, isAnew }: JudgeOptions): Promise<string[]> {
  const chosen = ROWS[side].filter((row) => asked === undefined || asked.includes(String(row)));
  const pictures = await picturesAt(side);
  const reference = python === undefined ? undefined : new PyTorch(side, pictures, python, isAnew);
  const plain = await variantOf({ side, gives: "both" });
  const wanted = await seenBy({ name: "plain", side, model: plain.model, isAnew }, pictures);
  plain.discard();
  const bench: Bench = { side, isAnew, pictures, plain, wanted, reference };

  const raw = await seenBy({ name: "file", side, model: rawAt(side), isAnew }, pictures);
  const file = raw.map(({ map }, i) => worst(map, wanted[i]?.map ?? new Float32Array()));
  const whole = reference?.compare("plain", wanted.map((s) => s.map));
  console.log(`\n${basename(FILE)} at ${side}, nothing folded: its own maps in ONNX Runtime to ${Math.max(...file).toExponential(1)}${whole ? `, PyTorch's to ${whole.most.toExponential(1)}` : ""}. Maps deviate by ${range(structured(wanted).map((s) => spreadOf(s.map)))} (structured photos) and ${range(wanted.filter((_, i) => !PHOTOS[i]?.isStructured).map((s) => spreadOf(s.map)))} (flat ones).`);
  console.log("\n| variant | blocks, multiply-adds saved | Pearson, 14 structured: mean, least | from 0.99 on | difference, 22: mean, most | 8 flat: mean, most | class token's cosine, 22 | most from PyTorch |\n|---|---|---|---|---|---|---|---|");

  const rows: Quality[] = [];
  for (const row of chosen) {
    const found = typeof row === "number" ? await smaller(row, bench) : await folded(row, bench);
    rows.push(found);
    console.log(lineOf(found));
  }
  return missedOf(side, rows, Math.max(...file));
}

/** Rows of the table of one side, as `rows` names them. */
export const rowsOf = (side: Side): string[] => ROWS[side].map(String);

async function folded(name: string, { side, isAnew, pictures, plain, wanted, reference }: Bench): Promise<Quality> {
  const variant = await variantOf({ side, variant: name, gives: "both" });
  const seen = await seenBy({ name, side, model: variant.model, isAnew }, pictures);
  variant.discard();
  const exact = isKnown(name) ? reference?.compare(name, seen.map((s) => s.map)) : undefined;
  return compared(name, plain.cost.blocks / variant.cost.blocks, seen, wanted, exact);
}

/** The control that costs nothing to build: fewer pixels, and the map stretched back. */
async function smaller(from: number, { side, isAnew, plain, wanted }: Bench): Promise<Quality> {
  const variant = await variantOf({ side: from, gives: "both" });
  const seen = (await seenBy({ name: "plain", side: from, model: variant.model, isAnew }, await picturesAt(from))).map(({ map, whole }) => ({ whole, map: stretched(map, from, side) }));
  variant.discard();
  return compared(`pictures of ${from} × ${from}`, plain.cost.blocks / variant.cost.blocks, seen, wanted, undefined);
}

const range = (values: readonly number[]): string => `${Math.min(...values).toFixed(3)} to ${Math.max(...values).toFixed(3)}`;

function lineOf({ name, saves, pearson: all, apart, cosine: cosines, exact }: Quality): string {
  const p = structured(all);
  const flat = apart.filter((_, i) => !PHOTOS[i]?.isStructured);
  const three = (v: number): string => v.toFixed(3);
  return `| ${name} | ${saves.toFixed(2)} | ${mean(p).toFixed(4)}, ${Math.min(...p).toFixed(4)} | ${p.filter((v) => v >= 0.99).length} | ${three(mean(apart))}, ${three(Math.max(...apart))} | ${three(mean(flat))}, ${three(Math.max(...flat))} | ${three(mean(cosines))} | ${exact ? exactly(exact) : "–"} |`;
}

function exactly({ most, beyond, left }: Exactness): string {
  const tiny = (v: number): string => v.toExponential(1);
  const far = beyond.map(({ photo, ours, single, before }) => `${photo} ${tiny(ours)}, PyTorch's own 32 bits ${tiny(single)}${before === undefined ? "" : `, 32 bits before the fold alone ${tiny(before)}`}`);
  return `${tiny(most)}${far.length > 0 ? ` (from 64 bits: ${far.join("; ")})` : ""}${left.length > 0 ? `, without ${left.join(", ")}` : ""}`;
}
