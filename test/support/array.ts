// Plain arrays with a shape: what reference computations in tests are written with. Slow and obvious.
import type { Value } from "../../compiler/host.ts";
import type { DType } from "../../compiler/types/tensor.ts";
import { numbers, tensor } from "./evaluate.ts";

export interface Nd {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

/** An array from what stands at each index. */
export function nd(dims: readonly number[], at: (index: readonly number[]) => number): Nd {
  const data: number[] = [];
  const index = dims.map(() => 0);
  const total = dims.reduce((a, b) => a * b, 1);
  for (let i = 0; i < total; i++) {
    data.push(at([...index]));
    for (let axis = dims.length - 1; axis >= 0 && ++(index[axis] as number) === dims[axis]; axis--) index[axis] = 0;
  }
  return { dims, data };
}

/** The element at an index; sizes of 1 and missing axes broadcast. */
export function at(x: Nd, index: readonly number[]): number {
  let place = 0;
  const skipped = index.length - x.dims.length;
  x.dims.forEach((size, axis) => {
    place = place * size + (size === 1 ? 0 : (index[axis + skipped] as number));
  });
  return x.data[place] as number;
}

export const map = (x: Nd, f: (v: number) => number): Nd => ({ dims: x.dims, data: x.data.map(f) });

/** Combines arrays of one rank elementwise, with broadcasting. */
export function zip(parts: readonly Nd[], f: (...values: number[]) => number): Nd {
  const rank = Math.max(...parts.map((p) => p.dims.length));
  const dims = Array.from({ length: rank }, (_, axis) => Math.max(...parts.map((p) => p.dims[axis - rank + p.dims.length] ?? 1)));
  return nd(dims, (index) => f(...parts.map((p) => at(p, index))));
}

/** All values along one axis at an index (whose entry for that axis does not matter). */
export const along = (x: Nd, axis: number, index: readonly number[]): number[] =>
  Array.from({ length: x.dims[axis] as number }, (_, i) => at(x, index.with(axis, i)));

export const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

export function matmul(a: Nd, b: Nd): Nd {
  const inner = a.dims[a.dims.length - 1] as number;
  const lead = a.dims.slice(0, -2).map((d, i) => (b.dims.length === a.dims.length ? Math.max(d, b.dims[i] as number) : d));
  return nd([...lead, a.dims[a.dims.length - 2] as number, b.dims[b.dims.length - 1] as number], (index) => {
    const [row, column] = index.slice(-2) as [number, number];
    const batch = index.slice(0, -2);
    return sum(Array.from({ length: inner }, (_, k) => at(a, [...batch, row, k]) * at(b, [...batch, k, column])));
  });
}

export function transpose(x: Nd, perm: readonly number[]): Nd {
  return nd(perm.map((p) => x.dims[p] as number), (index) => {
    const from: number[] = [];
    perm.forEach((p, i) => { from[p] = index[i] as number; });
    return at(x, from);
  });
}

export function softmax(x: Nd, axis: number): Nd {
  return nd(x.dims, (index) => {
    const row = along(x, axis, index);
    const top = Math.max(...row);
    return Math.exp(at(x, index) - top) / sum(row.map((v) => Math.exp(v - top)));
  });
}

/** Numbers that look random and are the same every time, in [-1, 1). */
export function noise(dims: readonly number[], seed = 1): Nd {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return nd(dims, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround((state >>> 8) / 2 ** 23 - 1);
  });
}

export const value = (dtype: DType, x: Nd): Value => tensor(dtype, x.dims, x.data);
export const array = (from: Value): Nd => ({ dims: from.dims, data: numbers(from) });

/** The largest difference, relative to the size of what is wanted (at least 1). */
export function distance(found: Nd, wanted: Nd): number {
  if (found.dims.join() !== wanted.dims.join()) return Infinity;
  return Math.max(0, ...wanted.data.map((w, i) => {
    const f = found.data[i] as number;
    if (Object.is(f, w) || f === w) return 0;
    const gap = Math.abs(f - w) / Math.max(1, Math.abs(w));
    return Number.isNaN(gap) ? Infinity : gap;
  }));
}
