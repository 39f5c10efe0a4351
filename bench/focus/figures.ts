// Figures of a variant: how near its maps and class tokens are to the plain ones.
import { PHOTOS } from "./photos.ts";
import type { Exactness } from "./pytorch.ts";
import type { Seen } from "./seen.ts";

/** What a variant does to the photos, in their order. */
export interface Quality {
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

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
export const structured = <T>(values: readonly T[]): T[] => values.filter((_, i) => PHOTOS[i]?.isStructured);
/** Standard deviation. */
export const spreadOf = (map: Float32Array): number => { const m = mean([...map]); return Math.sqrt(mean([...map].map((v) => (v - m) ** 2))); };

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, v, i) => sum + v * (y[i] as number), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
function pearson(a: Float32Array, b: Float32Array): number {
  const centred = (x: Float32Array): Float32Array => { const m = mean([...x]); return x.map((v) => v - m); };
  return cosine(centred(a), centred(b));
}

export function compared(name: string, saves: number, seen: readonly Seen[], wanted: readonly Seen[], exact: Exactness | undefined): Quality {
  const pairs = seen.map((s, i) => [s, wanted[i] as Seen] as const);
  return {
    name, saves, exact,
    pearson: pairs.map(([a, b]) => pearson(a.map, b.map)),
    apart: pairs.map(([a, b]) => mean([...a.map.map((v, i) => Math.abs(v - (b.map[i] as number)))])),
    cosine: pairs.map(([a, b]) => cosine(a.whole, b.whole)),
  };
}
