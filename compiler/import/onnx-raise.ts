// Operators of ONNX as ops of the graph: one entry an operator. What has no entry, or does not fit one, is carried through.
import { type BinaryOp, type ReduceOp, type UnaryOp, literal, values } from "../graph/build.ts";
import type { Literal, Node } from "../graph/node.ts";
import { type Dim, add, asNumber, constant, divideExactly, minimum, multiply, product, subtract } from "../types/dim.ts";
import { type DType, isFloat } from "../types/tensor.ts";
import { foreignAttrs } from "../ops/foreign.ts";
import type { OnnxTensor } from "./onnx-file.ts";
import { dtypeOf } from "./onnx-types.ts";
import { compareSizes, computeSizes, offset, places, together } from "./onnx-sizes.ts";
import { Kept, type Use } from "./onnx-use.ts";
import { MOST_SIZES, type Value, asValue, valueOfSizes, valueWith } from "./onnx-value.ts";

type Made = Node | Value;
/** What each output became. Throws `Kept` or `Mismatch` where the operator is carried through. */
export type Raise = (u: Use, constantOf: (tensor: OnnxTensor) => Node) => Made | readonly Made[];

export const raiseOf = (domain: string, opType: string): Raise | undefined => RAISE.get(domain === "" ? opType : `${domain}.${opType}`);

/** What arithmetic is written for; other types pass through casts that only the runtime should make. */
const PLAIN: ReadonlySet<DType> = new Set(["f32", "f64", "f16", "i64", "i32", "bool"]);
const plain = (node: Node): Node => {
  if (!PLAIN.has(node.type.dtype)) throw new Kept(`arithmetic of ${node.type.dtype}`);
  return node;
};
const single = (node: Node): Node => {
  if (node.type.dtype !== "f32") throw new Kept(`only spelled out in 32 bits`);
  return node;
};
/** Other elements in the shape that the first input has. */
const likeSizes = (u: Use, sizes: readonly Dim[], dtype: DType = u.value(0)?.type.dtype as DType): Value => valueOfSizes(u.o, dtype, sizes, u.dims(0).map((d) => asNumber(d) as number));
const only = (holds: boolean, why: string): void => {
  if (!holds) throw new Kept(why);
};

const unary = (op: UnaryOp): Raise => (u) => {
  const known = op === "neg" ? u.value(0)?.sizes : undefined;
  if (known) return likeSizes(u, known.map((d) => multiply(d, constant(-1))));
  const x = plain(u.x(0));
  // Some are computed in 32 bits by us, which is no longer the same.
  only(x.type.dtype !== "f64" || (op !== "erf" && op !== "atanh"), "64 bits");
  only(isFloat(x.type.dtype) || op === "not" || op === "abs" || op === "neg" || op === "sign", "whole numbers");
  return u.o.unary(op, x);
};

const binary = (op: BinaryOp): Raise => (u) => {
  only(u.count === 2, "not two operands");
  const computed = computeSizes(u, op);
  if (computed) return computed;
  const [a, b] = u.levelled([plain(u.x(0)), plain(u.x(1))]) as [Node, Node];
  const exponent = op === "pow" && b.type.dtype !== a.type.dtype && u.value(1)?.numbers?.length === 1 && isFloat(a.type.dtype) && a.type.dtype !== "f16" ? u.o.scalar(a.type.dtype, u.numbers(1)[0] as number) : b;
  if (op === "and" || op === "or") {
    const decided = [[a, b], [b, a]].find(([x]) => x && isEverywhere(x, op === "and"));
    if (decided) return stretchedTogether(u, decided[1] as Node, decided[0] as Node);
  }
  if (op === "mod") only((u.int("fmod", 0) === 1) === isFloat(a.type.dtype), "the other remainder");
  return u.o.binary(op, a, exponent);
};

/** Whether a tensor of truth values holds one of them everywhere. */
function isEverywhere(node: Node, value: boolean): boolean {
  if (node.op === "fill") return (node.attrs.value !== 0) === value;
  if (node.op === "reshape" || node.op === "expand") return isEverywhere(node.inputs[0] as Node, value);
  return node.op === "const" && (node.attrs.value as Literal).bytes.every((b) => (b !== 0) === value);
}

