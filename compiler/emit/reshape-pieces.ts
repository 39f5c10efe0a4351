// What a box of a reshaped tensor is made of: boxes of the tensor as it was, each with its place.
import { type Box, count, indices, packedStrides } from "./boxes.ts";

interface Piece {
  /** Of the tensor before the reshape. */
  readonly box: Box;
  /** Its place in the wanted box, which lies packed. */
  readonly start: number;
  readonly strides: readonly number[];
}

/** Pieces of `box` of a tensor of sizes `to` that was reshaped from sizes `from`. Neighbouring axes that only were joined or split are treated by themselves. */
export function reshapePieces(from: readonly number[], to: readonly number[], box: Box): Piece[] {
  if (count(box.sizes) === 0) return [];
  let pieces: Piece[] = [{ box: { from: [], sizes: [] }, start: 0, strides: [] }];
  for (const group of groups(from, to)) {
    const own = { from: box.from.slice(group.to[0], group.to[1]), sizes: box.sizes.slice(group.to[0], group.to[1]) };
    // One step along the group is one step along all that stands behind it in the wanted box.
    const unit = count(box.sizes.slice(group.to[1]));
    const parts = groupPieces(from.slice(...group.from), to.slice(...group.to), own);
    pieces = pieces.flatMap((p) => parts.map((q): Piece => ({
      box: { from: [...p.box.from, ...q.box.from], sizes: [...p.box.sizes, ...q.box.sizes] },
      start: p.start + q.start * unit,
      strides: [...p.strides, ...q.strides.map((s) => s * unit)],
    })));
  }
  return pieces;
}

interface Group {
  readonly from: [number, number];
  readonly to: [number, number];
}

/** The shortest runs of axes with equal numbers of elements on both sides. */
function groups(from: readonly number[], to: readonly number[]): Group[] {
  const found: Group[] = [];
  let [i, j] = [0, 0];
  while (i < from.length || j < to.length) {
    const [i0, j0] = [i, j];
    let a = from[i++] ?? 1;
    let b = to[j++] ?? 1;
    while (a !== b) {
      if (a < b) a *= from[i++] ?? 1;
      else b *= to[j++] ?? 1;
    }
    found.push({ from: [Math.min(i0, from.length), Math.min(i, from.length)], to: [Math.min(j0, to.length), Math.min(j, to.length)] });
  }
  return found;
}

function groupPieces(from: readonly number[], to: readonly number[], box: Box): Piece[] {
  const strides = packedStrides(to);
  // Axes before the last one that is cut select runs; from there on the elements follow one another.
  let cut = to.length - 1;
  while (cut > 0 && box.sizes[cut] === to[cut]) cut--;
  const run = count(box.sizes.slice(Math.max(0, cut)));
  const pieces: Piece[] = [];
  let start = 0;
  for (const at of indices(box.sizes.slice(0, Math.max(0, cut)))) {
    const first = box.from.reduce((sum, f, axis) => sum + (f + (at[axis] ?? 0)) * (strides[axis] as number), 0);
    for (const part of rangeBoxes(from, first, first + run)) pieces.push({ box: part.box, start: start + part.start, strides: packedStrides(from) });
    start += run;
  }
  return pieces;
}

/** Elements low … high-1, in the order in which they lie, as boxes: a ragged beginning, whole slabs, a ragged end. */
function rangeBoxes(sizes: readonly number[], low: number, high: number): { box: Box; start: number }[] {
  const [, ...rest] = sizes;
  if (sizes.length === 0) return [{ box: { from: [], sizes: [] }, start: 0 }];
  const slab = count(rest);
  const [first, last] = [Math.ceil(low / slab), Math.floor(high / slab)];
  const within = (row: number, a: number, b: number): { box: Box; start: number }[] =>
    rangeBoxes(rest, a - row * slab, b - row * slab).map((p) => ({ box: { from: [row, ...p.box.from], sizes: [1, ...p.box.sizes] }, start: p.start + a - low }));
  if (first > last) return within(last, low, high);
  const boxes: { box: Box; start: number }[] = [];
  if (low < first * slab) boxes.push(...within(first - 1, low, first * slab));
  if (first < last) boxes.push({ box: { from: [first, ...rest.map(() => 0)], sizes: [last - first, ...rest] }, start: first * slab - low });
  if (last * slab < high) boxes.push(...within(last, last * slab, high));
  return boxes;
}
