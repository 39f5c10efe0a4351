// Sums, means, extrema, softmax, choices along axes, and products.
import { shapes } from "../../diagnostics/shapes.ts";
import type { ReduceOp } from "../../graph/build.ts";
import type { Elaboration } from "../elaboration.ts";
import { fail } from "../fail.ts";
import type { Tensor, Value } from "../value.ts";
import { given, boolOf, integerOf, namedSizeOf, tensorOf, wordOf, wordsOf } from "./arguments.ts";
import type { Primitive, PrimitiveCall, PrimitiveTable } from "./index.ts";

/** The axes named by `over:`, or all that `except:` does not name. */
function axesOf(c: PrimitiveCall, x: Tensor): readonly string[] {
  if (given(c, "except")) {
    const kept = wordsOf(c, "except");
    return x.axes.filter((n) => !kept.includes(n));
  }
  return given(c, "over") ? wordsOf(c, "over") : fail(shapes.T303, c.span, { param: "over", of: "a reduction", wanted: "the axes that go away" });
}

function reduction1(op: ReduceOp): Primitive {
  return (e, c) => {
    const x = tensorOf(e, c, "x");
    return e.named.reduce(op, x, axesOf(c, x));
  };
}

export function extremum(op: "min" | "max"): Primitive {
  return reduction1(op === "min" ? "reduceMin" : "reduceMax");
}

/** Truth over axes: bool in, bool out. */
function truth(op: "reduceMin" | "reduceMax"): Primitive {
  return (e, c) => {
    const x = tensorOf(e, c, "x");
    const axes = given(c, "over") || given(c, "except") ? axesOf(c, x) : x.axes;
    const counted = e.named.reduce(op, { ...x, node: e.b.cast(x.node, "i32") }, axes);
    return { ...counted, node: e.b.cast(counted.node, "bool") };
  };
}

function top(e: Elaboration, c: PrimitiveCall): Value {
  const over = wordOf(c, "over");
  const count = namedSizeOf(e, c, "count", over);
  const [values, indices] = e.named.top(tensorOf(e, c, "x"), count.dim, over, count.name, !boolOf(c, "smallest"));
  return { kind: "tuple", items: [values, indices] };
}

/** Where a condition holds: positions, and which of them are some. */
function kept(e: Elaboration, c: PrimitiveCall): Value {
  const [over, least] = [wordOf(c, "over"), integerOf(e, c, "least")];
  const some = given(c, "some") ? wordOf(c, "some") : over;
  if (least !== 0 && least !== 1) return fail(shapes.T302, c.span, { param: "least", found: `Int ${least}`, wanted: "0 or 1" });
  const [places, valid] = e.named.choose(tensorOf(e, c, "mask"), over, some, least, (mask) => e.someOf(mask, least, some));
  return { kind: "tuple", items: [places, valid] };
}

function dot(e: Elaboration, c: PrimitiveCall): Value {
  return e.named.dot(tensorOf(e, c, "a"), tensorOf(e, c, "b"), wordsOf(c, "over"));
}

export const reduction: PrimitiveTable = {
  sum: reduction1("reduceSum"), mean: reduction1("reduceMean"), prod: reduction1("reduceProd"), length: reduction1("reduceL2"),
  all: truth("reduceMin"), any: truth("reduceMax"),
  argmax: (e, c) => e.named.arg("argmax", tensorOf(e, c, "x"), wordOf(c, "over")),
  argmin: (e, c) => e.named.arg("argmin", tensorOf(e, c, "x"), wordOf(c, "over")),
  softmax: (e, c) => e.named.softmax(tensorOf(e, c, "x"), wordOf(c, "over")),
  cumsum: (e, c) => e.named.cumsum(tensorOf(e, c, "x"), wordOf(c, "over")),
  top, kept, dot,
};
