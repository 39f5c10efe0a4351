// Raising of what reads at given places.
import type { Node } from "../graph/node.ts";
import { type Dim, asNumber, constant } from "../types/dim.ts";
import type { DType } from "../types/tensor.ts";
import { type Raise, only } from "./onnx-raising.ts";
import { Kept } from "./onnx-use.ts";
import { valueOfSizes } from "./onnx-value.ts";

const gather: Raise = (u) => {
  const axis = u.axis(u.int("axis", 0), u.dims(0).length);
  const [known, wanted] = [u.value(0)?.sizes, u.value(1)?.numbers];
  if (known && wanted && u.dims(0).length === 1) {
    const found = wanted.map((p) => known[p < 0 ? p + known.length : p]);
    if (!found.includes(undefined)) return valueOfSizes(u.o, u.value(0)?.type.dtype as DType, found as Dim[], u.dims(1).map((d) => asNumber(d) as number));
  }
  const x = u.x(0);
  const size = asNumber(x.type.dims[axis] as Dim);
  // One place from the end: no rule has to know of negative numbers.
  if (wanted?.length === 1 && (wanted[0] as number) < 0 && size !== undefined) return u.o.gather(x, u.o.tensor("i64", u.dims(1).map(() => 1), [(wanted[0] as number) + size]), axis);
  return u.o.gather(x, u.o.cast(u.x(1), "i64"), axis);
};

/** Elements at places that count along axes of the result: the tensor itself, moved and stretched. So exporters index masks. */
const gatherNd: Raise = (u) => {
  const [x, at] = [u.x(0), u.x(1)];
  const rank = at.type.dims.length - 1;
  only(u.int("batch_dims", 0) === 0 && at.op === "concat" && at.attrs.axis === rank && at.inputs.length === x.type.dims.length, "places that are computed");
  const axes = at.inputs.map((part, i) => countedAxis(part, x.type.dims[i] as Dim));
  only(new Set(axes).size === axes.length && axes.every((axis, i) => i === 0 || axis > (axes[i - 1] as number)), "axes in another order");
  const apart = Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? (x.type.dims[axes.indexOf(axis)] as Dim) : constant(1)));
  const placed = u.o.reshape(x, apart);
  const wanted = at.type.dims.slice(0, -1);
  return wanted.every((d, i) => d.key === apart[i]?.key) ? placed : u.o.expand(placed, u.readable(wanted, x, at));
};

/** The axis along which a part of places, [..., 1], counts through all of a size. */
function countedAxis(part: Node, size: Dim): number {
  let at = part;
  let axis: number | undefined;
  while (at.op === "reshape" || at.op === "expand") {
    const large = at.type.dims.map((d, i) => [d, i] as const).filter(([d]) => asNumber(d) !== 1);
    const [x] = at.inputs as readonly [Node];
    // Before it was repeated along other axes it stood along one.
    if (at.op === "reshape" && large.length === 1 && axis === undefined) axis = large[0]?.[1];
    else if (at.op === "reshape" && axis === undefined && !onlyOnes(at, x)) throw new Kept("places are mixed");
    else if (at.op === "expand" && axis === undefined && x.type.dims.filter((d) => asNumber(d) !== 1).length === 1) axis = x.type.dims.findIndex((d) => asNumber(d) !== 1);
    at = x;
  }
  if (at.op !== "iota" || axis === undefined || (at.attrs.size as Dim).key !== size.key) throw new Kept("places that do not count");
  return axis;
}

/** Whether a reshape adds or takes sizes of 1 behind only: axes keep their numbers. */
const onlyOnes = (node: Node, x: Node): boolean => {
  const [long, short] = node.type.dims.length > x.type.dims.length ? [node.type.dims, x.type.dims] : [x.type.dims, node.type.dims];
  return long.every((d, i) => (i < short.length ? d.key === short[i]?.key : asNumber(d) === 1));
};

export const gathers: readonly (readonly [string, Raise])[] = [
  ["Gather", gather], ["GatherND", gatherNd], ["GatherElements", (u) => u.o.gatherElements(u.x(0), u.o.cast(u.x(1), "i64"), u.axis(u.int("axis", 0), u.dims(0).length))],
];
