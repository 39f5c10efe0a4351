// Tensors made of nothing: counts, constants, random numbers, and the matrices of grids.
import { shapes } from "../../diagnostics/shapes.ts";
import { constant, multiply } from "../../types/dim.ts";
import { BITS, type DType, isDType } from "../../types/tensor.ts";
import type { Elaboration } from "../elaboration.ts";
import { asFloat, asSize } from "../evaluate.ts";
import { fail } from "../fail.ts";
import { MOST_ELEMENTS } from "../limits.ts";
import { describe, dimOf, sizeValue, tensor, type Value } from "../value.ts";
import { floatOf, given, gridOf, integerOf, namedSizeOf, sizeOf, tensorOf, wordOf, wordsOf } from "./arguments.ts";
import type { PrimitiveCall, PrimitiveTable } from "./index.ts";

function dtypeOf(c: PrimitiveCall): DType {
  const name = wordOf(c, "dtype");
  return isDType(name) ? name : fail(shapes.T312, c.span, { name, near: [] });
}

function numbers(e: Elaboration, c: PrimitiveCall, name: string): number[] {
  const value = given(c, name);
  const items = value?.kind === "list" || value?.kind === "tuple" ? value.items : value ? [value] : [];
  return items.map((v) => asFloat(e, v) ?? fail(shapes.T302, c.span, { param: name, found: describe(v), wanted: "numbers known at compile time" }));
}

/** A number that the element type has. */
function element(c: PrimitiveCall, name: string, dtype: DType, value: number): number {
  const bits = BITS[dtype];
  const [least, most] = dtype.startsWith("u") ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const isWhole = dtype.startsWith("u") || dtype.startsWith("i");
  return isWhole && !(Number.isSafeInteger(value) && value >= least && value <= most) ? fail(shapes.T302, c.span, { param: name, found: `${value}`, wanted: `whole numbers that ${dtype} has` }) : value;
}

function random(e: Elaboration, c: PrimitiveCall): Value {
  const value = given(c, "shape");
  const shape = (value?.kind === "list" || value?.kind === "tuple" ? value.items : value ? [value] : []).map((v) => asSize(e, v, c.span));
  const elements = shape.reduce((p, d) => p * (e.arena.facts.number(d) ?? 1), 1);
  if (elements > MOST_ELEMENTS) return fail(shapes.B324, c.span, { what: `These are ${elements} numbers`, limit: `${MOST_ELEMENTS}` });
  const open = shape.find((d) => e.arena.facts.number(d) === undefined);
  if (open && !e.checking) return fail(shapes.B321, c.span, { what: "The shape of random numbers", found: open.key });
  const kind = wordOf(c, "distribution");
  if (kind !== "normal" && kind !== "uniform") return fail(shapes.T302, c.span, { param: "distribution", found: kind, wanted: "normal or uniform" });
  return tensor(e.b.random("f32", shape, e.checking ? 0 : integerOf(e, c, "seed"), kind), shape.map(() => e.named.anonymous()));
}

/** `full(0.0; like: x, except: C)`: a number along the axes of x. */
function full(e: Elaboration, c: PrimitiveCall): Value {
  const like = tensorOf(e, c, "like");
  const skipped = given(c, "except") ? wordsOf(c, "except") : [];
  const axes = like.axes.filter((n) => !skipped.includes(n));
  const dtype = given(c, "dtype") ? dtypeOf(c) : like.node.type.dtype;
  const value = given(c, "value");
  // A size that only a run knows, or that is open while a declaration is checked by itself.
  if (value?.kind === "size" && e.arena.facts.number(value.dim) === undefined) return e.named.expand(e.named.sizeAs(dtype, value.dim), axes, new Map(axes.map((n) => [n, dimOf(like, n) as NonNullable<ReturnType<typeof dimOf>>])));
  return tensor(e.b.fill(dtype, axes.map((n) => dimOf(like, n) as NonNullable<ReturnType<typeof dimOf>>), element(c, "value", dtype, floatOf(e, c, "value"))), axes);
}

