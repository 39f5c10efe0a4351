// What folding did to one picture of a data set: the folded groups and what comes out, beside the plain model and the truth.
import { fileURLToPath } from "node:url";
import sharp, { type Sharp } from "sharp";
import { type Compiled, compileProgram, compressionsOf } from "../../compiler/compile.ts";
import { TRACE } from "../../compiler/compress/trace.ts";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import type { ImageInput } from "../../runtime/media/image.ts";
import { bytesOf, type Tensor } from "../../runtime/tensor.ts";
import type { Panel, Pixels } from "../picture.ts";
import { sampleOf } from "./columns.ts";
import type { DataSet, FieldValue } from "./data.ts";
import { Model } from "./model.ts";
import { gridOf, type Proportions, tokenGroups, traceOf } from "./token-groups.ts";
import { type Built, PLAIN, type Trial } from "./trial.ts";
import { type PlainOptions, withPlain } from "./with-plain.ts";

export interface ShowOptions extends PlainOptions {
  readonly variants?: readonly string[];
  /** Which record of the data; the first unless given. */
  readonly record?: number;
  /** What stands behind the name of a variant: `mIoU 0.531`. */
  readonly captions?: ReadonlyMap<string, string>;
}

interface Shown {
  readonly rows: readonly (readonly Panel[])[];
  readonly problems: readonly Problem[];
}

/** Rows of panels: the picture, the truth and the plain result; then for each variant its groups and its result. No rows where the pipeline takes no picture or the file has no data with pictures. */
export function foldPanels(options: ShowOptions): Promise<Shown> {
  return withPlain<Shown>(options, async ({ host, program, plain, trial }) => {
    const source = await pictured(trial, plain);
    if (!source) return { rows: [], problems: [] };
    const sample = sampleOf(source.data, plain.inputs.map((i) => i.name), options.record ?? 0);
    const picture = await pixelsOf(sample[source.input] as FieldValue);
    const seen = plain.hostSteps.flatMap((step) => (step.kind === "image" && step.input === source.input ? [step] : []))[0] ?? picture;
    const caption = (name: string): string => [name, options.captions?.get(name)].filter(Boolean).join(", ");
    const before = await outputs(await trial.write(plain, PLAIN), sample);
    const segmentation = classMap(before);
    const background = segmentation ? mostFrequent(segmentation.classes) : 0;
    const rows: Panel[][] = [[{ kind: "picture", title: "picture", picture }]];
    const truth = segmentation ? await truthPanel(source.data, segmentation.name, options.record ?? 0, background) : undefined;
    if (truth) rows[0]?.push(truth);
    if (segmentation) rows[0]?.push({ kind: "classes", title: caption(PLAIN), background, ...segmentation });
    const names = options.variants ?? compressionsOf(program, plain).map((c) => c.as?.name ?? c.target.name);
    const shown: Panel[] = [];
    for (const [i, variant] of names.entries()) {
      options.signal?.throwIfAborted();
      host.progress("drawing", i, names.length);
      const traced = compileProgram(program, { pipeline: plain.pipeline.name.name, target: plain.target, variant, trace: true });
      if (traced.value) shown.push(...foldedPanels(await outputs(await trial.write(traced.value, `${variant}-traced`), sample), { picture, seen, variant, caption: caption(variant), background }));
    }
    host.progress("drawing", names.length, names.length);
    // Two variants a row: groups and result, groups and result.
    for (let at = 0; at < shown.length; at += 4) rows.push(shown.slice(at, at + 4));
    return { rows, problems: [] };
  }, (problems) => ({ rows: [], problems }));
}

/** The picture input of the pipeline and the first data set that fills it. */
async function pictured(trial: Trial, compiled: Compiled): Promise<{ input: string; data: DataSet } | undefined> {
  const input = compiled.inputs.find((i) => i.type.kind === "image")?.name;
  const declared = compiled.program.data.find((d) => d.fields.some((f) => f.name.name === input));
  return input !== undefined && declared ? { input, data: await trial.data(declared.name.name, compiled) } : undefined;
}

/** Of one record, without the batch axis. */
async function outputs(built: Built, sample: ReturnType<typeof sampleOf>): Promise<Record<string, Tensor>> {
  await using model = await Model.open(built.directory);
  return Object.fromEntries(Object.entries(await model.run(sample)).map(([name, t]) => [name, { ...t, dims: t.dims.slice(1) }]));
}

interface Drawn {
  readonly picture: Pixels;
  /** Its proportions as the model sees it. */
  readonly seen: Proportions;
  readonly variant: string;
  readonly caption: string;
  readonly background: number;
}

/** The groups of a traced model's tokens on the picture, and what it gives for each pixel, where it does. `values`: outputs of one record, without the batch axis. */
export function foldedPanels(values: Readonly<Record<string, Tensor>>, { picture, seen, variant, caption, background }: Drawn): Panel[] {
  const groups = traceOf(values) ?? [];
  const grid = gridOf(groups.length, seen);
  const made: Panel[] = [];
  if (grid) {
    const own = groups.slice(grid.lead);
    made.push({ kind: "groups", title: `${variant}: ${own.length} → ${tokenGroups(own).left} tokens`, picture, grid, groups: own });
  }
  const segmentation = classMap(values);
  if (segmentation) made.push({ kind: "classes", title: caption, background, ...segmentation });
  return made;
}

/** The first output that holds a class for every pixel. */
export function classMap(values: Readonly<Record<string, Tensor>>): { name: string; width: number; height: number; classes: readonly number[] } | undefined {
  for (const [name, { dims, dtype, data }] of Object.entries(values)) {
    const [height, width, ...more] = dims;
    if (name !== TRACE && dtype === "i64" && height && width && more.length === 0) return { name, width, height, classes: Array.from(data, Number) };
  }
  return undefined;
}

async function truthPanel(data: DataSet, field: string, record: number, background: number): Promise<Panel | undefined> {
  const value = data.fields.get(field);
  if (value?.type.kind !== "image") return undefined;
  const { data: classes, width, height, channels } = await pixelsOf(value.at(record));
  return channels === 1 ? { kind: "classes", title: "truth", width, height, classes, background } : undefined;
}

/** A picture of a data set or of a run; transparency is left out. */
export async function pixelsOf(value: FieldValue | ImageInput): Promise<Pixels> {
  const source = sourceOf(value);
  const { channels = 3 } = await source.metadata();
  const decoded = await (channels < 3 ? source.extractChannel(0) : source.removeAlpha().toColourspace("srgb")).raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  return { data: decoded.data, width: decoded.info.width, height: decoded.info.height, channels: decoded.info.channels === 1 ? 1 : 3 };
}

function sourceOf(value: FieldValue | ImageInput): Sharp {
  if (typeof value === "string") return sharp(value.startsWith("file:") ? fileURLToPath(value) : value);
  if (value instanceof URL) return sharp(fileURLToPath(value));
  if (value instanceof Uint8Array) return sharp(value);
  if (typeof value === "object" && "channels" in value) return sharp(value.data, { raw: { width: value.width, height: value.height, channels: value.channels } });
  return sharp(Buffer.from(bytesOf(value as Tensor)));
}

export function mostFrequent(classes: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const c of classes) counts.set(c, (counts.get(c) ?? 0) + 1);
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best), [0, 0])[0];
}
