// What is wanted of the folds on the trained model, and first of all of us: the same map as the same fold in PyTorch.
import { mean, type Quality, structured } from "./figures.ts";
import { EXACT } from "./pytorch.ts";
import type { Side } from "./variants.ts";

interface Bar {
  readonly what: string;
  /** Rows that it is counted from, in the order in which `found` takes them. */
  readonly rows: readonly string[];
  readonly found: (...rows: readonly Quality[]) => number;
  readonly least?: number;
  readonly most?: number;
}

const pictures = (side: number): string => `pictures of ${side} × ${side}`;
const p = (row: Quality | undefined): number[] => structured(row?.pearson ?? []);

const each = (row: string, least: number): Bar => ({ what: `${row}, each structured photo`, rows: [row], found: (r) => Math.min(...p(r)), least });
const average = (row: string, least: number): Bar => ({ what: `${row}, mean`, rows: [row], found: (r) => mean(p(r)), least });
const apart = (row: string, most: number): Bar => ({ what: `${row}, most difference`, rows: [row], found: (r) => Math.max(...(r?.apart ?? [])), most });
const above = (row: string, control: string, least: number): Bar => ({ what: `${row}, mean over that of ${control}`, rows: [row, control], found: (a, b) => mean(p(a)) - mean(p(b)), least });

const BARS: Readonly<Record<Side, readonly Bar[]>> = {
  448: [
    each("merged_60", 0.985), average("merged_60", 0.995),
    { what: "merged_60, class token's cosine", rows: ["merged_60"], found: (r) => mean(r?.cosine ?? []), least: 0.985 },
    { what: "merged_60, what is lost, over what 364 pixels lose", rows: ["merged_60", pictures(364)], found: (a, b) => (1 - mean(p(a))) / (1 - mean(p(b))), most: 1 / 3 },
    each("merged_44", 0.99), apart("merged_44", 0.1),
    each("merged_80", 0.96), above("merged_80", pictures(336), 0),
    each("clustered_6_20", 0.98), average("clustered_6_20", 0.99), above("clustered_6_20", pictures(378), 0.004),
    above("clustered_6_20", "grid_6_20", 0.02), above("clustered_6_20", "dropped_6_20", 0.02),
    above("merged_70_clustered_9_18", pictures(364), 0.005),
  ],
  224: [each("merged_26_from_4", 0.965), apart("merged_26_from_4", 0.08), each("merged_16", 0.93), average("merged_16", 0.98)],
};

/** Of 22 photos: where more of them hang on rounding, something is wrong. */
const MOST_LEFT = 3;

/** The bars of one side that are missed, of those whose rows are there. `file`: the most that plain maps differ from the file's own. */
export function missedOf(side: Side, rows: readonly Quality[], file: number): string[] {
  const known: Bar[] = [{ what: "plain map against the file's own", rows: [], found: () => file, most: EXACT }];
  for (const { name, exact } of rows) if (exact) {
    known.push({ what: `${name} against PyTorch`, rows: [], found: () => exact.most, most: EXACT });
    known.push({ what: `${name}, photos on which rounding decides`, rows: [], found: () => exact.left.length, most: MOST_LEFT });
  }
  return [...known, ...BARS[side]].flatMap(({ what, rows: names, found, least = -Infinity, most = Infinity }) => {
    const among = rows.filter((r) => names.includes(r.name));
    if (among.length < names.length) return [];
    const value = found(...names.map((name) => among.find((r) => r.name === name) as Quality));
    const bar = least === -Infinity ? `≤ ${Number(most.toPrecision(3))}` : `≥ ${least}`;
    return value >= least && value <= most ? [] : [`${side}: ${what} ${bar}: ${value.toPrecision(4)}`];
  });
}
