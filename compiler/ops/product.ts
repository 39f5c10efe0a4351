// Matrix products: plain, with a bias, with transposition and scale, and with int8 weights.
import type { Node } from "../graph/node.ts";
import type { Dim } from "../types/dim.ts";
import { type DType, type TensorType, printType } from "../types/tensor.ts";
import type { Call } from "./call.ts";
import { wide, widened } from "./elementwise.ts";
import { CONTRIB, ONNX_TYPE, type Lowering, type Op, float } from "./op.ts";

const matmul: Op = {
  name: "matmul",
  infer(call) {
    call.count(2);
    return [multiplied(call, false, false)];
  },
  lower: (node, o) => widened(node, node.type.dtype, o, ([a, b]) => o.node("MatMul", [a, b])),
};

const fusedMatmul: Op = {
  name: "fusedMatmul",
  infer(call) {
    call.count(2);
    call.float(0);
    call.number("alpha");
    return [multiplied(call, call.flag("transA"), call.flag("transB"))];
  },
  lower: (node, o) => widened(node, node.type.dtype, o, ([a, b]) => scaledProduct(o, [a, b] as [string, string], ranks(node), { ...(node.attrs as unknown as Scaled), dtype: wide(node.type.dtype) })),
};

const linear: Op = {
  name: "linear",
  infer(call) {
    const count = call.count(2, 3);
    call.sameType(...call.inputs.keys());
    call.float(0);
    const a = call.rankFrom(0, 1);
    const [wanted, out] = call.rank(1, 2, "the weight").dims as [Dim, Dim];
    call.size(0, a.dims.length - 1, wanted, "the weight wants another last axis");
    if (count === 3) call.shape(2, [out], "the bias is not one value a column");
    return [{ dtype: a.dtype, dims: [...a.dims.slice(0, -1), out] }];
  },
  // A matrix is what Gemm is for: one operator. Gemm on flattened rows and FusedMatMul are no faster (within 2 % on a CPU, 17 to 784 tokens).
  lower: (node, o) => widened(node, node.type.dtype, o, ([x, w, bias]) => {
    if (bias !== undefined && node.type.dims.length === 2 && wide(node.type.dtype) !== "f64") return o.node("Gemm", [x, w, bias]);
    const product = o.node("MatMul", [x, w]);
    return bias === undefined ? product : o.node("Add", [product, bias]);
  }),
};

/** Of rows by weights: the product of each text's weights, as a row, with its tokens. */
const weightedSum: Op = {
  name: "weightedSum",
  infer(call) {
    call.count(2);
    call.sameType(0, 1);
    call.float(0);
    const [batch, n, width] = call.rank(0, 3, "what is summed").dims as [Dim, Dim, Dim];
    call.rank(1, 2, "the weights");
    call.shape(1, [batch, n], "there is not one weight a token");
    return [{ dtype: call.type(0).dtype, dims: [batch, width] }];
  },
  lower: (node, o) => widened(node, node.type.dtype, o, ([x, w]) => {
    // One operator, and 1.5 to 3 times as fast as a product of all values and a sum; where nothing is measured, a matrix product between two changes of shape.
    if (o.target === "cpu") return o.node("Einsum", [w, x], { equation: "bn,bnc->bc" });
    return o.node("Squeeze", [o.node("MatMul", [o.node("Unsqueeze", [w, o.ints([1])]), x]), o.ints([1])]);
  }),
};

const linearInt8: Op = {
  name: "linearInt8",
  infer(call) {
    const count = call.count(3, 4);
    call.ofType(0, "f32", "the input");
    call.ofType(1, "i8", "the weight");
    call.ofType(2, "f32", "the scale");
    const x = call.rankFrom(0, 1);
    const [wanted, out] = call.rank(1, 2, "the weight").dims as [Dim, Dim];
    call.size(0, x.dims.length - 1, wanted, "the weight wants another last axis");
    call.shape(2, [out], "the scale is not one value a column");
    if (count === 4) {
      call.ofType(3, "f32", "the bias");
      call.shape(3, [out], "the bias is not one value a column");
    }
    return [{ dtype: "f32", dims: [...x.dims.slice(0, -1), out] }];
  },
  lower(node, o) {
    const [x, w, scale, bias] = node.inputs.map((i) => o.value(i));
    if (o.target === "cpu") return o.node("DynamicQuantizeMatMul", [x, w, scale, undefined, bias], {}, CONTRIB);
    const [product, s] = (o.target === "cuda" ? producedInSingle : producedInWhole)(o, x as string, w as string);
    const real = o.node("Mul", [product, o.node("Mul", [s, scale])]);
    return bias === undefined ? real : o.node("Add", [real, bias]);
  },
};

