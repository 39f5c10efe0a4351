// Identities of arithmetic: neutral elements, chains of numbers, and what follows from numbers alone.
import { BINARY_OPS, type BinaryOp, type Build, type UnaryOp } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { sameDims } from "../rewrite/match.ts";
import { type Rule, because, identities, rule } from "../rewrite/rule.ts";
import { splatOf } from "../rewrite/splat.ts";
import type { Dim, Facts } from "../types/dim.ts";
import type { DType } from "../types/tensor.ts";
import { broadcastsTo, expandTo, tellsSize } from "./broadcast.ts";

type Hole2 = Readonly<Record<"root" | "x", Node>>;
const operand = (o: Build, { root, x }: Hole2): Node => expandTo(o, x, root.type.dims);

// 1. x + 0   2. x - 0   3. x · 1   4. x / 1   5. x ^ 1
const neutral: readonly Rule[] = [
  rule("x + 0", ["root", "x"], { find: (o, { root, x }) => o.as(root, o.add(x, o.number(0))), put: operand }),
  rule("x - 0", ["root", "x"], { find: (o, { root, x }) => o.as(root, o.sub(x, o.number(0))), put: operand }),
  rule("x · 1", ["root", "x"], { find: (o, { root, x }) => o.as(root, o.mul(x, o.number(1))), put: operand }),
  rule("x / 1", ["root", "x"], { find: (o, { root, x }) => o.as(root, o.div(x, o.number(1))), put: operand }),
  rule("x ^ 1", ["root", "x"], { find: (o, { root, x }) => o.as(root, o.pow(x, o.number(1))), put: operand }),
];

// 6. -(-x)   7. 0 - x   8. x - (-y)   9. x + (-y)   10. not not x
const signs: readonly Rule[] = [
  rule("-(-x)", ["x"], { find: (o, { x }) => o.neg(o.neg(x)), put: (_, { x }) => x }),
  rule("0 - x", ["root", "x"], { find: (o, { root, x }) => o.as(root, o.sub(o.number(0), x)), put: (o, m) => o.neg(operand(o, m)) }),
  rule("x - (-y)", ["x", "y"], { find: (o, { x, y }) => o.sub(x, o.neg(y)), put: (o, { x, y }) => o.add(x, y) }),
  rule("x + (-y)", ["x", "y"], { find: (o, { x, y }) => o.add(x, o.neg(y)), put: (o, { x, y }) => o.sub(x, y) }),
  rule("not not x", ["x"], { find: (o, { x }) => o.unary("not", o.unary("not", x)), put: (_, { x }) => x }),
];

const isReal = (dtype: DType): boolean => dtype === "f32" || dtype === "f64";
const number = (node: Node): number => splatOf(node) as number;

/** What a chain of two numbers comes to, on a floating-point x. Inner steps that others use stay as they are. */
function chain(name: string, first: "mul" | "div", then: "mul" | "div", to: "mul" | "div", value: (a: number, b: number) => number): Rule {
  return rule(name, ["x", "a", "b"], {
    find: (o, { x, a, b }) => o.binary(then, o.sole(o.binary(first, o.test("a tensor", (n) => splatOf(n) === undefined, x), o.splat(a))), o.splat(b)),
    when: ({ x, a, b }, { facts }) => {
      if (!isReal(x.type.dtype)) return because("whole numbers would round otherwise", x);
      const [p, q] = [a, b].map((n) => broadcastsTo([x.type.dims], n.type.dims, facts) || n.type.dims.length === 0);
      if (!p || !q) return because("the number also spreads the tensor out", p ? b : a);
      return Number.isFinite(value(number(a), number(b))) || because("the number would not be finite", b);
    },
    put: (o, { x, a, b }) => o.binary(to, x, o.scalar(x.type.dtype, value(number(a), number(b)))),
  });
}

