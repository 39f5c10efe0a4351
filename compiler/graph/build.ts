// One method an op: the way every phase makes nodes, and the way rules are written. Positions, no names.
// Semantics are ONNX's unless said otherwise; axes are never negative here.
import { type Dim, constant, isDim } from "../types/dim.ts";
import { BITS, type DType } from "../types/tensor.ts";
import type { Arena, Attrs, Literal, Node, WeightRef } from "./node.ts";

export type Size = Dim | number;
const size = (s: Size): Dim => (isDim(s) ? s : constant(s));
const sizes = (list: readonly Size[]): Dim[] => list.map(size);

export const UNARY_OPS = ["neg", "exp", "log", "sqrt", "abs", "tanh", "erf", "sigmoid", "sin", "cos", "floor", "ceil", "round", "sign", "not", "relu", "atanh", "isnan"] as const;
export const BINARY_OPS = ["add", "sub", "mul", "div", "pow", "min", "max", "mod", "eq", "lt", "le", "gt", "ge", "and", "or"] as const;
export type UnaryOp = (typeof UNARY_OPS)[number];
export type BinaryOp = (typeof BINARY_OPS)[number];
export type ReduceOp = "reduceSum" | "reduceMean" | "reduceMax" | "reduceMin" | "reduceProd" | "reduceL2";

/** How a convolution moves over its input. */
export interface Window {
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
  readonly group: number;
  readonly activation: string;
  readonly params: readonly number[];
}

export class Build {
  readonly arena: Arena;
  constructor(arena: Arena) {
    this.arena = arena;
  }
  make(op: string, inputs: readonly Node[], attrs: Attrs = {}): Node {
    return this.arena.make(op, inputs, attrs);
  }

  // ── leaves ──
  /** A graph input; interned by name. */
  input(name: string, dtype: DType, dims: readonly Size[]): Node { return this.make("input", [], { name, dtype, dims: sizes(dims) }); }
  /** A small tensor in the graph (little-endian bytes). */
  const(dtype: DType, dims: readonly number[], value: Literal): Node { return this.make("const", [], { dtype, dims: sizes(dims), value }); }
  /** A tensor of a weight file, as stored (its own dtype and shape). */
  weight(ref: WeightRef): Node { return this.make("weight", [], { ref, dtype: ref.dtype, dims: sizes(ref.shape) }); }
  /** 0, 1, …, size-1 as i64[size]. */
  iota(count: Size): Node { return this.make("iota", [], { size: size(count) }); }
  /** A tensor of `dims` holding `value` everywhere. */
  fill(dtype: DType, dims: readonly Size[], value: number): Node { return this.make("fill", [], { dtype, dims: sizes(dims), value }); }
  /** A size as an i64[] scalar that the run computes (or a constant once it is known). */
  sizeOf(dim: Size): Node { return this.make("sizeOf", [], { dim: size(dim) }); }
  /** Seeded random tensor, known at compile time: `normal` (mean 0, deviation 1) or `uniform` in [0, 1). */
  random(dtype: DType, dims: readonly Size[], seed: number, distribution: "normal" | "uniform"): Node { return this.make("random", [], { dtype, dims: sizes(dims), seed, distribution }); }
  /** 0 where home cells are within floor(window/2) of the cell in both directions, -1e30 elsewhere: f32[from.h*from.w, to.h*to.w]. Home cell of (y, x) is (floor(y·th/fh), floor(x·tw/fw)). attrs are [h, w]. */
  windowMask(from: readonly [number, number], to: readonly [number, number], window: number): Node { return this.make("windowMask", [], { from: [...from], to: [...to], window }); }
  /** Adaptive average pooling as a matrix f32[to.h*to.w, from.h*from.w]: rows floor(iH/h)..ceil((i+1)H/h)-1. */
  poolMatrix(from: readonly [number, number], to: readonly [number, number]): Node { return this.make("poolMatrix", [], { from: [...from], to: [...to] }); }

  // ── elementwise: equal ranks, a size of 1 broadcasts; rank-0 tensors broadcast to anything ──
  unary(op: UnaryOp, x: Node): Node { return this.make(op, [x]); }
  binary(op: BinaryOp, a: Node, b: Node): Node { return this.make(op, [a, b]); }
  add(a: Node, b: Node): Node { return this.make("add", [a, b]); }
  sub(a: Node, b: Node): Node { return this.make("sub", [a, b]); }
  mul(a: Node, b: Node): Node { return this.make("mul", [a, b]); }
  div(a: Node, b: Node): Node { return this.make("div", [a, b]); }
  pow(a: Node, b: Node): Node { return this.make("pow", [a, b]); }
  neg(x: Node): Node { return this.make("neg", [x]); }
  exp(x: Node): Node { return this.make("exp", [x]); }
  log(x: Node): Node { return this.make("log", [x]); }
  sqrt(x: Node): Node { return this.make("sqrt", [x]); }
  erf(x: Node): Node { return this.make("erf", [x]); }
  tanh(x: Node): Node { return this.make("tanh", [x]); }
  sigmoid(x: Node): Node { return this.make("sigmoid", [x]); }
  /** `condition` bool. */
  where(condition: Node, a: Node, b: Node): Node { return this.make("where", [condition, a, b]); }
  cast(x: Node, to: DType): Node { return x.type.dtype === to ? x : this.make("cast", [x], { to }); }

