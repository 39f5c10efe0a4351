// Fused normalisation and activation: layer norm, RMS norm, skip + layer norm, GELU, SiLU.
import type { Node } from "../graph/node.ts";
import type { Dim } from "../types/dim.ts";
import type { TensorType } from "../types/tensor.ts";
import type { Call } from "./call.ts";
import { castTo, inSingle, wide, widened } from "./elementwise.ts";
import { CONTRIB, type OnnxFloat, type Op, float } from "./op.ts";

const layerNorm: Op = {
  name: "layerNorm",
  infer(call) {
    call.count(2, 3);
    return [normed(call, 1)];
  },
  lower: (node, o) => widened(node, node.type.dtype, o, (x) => o.node("LayerNormalization", x, { axis: -1, epsilon: epsilon(node) })),
};

const rmsNorm: Op = {
  name: "rmsNorm",
  infer(call) {
    call.count(2);
    return [normed(call, 1)];
  },
  lower: (node, o) => widened(node, node.type.dtype, o, ([x, gain]) => {
    // Not in the standard, yet ONNX Runtime keeps it in the standard's domain.
    if (o.target !== "portable") return o.node("SimplifiedLayerNormalization", [x, gain], { axis: -1, epsilon: epsilon(node), stash_type: 1 });
    // A square leaves the range of f16 soon.
    const [own, within] = [wide(node.type.dtype), node.type.dtype === "f16" ? "f32" : wide(node.type.dtype)] as const;
    const values = castTo(o, x as string, own, within);
    const square = o.node("ReduceMean", [o.node("Mul", [values, values]), o.ints([-1])], { keepdims: true });
    const root = o.node("Sqrt", [o.node("Add", [square, o.scalar(within, node.attrs.eps as number)])]);
    return o.node("Mul", [castTo(o, o.node("Div", [values, root]), within, own), gain]);
  }),
};

const skipLayerNorm: Op = {
  name: "skipLayerNorm",
  infer(call) {
    // A fifth input is a bias of one value a column that joins the sum.
    const count = call.count(4, 5);
    call.sameType(...call.inputs.keys());
    const type = normed(call, 2);
    call.shape(1, type.dims, "both sides of the sum have one shape");
    if (count === 5) call.shape(4, type.dims.slice(-1), "the bias is not one value a column");
    return [type, type];
  },
  lower(node, o) {
    const { dtype, dims } = node.type;
    const [x, skip, gain, bias, row] = node.inputs.map((i) => castTo(o, o.value(i), dtype, wide(dtype)));
    const back = (value: string): string => castTo(o, value, wide(dtype), dtype);
    if (o.target !== "portable" && dtype !== "f64" && (dims.length === 2 || dims.length === 3)) {
      const [y, , , sum] = o.several("SkipLayerNormalization", [x, skip, gain, bias, row], { epsilon: epsilon(node) }, CONTRIB, [true, false, false, true]);
      return [back(y as string), back(sum as string)];
    }
    const both = o.node("Add", [x, skip]);
    const sum = row === undefined ? both : o.node("Add", [both, row]);
    return [back(o.node("LayerNormalization", [sum, gain, bias], { axis: -1, epsilon: epsilon(node) })), back(sum)];
  },
};

const gelu: Op = {
  name: "gelu",
  infer(call) {
    // A second input is a bias of one value a column.
    const count = call.count(1, 2);
    const way = call.text("approximate");
    if (way !== "none" && way !== "tanh") throw new Error(`gelu does not know ${way}`);
    const type = call.float(0);
    if (count === 2) {
      call.sameType(0, 1);
      call.rankFrom(0, 1);
      call.shape(1, type.dims.slice(-1), "the bias is not one value a column");
    }
    return [type];
  },
  lower: (node, o) => inSingle(node, node.type.dtype, o, (x) => {
    const approximate = node.attrs.approximate as string;
    if (o.target === "portable") return o.node("Gelu", [x.length === 1 ? x[0] : o.node("Add", x)], { approximate });
    return o.node(approximate === "tanh" ? "FastGelu" : x.length === 1 ? "Gelu" : "BiasGelu", x, {}, CONTRIB);
  }),
};

const silu: Op = {
  name: "silu",
  infer(call) {
    call.count(1);
    return [call.float(0)];
  },
  lower: (node, o) => inSingle(node, node.type.dtype, o, ([x]) =>
    o.target === "portable" ? o.node("Mul", [x, o.node("Sigmoid", [x])]) : o.node("QuickGelu", [x], { alpha: float(1) }, CONTRIB)),
};

export default [layerNorm, rmsNorm, skipLayerNorm, gelu, silu];

const epsilon = (node: Node): OnnxFloat => float(node.attrs.eps as number);

/** A float tensor with one gain (and one bias) for each value of its last axis; they follow from input `first`. */
function normed(call: Call, first: number): TensorType {
  call.number("eps");
  const type = call.float(0);
  call.rankFrom(0, 1);
  call.sameType(...call.inputs.keys());
  const last = [type.dims[type.dims.length - 1] as Dim];
  const most = Math.min(call.inputs.length, first + 2);
  for (let i = first; i < most; i++) call.shape(i, last, `the ${i === first ? "gain" : "bias"} is not one value a column`);
  return type;
}
