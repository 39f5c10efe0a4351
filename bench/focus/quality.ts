// What folding does to the maps of real photos, against the plain maps, the controls and the same folds in PyTorch.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { FILE, MADE, rawAt } from "./files.ts";
import { normalised, PHOTOS, squareOf, stretched } from "./photos.ts";
import { floats, runs, type Side, type Variant, variantOf } from "./variants.ts";

const REFERENCE = fileURLToPath(new URL("reference.py", import.meta.url));

interface Seen {
  readonly map: Float32Array;
  /** The class token behind the last norm. */
  readonly whole: Float32Array;
}

/** What a variant does to the photos, in their order. */
interface Quality {
  readonly name: string;
  /** Multiply-adds of the blocks, plain over variant. */
  readonly saves: number;
  readonly pearson: readonly number[];
  /** Mean absolute difference of the maps. */
  readonly apart: readonly number[];
  readonly cosine: readonly number[];
  /** Against PyTorch's maps; undefined where PyTorch was not asked. */
  readonly exact: Exactness | undefined;
}

interface Exactness {
  /** The largest difference of a map, from 32 bits or, where it is more than the bar, from 64. */
  readonly most: number;
  /** Photos with more than the bar. */
  readonly beyond: number;
  /** Photos on which PyTorch in 64 bits folds otherwise than in 32: rounding decides there, so they do not count. */
  readonly left: readonly string[];
}

/** Variants of each side in the order of the table; a number is the plain model on smaller pictures. */
const ROWS: Readonly<Record<Side, readonly (string | number)[]>> = {
  448: [
    "merged_44", "merged_60", "merged_60_unweighed", "merged_60_features", "merged_60_residual", "merged_80", "merged_80_features", "merged_80_residual", "merged_80_both",
    "clustered_6_20", "clustered_6_20_residual", "clustered_4_20", "clustered_4_20_residual", "clustered_6_20_paper",
    392, 378, 364, 336, "grid_6_20", "grid_4_20", "pooled_4_20", "dropped_6_20", "dropped_4_20", "dropped_60",
  ],
  224: [
    "merged_26_from_4", "merged_16", "merged_16_unweighed", "merged_16_features", "merged_16_residual", "merged_16_both",
    "clustered_4_12", "clustered_4_10", "clustered_4_10_residual", "clustered_4_10_paper",
    196, 182, 168, "grid_4_10", "pooled_4_10", "dropped_4_10", "dropped_26_from_4", "dropped_16",
  ],
};

/** Of the map, which lies between 0 and 1. */
const EXACT = 1e-4;
/** Of 22 photos: where more of them hang on rounding, something is wrong. */
const MOST_LEFT = 3;

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const structured = <T>(values: readonly T[]): T[] => values.filter((_, i) => PHOTOS[i]?.isStructured);
const spreadOf = (map: Float32Array): number => { const m = mean([...map]); return Math.sqrt(mean([...map].map((v) => (v - m) ** 2))); };
const worst = (a: Float32Array, b: Float32Array): number => a.reduce((most, v, i) => Math.max(most, Math.abs(v - (b[i] as number))), 0);

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, v, i) => sum + v * (y[i] as number), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
function pearson(a: Float32Array, b: Float32Array): number {
  const centred = (x: Float32Array): Float32Array => { const m = mean([...x]); return x.map((v) => v - m); };
  return cosine(centred(a), centred(b));
}

async function seenBy(variant: Variant, pictures: readonly Float32Array[], side: number): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const outputs of runs(variant.model, pictures, side)) {
    const tokens = floats(outputs, "tokens");
    seen.push({ map: floats(outputs, "map"), whole: tokens.slice(0, outputs.tokens?.dims[2]) });
  }
  return seen;
}

/** Maps of the same variants in PyTorch, computed once and kept. */
class PyTorch {
  readonly #side: Side;
  readonly #folder: string;
  readonly #python: string | undefined;