  // ── reductions ──
  reduce(op: ReduceOp, x: Node, axes: readonly number[], keep: boolean): Node { return this.make(op, [x], { axes: [...axes], keep }); }
  /** i64 indices; the lowest index on ties. */
  argmax(x: Node, axis: number, keep = false): Node { return this.make("argmax", [x], { axis, keep }); }
  argmin(x: Node, axis: number, keep = false): Node { return this.make("argmin", [x], { axis, keep }); }
  /** Outputs (values, i64 indices), sorted; the lower index first on ties. Read with `item`. */
  topk(x: Node, count: Size, axis: number, largest = true): Node { return this.make("topk", [x], { count: size(count), axis, largest }); }
  item(x: Node, index: number): Node { return this.make("item", [x], { index }); }
  cumsum(x: Node, axis: number): Node { return this.make("cumsum", [x], { axis }); }
  softmax(x: Node, axis: number): Node { return this.make("softmax", [x], { axis }); }

  // ── products ──
  /** Batched: the last two axes multiply; leading axes are equal or 1; `b` may have rank 2 whatever the rank of `a`. */
  matmul(a: Node, b: Node): Node { return this.make("matmul", [a, b]); }

  /** x[B, C, …] with w[O, C/group, window…] and one bias a channel; `activation`: the function behind it by its ONNX name, "" for none, and its numbers. Padding: all starts, then all ends. */
  conv(x: Node, w: Node, bias: Node | undefined, window: Window): Node { return this.make("conv", bias ? [x, w, bias] : [x, w], { ...window }); }
  clip(x: Node, least: number, most: number): Node { return this.make("clip", [x], { least, most }); }
  /** max(0, min(1, alpha·x + beta)). */
  hardSigmoid(x: Node, alpha: number, beta: number): Node { return this.make("hardSigmoid", [x], { alpha, beta }); }

  // ── movement ──
  reshape(x: Node, dims: readonly Size[]): Node { return this.make("reshape", [x], { dims: sizes(dims) }); }
  transpose(x: Node, perm: readonly number[]): Node { return perm.every((p, i) => p === i) ? x : this.make("transpose", [x], { perm: [...perm] }); }
  /** Sizes of 1 grow to `dims` (same rank). */
  expand(x: Node, dims: readonly Size[]): Node { return this.make("expand", [x], { dims: sizes(dims) }); }
  concat(parts: readonly Node[], axis: number): Node { return this.make("concat", parts, { axis }); }
  /** Elements from, from+step, … below to. `step` a positive number. */
  slice(x: Node, axis: number, from: Size, to: Size, step = 1): Node { return this.make("slice", [x], { axis, from: size(from), to: size(to), step }); }
  /** Outputs one after the other along an axis, of these sizes, which are all there is. Read with `item`. */
  split(x: Node, parts: readonly number[], axis: number): Node { return this.make("split", [x], { axis, parts: [...parts] }); }
  /** out = x[…, indices, …] at `axis`; indices i64 of any rank. */
  gather(x: Node, indices: Node, axis: number): Node { return this.make("gather", [x, indices], { axis }); }
  /** ONNX GatherElements: indices i64 of x's rank. */
  gatherElements(x: Node, indices: Node, axis: number): Node { return this.make("gatherElements", [x, indices], { axis }); }
  /** Rows by batch: x[B…, K, rest…], indices i64[B…, any…] → [B…, any…, rest…]; the first `batch` axes are shared. */
  take(x: Node, indices: Node, batch: number): Node { return this.make("take", [x, indices], { batch }); }
  /** x[B…, K, rest…] with rows `values`[B…, J, rest…] combined in at i64[B…, J]; duplicates combine. */
  put(x: Node, indices: Node, values: Node, batch: number, how: "add" | "max" | "min" | "set"): Node { return this.make("put", [x, indices, values], { batch, how }); }

  /** Outputs (positions i64[…, K], valid bool[…, K]) of where `mask`[…, N] holds, ascending; K, `some`, is a symbol of which this node is the source: the most of any row, at least `least` (0 or 1). Rows with fewer are filled with position 0. */
  choose(mask: Node, some: Dim, least: 0 | 1): Node { return this.make("choose", [mask], { some, least }); }

