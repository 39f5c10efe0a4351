// Raising of what moves elements: shapes that exporters compute in the graph become sizes.
import { values } from "../graph/build.ts";
import type { Literal, Node } from "../graph/node.ts";
import { type Dim, add, asNumber, constant, divideExactly, maximum, minimum, product, subtract } from "../types/dim.ts";
import type { DType } from "../types/tensor.ts";
import { type Raise, only } from "./onnx-raising.ts";
import { offset, places } from "./onnx-sizes.ts";
import { Kept, type Use } from "./onnx-use.ts";
import { MOST_SIZES, type Value, valueOfSizes } from "./onnx-value.ts";

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
const reshapedTo = (u: Use, make: (dims: readonly Dim[]) => readonly Dim[]): Node | Value => {
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

/** Repeating a size of 1 is stretching it. */
const tile: Raise = (u) => {
  const x = u.x(0);
  const times = u.sizes(1);
  const wanted = x.type.dims.map((d, i) => {
    const size = times[i] as Dim;
    if (asNumber(size) === 1) return d;
    only(asNumber(d) === 1, "what is repeated is more than one value");
    return size;
  });
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
  only(steps.every((step, i) => step > 0 || (asNumber(ends[i] as Dim) ?? 0) < END), "backwards to an end that only the runtime knows how to read");
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
    const from = bound(u, starts[i] as Dim, whole);
    const to = notBefore(from, bound(u, ends[i] as Dim, whole), whole);
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
function bound(u: Use, at: Dim, whole: Dim): Dim {
  const [place, size] = [asNumber(at), asNumber(whole)];
  if (place === undefined) {
    const isNatural = (d: Dim): boolean => d.terms.every((t) => t.coefficient > 0);
    only(isNatural(at) && (size !== undefined || isNatural(subtract(whole, at))), "where it ends is not known");
    return at;
  }
  if (place >= END) return whole;
  if (size !== undefined) return constant(Math.min(Math.max(place < 0 ? place + size : place, 0), size));
  if (place < 0) return place === -1 && u.holdsSome(whole) ? add(whole, constant(place)) : maximum(add(whole, constant(place)), constant(0));
  return place === 0 || (place === 1 && u.holdsSome(whole)) ? constant(place) : minimum(constant(place), whole);
}

/** An end that is not in front of the start: then nothing is taken. */
function notBefore(from: Dim, to: Dim, whole: Dim): Dim {
  const gap = asNumber(subtract(to, from));
  if (gap !== undefined) return gap < 0 ? from : to;
  return asNumber(from) === 0 || to.key === whole.key || subtract(to, from).terms.every((t) => t.coefficient > 0) ? to : maximum(from, to);
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

export const movement: readonly (readonly [string, Raise])[] = [
  ["Reshape", reshape], ["Squeeze", squeeze], ["Unsqueeze", unsqueeze], ["Flatten", flatten], ["Transpose", transpose], ["Expand", expand], ["Tile", tile], ["Concat", concat], ["Slice", slice], ["Split", split],
];
