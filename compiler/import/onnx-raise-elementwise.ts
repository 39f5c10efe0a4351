// Raising of arithmetic, comparisons, choice and conversion.
import type { BinaryOp, UnaryOp } from "../graph/build.ts";
import type { Literal, Node } from "../graph/node.ts";
import { type Dim, asNumber, constant, multiply } from "../types/dim.ts";
import { type DType, isFloat } from "../types/tensor.ts";
import { PLAIN, type Raise, likeSizes, only, plain } from "./onnx-raising.ts";
import { compareSizes, computeSizes, together, wholeNumber } from "./onnx-sizes.ts";
import { dtypeOf } from "./onnx-types.ts";
import { Kept, type Use } from "./onnx-use.ts";
import { type Value, valueOfSizes } from "./onnx-value.ts";

const UNARY: Readonly<Record<string, UnaryOp>> = {
  Exp: "exp", Log: "log", Sqrt: "sqrt", Tanh: "tanh", Erf: "erf", Sigmoid: "sigmoid", Sin: "sin", Cos: "cos", Floor: "floor", Ceil: "ceil", Round: "round", Neg: "neg", Abs: "abs", Sign: "sign", Not: "not",
};
const BINARY: Readonly<Record<string, BinaryOp>> = { Add: "add", Sub: "sub", Mul: "mul", Div: "div", Pow: "pow", Min: "min", Max: "max", Mod: "mod", And: "and", Or: "or" };

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
  const whole = to === "i64" || to === "i32" ? wholeNumber(x) : undefined;
  if (whole !== undefined) return likeSizes(u, [constant(whole)], to);
  return u.o.cast(x, to);
};

/** Activations that ONNX Runtime knows in 32 and 16 bits alone: of other types only older operator sets than ours spell them out for it. */
const spelled = (of: (u: Use, x: Node, number: (value: number) => Node) => Node): Raise => (u) => {
  const x = plain(u.x(0));
  only(x.type.dtype !== "f32" && x.type.dtype !== "f16", "an operator of the runtime");
  return of(u, x, (value) => u.o.scalar(x.type.dtype, value));
};
const below = (u: Use, x: Node, less: Node): Node => u.o.where(u.o.binary("lt", x, u.o.scalar(x.type.dtype, 0)), less, x);
const ACTIVATIONS: Readonly<Record<string, Raise>> = {
  LeakyRelu: spelled((u, x, number) => below(u, x, u.o.mul(x, number(u.float("alpha", 0.01))))),
  PRelu: spelled((u, whole) => {
    const [x, slope] = u.levelled([whole, plain(u.x(1))]) as [Node, Node];
    return below(u, x, u.o.mul(x, slope));
  }),
  Elu: spelled((u, x, number) => below(u, x, u.o.mul(u.o.sub(u.o.exp(x), number(1)), number(u.float("alpha", 1))))),
  Selu: spelled((u, x, number) => u.o.mul(below(u, x, u.o.mul(u.o.sub(u.o.exp(x), number(1)), number(u.float("alpha", 1.6732632)))), number(u.float("gamma", 1.050701)))),
  Softplus: spelled((u, x, number) => u.o.unary("log", u.o.add(u.o.exp(x), number(1)))),
  Softsign: spelled((u, x, number) => u.o.div(x, u.o.add(u.o.unary("abs", x), number(1)))),
  ThresholdedRelu: spelled((u, x, number) => u.o.where(u.o.binary("gt", x, number(u.float("alpha", 1))), x, number(0))),
};
/** Whole numbers too, which the operator takes since set 14 and the runtime does not know. */
const relu: Raise = (u) => {
  const x = plain(u.x(0));
  return isFloat(x.type.dtype) ? u.o.unary("relu", x) : u.o.binary("max", x, u.o.scalar(x.type.dtype, 0));
};

export const elementwise: readonly (readonly [string, Raise])[] = [
  ...Object.entries(UNARY).map(([name, op]) => [name, unary(op)] as const),
  ...Object.entries(BINARY).map(([name, op]) => [name, binary(op)] as const),
  ...Object.entries(ACTIVATIONS), ["Relu", relu],
  ["Equal", compare("eq")], ["Less", compare("lt")], ["LessOrEqual", compare("le")], ["Greater", compare("gt")], ["GreaterOrEqual", compare("ge")],
  ["Reciprocal", (u) => { const x = plain(u.x(0)); return u.o.div(u.o.scalar(x.type.dtype, 1), x); }],
  ["IsNaN", (u) => u.o.unary("isnan", plain(u.x(0)))], ["Where", where], ["Cast", cast],
];