// 11. x·a·b   12. x·a/b   13. x/a·b   14. x/a/b   15. -(x·a)   16. (-x)·a
const chains: readonly Rule[] = [
  chain("x · a · b", "mul", "mul", "mul", (a, b) => a * b),
  chain("x · a / b", "mul", "div", "mul", (a, b) => a / b),
  chain("x / a · b", "div", "mul", "mul", (a, b) => b / a),
  chain("x / a / b", "div", "div", "div", (a, b) => a * b),
  rule("-(x · a)", ["x", "a"], {
    find: (o, { x, a }) => o.neg(o.sole(o.mul(x, o.splat(a)))),
    when: ({ x, a }) => (isReal(x.type.dtype) && a.type.dims.length === 0) || because("not a plain number", a),
    put: (o, { x, a }) => o.mul(x, o.scalar(x.type.dtype, -number(a))),
  }),
  rule("(-x) · a", ["x", "a"], {
    find: (o, { x, a }) => o.mul(o.neg(x), o.splat(a)),
    when: ({ x, a }) => (isReal(x.type.dtype) && a.type.dims.length === 0) || because("not a plain number", a),
    put: (o, { x, a }) => o.mul(x, o.scalar(x.type.dtype, -number(a))),
  }),
];

const UNARY: Readonly<Partial<Record<UnaryOp, (x: number) => number>>> = {
  neg: (x) => -x, exp: Math.exp, log: Math.log, sqrt: Math.sqrt, abs: Math.abs, tanh: Math.tanh, sin: Math.sin, cos: Math.cos, floor: Math.floor, ceil: Math.ceil,
  relu: (x) => Math.max(0, x),
};
const BINARY: Readonly<Partial<Record<BinaryOp, (a: number, b: number) => number>>> = {
  add: (a, b) => a + b, sub: (a, b) => a - b, mul: (a, b) => a * b, min: Math.min, max: Math.max,
  div: (a, b) => a / b, pow: Math.pow,
};
/** These come out the same on whole numbers. */
const WHOLE: ReadonlySet<string> = new Set(["add", "sub", "mul", "min", "max"]);

function filled(o: Build, { type: { dtype, dims } }: Node, value: number): Node {
  const rounded = dtype === "f32" ? Math.fround(value) : value;
  return dims.length === 0 ? o.scalar(dtype, rounded) : o.fill(dtype, dims, rounded);
}

// 17. a function of a number   18. an operation on two numbers   19. a cast of a number
const numbers: readonly Rule[] = [
  ...Object.entries(UNARY).map(([op, f]) => rule(`${op} of a number`, ["root", "a"], {
    find: (o, { root, a }) => o.as(root, o.unary(op as UnaryOp, o.splat(a))),
    when: ({ root, a }) => (isReal(root.type.dtype) && !Number.isNaN(f(number(a)))) || because("not computed while compiling", a),
    put: (o, { root, a }) => filled(o, root, f(number(a))),
  })),
  ...Object.entries(BINARY).map(([op, f]) => rule(`${op} of numbers`, ["root", "a", "b"], {
    find: (o, { root, a, b }) => o.as(root, o.binary(op as BinaryOp, o.splat(a), o.splat(b))),
    when: ({ root, a, b }) => {
      const { dtype } = root.type;
      const value = f(number(a), number(b));
      const fits = isReal(dtype) ? !Number.isNaN(value) : dtype === "i64" && WHOLE.has(op) && Number.isSafeInteger(value);
      return fits || because("not computed while compiling", a);
    },
    put: (o, { root, a, b }) => filled(o, root, f(number(a), number(b))),
  })),
  rule("cast of a number", ["root", "a"], {
    find: (o, { root, a }) => o.as(root, o.cast(o.splat(a))),
    when: ({ root, a }) => (isCounted(a.type.dtype) && isReal(root.type.dtype)) || (a.type.dtype === "f32" && root.type.dtype === "f64") || because("the cast may change the number", a),
    put: (o, { root, a }) => filled(o, root, number(a)),
  }),
];
const isCounted = (dtype: DType): boolean => dtype === "i64" || dtype === "i32" || dtype === "bool" || dtype === "u8";

