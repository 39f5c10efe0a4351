// Ops that read or write at computed places: gather, take, put.
import type { Node } from "../graph/node.ts";
import { type Dim, asNumber, constant, product } from "../types/dim.ts";
import { printType } from "../types/tensor.ts";
import type { Call } from "./call.ts";
import { castTo, wide } from "./elementwise.ts";
import { range } from "./leaves.ts";
import { reshaped } from "./movement.ts";
import type { Lowering, OnnxAttrs, Op } from "./op.ts";

const gather: Op = {
  name: "gather",
  infer(call) {
    call.count(2);
    const { dtype, dims } = call.type(0);
    const indices = call.ofType(1, "i64", "indices").dims;
    const axis = call.axis(dims.length);
    return [{ dtype, dims: [...dims.slice(0, axis), ...indices, ...dims.slice(axis + 1)] }];
  },
  lower: (node, o) => o.node("Gather", inputs(node, o), { axis: node.attrs.axis as number }),
};

const gatherElements: Op = {
  name: "gatherElements",
  infer(call) {
    call.count(2);
    const { dtype, dims } = call.type(0);
    call.ofType(1, "i64", "indices");
    const indices = call.rank(1, dims.length, "the indices").dims;
    const axis = call.axis(dims.length);
    dims.forEach((d, i) => {
      if (i !== axis) call.size(1, i, d, "the indices differ from the tensor beside the axis");
    });
    return [{ dtype, dims: indices }];
  },
  lower: (node, o) => o.node("GatherElements", inputs(node, o), { axis: node.attrs.axis as number }),
};

const take: Op = {
  name: "take",
  infer(call) {
    call.count(2);
    const batch = call.number("batch");
    const { dtype, dims } = call.rankFrom(0, batch + 1);
    const indices = shared(call, 1, batch);
    return [{ dtype, dims: [...(stands(call) ? indices.slice(0, -1) : indices), ...dims.slice(batch + 1)] }];
  },
  lower(node, o) {
    const [x, indices] = inputs(node, o) as [string, string];
    const batch = node.attrs.batch as number;
    if (batch === 0) return o.node("Gather", [x, indices], { axis: 0 });
    if (node.attrs.column === true) return o.node("GatherND", [x, indices], { batch_dims: batch });
    const rank = (node.inputs[1] as Node).type.dims.length;
    // Single numbers, one list of places a batch: no batch has to be told from another.
    if ((node.inputs[0] as Node).type.dims.length === batch + 1 && rank === batch + 1) return o.node("GatherElements", [x, indices], { axis: batch });
    return o.node("GatherND", [x, o.shared(`column ${indices} ${rank}`, () => o.node("Unsqueeze", [indices, o.ints([rank])]))], { batch_dims: batch });
  },
};

const WAYS = ["add", "max", "min", "set"];

const put: Op = {
  name: "put",
  infer(call) {
    call.count(3);
    call.sameType(0, 2);
    const batch = call.number("batch");
    const way = call.text("how");
    if (!WAYS.includes(way)) throw new Error(`put does not know ${way}`);
    if (way !== "set") call.numeric(0);
    const type = call.rankFrom(0, batch + 1);
    shared(call, 1, batch);
    const indices = call.rank(1, stands(call) ? batch + 2 : batch + 1, "the indices").dims.slice(0, batch + 1);
    call.shape(2, [...indices, ...type.dims.slice(batch + 1)], "the rows to put in do not fit");
    return [type];
  },
  lower(node, o) {
    const [x, indices, values] = node.inputs as [Node, Node, Node];
    const { dtype, dims } = x.type;
    const batch = node.attrs.batch as number;
    const how = node.attrs.how as string;
    // No rows at all: ONNX Runtime does not take lists of places that are known to be empty.
    if (asNumber(indices.type.dims[batch] as Dim) === 0) return o.value(x);
    // ONNX Runtime combines rows of 32 bits and more.
    const compute = how === "set" ? dtype : dtype === "f16" ? "f32" : wide(dtype);
    const rest = dims.slice(batch + 1);
    const reduction: OnnxAttrs = how === "set" ? {} : { reduction: how };
    if (rest.length === 0 && batch > 0) {
      const parts = [castTo(o, o.value(x), dtype, compute), o.value(indices), castTo(o, o.value(values), dtype, compute)];
      return castTo(o, o.node("ScatterElements", parts, { axis: batch, ...reduction }), compute, dtype);
    }
    // One axis before the rows: a row's place is a pair. More of them are counted through as one.
    const lead = dims.slice(0, batch);
    const list = batch < 2 ? dims : [product(lead), dims[batch] as Dim, ...rest];
    const rows = [...list.slice(0, 1), indices.type.dims[batch] as Dim];
    const made = o.node("ScatterND", [
      castTo(o, reshaped(o, o.value(x), dims, list), dtype, compute),
      batch === 0 ? o.node("Unsqueeze", [o.value(indices), o.ints([1])]) : node.attrs.column === true ? paired(o, o.value(indices), rows as [Dim, Dim]) : pairs(o, reshaped(o, o.value(indices), indices.type.dims, rows), rows as [Dim, Dim]),
      castTo(o, reshaped(o, o.value(values), values.type.dims, batch === 0 ? values.type.dims : [...rows, ...rest]), dtype, compute),
    ], reduction);
    return reshaped(o, castTo(o, made, compute, dtype), list, dims);
  },
};

export default [gather, gatherElements, take, put];

const inputs = (node: Node, o: Lowering): string[] => node.inputs.map((x) => o.value(x));

/** Whether places stand as a column: i64[B, J, 1] in the place of i64[B, J]. */
const stands = (call: Call): boolean => call.attrs.column === true;

/** Checks that indices share the first axes with the tensor they point into. */
function shared(call: Call, index: number, batch: number): readonly Dim[] {
  const { dims } = call.ofType(index, "i64", "indices");
  if (dims.length < batch) throw call.misfit(`the first ${batch} axes are shared`, printType(call.type(index)), `rank ${batch} or more`);
  for (let axis = 0; axis < batch; axis++) call.size(index, axis, call.type(0).dims[axis] as Dim, "the indices are of another batch");
  return dims;
}

/** i64[B, J, 2]: the batch and the row, from rows i64[B, J]. */
const pairs = (o: Lowering, indices: string, sizes: readonly [Dim, Dim]): string => o.shared(`pairs ${indices}`, () => paired(o, o.node("Unsqueeze", [indices, o.ints([2])]), sizes));

/** The same from a column i64[B, J, 1]. */
function paired(o: Lowering, column: string, [batch, count]: readonly [Dim, Dim]): string {
  return o.shared(`paired ${column}`, () => {
    const batches = o.shared(`batches ${batch.key} ${count.key}`, () =>
      o.node("Expand", [o.node("Unsqueeze", [range(o, batch), o.ints([1, 2])]), o.dims([constant(1), count, constant(1)])]));
    return o.node("Concat", [batches, column], { axis: 2 });
  });
}