/** `x` in the shape that it reaches together with `other`. */
function stretchedTogether(u: Use, x: Node, other: Node): Node {
  const rank = Math.max(x.type.dims.length, other.type.dims.length);
  const [a, b] = [u.lifted(x, rank), u.lifted(other, rank)];
  const wanted = a.type.dims.map((d, i) => (asNumber(d) === 1 ? (b.type.dims[i] as Dim) : d));
  return wanted.every((d, i) => d.key === a.type.dims[i]?.key) ? a : u.o.expand(a, wanted);
}

/** Whether a tensor counts 0, 1, …: never below 0. */
function counts(node: Node): boolean {
  if (node.op === "reshape" || node.op === "expand" || node.op === "transpose") return counts(node.inputs[0] as Node);
  return node.op === "iota";
}

const compare = (op: "eq" | "lt" | "le" | "gt" | "ge"): Raise => (u) => {
  const computed = compareSizes(u, op);
  if (computed) return computed;
  const [a, b] = u.levelled([plain(u.x(0)), plain(u.x(1))]) as [Node, Node];
  if (op === "ge" && counts(a) && u.value(1)?.numbers?.length === 1 && u.numbers(1)[0] === 0) return u.o.fill("bool", u.readable(a.type.dims, a), 1);
  return u.o.binary(op, a, b);
};

const reduce = (op: ReduceOp): Raise => (u) => {
  const x = plain(u.x(0));
  const rank = x.type.dims.length;
  only(isFloat(x.type.dtype) || op === "reduceSum" || op === "reduceMax" || op === "reduceMin", "whole numbers");
  only(x.type.dtype !== "bool", "truth values");
  const given = u.has(1) ? u.numbers(1) : (u.ints("axes") ?? []);
  if (given.length === 0 && u.int("noop_with_empty_axes", 0) === 1) return x;
  const axes = given.length === 0 ? x.type.dims.map((_, i) => i) : given.map((axis) => u.axis(axis, rank)).sort((a, b) => a - b);
  return u.o.reduce(op, x, axes, u.int("keepdims", 1) === 1);
};

const arg = (op: "argmax" | "argmin"): Raise => (u) => {
  const x = plain(u.x(0));
  only(u.int("select_last_index", 0) === 0, "the last of equals");
  return u.o[op](x, u.axis(u.int("axis", 0), x.type.dims.length), u.int("keepdims", 1) === 1);
};

// ── movement ──

const reshape: Raise = (u) => {
  const dims = u.dims(0);
  const isLiteral = u.int("allowzero", 0) === 1;
  const asked = u.sizes(1).map((d, i) => (asNumber(d) === 0 && !isLiteral ? (dims[i] ?? d) : d));
  const hole = asked.findIndex((d) => asNumber(d) === -1);
  const rest = product(asked.filter((_, i) => i !== hole));
  const filled = hole < 0 ? undefined : divideExactly(product(dims), rest);
  only(hole < 0 || (filled !== undefined && asNumber(rest) !== 0), "what remains is not known");
  const wanted = asked.map((d, i) => (i === hole ? (filled as Dim) : d));
  const known = u.value(0)?.sizes;
  const numbers = wanted.map(asNumber);
  if (known && !numbers.includes(undefined)) return valueOfSizes(u.o, u.value(0)?.type.dtype as DType, known, numbers as number[]);
  const x = u.x(0);
  return u.o.reshape(x, u.readable(wanted, x));
};

/** A reshape to sizes that follow from those of x. */
const reshapedTo = (u: Use, make: (dims: readonly Dim[]) => readonly Dim[]): Made => {
  const wanted = make(u.dims(0));
  const known = u.value(0)?.sizes;
  if (known) return valueOfSizes(u.o, u.value(0)?.type.dtype as DType, known, wanted.map((d) => asNumber(d) as number));
  return u.o.reshape(u.x(0), wanted);
};

const squeeze: Raise = (u) => reshapedTo(u, (dims) => {
  if (u.has(1)) {
    const axes = u.numbers(1).map((axis) => u.axis(axis, dims.length));
    return dims.filter((_, i) => !axes.includes(i));
  }
  only(dims.every((d) => asNumber(d) !== undefined), "which axes have size 1 is not known");
  return dims.filter((d) => asNumber(d) !== 1);
});