export default [matmul, weightedSum, fusedMatmul, linear, linearInt8];

/** What several products make of one x: made once. */
const sharedParts = (o: Lowering, x: string, make: () => readonly string[]): readonly string[] => o.shared(`in 8 bits ${x}`, () => make().join("\n")).split("\n");

/** The product of the quantized numbers as f32, and the scale of x. */
function producedInWhole(o: Lowering, x: string, w: string): readonly [product: string, scale: string] {
  const [q, scale, zero] = sharedParts(o, x, () => o.several("DynamicQuantizeLinear", [x], {}, "", [true, true, true])) as [string, string, string];
  return [o.node("Cast", [o.node("MatMulInteger", [q, w, zero])], { to: ONNX_TYPE.f32 }), scale];
}

/** The same where only the CPU quantizes and multiplies whole numbers, and the data would travel there and back: f32 holds the 8 bits exactly. */
function producedInSingle(o: Lowering, x: string, w: string): readonly [product: string, scale: string] {
  const [q, scale] = sharedParts(o, x, () => quantizedInSingle(o, x)) as [string, string];
  return [o.node("MatMul", [q, o.node("Cast", [w], { to: ONNX_TYPE.f32 })]), scale];
}

/** DynamicQuantizeLinear, its zero point taken away again: whole numbers as f32, and their scale. */
function quantizedInSingle(o: Lowering, x: string): readonly [q: string, scale: string] {
  const number = (value: number): string => o.scalar("f32", value);
  const most = o.node("Max", [o.node("ReduceMax", [x], { keepdims: false }), number(0)]);
  const least = o.node("Min", [o.node("ReduceMin", [x], { keepdims: false }), number(0)]);
  const scale = o.node("Max", [o.node("Div", [o.node("Sub", [most, least]), number(255)]), number(1e-30)]);
  const zero = o.node("Round", [o.node("Neg", [o.node("Div", [least, scale])])]);
  const moved = o.node("Add", [o.node("Round", [o.node("Div", [x, scale])]), zero]);
  return [o.node("Sub", [o.node("Clip", [moved, number(0), number(255)]), zero]), scale];
}

interface Scaled {
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha: number;
  readonly dtype: DType;
}

/** alpha · op(a) · op(b) for values of the given ranks. */
export function scaledProduct(o: Lowering, [a, b]: readonly [string, string], [rankA, rankB]: readonly [number, number], { transA, transB, alpha, dtype }: Scaled): string {
  if (o.target !== "portable") return o.node("FusedMatMul", [a, b], { transA, transB, alpha: float(alpha) }, CONTRIB);
  const left = transA ? flipped(o, a, rankA) : a;
  const product = o.node("MatMul", [left, transB ? flipped(o, b, rankB) : b]);
  return alpha === 1 ? product : o.node("Mul", [product, o.scalar(dtype, alpha)]);
}

function flipped(o: Lowering, x: string, rank: number): string {
  const perm = Array.from({ length: rank }, (_, i) => i);
  [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
  return o.node("Transpose", [x], { perm });
}

const ranks = (node: Node): readonly [number, number] => [(node.inputs[0] as Node).type.dims.length, (node.inputs[1] as Node).type.dims.length];

function multiplied(call: Call, transA: boolean, transB: boolean): TensorType {
  bothNumeric(call);
  const dtype = call.sameType(0, 1);
  const a = call.rankFrom(0, 2);
  const b = call.rankFrom(1, 2);
  const [rows, inner] = lastTwo(a, transA);
  const [, columns] = lastTwo(b, transB);
  call.size(1, b.dims.length - (transB ? 1 : 2), inner, "the inner sizes of the product differ");
  if (b.dims.length === 2) return { dtype, dims: [...a.dims.slice(0, -2), rows, columns] };
  if (a.dims.length !== b.dims.length)
    throw call.misfit("the ranks differ", `${printType(a)} and ${printType(b)}`, `rank ${a.dims.length}, or a matrix, on the right`);
  return { dtype, dims: [...leading(call, a, b), rows, columns] };
}

function leading(call: Call, a: TensorType, b: TensorType): Dim[] {
  return a.dims.slice(0, -2).map((d, axis) => {
    const other = b.dims[axis] as Dim;
    if (call.facts.equal(d, other)) return call.better(d, other);
    if (call.isOne(d)) return other;
    if (!call.isOne(other)) call.size(1, axis, d, "the batches of the product differ");
    return d;
  });
}

function lastTwo(t: TensorType, flip: boolean): [Dim, Dim] {
  const [x, y] = t.dims.slice(-2) as [Dim, Dim];
  return flip ? [y, x] : [x, y];
}

function bothNumeric(call: Call): void {
  call.numeric(0);
  call.numeric(1);
}
