// What an op is: how its result is typed, and how it becomes ONNX nodes.
import type { Target } from "../graph/level.ts";
import type { Literal, Node } from "../graph/node.ts";
import type { Dim, Facts } from "../types/dim.ts";
import type { DType, TensorType } from "../types/tensor.ts";
import type { Call } from "./call.ts";

export interface Op {
  readonly name: string;
  /** Types of all outputs. Throws `Mismatch` where inputs or attributes do not fit. */
  infer(call: Call): readonly TensorType[];
  /** ONNX nodes for a node; the value that each output became (a string: there is one output). */
  lower(node: Node, o: Lowering): string | readonly string[];
  /** The elements, for ops that follow from their attributes alone; `undefined` while a size is unknown. */
  elements?(node: Node, facts: Facts): Literal | undefined;
}

export type { Target };

/** An ONNX attribute: plain numbers and booleans are integers, `float(x)` is a float. */
export type OnnxAttr = number | boolean | string | readonly number[] | OnnxFloat | OnnxFloats | OnnxTensor;
export interface OnnxFloat {
  readonly kind: "float";
  readonly value: number;
}
interface OnnxFloats {
  readonly kind: "floats";
  readonly values: readonly number[];
}
interface OnnxTensor {
  readonly kind: "tensor";
  readonly dims: readonly number[];
  readonly value: Literal;
}
export type OnnxAttrs = Readonly<Record<string, OnnxAttr>>;
export const float = (value: number): OnnxFloat => ({ kind: "float", value });

/** Operators that ONNX Runtime adds to the standard. */
export const CONTRIB = "com.microsoft";

/** A node of a file: attributes as they are encoded, and the values that its sub-graphs take from outside. */
export interface ForeignNode {
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly (string | undefined)[];
  /** A `false` leaves that output out. */
  readonly outputs: readonly boolean[];
  /** Fields `attribute` of a NodeProto. */
  readonly attributes: Uint8Array;
  readonly captured: readonly string[];
}

/** What lowering offers to an op. Values are named; the names are ONNX value names. */
export interface Lowering {
  readonly target: Target;
  readonly facts: Facts;
  /** What output `index` of a graph node became. */
  value(of: Node, index?: number): string;
  /** Makes an ONNX node; the name of its (first) output. An `undefined` input is left out. */
  node(opType: string, inputs: readonly (string | undefined)[], attrs?: OnnxAttrs, domain?: string): string;
  /** The same for several outputs; a `false` leaves that output out (its name is empty). */
  several(opType: string, inputs: readonly (string | undefined)[], attrs: OnnxAttrs, domain: string, outputs: readonly boolean[]): readonly string[];
  /** Makes an ONNX node as an imported file has it; the names of its outputs. */
  foreign(node: ForeignNode): readonly string[];
  /** A constant i64[n]. */
  ints(values: readonly number[]): string;
  /** A constant of rank 0. */
  scalar(dtype: DType, value: number): string;
  /** A constant tensor. */
  tensor(dims: readonly number[], value: Literal): string;
  /** i64[n] with these sizes: a constant where they are known, else computed from the graph's inputs. */
  dims(dims: readonly Dim[]): string;
  /** i64[1] with this size. */
  dim(dim: Dim): string;
  /** Whether a size may well be 0: a node finds it in its data, or it is what is left of another one. */
  mayBeNone(dim: Dim): boolean;
  /** Makes a value once for all who ask with this key. */
  shared(key: string, make: () => string): string;
}

/** Numbers of element types in ONNX files. */
export const ONNX_TYPE: Readonly<Record<DType, number>> = {
  f32: 1, u8: 2, i8: 3, u16: 4, i16: 5, i32: 6, i64: 7, bool: 9, f16: 10, f64: 11, bf16: 16, u4: 21, i4: 22,
};
