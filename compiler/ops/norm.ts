// Fused normalisation and activation: layer norm, RMS norm, skip + layer norm, GELU, SiLU.
import type { Node } from "../graph/node.ts";
import { type Dim, constant } from "../types/dim.ts";
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

const embedNorm: Op = {
  name: "embedNorm",
  infer(call) {
    // ids, words, places, gain, bias; then the kinds and their table; then the places of the tokens, which are 0, 1, … otherwise.
    const [hasKinds, isPlaced] = [call.flag("kinds"), call.flag("placed")];
    call.count(5 + (hasKinds ? 2 : 0) + (isPlaced ? 1 : 0));
    call.number("eps");
    const { dims } = call.ofType(0, "i64", "words");
    call.rank(0, 2, "the words");
    const { dtype, dims: [, width] } = call.rank(1, 2, "the table of words") as TensorType & { readonly dims: readonly [Dim, Dim] };
    call.sameType(1, 2, 3, 4, ...(hasKinds ? [6] : []));
    call.float(1);
    for (const table of [2, ...(hasKinds ? [6] : [])]) {
      call.rank(table, 2, "the table");
      call.size(table, 1, width, "the tables are not of one width");
    }
    for (const row of [3, 4]) call.shape(row, [width], `the ${row === 3 ? "gain" : "bias"} is not one value a column`);
    for (const at of [...(hasKinds ? [5] : []), ...(isPlaced ? [call.inputs.length - 1] : [])]) {
      call.ofType(at, "i64", "kinds and places");
      call.shape(at, dims, "there is not one for each word");
    }
    return [{ dtype, dims: [...dims, width] }];
  },
  lower(node, o) {
    const { dtype } = node.type;
    const [ids, words, places, gain, bias] = node.inputs as readonly [Node, Node, Node, Node, Node];
    const [kind, kinds] = node.attrs.kinds === true ? node.inputs.slice(5) : [];
    const at = node.attrs.placed === true ? node.inputs.at(-1) : undefined;
    const whole = (x: Node | undefined): string | undefined => x && o.shared(`i32 of ${o.value(x)}`, () => castTo(o, o.value(x), "i64", "i32"));
    const real = (x: Node | undefined): string | undefined => x && castTo(o, o.value(x), dtype, wide(dtype));
    const inputs = [whole(ids), whole(kind), real(words), real(places), real(kinds), real(gain), real(bias), undefined, whole(at)];
    if (o.target === "portable" || dtype === "f64") {
      const rows = (table: Node, places: Node): string => o.node("Gather", [real(table), o.value(places)], { axis: 0 });
      const inOrder = (): string => o.node("Slice", [real(places), o.dim(constant(0)), o.dim(ids.type.dims[1] as Dim), o.ints([0]), o.ints([1])]);
      const both = o.node("Add", [rows(words, ids), at ? rows(places, at) : inOrder()]);
      const sum = kind && kinds ? o.node("Add", [both, rows(kinds, kind)]) : both;
      return castTo(o, o.node("LayerNormalization", [sum, real(gain), real(bias)], { axis: -1, epsilon: epsilon(node) }), wide(dtype), dtype);
    }
    const [y] = o.several("EmbedLayerNormalization", inputs, { epsilon: epsilon(node) }, CONTRIB, [true, true]) as [string, string];
    return castTo(o, y, wide(dtype), dtype);
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

export default [layerNorm, rmsNorm, skipLayerNorm, embedNorm, gelu, silu];

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
