// Ops that shorten, rank or scan axes: sums, extremes, the k largest, softmax.
import type { Node } from "../graph/node.ts";
import { type Dim, constant } from "../types/dim.ts";
import { printType } from "../types/tensor.ts";
import { castTo, wide, widened } from "./elementwise.ts";
import type { Op } from "./op.ts";

const REDUCTIONS: Readonly<Record<string, string>> = {
  reduceSum: "ReduceSum", reduceMean: "ReduceMean", reduceMax: "ReduceMax", reduceMin: "ReduceMin", reduceProd: "ReduceProd", reduceL2: "ReduceL2",
};
const OF_FLOATS = new Set(["reduceMean", "reduceL2"]);

const reductions: Op[] = Object.entries(REDUCTIONS).map(([name, opType]) => ({
  name,
  infer(call) {
    call.count(1);
    const { dtype, dims } = OF_FLOATS.has(name) ? call.float(0) : call.numeric(0);
    const axes = call.numbers("axes").map((axis) => call.within(axis, dims.length));
    if (new Set(axes).size !== axes.length) throw call.misfit("an axis is named twice", axes.join(", "), "each axis once");
    return [{ dtype, dims: without(dims, axes, call.flag("keep")) }];
  },
  lower(node, o) {
    const axes = node.attrs.axes as readonly number[];
    // An empty list would mean "all axes" to ONNX.
    if (axes.length === 0) return name === "reduceL2" ? o.node("Abs", [o.value(node.inputs[0] as Node)]) : o.value(node.inputs[0] as Node);
    return widened(node, node.type.dtype, o, ([x]) => o.node(opType, [x, o.ints(axes)], { keepdims: node.attrs.keep as boolean }));
  },
}));

const arg = (name: string, opType: string): Op => ({
  name,
  infer(call) {
    call.count(1);
    const { dims } = call.numeric(0);
    return [{ dtype: "i64", dims: without(dims, [call.axis(dims.length)], call.flag("keep")) }];
  },
  lower(node, o) {
    const x = node.inputs[0] as Node;
    return o.node(opType, [castTo(o, o.value(x), x.type.dtype, wide(x.type.dtype))], { axis: node.attrs.axis as number, keepdims: node.attrs.keep as boolean });
  },
});

const topk: Op = {
  name: "topk",
  infer(call) {
    call.count(1);
    call.flag("largest");
    const { dtype, dims } = call.numeric(0);
    const axis = call.axis(dims.length);
    const count = call.dim("count");
    const [k, n] = [call.facts.number(count), call.facts.number(dims[axis] as Dim)];
    if (k !== undefined && n !== undefined && k > n) throw call.misfit(`there are no ${k} to choose`, printType(call.type(0)), `at least ${k} at axis ${axis}`);
    const shape = dims.map((d, i) => (i === axis ? count : d));
    return [{ dtype, dims: shape }, { dtype: "i64", dims: shape }];
  },
  lower(node, o) {
    const x = node.inputs[0] as Node;
    const { dtype } = x.type;
    const attrs = { axis: node.attrs.axis as number, largest: node.attrs.largest as boolean, sorted: true };
    const [top, indices] = o.several("TopK", [castTo(o, o.value(x), dtype, wide(dtype)), o.dim(node.attrs.count as Dim)], attrs, "", [true, true]);
    return [castTo(o, top as string, wide(dtype), dtype), indices as string];
  },
};

const item: Op = {
  name: "item",
  infer(call) {
    call.count(1);
    const index = call.number("index");
    const type = call.inputs[0]?.types[index];
    if (!type) throw new Error(`${call.inputs[0]?.op} has no output ${index}`);
    return [type];
  },
  lower: (node, o) => o.value(node.inputs[0] as Node, node.attrs.index as number),
};

const cumsum: Op = {
  name: "cumsum",
  infer(call) {
    call.count(1);
    const type = call.numeric(0);
    call.axis(type.dims.length);
    return [type];
  },
  lower: (node, o) => widened(node, node.type.dtype, o, ([x]) => o.node("CumSum", [x, o.scalar("i64", node.attrs.axis as number)])),
};

const softmax: Op = {
  name: "softmax",
  infer(call) {
    call.count(1);
    const type = call.float(0);
    call.axis(type.dims.length);
    return [type];
  },
  lower: (node, o) => widened(node, node.type.dtype, o, (x) => o.node("Softmax", x, { axis: node.attrs.axis as number })),
};

export default [...reductions, arg("argmax", "ArgMax"), arg("argmin", "ArgMin"), topk, item, cumsum, softmax];

const without = (dims: readonly Dim[], axes: readonly number[], keep: boolean): Dim[] =>
  dims.flatMap((d, i) => (axes.includes(i) ? (keep ? [constant(1)] : []) : [d]));
