// One use of an op while it is typed: its inputs and attributes, read with checks that explain themselves.
import { type Attrs, Mismatch, type Node } from "../graph/node.ts";
import { type Dim, type Facts, asNumber, isDim } from "../types/dim.ts";
import { type DType, type TensorType, isDType, isFloat, printType } from "../types/tensor.ts";

export class Call {
  readonly op: string;
  readonly inputs: readonly Node[];
  readonly attrs: Attrs;
  readonly facts: Facts;
  constructor(op: string, inputs: readonly Node[], attrs: Attrs, facts: Facts) {
    this.op = op;
    this.inputs = inputs;
    this.attrs = attrs;
    this.facts = facts;
  }

  /** Type of an input. A missing one is a fault of the compiler, not of the program. */
  type(index: number): TensorType {
    const node = this.inputs[index];
    if (!node) throw new Error(`op ${this.op} was made without input ${index}`);
    return node.type;
  }
  /** Number of inputs, checked. */
  count(least: number, most = least): number {
    const n = this.inputs.length;
    if (n < least || n > most) throw new Error(`op ${this.op} was made with ${n} inputs`);
    return n;
  }

  number(name: string): number {
    const value = this.attrs[name];
    if (typeof value !== "number") throw this.#attr(name, "a number");
    return value;
  }
  flag(name: string): boolean {
    const value = this.attrs[name];
    if (typeof value !== "boolean") throw this.#attr(name, "a truth value");
    return value;
  }
  text(name: string): string {
    const value = this.attrs[name];
    if (typeof value !== "string") throw this.#attr(name, "a text");
    return value;
  }
  dtype(name = "dtype"): DType {
    const value = this.text(name);
    if (!isDType(value)) throw this.#attr(name, "an element type");
    return value;
  }
  dim(name: string): Dim {
    const value = this.attrs[name];
    if (!isDim(value)) throw this.#attr(name, "a size");
    return value;
  }
  dims(name = "dims"): readonly Dim[] {
    const value = this.attrs[name];
    if (!Array.isArray(value) || !value.every(isDim)) throw this.#attr(name, "sizes");
    for (const dim of value) this.#natural(dim);
    return value;
  }
  numbers(name: string): readonly number[] {
    const value = this.attrs[name];
    if (!Array.isArray(value) || !value.every((v) => typeof v === "number")) throw this.#attr(name, "numbers");
    return value;
  }
  #attr(name: string, wanted: string): Error {
    return new Error(`op ${this.op} wants ${wanted} as ${name}`);
  }
  #natural(dim: Dim): void {
    const value = this.facts.number(dim);
    if (value === undefined || (Number.isInteger(value) && value >= 0)) return;
    throw this.misfit("a size cannot be negative", String(value), "a size of at least 0");
  }

  /** An axis attribute that lies within a rank (an insertion place may be one further). */
  axis(rank: number, name = "axis"): number {
    return this.within(this.number(name), rank);
  }
  within(axis: number, rank: number): number {
    if (Number.isInteger(axis) && axis >= 0 && axis < rank) return axis;
    throw this.misfit(`there is no axis ${axis}`, `axis ${axis} of a tensor of rank ${rank}`, rank === 0 ? "a tensor with axes" : `an axis from 0 to ${rank - 1}`);
  }

  /** The error for inputs that do not fit: `says` follows the name of the op. */
  misfit(says: string, found: string, wanted: string): Mismatch {
    return new Mismatch(`${this.op}: ${says}`, found, wanted);
  }
  float(index: number): TensorType {
    const type = this.type(index);
    if (isFloat(type.dtype)) return type;
    throw this.misfit("works on floating-point numbers", printType(type), "f32, f16, bf16 or f64");
  }
  numeric(index: number): TensorType {
    const type = this.type(index);
    if (type.dtype !== "bool") return type;
    throw this.misfit("works on numbers", printType(type), "numbers, such as f32 or i64");
  }
  ofType(index: number, dtype: DType, what: string): TensorType {
    const type = this.type(index);
    if (type.dtype === dtype) return type;
    throw this.misfit(`${what} must be ${dtype}`, printType(type), `element type ${dtype}`);
  }
  /** Nothing is converted silently: all named inputs have the element type of the first. */
  sameType(...indices: readonly number[]): DType {
    const [first, ...others] = indices.map((i) => this.type(i));
    if (!first) throw new Error(`op ${this.op} compares no inputs`);
    for (const other of others)
      if (other.dtype !== first.dtype) throw this.misfit("the element types differ", printType(other), `element type ${first.dtype}, as in ${printType(first)}`);
    return first.dtype;
  }
  rank(index: number, rank: number, what: string): TensorType {
    const type = this.type(index);
    if (type.dims.length === rank) return type;
    throw this.misfit(`${what} must have rank ${rank}`, printType(type), `rank ${rank}`);
  }
  rankFrom(index: number, least: number): TensorType {
    const type = this.type(index);
    if (type.dims.length >= least) return type;
    throw this.misfit(`wants a tensor of rank ${least} or more`, printType(type), `rank ${least} or more`);
  }

  /** Checks one size of an input. */
  size(index: number, axis: number, wanted: Dim, why: string): void {
    const type = this.type(index);
    const found = type.dims[axis];
    if (found && this.facts.equal(found, wanted)) return;
    throw this.misfit(why, printType(type), `size ${wanted.key} at axis ${axis}`);
  }
  /** Checks all sizes of an input. */
  shape(index: number, wanted: readonly Dim[], why: string): void {
    const type = this.type(index);
    if (type.dims.length === wanted.length && wanted.every((w, i) => this.facts.equal(w, type.dims[i] as Dim))) return;
    const rest = type.dims.length === wanted.length ? wanted.findIndex((w, i) => !this.facts.equal(w, type.dims[i] as Dim)) : -1;
    throw this.misfit(why, printType(type), rest < 0 ? `shape [${wanted.map((d) => d.key).join(", ")}]` : `size ${wanted[rest]?.key} at axis ${rest}`);
  }
  isOne(dim: Dim): boolean {
    return this.facts.number(dim) === 1;
  }
  /** The known one of two equal sizes, so that knowledge is not lost on the way. */
  better(a: Dim, b: Dim): Dim {
    return asNumber(a) === undefined && asNumber(b) !== undefined ? b : a;
  }
  /** The shape that inputs of equal rank reach when sizes of 1 stretch; inputs of rank 0 fit everywhere. */
  broadcast(indices: readonly number[]): readonly Dim[] {
    let shape: readonly Dim[] = [];
    let from: TensorType | undefined;
    for (const index of indices) {
      const type = this.type(index);
      if (type.dims.length === 0) continue;
      if (!from) {
        from = type;
        shape = type.dims;
        continue;
      }
      if (type.dims.length !== shape.length)
        throw this.misfit("the ranks differ", `${printType(from)} and ${printType(type)}`, `rank ${shape.length}, or a scalar, beside ${printType(from)}`);
      shape = shape.map((a, axis) => this.#meet(a, type.dims[axis] as Dim, axis, type));
    }
    return shape;
  }
  #meet(a: Dim, b: Dim, axis: number, type: TensorType): Dim {
    // First: what is taken on trust to be equal to anything is not a 1 for that.
    if (this.isOne(b)) return a;
    if (this.isOne(a)) return b;
    if (this.facts.equal(a, b)) return this.better(a, b);
    throw this.misfit("two sizes meet that differ", printType(type), `size ${a.key} at axis ${axis} (or 1)`);
  }
}
