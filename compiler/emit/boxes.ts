// Boxes of tensors and copies between strided arrays: how a part of a tensor finds its place in a larger one.
import type { Numbers } from "./numbers.ts";

/** A range along each axis. */
export interface Box {
  readonly from: readonly number[];
  readonly sizes: readonly number[];
}
/** A place for a box in an array: where its first element goes, and the step of each axis. */
export interface Target {
  readonly array: Numbers;
  readonly start: number;
  readonly strides: readonly number[];
}

export const count = (sizes: readonly number[]): number => sizes.reduce((product, s) => product * s, 1);

/** Row by row. */
export function packedStrides(sizes: readonly number[]): number[] {
  const strides: number[] = new Array(sizes.length);
  let step = 1;
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= sizes[axis] as number;
  }
  return strides;
}

/** The axes of a target, the one with the largest step first: the order in which its elements lie. */
export function layout(sizes: readonly number[], strides: readonly number[]): number[] {
  // Axes of size 1 have no say, and stay in front.
  const step = (axis: number): number => (sizes[axis] === 1 ? Infinity : (strides[axis] as number));
  return sizes.map((_, axis) => axis).sort((a, b) => (step(a) === step(b) ? a - b : step(b) - step(a)));
}

/** The steps of a box that lies without gaps, its axes in the given order. */
export function stridesInOrder(sizes: readonly number[], order: readonly number[]): number[] {
  const packed = packedStrides(order.map((axis) => sizes[axis] as number));
  return sizes.map((_, axis) => packed[order.indexOf(axis)] as number);
}

/** Whether a box lies row by row in its target; axes of size 1 have no say. */
export function isPacked(sizes: readonly number[], strides: readonly number[]): boolean {
  const packed = packedStrides(sizes);
  return sizes.every((s, axis) => s === 1 || strides[axis] === packed[axis]);
}

export const whole = (sizes: readonly number[]): Box => ({ from: sizes.map(() => 0), sizes });

export const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);

/** Cuts a tensor into boxes of at most about `most` elements that follow one another row by row. */
export function* panels(sizes: readonly number[], most: number): Generator<Box> {
  if (count(sizes) === 0) return;
  // The first axis along which whole inner slabs fit.
  let axis = 0;
  let inner = count(sizes.slice(1));
  while (axis < sizes.length - 1 && inner > most) {
    axis++;
    inner /= sizes[axis] as number;
  }
  if (sizes.length === 0) return yield whole(sizes);
  // An even number of elements, so that two that share a byte stay together.
  const step = inner % 2 === 0 ? Math.max(1, Math.floor(most / inner)) : Math.max(2, Math.floor(most / inner / 2) * 2);
  for (const outer of indices(sizes.slice(0, axis)))
    for (let at = 0; at < (sizes[axis] as number); at += step)
      yield {
        from: [...outer, at, ...sizes.slice(axis + 1).map(() => 0)],
        sizes: [...outer.map(() => 1), Math.min(step, (sizes[axis] as number) - at), ...sizes.slice(axis + 1)],
      };
}

/** All index tuples, the last axis fastest. */
export function* indices(sizes: readonly number[]): Generator<number[]> {
  if (sizes.some((s) => s === 0)) return;
  const at = sizes.map(() => 0);
  for (;;) {
    yield [...at];
    let axis = sizes.length - 1;
    while (axis >= 0 && (at[axis] as number) + 1 === sizes[axis]) at[axis--] = 0;
    if (axis < 0) return;
    at[axis] = (at[axis] as number) + 1;
  }
}

/** Copies a box between strided arrays, element for element; typed arrays convert. */
export function copyStrided(sizes: readonly number[], from: Target, to: Target): void {
  const axes = merged(sizes, from.strides, to.strides);
  const inner = axes[axes.length - 1];
  if (!inner) {
    to.array[to.start] = from.array[from.start] as number;
    return;
  }
  const second = axes[axes.length - 2];
  // Where rows of one side are columns of the other, small tiles keep both sides in the cache.
  const isTurned = second !== undefined && Math.abs(inner.to) > Math.abs(second.to);
  const outer = axes.slice(0, isTurned ? -2 : -1);
  for (const at of indices(outer.map((a) => a.size))) {
    const source = from.start + outer.reduce((sum, a, i) => sum + a.from * (at[i] as number), 0);
    const target = to.start + outer.reduce((sum, a, i) => sum + a.to * (at[i] as number), 0);
    if (isTurned) copyTiled(second, inner, from.array, source, to.array, target);
    else copyRow(inner, from.array, source, to.array, target);
  }
}

interface Axis {
  readonly size: number;
  readonly from: number;
  readonly to: number;
}

/** Axes without those of size 1, neighbours that step alike taken as one. */
function merged(sizes: readonly number[], from: readonly number[], to: readonly number[]): Axis[] {
  const axes: Axis[] = [];
  sizes.forEach((size, i) => {
    const axis = { size, from: from[i] as number, to: to[i] as number };
    const before = axes[axes.length - 1];
    if (size === 1) return;
    if (before && before.from === axis.from * size && before.to === axis.to * size) axes[axes.length - 1] = { ...axis, size: before.size * size };
    else axes.push(axis);
  });
  return axes;
}

function copyRow(axis: Axis, source: Numbers, at: number, target: Numbers, to: number): void {
  const { size } = axis;
  if (axis.from === 1 && axis.to === 1) target.set(source.subarray(at, at + size), to);
  else if (axis.from === 0) for (let i = 0, t = to; i < size; i++, t += axis.to) target[t] = source[at] as number;
  else for (let i = 0, s = at, t = to; i < size; i++, s += axis.from, t += axis.to) target[t] = source[s] as number;
}

const TILE = 32;

function copyTiled(rows: Axis, columns: Axis, source: Numbers, at: number, target: Numbers, to: number): void {
  for (let c0 = 0; c0 < columns.size; c0 += TILE) {
    const c1 = Math.min(columns.size, c0 + TILE);
    for (let r0 = 0; r0 < rows.size; r0 += TILE) {
      const r1 = Math.min(rows.size, r0 + TILE);
      for (let c = c0; c < c1; c++) {
        let s = at + c * columns.from + r0 * rows.from;
        let t = to + c * columns.to + r0 * rows.to;
        for (let r = r0; r < r1; r++, s += rows.from, t += rows.to) target[t] = source[s] as number;
      }
    }
  }
}
