// Elementwise functions; those of numbers known at compile time are computed at once.
import { shapes } from "../../diagnostics/shapes.ts";
import type { BinaryOp, UnaryOp } from "../../graph/build.ts";
import { asNumber, ceilDivide, constant, floorDivide, maximum, minimum } from "../../types/dim.ts";
import { type DType, isDType } from "../../types/tensor.ts";
import type { Elaboration } from "../elaboration.ts";
import { asFloat } from "../evaluate.ts";
import { fail } from "../fail.ts";
import { describe, sizeValue, type Value } from "../value.ts";
import { given, tensorOf, wordOf } from "./arguments.ts";
import type { Primitive, PrimitiveCall, PrimitiveTable } from "./index.ts";
import { extremum } from "./reduction.ts";

const STATIC: Readonly<Partial<Record<UnaryOp, (x: number) => number>>> = {
  exp: Math.exp, log: Math.log, sqrt: Math.sqrt, abs: Math.abs, tanh: Math.tanh, sin: Math.sin, cos: Math.cos, sign: Math.sign, atanh: Math.atanh,
  relu: (x) => Math.max(0, x), sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

function unary(op: UnaryOp): Primitive {
  return (e, c) => {
    const x = given(c, "x");
    if (x?.kind === "unknown") return x;
    const apply = STATIC[op];
    const known = x && x.kind !== "tensor" && x.kind !== "list" ? asFloat(e, x) : undefined;
    if (apply && known !== undefined) return { kind: "float", value: apply(known) };
    // A size that only a run knows is a whole number; these work on numbers with a point.
    if (x?.kind === "size" && op !== "abs" && op !== "sign" && op !== "relu") return e.named.unary(op, e.named.sizeAs("f32", x.dim));
    return e.named.unary(op, tensorOf(e, c, "x"));
  };
}

/** floor, ceil and round of sizes are sizes. */
function rounding(op: "floor" | "ceil" | "round"): Primitive {
  return (e, c) => {
    const x = given(c, "x");
    if (x?.kind === "size" || x?.kind === "unknown") return x;
    if (x?.kind === "ratio" && op !== "round") return sizeValue((op === "floor" ? floorDivide : ceilDivide)(x.over, x.under));
    const known = x && x.kind !== "tensor" ? asFloat(e, x) : undefined;
    if (known !== undefined) return sizeValue(constant(op === "floor" ? Math.floor(known) : op === "ceil" ? Math.ceil(known) : halfToEven(known)));
    return e.named.unary(op, tensorOf(e, c, "x"));
  };
}

function halfToEven(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

/** `min(a, b)`, `max(a, b)` elementwise or of numbers; with `over:` a reduction. */
function pick(op: "min" | "max"): Primitive {
  return (e, c) => {
    const [x, y] = [given(c, "x"), given(c, "y")];
    if (!y) return extremum(op)(e, c);
    if (x?.kind === "size" && y.kind === "size") return sizeValue((op === "min" ? minimum : maximum)(x.dim, y.dim));
    const [a, b] = [x && asFloat(e, x), asFloat(e, y)];
    if (a !== undefined && b !== undefined) return { kind: "float", value: op === "min" ? Math.min(a, b) : Math.max(a, b) };
    // A number that is not known yet leaves the axes of a tensor as they are.
    if (x?.kind !== "tensor" && y.kind !== "tensor" && (x?.kind === "unknown" || y.kind === "unknown")) return { kind: "unknown", type: "Float" };
    return binary(op)(e, c);
  };
}

function binary(op: BinaryOp): Primitive {
  return (e, c) => {
    const like = [given(c, "x"), given(c, "y")].find((v) => v?.kind === "tensor");
    const tensorLike = like?.kind === "tensor" ? like : undefined;
    return e.named.binary(op, tensorOf(e, c, "x", tensorLike), tensorOf(e, c, "y", tensorLike));
  };
}

function cast(e: Elaboration, c: PrimitiveCall): Value {
  const to = wordOf(c, "to");
  if (!isDType(to)) return fail(shapes.T312, c.span, { name: to, near: [] });
  const x = given(c, "x");
  if (x && x.kind === "size" && asNumber(x.dim) === undefined) return e.named.sizeAs(to, x.dim);
  const value = tensorOf(e, c, "x");
  return { ...value, node: e.b.cast(value.node, to as DType) };
}

function select(e: Elaboration, c: PrimitiveCall): Value {
  const condition = given(c, "condition");
  if (condition?.kind === "bool") return given(c, condition.value ? "a" : "b") ?? fail(shapes.T302, c.span, { param: "a", found: "nothing", wanted: "a value" });
  const test = tensorOf(e, c, "condition");
  if (test.node.type.dtype !== "bool") return fail(shapes.T302, c.span, { param: "condition", found: describe(test), wanted: "bool" });
  const like = [given(c, "a"), given(c, "b")].find((v) => v?.kind === "tensor");
  const tensorLike = like?.kind === "tensor" ? like : undefined;
  return e.named.where(test, tensorOf(e, c, "a", tensorLike), tensorOf(e, c, "b", tensorLike));
}

export const elementwise: PrimitiveTable = {
  exp: unary("exp"), log: unary("log"), sqrt: unary("sqrt"), abs: unary("abs"), tanh: unary("tanh"), erf: unary("erf"), sigmoid: unary("sigmoid"),
  sin: unary("sin"), cos: unary("cos"), sign: unary("sign"), relu: unary("relu"), atanh: unary("atanh"), isnan: unary("isnan"),
  floor: rounding("floor"), ceil: rounding("ceil"), round: rounding("round"),
  min: pick("min"), max: pick("max"), cast, select,
};