const unsqueeze: Raise = (u) => reshapedTo(u, (dims) => {
  const rank = dims.length + u.numbers(1).length;
  const axes = u.numbers(1).map((axis) => u.axis(axis, rank));
  const rest = [...dims];
  return Array.from({ length: rank }, (_, i) => (axes.includes(i) ? constant(1) : (rest.shift() as Dim)));
});

const flatten: Raise = (u) => reshapedTo(u, (dims) => {
  const at = u.int("axis", 1);
  const axis = at < 0 ? at + dims.length : at;
  return [product(dims.slice(0, axis)), product(dims.slice(axis))];
});

const transpose: Raise = (u) => {
  const dims = u.dims(0);
  const perm = u.ints("perm") ?? dims.map((_, i, all) => all.length - 1 - i);
  const known = u.value(0)?.sizes;
  if (!known) return u.o.transpose(u.x(0), perm);
  const shape = dims.map((d) => asNumber(d) as number);
  const turned = perm.map((p) => shape[p] as number);
  return valueOfSizes(u.o, u.value(0)?.type.dtype as DType, places(turned).map((at) => known[offset(shape.map((_, axis) => at[perm.indexOf(axis)] as number), shape)] as Dim), turned);
};

const expand: Raise = (u) => {
  const sizes = u.sizes(1);
  const rank = Math.max(sizes.length, u.dims(0).length);
  const x = u.lifted(u.x(0), rank);
  const wanted = x.type.dims.map((d, i) => {
    const size = sizes[i - rank + sizes.length] ?? constant(1);
    if (asNumber(size) === 1 || size.key === d.key) return d;
    only(asNumber(d) === 1, "which side stretches is not known");
    return size;
  });
  const known = u.value(0)?.sizes;
  const numbers = wanted.map(asNumber);
  if (known?.length === 1 && !numbers.includes(undefined) && (numbers as number[]).reduce((a, b) => a * b, 1) <= MOST_SIZES) return valueOfSizes(u.o, x.type.dtype, places(numbers as number[]).map(() => known[0] as Dim), numbers as number[]);
  return u.o.expand(x, u.readable(wanted, x));
};

const concat: Raise = (u) => {
  const rank = u.dims(0).length;
  const all = Array.from({ length: u.count }, (_, i) => i);
  const known = all.map((i) => u.value(i)?.sizes);
  if (rank === 1 && !known.includes(undefined)) return valueOfSizes(u.o, u.value(0)?.type.dtype as DType, (known as (readonly Dim[])[]).flat());
  return u.o.concat(all.map((i) => u.x(i)), u.axis(u.int("axis", 0), rank));
};

/** Beyond every size: exporters write "to the end" with the largest number of 32 or 64 bits. */
const END = 2 ** 31 - 1;

const slice: Raise = (u) => {
  const dims = u.dims(0);
  const [starts, ends] = [endsOf(u, 1), endsOf(u, 2)];
  const axes = (u.has(3) ? u.numbers(3) : starts.map((_, i) => i)).map((axis) => u.axis(axis, dims.length));
  const steps = u.has(4) ? u.numbers(4) : starts.map(() => 1);
  only([ends, axes, steps].every((list) => list.length === starts.length), "lists of several lengths");
  const known = u.value(0)?.sizes;
  if (known && [...starts, ...ends].every((d) => asNumber(d) !== undefined)) {
    const shape = dims.map((d) => asNumber(d) as number);
    const kept = shape.map((size, axis) => {
      const i = axes.indexOf(axis);
      const all = Array.from({ length: size }, (_, at) => at);
      return i < 0 ? all : stepped(all, asNumber(starts[i] as Dim) as number, asNumber(ends[i] as Dim) as number, steps[i] as number);
    });
    const sizes = kept.map((list) => list.length);
    return valueOfSizes(u.o, u.value(0)?.type.dtype as DType, places(sizes).map((at) => known[offset(at.map((p, axis) => kept[axis]?.[p] as number), shape)] as Dim), sizes);
  }
  return axes.reduce((x, axis, i) => {
    const whole = x.type.dims[axis] as Dim;
    only((steps[i] as number) >= 1, "backwards");
    const from = bound(starts[i] as Dim, whole);
    const to = bound(ends[i] as Dim, whole);
    if (asNumber(from) === 0 && to.key === whole.key && steps[i] === 1) return x;
    return u.o.slice(x, axis, ...(u.readable([from, to], x) as [Dim, Dim]), steps[i] as number);
  }, u.x(0));
};

