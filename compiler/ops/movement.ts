// Ops that move elements without computing: reshape, transpose, slices, concatenation.
import type { Node } from "../graph/node.ts";
import { type Dim, type Facts, add, ceilDivide, constant, product, subtract } from "../types/dim.ts";
import { printType } from "../types/tensor.ts";
import type { Call } from "./call.ts";
import { castTo } from "./elementwise.ts";
import type { Lowering, Op } from "./op.ts";

const reshape: Op = {
  name: "reshape",
  infer(call) {
    call.count(1);
    const { dtype, dims } = call.type(0);
    const wanted = call.dims();
    if (!call.facts.equal(product(dims), product(wanted)))
      throw call.misfit("the number of elements changes", `${printType(call.type(0))} with ${product(dims).key} elements`, `${product(wanted).key} elements, for [${wanted.map((d) => d.key).join(", ")}]`);
    return [{ dtype, dims: wanted }];
  },
  lower(node, o) {
    const x = node.inputs[0] as Node;
    return reshaped(o, o.value(x), x.type.dims, node.type.dims);
  },
};

const transpose: Op = {
  name: "transpose",
  infer(call) {
    call.count(1);
    const { dtype, dims } = call.type(0);
    const perm = call.numbers("perm");
    if (perm.length !== dims.length || new Set(perm).size !== perm.length)
      throw call.misfit("the order must name each axis once", `[${perm.join(", ")}]`, `the axes 0 to ${dims.length - 1} in some order`);
    return [{ dtype, dims: perm.map((p) => dims[call.within(p, dims.length)] as Dim) }];
  },
  lower: (node, o) => o.node("Transpose", [o.value(node.inputs[0] as Node)], { perm: node.attrs.perm as readonly number[] }),
};

const expand: Op = {
  name: "expand",
  infer(call) {
    call.count(1);
    const { dtype, dims } = call.type(0);
    const wanted = call.dims();
    if (dims.length !== 0 && dims.length !== wanted.length) throw call.misfit("the rank changes", printType(call.type(0)), `rank ${wanted.length}`);
    dims.forEach((d, axis) => {
      if (!call.isOne(d)) call.size(0, axis, wanted[axis] as Dim, "only sizes of 1 grow");
    });
    return [{ dtype, dims: wanted }];
  },
  lower(node, o) {
    const x = node.inputs[0] as Node;
    const { dtype } = node.type;
    // ONNX Runtime repeats all but bf16.
    const moved = dtype === "bf16" ? "f32" : dtype;
    return castTo(o, expanded(o, castTo(o, o.value(x), dtype, moved), x.type.dims, node.type.dims), moved, dtype);
  },
};

const concat: Op = {
  name: "concat",
  infer(call) {
    call.count(1, Number.MAX_SAFE_INTEGER);
    const first = call.type(0);
    const dtype = call.sameType(...call.inputs.keys());
    const axis = call.axis(first.dims.length);
    call.inputs.forEach((_, i) => {
      call.rank(i, first.dims.length, "each part");
      first.dims.forEach((d, at) => {
        if (at !== axis) call.size(i, at, d, "the parts differ beside the axis along which they are joined");
      });
    });
    const total = call.inputs.map((x) => x.type.dims[axis] as Dim).reduce(add);
    return [{ dtype, dims: first.dims.map((d, i) => (i === axis ? total : d)) }];
  },
  lower(node, o) {
    const parts = node.inputs.map((x) => o.value(x));
    return parts.length === 1 ? (parts[0] as string) : o.node("Concat", parts, { axis: node.attrs.axis as number });
  },
};

const slice: Op = {
  name: "slice",
  infer(call) {
    call.count(1);
    const { dtype, dims } = call.type(0);
    const axis = call.axis(dims.length);
    const [from, to, step] = [call.dim("from"), call.dim("to"), call.number("step")];
    if (!Number.isInteger(step) || step < 1) throw call.misfit("the step must be a positive number", String(step), "1 or more");
    within(call, from, to, dims[axis] as Dim, axis);
    return [{ dtype, dims: dims.map((d, i) => (i === axis ? ceilDivide(subtract(to, from), constant(step)) : d)) }];
  },
  lower(node, o) {
    const x = node.inputs[0] as Node;
    const { axis, from, to, step } = node.attrs as { axis: number; from: Dim; to: Dim; step: number };
    const whole = x.type.dims[axis] as Dim;
    const place = (at: Dim): string => { const known = placeOf(at, whole, o.facts); return known === undefined ? o.dim(at) : o.ints([known]); };
    // An end in front of the start takes nothing, as one at the start does.
    const behind = clipped(to, "max", o.facts)?.find((_, i, two) => o.facts.equal(two[1 - i] as Dim, from));
    const end = behind && placeOf(behind, whole, o.facts) !== undefined ? behind : to;
    return o.node("Slice", [o.value(x), place(from), place(end), o.ints([axis]), o.ints([step])]);
  },
};

