// Raising of what reads at given places.
import type { Node } from "../graph/node.ts";
import { type Dim, asNumber, constant, multiply, product } from "../types/dim.ts";
import type { DType } from "../types/tensor.ts";
import { type Raise, only } from "./onnx-raising.ts";
import { Kept, type Use } from "./onnx-use.ts";
import { asValue, valueOfSizes } from "./onnx-value.ts";

const gather: Raise = (u) => {
  const axis = u.axis(u.int("axis", 0), u.dims(0).length);
  const [known, wanted] = [u.value(0)?.sizes, u.value(1)?.numbers];
  if (known && wanted && u.dims(0).length === 1) {
    const found: (Dim | undefined)[] = wanted.map((p) => known[p < 0 ? p + known.length : p]);
    if (!found.includes(undefined)) return valueOfSizes(u.o, u.value(0)?.type.dtype as DType, found as Dim[], u.dims(1).map((d) => asNumber(d) as number));
  }
  const x = u.x(0);
  const size = asNumber(x.type.dims[axis] as Dim);
  // One place from the end: no rule has to know of negative numbers.
  if (wanted?.length === 1 && (wanted[0] as number) < 0 && size !== undefined) return u.o.gather(x, u.o.tensor("i64", u.dims(1).map(() => 1), [(wanted[0] as number) + size]), axis);
  return (axis === 0 ? unindexed(u, x, u.x(1)) : undefined) ?? u.o.gather(x, u.o.cast(u.x(1), "i64"), axis);
};

/** One summand of computed places: it counts through `size` along an axis, `stride` apart. */
interface Counting {
  readonly axis: number;
  readonly size: Dim;
  readonly stride: Dim;
}

/** Every element of a flattened [A, B] in its order, written as places a·B + b: the tensor itself. So exporters index masks. */
function unindexed(u: Use, x: Node, places: Node): Node | undefined {
  const [y] = x.inputs;
  const [a, b] = y?.type.dims ?? [];
  const counted = x.op === "reshape" && y && a && b ? countings(places) : undefined;
  const [first, second] = counted ?? [];
  if (!y || !a || !b || counted?.length !== 2 || !first || !second || first.axis >= second.axis || x.type.dims[0]?.key !== product([a, b]).key) return undefined;
  if (first.size.key !== a.key || first.stride.key !== b.key || second.size.key !== b.key || asNumber(second.stride) !== 1) return undefined;
  const rest = x.type.dims.slice(1);
  const apart = [...places.type.dims.map((_, i) => (i === first.axis ? a : i === second.axis ? b : constant(1))), ...rest];
  const wanted = [...places.type.dims, ...rest];
  const placed = u.o.reshape(y, apart);
  return wanted.every((d, i) => d.key === apart[i]?.key) ? placed : u.o.expand(placed, u.readable(wanted, x, places));
}

/** What places are the sum of, by axis; undefined where they are anything else. */
function countings(node: Node): readonly Counting[] | undefined {
  const [x, y] = node.inputs;
  const rank = node.type.dims.length;
  if (node.op === "iota") return [{ axis: 0, size: node.attrs.size as Dim, stride: constant(1) }];
  if (node.op === "cast" && x) return countings(x);
  if ((node.op === "reshape" || node.op === "expand") && x) {
    const inner = countings(x);
    const large = (n: Node): number[] => n.type.dims.flatMap((d, i) => (asNumber(d) === 1 ? [] : [i]));
    if (node.op === "expand") return x.type.dims.length === rank ? inner : undefined;
    const [from, to] = [large(x), large(node)];
    return from.length === to.length && from.every((i, at) => x.type.dims[i]?.key === node.type.dims[to[at] as number]?.key) ? inner?.map((c) => ({ ...c, axis: to[from.indexOf(c.axis)] ?? c.axis })) : undefined;
  }
  if (!x || !y) return undefined;
  if (node.op === "add") {
    const [left, right] = [countings(x), countings(y)];
    return left && right && x.type.dims.length === y.type.dims.length ? [...left, ...right].sort((p, q) => p.axis - q.axis) : undefined;
  }
  if (node.op !== "mul") return undefined;
  const times = oneSize(y);
  return times && countings(x)?.map((c) => ({ ...c, stride: multiply(c.stride, times) }));
}

/** The size that a tensor of one element holds. */
function oneSize(node: Node): Dim | undefined {
  const [x] = node.inputs;
  if (node.op === "sizeOf") return node.attrs.dim as Dim;
  if ((node.op === "reshape" || node.op === "cast") && x && node.type.dims.every((d) => asNumber(d) === 1)) return oneSize(x);
  const sizes = node.op === "const" ? asValue(node).sizes : undefined;
  return sizes?.length === 1 ? sizes[0] : undefined;
}

/** Elements at places that count along axes of the result: the tensor itself, moved and stretched. So exporters index masks. */
const gatherNd: Raise = (u) => {
  const [x, at] = [u.x(0), u.x(1)];
  const rank = at.type.dims.length - 1;
  only(u.int("batch_dims", 0) === 0 && at.op === "concat" && at.attrs.axis === rank && at.inputs.length === x.type.dims.length, "places that are computed");
  const counted = at.inputs.map(countedAxis);
  const axes = counted.map((c) => c.axis);
  only(new Set(axes).size === axes.length && axes.every((axis, i) => i === 0 || axis > (axes[i - 1] as number)), "axes in another order");
  // Which sizes are the same, exporters do not always know; there cannot be more places than elements.
  const read = counted.reduce((part, { size }, i) => (part.type.dims[i]?.key === size.key ? part : u.o.slice(part, i, constant(0), u.readable([size])[0] as Dim)), x);
  const apart = Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? (read.type.dims[axes.indexOf(axis)] as Dim) : constant(1)));
  const placed = u.o.reshape(read, apart);
  const wanted = at.type.dims.slice(0, -1);
  return wanted.every((d, i) => d.key === apart[i]?.key) ? placed : u.o.expand(placed, u.readable(wanted, x, at));
};

/** The axis along which a part of places, [..., 1], counts 0, 1, …, and how far. */
function countedAxis(part: Node): { readonly axis: number; readonly size: Dim } {
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
  if (at.op !== "iota" || axis === undefined) throw new Kept("places that do not count");
  return { axis, size: at.attrs.size as Dim };
}

/** Whether a reshape adds or takes sizes of 1 behind only: axes keep their numbers. */
const onlyOnes = (node: Node, x: Node): boolean => {
  const [long, short] = node.type.dims.length > x.type.dims.length ? [node.type.dims, x.type.dims] : [x.type.dims, node.type.dims];
  return long.every((d, i) => (i < short.length ? d.key === short[i]?.key : asNumber(d) === 1));
};

export const gathers: readonly (readonly [string, Raise])[] = [
  ["Gather", gather], ["GatherND", gatherNd], ["GatherElements", (u) => u.o.gatherElements(u.x(0), u.o.cast(u.x(1), "i64"), u.axis(u.int("axis", 0), u.dims(0).length))],
];