/** Ends of a slice. "The end" is often the largest number that 64 bits hold, which no size may be. */
function endsOf(u: Use, index: number): readonly Dim[] {
  const value = u.value(index);
  if (value?.sizes || value?.type.dtype !== "i64" || value.node.op !== "const") return u.sizes(index);
  return values(value.node.attrs.value as Literal).map((v) => constant(Math.sign(v) * Math.min(Math.abs(v), END)));
}

/** What a slice takes of a list; steps may lead backwards. */
function stepped<T>(list: readonly T[], start: number, end: number, step: number): T[] {
  const at = (place: number, low: number, high: number): number => Math.min(Math.max(place < 0 ? place + list.length : place, low), high);
  const out: T[] = [];
  if (step > 0) for (let i = at(start, 0, list.length); i < at(end, 0, list.length); i += step) out.push(list[i] as T);
  else for (let i = at(start, -1, list.length - 1); i > at(end, -1, list.length - 1); i += step) out.push(list[i] as T);
  return out;
}

/** One end of a slice as a place on the axis. A position table that is cut to the number of tokens is taken to hold as many. */
function bound(at: Dim, whole: Dim): Dim {
  const [place, size] = [asNumber(at), asNumber(whole)];
  if (place === undefined) {
    only(at.terms.every((t) => t.coefficient > 0) && (size !== undefined || at.key === whole.key), "where it ends is not known");
    return at;
  }
  if (place >= END) return whole;
  if (size !== undefined) return constant(Math.min(Math.max(place < 0 ? place + size : place, 0), size));
  if (place < 0) return add(whole, constant(place));
  return place <= 1 ? constant(place) : minimum(constant(place), whole);
}

const split: Raise = (u) => {
  const x = u.x(0);
  const axis = u.axis(u.int("axis", 0), x.type.dims.length);
  const whole = x.type.dims[axis] as Dim;
  const count = u.node.outputs.length;
  const parts = u.has(1) ? u.sizes(1) : equalParts(whole, u.int("num_outputs", count));
  let from = constant(0);
  return parts.slice(0, count).map((size) => {
    const to = add(from, size);
    const part = u.o.slice(x, axis, ...(u.readable([from, to], x) as [Dim, Dim]));
    from = to;
    return part;
  });
};

function equalParts(whole: Dim, count: number): Dim[] {
  const size = asNumber(whole);
  if (size === undefined) {
    const each = divideExactly(whole, constant(count));
    if (!each) throw new Kept("the parts are not equal");
    return Array.from({ length: count }, () => each);
  }
  const each = Math.ceil(size / count);
  return Array.from({ length: count }, (_, i) => constant(Math.min(each, Math.max(0, size - i * each))));
}

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

const where: Raise = (u) => {
  const all = [u.value(0), u.value(1), u.value(2)];
  const known = u.value(0)?.numbers && all.every((v) => v !== undefined) ? together(...(all as Value[])) : undefined;
  if (known) {
    const [chosen, a, b] = known.lists as [Dim[], Dim[], Dim[]];
    return valueOfSizes(u.o, u.value(1)?.type.dtype as DType, chosen.map((c, i) => (asNumber(c) === 0 ? b[i] : a[i]) as Dim), known.shape);
  }
  const [c, x, y] = u.levelled([u.x(0), plain(u.x(1)), plain(u.x(2))]) as [Node, Node, Node];
  return u.o.where(c, x, y);
};

const cast: Raise = (u) => {
  const to = dtypeOf(u.int("to", 0));
  if (to === undefined) throw new Kept("an element type that the graph has not");
  const known = u.value(0)?.sizes;
  if (known && (to === "i64" || to === "i32")) return likeSizes(u, known, to);
  const numbers = u.value(0)?.numbers;
  if (numbers && to === "bool") return likeSizes(u, numbers.map((n) => constant(n === 0 ? 0 : 1)), to);
  const x = plain(u.x(0));
  only(PLAIN.has(to), "an element type that is not computed in");
  return u.o.cast(x, to);
};