// 20. a cast there and back that loses nothing
const casts: readonly Rule[] = [
  rule("cast there and back", ["root", "x"], {
    find: (o, { root, x }) => o.as(root, o.cast(o.op("cast", [x]))),
    when: ({ root, x }) => (root.type.dtype === x.type.dtype && HOLDS[x.type.dtype]?.includes((root.inputs[0] as Node).type.dtype)) || because("the cast in between may lose digits", root),
    put: (_, { x }) => x,
  }),
];
const HOLDS: Readonly<Partial<Record<DType, readonly DType[]>>> = {
  bool: ["i32", "i64", "f32", "f64", "i8", "u8", "u16", "i16", "f16"], i32: ["i64", "f64"], f32: ["f64"], f16: ["f32", "f64"], bf16: ["f32", "f64"], u16: ["i32", "i64", "f32", "f64"], u8: ["i16", "u16", "i32", "i64", "f32", "f64", "f16"], i8: ["i16", "i32", "i64", "f32", "f64", "f16"],
};

/** Whether the operand is still spread out by the other one alone. */
const stillSpreads = (x: Node, other: Node, root: Node, facts: Facts): boolean =>
  x.type.dims.length === 0 || x.type.dims.length === root.type.dims.length ? broadcastsTo([x.type.dims, other.type.dims], root.type.dims, facts) : false;

// 21. a repetition that the other operand makes anyway   22. the same number in every place, as one number
const spreads: readonly Rule[] = BINARY_OPS.flatMap((op) => [
  rule(`${op} of a repetition, left`, ["root", "x", "y"], {
    find: (o, { root, x, y }) => o.as(root, o.binary(op, o.expand(x), y)),
    when: ({ root, x, y }, { facts }) => stillSpreads(x, y, root, facts) || because("the other operand does not repeat it", y),
    put: (o, { x, y }) => o.binary(op, x, y),
  }),
  rule(`${op} of a repetition, right`, ["root", "x", "y"], {
    find: (o, { root, x, y }) => o.as(root, o.binary(op, x, o.expand(y))),
    when: ({ root, x, y }, { facts }) => stillSpreads(y, x, root, facts) || because("the other operand does not repeat it", x),
    put: (o, { x, y }) => o.binary(op, x, y),
  }),
  rule(`${op} with a number, right`, ["root", "x", "a"], {
    find: (o, { root, x, a }) => o.as(root, o.binary(op, x, o.splat(a))),
    when: ({ root, x, a }, { facts }) => isSurplus(a, x, root.type.dims, facts) || because("the number also spreads the tensor out", a),
    put: (o, { x, a }) => o.binary(op, x, o.scalar(a.type.dtype, number(a))),
  }),
  rule(`${op} with a number, left`, ["root", "x", "a"], {
    find: (o, { root, x, a }) => o.as(root, o.binary(op, o.splat(a), x)),
    when: ({ root, x, a }, { facts }) => isSurplus(a, x, root.type.dims, facts) || because("the number also spreads the tensor out", a),
    put: (o, { x, a }) => o.binary(op, o.scalar(a.type.dtype, number(a)), x),
  }),
]);

const isSurplus = (a: Node, x: Node, dims: readonly Dim[], facts: Facts): boolean =>
  a.type.dims.length > 0 && sameDims(x.type.dims, dims, facts) && WRITTEN.has(a.type.dtype);
const WRITTEN: ReadonlySet<DType> = new Set<DType>(["f32", "f64", "i64", "i32", "bool"]);

// 23. a choice that is the same everywhere
const choices: readonly Rule[] = [
  rule("choice that is the same everywhere", ["root", "c", "a", "b"], {
    find: (o, { root, c, a, b }) => o.as(root, o.where(o.splat(c), a, b)),
    when: ({ root, c, a, b }, { facts }) => {
      const chosen = number(c) === 0 ? b : a;
      if ([c, a, b].some((x) => x !== chosen && tellsSize(x, root.type.dims, facts))) return because("what is left out alone tells a size", root);
      return chosen.type.dims.length === root.type.dims.length || (splatOf(chosen) !== undefined && isReal(root.type.dtype)) || because("an axis comes in too", chosen);
    },
    put: (o, { root, c, a, b }) => {
      const chosen = number(c) === 0 ? b : a;
      return chosen.type.dims.length === root.type.dims.length ? expandTo(o, chosen, root.type.dims) : filled(o, root, number(chosen));
    },
  }),
];

export const algebra: readonly Rule[] = identities([...choices, ...numbers, ...neutral, ...signs, ...chains, ...casts, ...spreads]);