  // ── fused ops: made by passes, never by authors ──
  /** y = (x - mean)/sqrt(var + eps)·gain + bias over the last axis; bias optional. */
  layerNorm(x: Node, gain: Node, bias: Node | undefined, eps: number): Node { return this.make("layerNorm", bias ? [x, gain, bias] : [x, gain], { eps }); }
  rmsNorm(x: Node, gain: Node, eps: number): Node { return this.make("rmsNorm", [x, gain], { eps }); }
  /** Outputs (normed, sum): sum = x + skip (+ rowBias), normed = layerNorm(sum). com.microsoft SkipLayerNormalization. */
  skipLayerNorm(x: Node, skip: Node, gain: Node, bias: Node, eps: number): Node { return this.make("skipLayerNorm", [x, skip, gain, bias], { eps }); }
  gelu(x: Node, approximate: "none" | "tanh" = "none"): Node { return this.make("gelu", [x], { approximate }); }
  silu(x: Node): Node { return this.make("silu", [x]); }
  /** a·b (+ bias): last axis of a against b[I, O], alpha on the product. Emitted as MatMul + Add, FusedMatMul or Gemm by target. */
  linear(x: Node, w: Node, bias: Node | undefined): Node { return this.make("linear", bias ? [x, w, bias] : [x, w]); }
  /** alpha · op(a) · op(b) with optional transposition of the last two axes. com.microsoft FusedMatMul. */
  fusedMatmul(a: Node, b: Node, o: { transA: boolean; transB: boolean; alpha: number }): Node { return this.make("fusedMatmul", [a, b], o); }
  /** Multi-head attention on q[B, N, H·D], k[B, M, H·D], v[B, M, H·E] → [B, N, H·E]; softmax(scale·q·kᵀ + bias)·v, `bias` f32 broadcastable to [B, H, N, M] (rank 4). */
  attention(q: Node, k: Node, v: Node, bias: Node | undefined, o: { heads: number; scale: number; causal: boolean }): Node { return this.make("attention", bias ? [q, k, v, bias] : [q, k, v], o); }
  /** The sum over tokens of x[B, N, C], each times its weight in w[B, N] → [B, C]. */
  weightedSum(x: Node, w: Node): Node { return this.make("weightedSum", [x, w]); }
  /** Soft k-means step within windows: x[B, N, C], c[B, K, C] → [B, K, C]; weights softmax over centres of -t·|x-c|² among allowed pairs (as windowMask), centre = weighted mean of its tokens (denominator floored at 1e-16). `sharpness` [B or 1, 1, 1] multiplies t in a run. */
  windowMeans(x: Node, c: Node, o: { from: readonly [number, number]; to: readonly [number, number]; window: number; t: number }, sharpness?: Node): Node { return this.make("windowMeans", sharpness ? [x, c, sharpness] : [x, c], { from: [...o.from], to: [...o.to], window: o.window, t: o.t }); }
  /** x[…, I] · dequantized(w i8[I, O], scale f32[O]) (+ bias): activations quantized per call. com.microsoft DynamicQuantizeMatMul. */
  linearInt8(x: Node, w: Node, scale: Node, bias: Node | undefined): Node { return this.make("linearInt8", bias ? [x, w, scale, bias] : [x, w, scale]); }

  // ── literals made easy ──
  /** A number; in 16 bits it is a conversion, which is carried out before a run. */
  scalar(dtype: DType, value: number): Node { return dtype === "f16" || dtype === "bf16" ? this.cast(this.scalar("f32", value), dtype) : this.const(dtype, [], literal(dtype, [value])); }
  tensor(dtype: DType, dims: readonly number[], values: ArrayLike<number>): Node { return this.const(dtype, dims, literal(dtype, values)); }
}

/** Values as little-endian bytes of `dtype` (f16, bf16, i4 and u4 are not written by hand). */
export function literal(dtype: DType, values: ArrayLike<number>): Literal {
  const width = BITS[dtype] / 8;
  const bytes = new Uint8Array(values.length * width);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) write(view, dtype, i * width, values[i] as number);
  return { kind: "literal", dtype, bytes };
}

function write(view: DataView, dtype: DType, at: number, value: number): void {
  switch (dtype) {
    case "f64": return view.setFloat64(at, value, true);
    case "f32": return view.setFloat32(at, value, true);
    case "i64": return view.setBigInt64(at, BigInt(value), true);
    case "i32": return view.setInt32(at, value, true);
    case "i16": return view.setInt16(at, value, true);
    case "u16": return view.setUint16(at, value, true);
    case "i8": return view.setInt8(at, value);
    case "u8": return view.setUint8(at, value);
    case "bool": return view.setUint8(at, value ? 1 : 0);
    default: throw new Error(`no literals of ${dtype}`);
  }
}

/** The values of a literal as numbers. */
export function values(from: Literal): number[] {
  const view = new DataView(from.bytes.buffer, from.bytes.byteOffset, from.bytes.byteLength);
  const width = BITS[from.dtype] / 8;
  const out: number[] = [];
  for (let at = 0; at < from.bytes.length; at += width)
    switch (from.dtype) {
      case "f64": out.push(view.getFloat64(at, true)); break;
      case "f32": out.push(view.getFloat32(at, true)); break;
      case "i64": out.push(Number(view.getBigInt64(at, true))); break;
      case "i32": out.push(view.getInt32(at, true)); break;
      case "i16": out.push(view.getInt16(at, true)); break;
      case "u16": out.push(view.getUint16(at, true)); break;
      case "i8": out.push(view.getInt8(at)); break;
      case "u8": case "bool": out.push(view.getUint8(at)); break;
      default: throw new Error(`no literals of ${from.dtype}`);
    }
  return out;
}