const filled: Raise = (u, constantOf) => {
  const tensor = u.tensor("value");
  const value = tensor ? constantOf(tensor) : u.o.scalar("f32", 0);
  if (value.op !== "const" || !PLAIN.has(value.type.dtype) || value.type.dtype === "f16") throw new Kept("filled with what is no plain number");
  const [number] = values(value.attrs.value as Literal);
  const dims = u.readable(u.sizes(0));
  const sizes = dims.map(asNumber);
  if (!sizes.includes(undefined) && (sizes as number[]).reduce((a, b) => a * b, 1) <= MOST_SIZES && (value.type.dtype === "i64" || value.type.dtype === "i32"))
    return valueOfSizes(u.o, value.type.dtype, places(sizes as number[]).map(() => constant(number as number)), sizes as number[]);
  return u.o.fill(value.type.dtype, dims, number as number);
};

const range: Raise = (u) => {
  const dtype = u.value(0)?.type.dtype;
  only(dtype === "i64" || dtype === "i32", "not whole numbers");
  const [from, to, step] = [0, 1, 2].map((i) => u.sizes(i)[0]) as [Dim, Dim, Dim];
  only(asNumber(step) === 1, "steps");
  const length = u.readable([subtract(to, from), from]);
  const counted = u.o.iota(length[0] as Dim);
  return u.o.cast(asNumber(from) === 0 ? counted : u.o.add(counted, u.o.sizeOf(from)), dtype as DType);
};

const shape: Raise = (u) => {
  const dims = u.dims(0);
  const [from, to] = [u.int("start", 0), u.int("end", dims.length)].map((at) => Math.min(Math.max(at < 0 ? at + dims.length : at, 0), dims.length)) as [number, number];
  const sizes = dims.slice(from, to);
  try {
    return valueOfSizes(u.o, "i64", u.readable(sizes));
  } catch (error) {
    if (!(error instanceof Kept)) throw error;
    // Known only once x is computed: the sizes lead on, and whoever wants the numbers asks x.
    return valueWith(askedShape(u, from, to), sizes);
  }
};

function askedShape(u: Use, from: number, to: number): Node {
  const x = u.x(0);
  const rank = x.type.dims.length;
  const all = u.o.make("foreign", [x], foreignAttrs({ opType: "Shape", domain: "", attributes: new Uint8Array(), present: [true], outputs: [{ dtype: "i64", dims: [constant(rank)] }], copy: 0 }));
  return from === 0 && to === rank ? all : u.o.slice(all, 0, from, to);
}

const size: Raise = (u) => valueOfSizes(u.o, "i64", u.readable([product(u.dims(0))]), []);

// ── products ──

const matmul: Raise = (u) => {
  const [a, b] = [plain(u.x(0)), plain(u.x(1))];
  only(isFloat(a.type.dtype) && a.type.dims.length >= 2 && b.type.dims.length >= 2, "vectors or whole numbers");
  const rank = Math.max(a.type.dims.length, b.type.dims.length);
  return u.o.matmul(u.lifted(a, rank), b.type.dims.length === 2 ? b : u.lifted(b, rank));
};

const turned = (u: Use, x: Node): Node => {
  const perm = x.type.dims.map((_, i) => i);
  [perm[perm.length - 2], perm[perm.length - 1]] = [perm.length - 1, perm.length - 2];
  return u.o.transpose(x, perm);
};

const scaled = (u: Use, x: Node, factor: number): Node => (factor === 1 ? x : u.o.mul(x, u.o.scalar(x.type.dtype, factor)));

const gemm: Raise = (u) => {
  const [a, b] = [plain(u.x(0)), plain(u.x(1))];
  only(a.type.dtype === "f32" || a.type.dtype === "f64", "rounding in between would differ");
  const made = u.o.matmul(u.int("transA", 0) ? turned(u, a) : a, u.int("transB", 0) ? turned(u, b) : b);
  const whole = scaled(u, made, u.float("alpha", 1));
  const beta = u.float("beta", 1);
  if (!u.has(2) || beta === 0) return whole;
  const c = u.x(2);
  return u.o.add(whole, scaled(u, c.type.dims.length === 0 ? c : u.lifted(c, 2), beta));
};

