// What became of the tokens of one record, as the trace tells it: which went together, which stayed alone, which were dropped.
import { TRACE } from "../../compiler/compress/trace.ts";
import type { Tensor } from "../../runtime/tensor.ts";

export interface TokenGroups {
  /** For each token the position of its group among the tokens that are left; -1: dropped. */
  readonly groups: readonly number[];
  /** Tokens where fewest are: groups of several and tokens that stay alone. */
  readonly left: number;
  /** Tokens that share a group. Where tokens come back, each takes its group's. */
  readonly merged: number;
  /** Groups of several tokens. */
  readonly into: number;
  readonly alone: number;
  readonly dropped: number;
}

/** Undefined where the outputs hold no trace. */
export function traceOf(values: Readonly<Record<string, Tensor>>): readonly number[] | undefined {
  const groups = values[TRACE];
  return groups && Array.from(groups.data, Number);
}

export function tokenGroups(groups: readonly number[]): TokenGroups {
  const sizes = sizesOf(groups);
  const several = [...sizes.values()].filter((size) => size > 1);
  const merged = several.reduce((sum, size) => sum + size, 0);
  const alone = sizes.size - several.length;
  return { groups, left: sizes.size, merged, into: several.length, alone, dropped: groups.length - merged - alone };
}

/** Tokens of each group; of the dropped nothing. */
export function sizesOf(groups: ArrayLike<number>): ReadonlyMap<number, number> {
  const sizes = new Map<number, number>();
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i] ?? -1;
    if (group >= 0) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  }
  return sizes;
}

/** `50 → 34 tokens: 24 merged into 8, 26 kept, 0 dropped`. */
export function tally({ groups, left, merged, into, alone, dropped }: TokenGroups): string {
  return `${groups.length} → ${left} tokens: ${merged === 0 ? "none merged" : `${merged} merged into ${into}`}, ${alone} kept, ${dropped} dropped`;
}

export interface Proportions {
  readonly width: number;
  readonly height: number;
}

/** The patches of the picture among N tokens: what is left behind a few leading tokens (class, registers) in the picture's own proportions. */
export function gridOf(tokens: number, { width, height }: Proportions): { readonly h: number; readonly w: number; readonly lead: number } | undefined {
  for (let lead = 0; lead <= 8 && lead < tokens; lead++) {
    const w = Math.sqrt(((tokens - lead) * width) / height);
    const h = (tokens - lead) / w;
    if (Number.isInteger(w) && Number.isInteger(h)) return { h, w, lead };
  }
  return undefined;
}
