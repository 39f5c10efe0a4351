// Reads boxes of weights from their files: in few large reads, decoded, and refused where a value is not a number.
import { type Problem, report } from "../diagnostics/define.ts";
import { weights } from "../diagnostics/weights.ts";
import type { WeightRef } from "../graph/node.ts";
import { type Host, HostError } from "../host.ts";
import { BITS, isFloat } from "../types/tensor.ts";
import { type Box, type Target, copyStrided, count, dot, indices, isPacked, packedStrides } from "./boxes.ts";
import { decode, firstNonFinite, type Numbers, numbers } from "./numbers.ts";

/** A weight that cannot be used, found while its values are read. */
export class UnusableWeight extends Error {
  override readonly name = "UnusableWeight";
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(`${problem.title}: ${problem.says}`);
    this.problem = problem;
  }
}

/** What is read from a file at once. */
const BLOCK = 2 ** 21;
/** Rows this long are cheaper to read whole, to use a part of them, than to seek for each. */
const SHORT_ROW = 2 ** 14;

export class WeightReader {
  readonly #host: Host;
  readonly #root: string;
  readonly #unchecked: boolean;
  #bytes = new Uint8Array(BLOCK);
  #numbers: Numbers | undefined;

  /** `unchecked`: infinities and what is no number are let through. */
  constructor(host: Host, unchecked = false) {
    this.#host = host;
    this.#unchecked = unchecked;
    this.#root = `${host.root}/`;
  }

  /** A range of the stored bytes, checked. The result is overwritten by the next read. */
  stored(ref: WeightRef, offset: number, length: number): Uint8Array {
    const bytes = this.#read(ref, offset, length);
    if (isFloat(ref.dtype)) {
      const elements = (length * 8) / BITS[ref.dtype];
      const values = this.#decoded(ref, elements);
      decode(ref.dtype, bytes, values, 0, elements);
      this.#check(ref, values, 0, elements, (at) => (offset * 8) / BITS[ref.dtype] + at);
    }
    return bytes;
  }

  /** Decodes a box of the weight into its target. */
  box(ref: WeightRef, box: Box, target: Target): void {
    if (count(box.sizes) === 0) return;
    const strips = stripsOf(ref, box);
    for (const outer of indices(strips.outer))
      for (let row = 0; row < strips.rows; row += strips.rowsAtOnce)
        this.#rows(ref, box, target, strips, outer, row, Math.min(strips.rowsAtOnce, strips.rows - row));
  }

  #rows(ref: WeightRef, box: Box, target: Target, strips: Strips, outer: readonly number[], row: number, rows: number): void {
    const at = strips.first + dot(outer, strips.outerSteps) + row * strips.step;
    const start = target.start + outer.reduce((sum, x, axis) => sum + x * (target.strides[axis] as number), 0) + row * (target.strides[outer.length] ?? 0);
    const sizes = [...outer.map(() => 1), rows, ...box.sizes.slice(outer.length + 1)].slice(0, box.sizes.length);
    const packed = packedStrides(sizes);
    const isDirect = isPacked(sizes, target.strides) && target.array.constructor === this.#decoded(ref, 0).constructor;
    const values = isDirect ? target.array : this.#decoded(ref, rows * strips.row);
    const first = isDirect ? start : 0;
    this.#decodeRows(ref, strips, at, rows, values, first);
    if (isFloat(ref.dtype)) this.#check(ref, values, first, rows * strips.row, (i) => at + Math.floor(i / strips.row) * strips.step + (i % strips.row));
    if (!isDirect) copyStrided(sizes, { array: values, start: 0, strides: packed }, { array: target.array, start, strides: target.strides });
  }

  /** Rows one behind the other. */
  #decodeRows(ref: WeightRef, { step, row }: Strips, at: number, rows: number, values: Numbers, first: number): void {
    const width = BITS[ref.dtype] / 8;
    if (step === row) return decode(ref.dtype, this.#read(ref, at * width, rows * row * width), values, first, rows * row);
    const isWhole = readsWhole(step * width, row * width);
    const block = isWhole ? this.#read(ref, at * width, ((rows - 1) * step + row) * width) : undefined;
    for (let i = 0; i < rows; i++) {
      const bytes = block ? block.subarray(i * step * width, (i * step + row) * width) : this.#read(ref, (at + i * step) * width, row * width);
      decode(ref.dtype, bytes, values, first + i * row, row);
    }
  }

  #check(ref: WeightRef, values: Numbers, start: number, length: number, place: (at: number) => number): void {
    if (this.#unchecked) return;
    const bad = firstNonFinite(values, start, length);
    if (bad < 0) return;
    let flat = place(bad - start);
    const index = packedStrides(ref.shape).map((stride) => {
      const at = Math.floor(flat / stride);
      flat -= at * stride;
      return at;
    });
    const holes = { name: ref.name, file: this.#shown(ref), index, value: String(values[bad]), shape: ref.shape };
    throw new UnusableWeight(report(weights.W411, ref.span, holes));
  }

  #read(ref: WeightRef, offset: number, length: number): Uint8Array {
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(length);
    if (offset + length > ref.length) throw new Error(`${ref.name}: bytes ${offset} to ${offset + length} of ${ref.length}`);
    try {
      return this.#host.readRange(ref.file, ref.offset + offset, length, this.#bytes.subarray(0, length));
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      throw new UnusableWeight(report(weights.W415, ref.span, { file: this.#shown(ref), why: error.reason }));
    }
  }

  /** A working array for at least so many elements of the weight's type. */
  #decoded(ref: WeightRef, length: number): Numbers {
    const sample = numbers(ref.dtype, 0);
    if (!this.#numbers || this.#numbers.constructor !== sample.constructor || this.#numbers.length < length)
      this.#numbers = numbers(ref.dtype, Math.max(length, this.#numbers?.length ?? 0));
    return this.#numbers;
  }

  #shown = (ref: WeightRef): string => (ref.file.startsWith(this.#root) ? ref.file.slice(this.#root.length) : ref.file);
}

/** A box as rows of the file: `outer` indices, each with `rows` rows of `row` elements, `step` elements apart. */
interface Strips {
  readonly outer: readonly number[];
  readonly outerSteps: readonly number[];
  readonly first: number;
  readonly rows: number;
  readonly row: number;
  readonly step: number;
  readonly rowsAtOnce: number;
}

function stripsOf(ref: WeightRef, box: Box): Strips {
  const strides = packedStrides(ref.shape);
  let partial = ref.shape.length - 1;
  while (partial > 0 && box.sizes[partial] === ref.shape[partial]) partial--;
  const axis = Math.max(0, partial - 1);
  const row = count(box.sizes.slice(axis + 1));
  const step = strides[axis] ?? 1;
  const width = BITS[ref.dtype] / 8;
  return {
    outer: box.sizes.slice(0, axis), outerSteps: strides.slice(0, axis), first: dot(box.from, strides),
    rows: box.sizes[axis] ?? 1, row, step,
    rowsAtOnce: Math.max(1, Math.floor(BLOCK / (readsWhole(step * width, row * width) ? step * width : row * width))),
  };
}

const readsWhole = (step: number, row: number): boolean => step <= SHORT_ROW || row * 4 >= step;