const fusedMatmul: Raise = (u) => {
  const [a, b] = [single(u.x(0)), single(u.x(1))];
  only(u.int("transBatchA", 0) === 0 && u.int("transBatchB", 0) === 0 && a.type.dims.length >= 2 && b.type.dims.length >= 2, "other axes");
  const [left, right] = [u.int("transA", 0) ? turned(u, a) : a, u.int("transB", 0) ? turned(u, b) : b];
  const rank = Math.max(left.type.dims.length, right.type.dims.length);
  return scaled(u, u.o.matmul(u.lifted(left, rank), right.type.dims.length === 2 ? right : u.lifted(right, rank)), u.float("alpha", 1));
};

// ── norms and activations, spelled out for the passes to find in one form ──

const last = (x: Node): number => x.type.dims.length - 1;

function layerNormed(u: Use, x: Node, gain: Node, bias: Node | undefined, eps: number): Node {
  only(gain.type.dims.length === 1 && (bias === undefined || bias.type.dims.length === 1), "not one gain a channel");
  const { o } = u;
  const d = o.sub(x, o.reduce("reduceMean", x, [last(x)], true));
  const variance = o.reduce("reduceMean", o.mul(d, d), [last(x)], true);
  const normed = o.mul(o.div(d, o.sqrt(o.add(variance, o.scalar("f32", eps)))), u.lifted(gain, x.type.dims.length));
  return bias ? o.add(normed, u.lifted(bias, x.type.dims.length)) : normed;
}

const layerNorm: Raise = (u) => {
  const x = single(u.x(0));
  only(u.axis(u.int("axis", -1), x.type.dims.length) === last(x) && !u.wanted(1) && !u.wanted(2), "more than the norm of the last axis");
  return layerNormed(u, x, single(u.x(1)), u.has(2) ? single(u.x(2)) : undefined, u.float("epsilon", 1e-5));
};

const skipLayerNorm: Raise = (u) => {
  const [x, skip] = [single(u.x(0)), single(u.x(1))];
  only(!u.wanted(1) && !u.wanted(2) && x.type.dims.length === skip.type.dims.length, "more than the norm and the sum");
  const both = u.o.add(x, skip);
  const sum = u.has(4) ? u.o.add(both, u.lifted(u.x(4), x.type.dims.length)) : both;
  const normed = layerNormed(u, sum, single(u.x(2)), u.has(3) ? single(u.x(3)) : undefined, u.float("epsilon", 1e-12));
  return [normed, normed, normed, sum];
};

const rmsNorm: Raise = (u) => {
  const [x, gain] = [single(u.x(0)), single(u.x(1))];
  only(u.axis(u.int("axis", -1), x.type.dims.length) === last(x) && !u.wanted(1) && gain.type.dims.length === 1, "more than the norm of the last axis");
  const { o } = u;
  const square = o.reduce("reduceMean", o.mul(x, x), [last(x)], true);
  return o.mul(o.div(x, o.sqrt(o.add(square, o.scalar("f32", u.float("epsilon", 1e-5))))), u.lifted(gain, x.type.dims.length));
};

const gelu = (by: (u: Use) => "erf" | "tanh"): Raise => (u) => {
  const { o } = u;
  const bare = single(u.x(0));
  const x = u.has(1) ? o.add(bare, u.lifted(single(u.x(1)), bare.type.dims.length)) : bare;
  const number = (value: number): Node => o.scalar("f32", value);
  const inner = by(u) === "erf"
    ? o.erf(o.div(x, number(Math.SQRT2)))
    : o.tanh(o.mul(o.add(x, o.mul(o.mul(o.mul(x, x), x), number(0.044715))), number(Math.sqrt(2 / Math.PI))));
  return o.mul(o.mul(x, o.add(inner, number(1))), number(0.5));
};

const quickGelu: Raise = (u) => {
  const x = single(u.x(0));
  const alpha = u.float("alpha", 1.702);
  return u.o.mul(x, u.o.sigmoid(alpha === 1 ? x : u.o.mul(x, u.o.scalar("f32", alpha))));
};