/** A place on an axis as the operator reads it, where that needs no computed size: it counts negative ones from the end, and holds within the axis what is beyond it. */
function placeOf(at: Dim, whole: Dim, facts: Facts): number | undefined {
  const known = facts.number(at);
  if (known !== undefined) return known;
  if (facts.equal(at, whole)) return 2 ** 53 - 1;
  const fromEnd = (d: Dim | undefined): number | undefined => { const gap = d && facts.number(subtract(d, whole)); return gap !== undefined && gap < 0 ? gap : undefined; };
  const other = (fn: "min" | "max", is: (d: Dim) => boolean): Dim | undefined => clipped(at, fn, facts)?.find((_, i, two) => is(two[1 - i] as Dim));
  const least = other("min", (d) => facts.equal(d, whole));
  return fromEnd(at) ?? (least && facts.number(least)) ?? fromEnd(other("max", (d) => facts.number(d) === 0));
}

/** The two of which a size is the smaller, or the larger. */
function clipped(size: Dim, fn: "min" | "max", facts: Facts): readonly [Dim, Dim] | undefined {
  const [term, ...others] = facts.bind(size).terms;
  const [atom, ...more] = term?.atoms ?? [];
  return others.length === 0 && more.length === 0 && term?.coefficient === 1 && atom?.kind === "opaque" && atom.fn === fn ? atom.args : undefined;
}

const split: Op = {
  name: "split",
  infer(call) {
    call.count(1);
    const { dtype, dims } = call.type(0);
    const axis = call.axis(dims.length);
    const parts = call.numbers("parts");
    call.size(0, axis, constant(parts.reduce((a, b) => a + b, 0)), "the parts are not the whole");
    return parts.map((part) => ({ dtype, dims: dims.map((d, i) => (i === axis ? constant(part) : d)) }));
  },
  lower(node, o) {
    const parts = node.attrs.parts as readonly number[];
    return o.several("Split", [o.value(node.inputs[0] as Node), o.ints(parts)], { axis: node.attrs.axis as number }, "", parts.map(() => true));
  },
};

export default [reshape, transpose, expand, concat, slice, split];

function within(call: Call, from: Dim, to: Dim, whole: Dim, axis: number): void {
  const exceeds = (a: Dim, b: Dim): boolean => {
    const gap = call.facts.number(subtract(b, a));
    return gap !== undefined && gap < 0;
  };
  const found = `${from.key} to ${to.key} of ${printType(call.type(0))}`;
  if (exceeds(constant(0), from)) throw call.misfit("the slice starts before the axis", found, "a start of at least 0");
  if (exceeds(to, whole)) throw call.misfit("the slice ends behind the axis", found, `an end of at most ${whole.key} at axis ${axis}`);
  if (exceeds(from, to)) throw call.misfit("the slice ends before it starts", found, `an end of at least ${from.key}`);
}

/** A value of shape `from` in shape `to`, with as few computed sizes as can be. */
export function reshaped(o: Lowering, value: string, from: readonly Dim[], to: readonly Dim[]): string {
  const same = from.length === to.length && to.every((d, i) => o.facts.equal(d, from[i] as Dim));
  if (same) return value;
  const short = shortShape(o, from, to);
  if (short) return o.node("Reshape", [value, o.ints(short)]);
  return o.node("Reshape", [value, o.dims(to)], to.some((d) => o.facts.number(d) === 0 || o.mayBeNone(d)) ? { allowzero: true } : {});
}

/** Sizes as ONNX abbreviates them: 0 copies the size at the same place, -1 is whatever remains. Undefined where that does not say it all. */
function shortShape(o: Lowering, from: readonly Dim[], to: readonly Dim[]): readonly number[] | undefined {
  const sizes = to.map((d) => o.facts.number(d));
  if (!sizes.includes(undefined) || sizes.includes(0)) return undefined;
  const short = to.map((d, i) => sizes[i] ?? (from[i] && o.facts.equal(d, from[i]) ? 0 : -1));
  const open = short.filter((s) => s === -1).length;
  // What remains beside a size of 0 cannot be told.
  return open === 0 || (open === 1 && !to.some((d, i) => short[i] === 0 && o.mayBeNone(d))) ? short : undefined;
}

/** A value of shape `from` repeated to shape `to`. */
export function expanded(o: Lowering, value: string, from: readonly Dim[], to: readonly Dim[]): string {
  const same = from.length === to.length && to.every((d, i) => o.facts.equal(d, from[i] as Dim));
  // A 1 keeps what is there, so only sizes that really grow have to be known.
  const target = to.map((d, i) => (from.length === to.length && o.facts.equal(d, from[i] as Dim) ? constant(1) : d));
  return same ? value : o.node("Expand", [value, o.dims(target)]);
}
