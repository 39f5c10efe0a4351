// Arithmetic of shapes, done while importing: what exporters compute in the graph from sizes becomes sizes again.
import { type BinaryOp, values } from "../graph/build.ts";
import type { Literal, Node } from "../graph/node.ts";
import { type Dim, add, asNumber, constant, divideExactly, floorDivide, maximum, minimum, modulo, multiply, subtract } from "../types/dim.ts";
import { type DType, isFloat } from "../types/tensor.ts";
import type { Use } from "./onnx-use.ts";
import { MOST_SIZES, type Value, valueOfSizes } from "./onnx-value.ts";

/** Both operands as sizes, stretched to one length. */
function operands(u: Use): { readonly pairs: readonly (readonly [Dim, Dim])[]; readonly shape: readonly number[]; readonly dtype: DType } | undefined {
  const [a, b] = [u.value(0), u.value(1)];
  const stretched = a && b && together(a, b);
  return stretched && { pairs: (stretched.lists[0] as Dim[]).map((x, i) => [x, stretched.lists[1]?.[i] as Dim] as const), shape: stretched.shape, dtype: a.type.dtype };
}

/** The elements of several values, each stretched to the shape that they reach together; undefined where one is not known. */
export function together(...all: readonly Value[]): { readonly lists: readonly Dim[][]; readonly shape: readonly number[] } | undefined {
  if (all.some((v) => v.sizes === undefined)) return undefined;
  const shapes = all.map((v) => v.type.dims.map((d) => asNumber(d) as number));
  const rank = Math.max(...shapes.map((s) => s.length));
  const lifted = shapes.map((s) => [...Array.from({ length: rank - s.length }, () => 1), ...s]);
  const shape = Array.from({ length: rank }, (_, i) => lifted.map((s) => s[i] as number).reduce((x, y) => (x === 1 ? y : x)));
  if (lifted.some((s) => s.some((size, i) => size !== 1 && size !== shape[i])) || shape.reduce((x, y) => x * y, 1) > MOST_SIZES) return undefined;
  return { shape, lists: all.map((v, i) => places(shape).map((at) => (v.sizes as readonly Dim[])[offset(at, lifted[i] as number[])] as Dim)) };
}

/** All index tuples of a shape, the last axis fastest. */
export function places(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>((all, size) => all.flatMap((at) => Array.from({ length: size }, (_, i) => [...at, i])), [[]]);
}

/** Where an element lies in a list, row by row; axes of size 1 are stretched. */
export const offset = (at: readonly number[], shape: readonly number[]): number => shape.reduce((sum, size, i) => sum * size + (size === 1 ? 0 : (at[i] as number)), 0);

/** Sizes are not negative, so cutting towards zero is rounding down where no number says otherwise. */
function quotient(a: Dim, b: Dim): Dim | undefined {
  const [x, y] = [asNumber(a), asNumber(b)];
  if (x !== undefined && y !== undefined) return y === 0 ? undefined : constant(Math.trunc(x / y) + 0);
  return y !== undefined && y > 0 ? floorDivide(a, b) : y === undefined ? divideExactly(a, b) : undefined;
}

const OPS: Readonly<Partial<Record<BinaryOp, (a: Dim, b: Dim) => Dim | undefined>>> = {
  add, sub: subtract, mul: multiply, div: quotient, min: minimum, max: maximum,
  mod: (a, b) => ((asNumber(b) ?? 0) > 0 ? modulo(a, b) : undefined),
};

/** The result where both operands are sizes; undefined where they are not, or it cannot be told. */
export function computeSizes(u: Use, op: BinaryOp): Value | undefined {
  const compute = OPS[op];
  const both = compute && operands(u);
  if (!both || (both.dtype !== "i64" && both.dtype !== "i32")) return undefined;
  const made = both.pairs.map(([a, b]) => compute(a, b));
  return made.includes(undefined) ? undefined : valueOfSizes(u.o, both.dtype, made as Dim[], both.shape);
}

const COMPARE: Readonly<Record<"eq" | "lt" | "le" | "gt" | "ge", (gap: number) => boolean>> = { eq: (g) => g === 0, lt: (g) => g < 0, le: (g) => g <= 0, gt: (g) => g > 0, ge: (g) => g >= 0 };

export function compareSizes(u: Use, op: keyof typeof COMPARE): Value | undefined {
  const both = operands(u);
  if (!both) return undefined;
  const gaps = both.pairs.map(([a, b]) => gapOf(a, b));
  return gaps.includes(undefined) ? undefined : valueOfSizes(u.o, "bool", gaps.map((g) => constant(COMPARE[op](g as number) ? 1 : 0)), both.shape);
}

/** a - b, or its sign where that is all that can be told: a size is never a negative number. */
function gapOf(a: Dim, b: Dim): number | undefined {
  const gap = asNumber(subtract(a, b));
  if (gap !== undefined) return gap;
  const isSize = (d: Dim): boolean => d.terms.every((t) => t.coefficient > 0);
  const isBelow = (d: Dim): boolean => (asNumber(d) ?? 0) < 0;
  if (isSize(a) && isBelow(b)) return 1;
  return isSize(b) && isBelow(a) ? -1 : undefined;
}

const REAL: Readonly<Record<string, (...x: number[]) => number>> = {
  add: (a, b) => a + b, sub: (a, b) => a - b, mul: (a, b) => a * b, div: (a, b) => a / b, pow: (a, b) => a ** b, sqrt: Math.sqrt, floor: Math.floor, ceil: Math.ceil, neg: (a) => -a,
};
/** Steps that one number may take to be computed; exporters need five. */
const MOST_STEPS = 32;

/** What one real number becomes as a whole one, cut towards zero: exporters take the side of a grid as the root of a count. Undefined where that is not known, or rounding might decide it. */
export function wholeNumber(x: Node): number | undefined {
  let steps = 0;
  const real = (node: Node): number => {
    if (++steps > MOST_STEPS || !node.type.dims.every((d) => asNumber(d) === 1)) return Number.NaN;
    if (node.op === "const") return values(node.attrs.value as Literal)[0] as number;
    if (node.op === "reshape" || node.op === "cast") return isFloat(node.type.dtype) ? real(node.inputs[0] as Node) : Number.NaN;
    return REAL[node.op]?.(...node.inputs.map(real)) ?? Number.NaN;
  };
  if (!isFloat(x.type.dtype)) return undefined;
  const found = real(x);
  const near = Math.round(found);
  if (found === near) return Number.isSafeInteger(near) ? near : undefined;
  return Math.abs(found) < 2 ** 24 && Math.abs(found - near) > 1e-3 ? Math.trunc(found) : undefined;
}