  constructor(side: Side, pictures: readonly Float32Array[], python: string | undefined, names: readonly string[]) {
    this.#side = side;
    this.#python = python;
    this.#folder = join(MADE, `reference-${side}`);
    if (python === undefined) return;
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(join(this.#folder, "pixels.f32"), Buffer.concat(pictures.map((p) => Buffer.from(p.buffer, p.byteOffset, p.byteLength))));
    const missing = names.filter((name) => !existsSync(join(this.#folder, `${name}.f32`)));
    if (missing.length > 0) this.#ask(python, missing);
  }

  #ask(python: string, what: readonly string[]): void {
    const { status } = spawnSync(python, [REFERENCE, String(this.#side), join(this.#folder, "pixels.f32"), this.#folder, ...what], { stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) throw new Error(`${REFERENCE} failed`);
  }

  #maps(name: string): Float32Array[] {
    const bytes = readFileSync(join(this.#folder, `${name}.f32`));
    const size = this.#side * this.#side * 4;
    return Array.from({ length: bytes.length / size }, (_, i) => new Float32Array(bytes.buffer.slice(bytes.byteOffset + i * size, bytes.byteOffset + (i + 1) * size)));
  }

  /** Of the maps of all photos. */
  compare(name: string, maps: readonly Float32Array[]): Exactness | undefined {
    if (this.#python === undefined) return undefined;
    const single = this.#maps(name);
    const apart = maps.map((map, i) => worst(map, single[i] as Float32Array));
    const far = apart.flatMap((v, i) => (v > EXACT ? [i] : []));
    if (far.length > 0) this.#ask(this.#python, ["--double", far.join(","), name]);
    const exact = far.length > 0 ? this.#maps(`${name}-double`) : [];
    const left = new Set(far.filter((photo, i) => worst(exact[i] as Float32Array, single[photo] as Float32Array) > EXACT));
    // Of two results in 32 bits that differ, the one in 64 bits says how far ours is off.
    for (const [i, photo] of far.entries()) apart[photo] = worst(maps[photo] as Float32Array, exact[i] as Float32Array);
    const counted = apart.flatMap((v, i) => (left.has(i) ? [] : [v]));
    return { most: Math.max(...counted), beyond: counted.filter((v) => v > EXACT).length, left: [...left].map((i) => PHOTOS[i]?.name ?? "") };
  }
}

interface JudgeOptions {
  /** A Python with torch and onnx; without, nothing is compared with PyTorch. */
  readonly python: string | undefined;
  /** Rows to compute; all, and only then the bars, unless given. */
  readonly rows: readonly string[] | undefined;
}

/** Prints the table of one side; returns the bars that are missed. */
export async function judged(side: Side, { python, rows: asked }: JudgeOptions): Promise<string[]> {
  const pictures = await Promise.all(PHOTOS.map(async (photo) => normalised(await squareOf(photo, side))));
  const chosen = ROWS[side].filter((row) => asked === undefined || asked.includes(String(row)));
  const reference = new PyTorch(side, pictures, python, ["plain", ...chosen.filter((row): row is string => typeof row === "string" && /^(merged|clustered)/.test(row))]);
  const plain = await variantOf({ side, gives: "both" });
  const wanted = await seenBy(plain, pictures, side);
  plain.discard();

  const file: number[] = [];
  for await (const outputs of runs(rawAt(side), pictures, side)) file.push(worst(floats(outputs, "output_importance"), wanted[file.length]?.map ?? new Float32Array()));
  const whole = reference.compare("plain", wanted.map((s) => s.map));
  console.log(`\n${basename(FILE)} at ${side}, nothing folded: its own maps in ONNX Runtime to ${Math.max(...file).toExponential(1)}${whole ? `, PyTorch's to ${whole.most.toExponential(1)}` : ""}. Maps deviate by ${range(structured(wanted).map((s) => spreadOf(s.map)))} (structured photos) and ${range(wanted.filter((_, i) => !PHOTOS[i]?.isStructured).map((s) => spreadOf(s.map)))} (flat ones).`);
  console.log("\n| variant | blocks, multiply-adds saved | Pearson, 14 structured: mean, least | from 0.99 on | difference, 22: mean, most | 8 flat: mean, most | class token's cosine, 22 | most from PyTorch |\n|---|---|---|---|---|---|---|---|");

  const rows: Quality[] = [];
  for (const row of chosen) {
    const found = typeof row === "number" ? await smaller(row, side, plain, wanted) : await folded(row, side, plain, wanted, pictures, reference);
    rows.push(found);
    console.log(lineOf(found));
  }
  return missedOf(side, rows, file, asked === undefined);
}

async function folded(name: string, side: Side, plain: Variant, wanted: readonly Seen[], pictures: readonly Float32Array[], reference: PyTorch): Promise<Quality> {
  const variant = await variantOf({ side, variant: name, gives: "both" });
  const seen = await seenBy(variant, pictures, side);
  variant.discard();
  const exact = /^(merged|clustered)/.test(name) ? reference.compare(name, seen.map((s) => s.map)) : undefined;
  return compared(name, plain.cost.blocks / variant.cost.blocks, seen, wanted, exact);
}

/** The control that costs nothing to build: fewer pixels, and the map stretched back. */
async function smaller(from: number, side: Side, plain: Variant, wanted: readonly Seen[]): Promise<Quality> {
  const variant = await variantOf({ side: from, gives: "both" });
  const pictures = await Promise.all(PHOTOS.map(async (photo) => normalised(await squareOf(photo, from))));
  const seen = (await seenBy(variant, pictures, from)).map(({ map, whole }) => ({ whole, map: stretched(map, from, side) }));
  variant.discard();
  return compared(`pictures of ${from} × ${from}`, plain.cost.blocks / variant.cost.blocks, seen, wanted, undefined);
}

function compared(name: string, saves: number, seen: readonly Seen[], wanted: readonly Seen[], exact: Exactness | undefined): Quality {
  const pairs = seen.map((s, i) => [s, wanted[i] as Seen] as const);
  return {
    name, saves, exact,
    pearson: pairs.map(([a, b]) => pearson(a.map, b.map)),
    apart: pairs.map(([a, b]) => mean([...a.map.map((v, i) => Math.abs(v - (b.map[i] as number)))])),
    cosine: pairs.map(([a, b]) => cosine(a.whole, b.whole)),
  };
}

const range = (values: readonly number[]): string => `${Math.min(...values).toFixed(3)} to ${Math.max(...values).toFixed(3)}`;

function lineOf({ name, saves, pearson: all, apart, cosine: cosines, exact }: Quality): string {
  const p = structured(all);
  const flat = apart.filter((_, i) => !PHOTOS[i]?.isStructured);
  const three = (v: number): string => v.toFixed(3);
  return `| ${name} | ${saves.toFixed(2)} | ${mean(p).toFixed(4)}, ${Math.min(...p).toFixed(4)} | ${p.filter((v) => v >= 0.99).length} | ${three(mean(apart))}, ${three(Math.max(...apart))} | ${three(mean(flat))}, ${three(Math.max(...flat))} | ${three(mean(cosines))} | ${exact ? `${exact.most.toExponential(1)}${exact.beyond > 0 ? ` (${exact.beyond} beyond ${EXACT})` : ""}${exact.left.length > 0 ? `, without ${exact.left.join(", ")}` : ""}` : "–"} |`;
}

/** What is wanted of the method, and first of all of us: the same map as the same fold in PyTorch. */
function missedOf(side: Side, rows: readonly Quality[], file: readonly number[], isWhole: boolean): string[] {
  const missed: string[] = [];
  const hold = (what: string, found: number, holds: (v: number) => boolean): void => { if (!holds(found)) missed.push(`${side}: ${what}: ${found.toPrecision(4)}`); };
  const row = (name: string): Quality => {
    const found = rows.find((r) => r.name === name);
    if (!found) throw new Error(`there is no row ${name}`);
    return found;
  };
  const p = (name: string): number[] => structured(row(name).pearson);
  const atLeast = (what: string, found: number, least: number): void => hold(`${what} ≥ ${least}`, found, (v) => v >= least);
  const atMost = (what: string, found: number, most: number): void => hold(`${what} ≤ ${most}`, found, (v) => v <= most);
  atMost("plain map against the file's own", Math.max(...file), EXACT);
  for (const { name, exact } of rows) if (exact) {
    atMost(`${name} against PyTorch`, exact.most, EXACT);
    atMost(`${name}, photos on which rounding decides`, exact.left.length, MOST_LEFT);
  }
  if (!isWhole) return missed;
  const pictures = (from: number): string => `pictures of ${from} × ${from}`;
  if (side === 448) {
    atLeast("merged_60, each structured photo", Math.min(...p("merged_60")), 0.985);
    atLeast("merged_60, mean", mean(p("merged_60")), 0.995);
    atLeast("merged_60, class token's cosine", mean(row("merged_60").cosine), 0.985);
    atMost("merged_60, what is lost, over what 364 pixels lose", (1 - mean(p("merged_60"))) / (1 - mean(p(pictures(364)))), 1 / 3);
    atLeast("merged_44, each structured photo", Math.min(...p("merged_44")), 0.99);
    atMost("merged_44, most difference", Math.max(...row("merged_44").apart), 0.1);
    atLeast("merged_80, each structured photo", Math.min(...p("merged_80")), 0.96);
    atLeast("merged_80, mean over that of 336 pixels", mean(p("merged_80")) - mean(p(pictures(336))), 0);
    atLeast("clustered_6_20, each structured photo", Math.min(...p("clustered_6_20")), 0.98);
    atLeast("clustered_6_20, mean", mean(p("clustered_6_20")), 0.99);
    atLeast("clustered_6_20, mean over that of 378 pixels", mean(p("clustered_6_20")) - mean(p(pictures(378))), 0.004);
    for (const control of ["grid_6_20", "dropped_6_20"]) atLeast(`clustered_6_20, mean over that of ${control}`, mean(p("clustered_6_20")) - mean(p(control)), 0.02);
  } else {
    atLeast("merged_26_from_4, each structured photo", Math.min(...p("merged_26_from_4")), 0.965);
    atMost("merged_26_from_4, most difference", Math.max(...row("merged_26_from_4").apart), 0.08);
    atLeast("merged_16, each structured photo", Math.min(...p("merged_16")), 0.93);
    atLeast("merged_16, mean", mean(p("merged_16")), 0.98);
  }
  return missed;
}