/** `tensor([1, 2, 3] ; dtype: i64)`; its axis is named by `as [...]`. */
function listTensor(e: Elaboration, c: PrimitiveCall): Value {
  const values = given(c, "values");
  if (values?.kind === "unknown" || (values?.kind === "list" && values.items.some((v) => isOpen(e, v)))) {
    const length = values.kind === "list" ? constant(values.items.length) : values.length;
    return e.standIn("tensor", dtypeOf(c), [length ?? e.openDim("count")], [e.named.anonymous()]);
  }
  const dtype = dtypeOf(c);
  const list = numbers(e, c, "values").map((v) => element(c, "values", dtype, v));
  return tensor(e.b.tensor(dtype, [list.length], list), [e.named.anonymous()]);
}

function iota(e: Elaboration, c: PrimitiveCall): Value {
  const count = namedSizeOf(e, c, "count", e.named.anonymous());
  const known = e.arena.facts.number(count.dim);
  if (known !== undefined && known > MOST_ELEMENTS) return fail(shapes.B324, c.span, { what: `These are ${known} numbers`, limit: `${MOST_ELEMENTS}` });
  return tensor(e.b.iota(count.dim), [count.name]);
}

function windowMask(e: Elaboration, c: PrimitiveCall): Value {
  const [from, to, window] = [gridOf(e, c, "from"), gridOf(e, c, "to"), e.arena.facts.number(sizeOf(e, c, "window"))];
  if (e.checking && (!from.sides || !to.sides || window === undefined)) return e.standIn("window_mask", "f32", [from.area, to.area], ["N", "K"]);
  return tensor(e.b.windowMask(from.sides as Sides, to.sides as Sides, integerOf(e, c, "window")), ["N", "K"]);
}
type Sides = readonly [number, number];

/** Means over the cells of a coarser grid: x[B, N, C] → [B, K, C]. */
function pool(e: Elaboration, c: PrimitiveCall): Value {
  const x = tensorOf(e, c, "x");
  const [from, to] = [gridOf(e, c, "from"), gridOf(e, c, "to")];
  const [batch, tokens, channels] = x.axes;
  if (!batch || !tokens || !channels || x.axes.length !== 3) return fail(shapes.T302, c.span, { param: "x", found: describe(x), wanted: "f32[B, N, C]" });
  const shape = [constant(1), to.area, from.area];
  const matrix = from.sides && to.sides ? e.b.reshape(e.b.poolMatrix(from.sides, to.sides), shape) : e.standIn("pool", "f32", shape, ["One", "K", tokens]).node;
  return tensor(e.b.matmul(matrix, x.node), [batch, "K", channels]);
}

function linearInt8(e: Elaboration, c: PrimitiveCall): Value {
  const [x, w, scale] = [tensorOf(e, c, "x"), tensorOf(e, c, "w"), tensorOf(e, c, "scale")];
  return tensor(e.b.linearInt8(x.node, w.node, scale.node, undefined), [...x.axes.slice(0, -1), w.axes[1] as string]);
}

/** Not known while a declaration is checked by itself. */
const isOpen = (e: Elaboration, v: Value): boolean => e.checking && (v.kind === "unknown" || ((v.kind === "size" || v.kind === "ratio") && asFloat(e, v) === undefined));

/** Length of a list, or number of fields of a record. */
function count(e: Elaboration, c: PrimitiveCall): Value {
  const list = given(c, "list");
  if (list?.kind === "unknown") return sizeValue(list.length ?? e.openDim("count"));
  if (list?.kind === "list" || list?.kind === "tuple") return sizeValue(constant(list.items.length));
  if (list?.kind === "record") return sizeValue(constant(list.fields.size));
  return fail(shapes.T302, c.span, { param: "list", found: list ? describe(list) : "nothing", wanted: "a list or a record" });
}

/** Product of a list of numbers; 1 where it is empty. */
function product(e: Elaboration, c: PrimitiveCall): Value {
  const list = given(c, "list");
  if (list?.kind === "unknown") return sizeValue(e.openDim("product"));
  const items = list?.kind === "list" || list?.kind === "tuple" ? list.items : fail(shapes.T302, c.span, { param: "list", found: list ? describe(list) : "nothing", wanted: "a list of whole numbers" });
  return sizeValue(items.map((v) => asSize(e, v, c.span)).reduce(multiply, constant(1)));
}

/** Whether an argument that may be left out was given. */
const wasGiven = (_: Elaboration, c: PrimitiveCall): Value => ({ kind: "bool", value: given(c, "x") !== undefined });

export const making: PrimitiveTable = { count, product, given: wasGiven, random, full, tensor: listTensor, iota, window_mask: windowMask, pool, linear_int8: linearInt8 };
