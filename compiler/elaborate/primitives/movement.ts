// Moving values without changing them: axes split and joined, rows gathered and put.
import { shapes } from "../../diagnostics/shapes.ts";
import type { Elaboration } from "../elaboration.ts";
import { asTensor } from "../evaluate.ts";
import { fail } from "../fail.ts";
import { describe, dimOf, type Tensor, type Value } from "../value.ts";
import { given, intoOf, tensorOf, wordOf, wordsOf } from "./arguments.ts";
import type { PrimitiveCall, PrimitiveTable } from "./index.ts";

function split(e: Elaboration, c: PrimitiveCall): Value {
  const { from, to } = intoOf(c, "into");
  const [axis] = from;
  return axis && from.length === 1 ? e.named.split(tensorOf(e, c, "x"), axis.name, to) : fail(shapes.T302, c.span, { param: "into", found: "several axes on the left", wanted: "`C into (H, D)`" });
}

function join(e: Elaboration, c: PrimitiveCall): Value {
  const { from, to } = intoOf(c, "into");
  const [axis] = to;
  return axis && to.length === 1 ? e.named.join(tensorOf(e, c, "x"), from.map((f) => f.name), axis.name) : fail(shapes.T302, c.span, { param: "into", found: "several axes on the right", wanted: "`(H, D) into C`" });
}

/** `concat(a, b; over: N)`, or of a list. */
function concat(e: Elaboration, c: PrimitiveCall): Value {
  const first = given(c, "a");
  const parts = (first?.kind === "list" || first?.kind === "tuple" ? first.items : [first, given(c, "b"), given(c, "c"), given(c, "d")]).flatMap((v) => (v ? [v] : []));
  const tensors = parts.map((v) => asTensor(e, v, undefined, c) ?? fail(shapes.T302, c.span, { param: "a part", found: describe(v), wanted: "a tensor" }));
  return e.named.concat(tensors, wordOf(c, "over"));
}

/** `expand(x; like: y)`: x along all axes of y, but those named by `except`. */
function expand(e: Elaboration, c: PrimitiveCall): Value {
  const like = tensorOf(e, c, "like");
  const x = tensorOf(e, c, "x", like);
  const skipped = given(c, "except") ? wordsOf(c, "except") : [];
  const axes = like.axes.filter((n) => !skipped.includes(n));
  const own = x.axes.filter((n) => !axes.includes(n));
  return e.named.expand(x, [...own, ...axes], new Map(axes.map((n) => [n, dimOf(like, n) as NonNullable<ReturnType<typeof dimOf>>])));
}

function put(e: Elaboration, c: PrimitiveCall): Value {
  const how = wordOf(c, "how");
  if (how !== "add" && how !== "max" && how !== "min" && how !== "set") return fail(shapes.T302, c.span, { param: "how", found: how, wanted: "add, max, min or set" });
  const x = tensorOf(e, c, "x");
  return e.named.put(x, tensorOf(e, c, "indices"), tensorOf(e, c, "values", x), wordOf(c, "over"), how);
}

/** Squeezes axes of size 1 away. */
function squeeze(e: Elaboration, c: PrimitiveCall): Value {
  const x = tensorOf(e, c, "x");
  const over = wordsOf(c, "over");
  const axes = x.axes.filter((n) => !over.includes(n));
  for (const n of over) e.named.axis(x, n);
  const made: Tensor = { kind: "tensor", node: e.b.reshape(x.node, axes.map((n) => dimOf(x, n) as NonNullable<ReturnType<typeof dimOf>>)), axes };
  return made;
}

export const movement: PrimitiveTable = {
  split, join, concat, expand, put, squeeze,
  permute: (e, c) => e.named.permuted(tensorOf(e, c, "x"), wordsOf(c, "order")),
  gather: (e, c) => e.named.gather(tensorOf(e, c, "x"), tensorOf(e, c, "indices"), wordOf(c, "over")),
};