const constantNode: Raise = (u, constantOf) => {
  const { attributes } = u.node;
  const tensor = u.tensor("value");
  if (tensor) return constantOf(tensor);
  for (const [name, dtype] of [["value_int", "i64"], ["value_float", "f32"]] as const) {
    const value = attributes.get(name)?.value;
    if (value?.kind === "int" || value?.kind === "float") return u.o.const(dtype, [], literal(dtype, [value.value]));
  }
  const ints = u.ints("value_ints");
  if (ints) {
    only(ints.every(Number.isSafeInteger), "larger than can be read");
    return u.o.tensor("i64", [ints.length], ints);
  }
  const floats = u.floats("value_floats");
  if (floats) return u.o.tensor("f32", [floats.length], floats);
  throw new Kept("no number");
};

const dropout: Raise = (u) => {
  only(!u.wanted(1) && (!u.has(2) || u.value(2)?.numbers?.[0] === 0), "it may train");
  return u.value(0) as Value;
};

const topk: Raise = (u) => {
  const x = plain(u.x(0));
  only(u.int("sorted", 1) === 1, "not sorted");
  const [count] = u.readable(u.sizes(1), x);
  const made = u.o.topk(x, count as Dim, u.axis(u.int("axis", -1), x.type.dims.length), u.int("largest", 1) === 1);
  return [u.o.item(made, 0), u.o.item(made, 1)];
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

const UNARY: Readonly<Record<string, UnaryOp>> = {
  Exp: "exp", Log: "log", Sqrt: "sqrt", Tanh: "tanh", Erf: "erf", Sigmoid: "sigmoid", Sin: "sin", Cos: "cos", Floor: "floor", Ceil: "ceil", Round: "round", Neg: "neg", Abs: "abs", Sign: "sign", Relu: "relu", Not: "not",
};
const BINARY: Readonly<Record<string, BinaryOp>> = { Add: "add", Sub: "sub", Mul: "mul", Div: "div", Pow: "pow", Min: "min", Max: "max", Mod: "mod", And: "and", Or: "or" };

const RAISE: ReadonlyMap<string, Raise> = new Map<string, Raise>([
  ...Object.entries(UNARY).map(([name, op]) => [name, unary(op)] as const),
  ...Object.entries(BINARY).map(([name, op]) => [name, binary(op)] as const),
  ...(["reduceSum", "reduceMean", "reduceMax", "reduceMin", "reduceProd", "reduceL2"] as const).map((op) => [`R${op.slice(1)}`, reduce(op)] as const),
  ["Equal", compare("eq")], ["Less", compare("lt")], ["LessOrEqual", compare("le")], ["Greater", compare("gt")], ["GreaterOrEqual", compare("ge")],
  ["ArgMax", arg("argmax")], ["ArgMin", arg("argmin")], ["TopK", topk],
  ["Softmax", (u) => { const x = plain(u.x(0)); return u.o.softmax(x, u.axis(u.int("axis", -1), x.type.dims.length)); }],
  ["Reshape", reshape], ["Squeeze", squeeze], ["Unsqueeze", unsqueeze], ["Flatten", flatten], ["Transpose", transpose], ["Expand", expand], ["Concat", concat], ["Slice", slice], ["Split", split],
  ["Gather", gather], ["GatherND", gatherNd], ["GatherElements", (u) => u.o.gatherElements(u.x(0), u.o.cast(u.x(1), "i64"), u.axis(u.int("axis", 0), u.dims(0).length))],
  ["IsNaN", (u) => u.o.unary("isnan", plain(u.x(0)))], ["Where", where], ["Cast", cast], ["ConstantOfShape", filled], ["Range", range], ["Shape", shape], ["Size", size],
  ["MatMul", matmul], ["Gemm", gemm], ["com.microsoft.FusedMatMul", fusedMatmul],
  ["LayerNormalization", layerNorm], ["SimplifiedLayerNormalization", rmsNorm], ["RMSNormalization", rmsNorm], ["com.microsoft.SkipLayerNormalization", skipLayerNorm],
  ["Gelu", gelu((u) => (u.text("approximate", "none") === "tanh" ? "tanh" : "erf"))], ["com.microsoft.Gelu", gelu(() => "erf")], ["com.microsoft.BiasGelu", gelu(() => "erf")], ["com.microsoft.FastGelu", gelu(() => "tanh")], ["com.microsoft.QuickGelu", quickGelu],
  ["Constant", constantNode], ["Identity", (u) => u.value(0) ?? asValue(u.x(0))], ["Dropout", dropout],
]);
