// Raising of what shortens or ranks axes.
import type { ReduceOp } from "../graph/build.ts";
import type { Dim } from "../types/dim.ts";
import { isFloat } from "../types/tensor.ts";
import { type Raise, only, plain } from "./onnx-raising.ts";

const reduce = (op: ReduceOp): Raise => (u) => {
  const x = plain(u.x(0));
  const rank = x.type.dims.length;
  only(isFloat(x.type.dtype) || op === "reduceSum" || op === "reduceMax" || op === "reduceMin", "whole numbers");
  only(x.type.dtype !== "bool", "truth values");
  const given = u.has(1) ? u.numbers(1) : (u.ints("axes") ?? []);
  if (given.length === 0 && u.int("noop_with_empty_axes", 0) === 1) {
    only(op !== "reduceL2", "a norm of nothing, which is the size of each element");
    return x;
  }
  const axes = given.length === 0 ? x.type.dims.map((_, i) => i) : given.map((axis) => u.axis(axis, rank)).sort((a, b) => a - b);
  return u.o.reduce(op, x, axes, u.int("keepdims", 1) === 1);
};

const arg = (op: "argmax" | "argmin"): Raise => (u) => {
  const x = plain(u.x(0));
  only(u.int("select_last_index", 0) === 0, "the last of equals");
  return u.o[op](x, u.axis(u.int("axis", 0), x.type.dims.length), u.int("keepdims", 1) === 1);
};

const topk: Raise = (u) => {
  const x = plain(u.x(0));
  only(u.int("sorted", 1) === 1, "not sorted");
  const [count] = u.readable(u.sizes(1), x);
  const made = u.o.topk(x, count as Dim, u.axis(u.int("axis", -1), x.type.dims.length), u.int("largest", 1) === 1);
  return [u.o.item(made, 0), u.o.item(made, 1)];
};

const cumsum: Raise = (u) => {
  const x = plain(u.x(0));
  only(u.int("exclusive", 0) === 0 && u.int("reverse", 0) === 0, "without the element itself, or from the end");
  return u.o.cumsum(x, u.axis(u.numbers(1)[0] as number, x.type.dims.length));
};

export const reductions: readonly (readonly [string, Raise])[] = [
  ...(["reduceSum", "reduceMean", "reduceMax", "reduceMin", "reduceProd", "reduceL2"] as const).map((op) => [`R${op.slice(1)}`, reduce(op)] as const),
  ["ArgMax", arg("argmax")], ["ArgMin", arg("argmin")], ["TopK", topk], ["CumSum", cumsum],
  ["Softmax", (u) => { const x = plain(u.x(0)); return u.o.softmax(x, u.axis(u.int("axis", -1), x.type.dims.length)); }],
];
