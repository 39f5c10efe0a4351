// Pipelines elaborated with real sizes: what a site is in the plain model and in a variant, and what each line of a `compress` leaves.
// Headers of weight files are read, weights are not; nothing here runs on a keystroke, and what is asked twice is remembered.
import { elaborate } from "../../compiler/compile.ts";
import { openingsOf } from "../../compiler/compress/open.ts";
import type { Tensor } from "../../compiler/elaborate/value.ts";
import type * as Ast from "../../grammar/ast.ts";
import { pause } from "./pause.ts";
import type { Analysis } from "./analysis.ts";

type Elaborated = NonNullable<ReturnType<typeof elaborate>["value"]>;

/** Whether who asked still wants to know. */
export interface Wish {
  readonly isCancellationRequested: boolean;
}

const known = new WeakMap<Analysis, Map<string, Elaborated | undefined>>();

/** The pipeline that uses a compression's model, plain: undefined where the program has errors. */
export async function plainOf(analysis: Analysis, target: string, wish: Wish): Promise<Elaborated | undefined> {
  for (const pipeline of analysis.program.pipelines) {
    const made = await remembered(analysis, `${pipeline.name.name}`, wish, () => elaborate(analysis.program, pipeline, undefined).value);
    if (made && (made.models.has(target) || pipeline.name.name === target)) return made;
  }
  return undefined;
}

/** The same with the first `count` folds and rewrites of a compression. */
export async function wovenOf(analysis: Analysis, compression: Ast.CompressDecl, count: number, wish: Wish): Promise<Elaborated | undefined> {
  const plain = await plainOf(analysis, compression.target.name, wish);
  if (!plain || count === 0) return plain;
  const items = placements(compression).slice(0, count);
  // What is left open for `kiri tune` is looked at with its first values.
  const values = Object.fromEntries(openingsOf(analysis.program, compression).openings.map((o) => [o.name, o.first]));
  return remembered(analysis, `${plain.pipeline.name.name} ${compression.span.start} ${count}`, wish, () => elaborate(analysis.program, plain.pipeline, { ...compression, items }, { values }).value);
}

export const placements = ({ items }: Ast.CompressDecl): (Ast.PlaceFold | Ast.PlaceRewrite)[] => items.filter((i) => i.kind === "place-fold" || i.kind === "place-rewrite");

async function remembered(analysis: Analysis, key: string, wish: Wish, make: () => Elaborated | undefined): Promise<Elaborated | undefined> {
  const table = known.get(analysis) ?? new Map<string, Elaborated | undefined>();
  known.set(analysis, table);
  if (table.has(key)) return table.get(key);
  await pause();
  if (wish.isCancellationRequested) return undefined;
  const made = make();
  table.set(key, made);
  return made;
}

/** `f32[B, N = 145, C = 192]`: names of the layer with the sizes of this model. */
export function sizedType({ elaboration }: Elaborated, tensor: Tensor): string {
  const axes = tensor.axes.map((name, i) => {
    const dim = tensor.node.type.dims[i];
    const size = dim ? `${elaboration.arena.facts.number(dim) ?? dim.key}` : "?";
    return name.startsWith("_") ? size : name === size ? name : `${name} = ${size}`;
  });
  return `${tensor.node.type.dtype}[${axes.join(", ")}]`;
}

/** 1,234,567 multiply-adds as `1.23 M`. */
export function large(count: number): string {
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]] as const) if (count >= size) return `${(count / size).toPrecision(3)} ${unit}`;
  return `${count}`;
}

export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
