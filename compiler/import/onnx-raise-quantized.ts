// Raising of operators that compute on quantized numbers: read, computed in real numbers, quantized again. The runtime makes the same operator of that, and blocks have places of real numbers between.
import type { Node } from "../graph/node.ts";
import { foreignAttrs } from "../ops/foreign.ts";
import { asNumber } from "../types/dim.ts";
import { type DType, isFloat } from "../types/tensor.ts";
import { convolved } from "./onnx-raise-conv.ts";
import { type Raise, only } from "./onnx-raising.ts";
import type { Use } from "./onnx-use.ts";

/** An operator of ONNX as it is, with the sizes of its first input. */
function carried(u: Use, opType: "QuantizeLinear" | "DequantizeLinear", inputs: readonly (Node | undefined)[], dtype: DType): Node {
  const given = inputs.filter((x) => x !== undefined);
  const [{ type }] = given as [Node];
  return u.o.make("foreign", given, foreignAttrs({ opType, domain: "", attributes: new Uint8Array(), present: inputs.map((x) => x !== undefined), outputs: [{ dtype, dims: type.dims }], copy: 0 }));
}

/** A scale or a zero point; one for all is a number. */
const single = (u: Use, index: number): Node | undefined => {
  if (!u.has(index)) return undefined;
  const x = u.x(index);
  return x.type.dims.length > 0 && x.type.dims.every((d) => asNumber(d) === 1) ? u.o.reshape(x, []) : x;
};

/** Quantized numbers at `index`, their scale and their zero point behind them, as real ones. */
function real(u: Use, index: number): Node {
  const [x, scale] = [u.x(index), single(u, index + 1)];
  // A scale a column is along the second axis, where the operator that reads expects it.
  only(scale !== undefined && isFloat(scale.type.dtype) && (scale.type.dims.length === 0 || (scale.type.dims.length === 1 && x.type.dims.length === 2)), "scales along another axis");
  return carried(u, "DequantizeLinear", [x, scale, single(u, index + 2)], "f32");
}

/** Real numbers by the scale at `index` and the zero point behind it. */
function whole(u: Use, x: Node, index: number): Node {
  const [scale, zero] = [single(u, index), single(u, index + 1)];
  only(scale !== undefined && scale.type.dims.length === 0, "scales along an axis");
  return carried(u, "QuantizeLinear", [x, scale, zero], zero?.type.dtype ?? "u8");
}

/** What computes on two quantized tensors. */
const ofTwo = (compute: (u: Use, a: Node, b: Node) => Node): Raise => (u) => {
  only(u.unfuses, "it is one operator in the runtime too");
  return whole(u, compute(u, real(u, 0), real(u, 3)), 6);
};

const product = ofTwo((u, a, b) => {
  const rank = Math.max(a.type.dims.length, b.type.dims.length);
  only(a.type.dims.length >= 2 && b.type.dims.length >= 2, "vectors");
  return u.o.matmul(u.lifted(a, rank), b.type.dims.length === 2 ? b : u.lifted(b, rank));
});

/** A bias is of whole numbers by the scales of both sides. */
const convolution = ofTwo((u, x, w) => {
  const bias = u.has(8) ? carried(u, "DequantizeLinear", [u.x(8), u.o.mul(single(u, 1) as Node, single(u, 4) as Node), undefined], "f32") : undefined;
  return convolved(u, x, w, bias);
});

const elementwise = (op: "add" | "mul"): Raise => ofTwo((u, a, b) => {
  const [x, y] = u.levelled([a, b]) as [Node, Node];
  return u.o.binary(op, x, y);
});

const ofOne = (compute: (u: Use, x: Node) => Node): Raise => (u) => {
  only(u.unfuses, "it is one operator in the runtime too");
  return whole(u, compute(u, real(u, 0)), 3);
};

/** The scale and the zero point of the result come first, then three inputs a part. */
const joined: Raise = (u) => {
  only(u.unfuses && u.count > 2 && (u.count - 2) % 3 === 0, "it is one operator in the runtime too");
  const parts = Array.from({ length: (u.count - 2) / 3 }, (_, i) => real(u, 2 + 3 * i));
  return whole(u, u.o.concat(parts, u.axis(u.int("axis", 0), parts[0]?.type.dims.length ?? 0)), 0);
};

export const quantized: readonly (readonly [string, Raise])[] = [
  ["QLinearMatMul", product], ["QLinearConv", convolution], ["com.microsoft.QLinearAdd", elementwise("add")], ["com.microsoft.QLinearMul", elementwise("mul")], ["com.microsoft.QLinearConcat", joined],
  ["com.microsoft.QLinearSoftmax", ofOne((u, x) => u.o.softmax(x, u.axis(u.int("axis", -1), x.type.dims.length)))], ["com.microsoft.QLinearSigmoid", ofOne((u, x) => u.o.sigmoid(x))],
];
