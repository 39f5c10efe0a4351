// Elementwise arithmetic on numbers, as ONNX defines it; what it cannot do exactly is left to the host's evaluator.
import { type DType, isFloat } from "../types/tensor.ts";
import type { Numbers } from "./numbers.ts";

/** An operand of one row: where it starts, and its step (0: the same element again). */
export interface Operand {
  readonly array: Numbers;
  readonly start: number;
  readonly step: number;
}
type Binary = (a: number, b: number) => number;

const UNARY: Readonly<Record<string, (x: number) => number>> = {
  neg: (x) => -x, exp: Math.exp, log: Math.log, sqrt: Math.sqrt, abs: Math.abs, tanh: Math.tanh, sin: Math.sin, cos: Math.cos,
  floor: Math.floor, ceil: Math.ceil, round: roundHalfEven, sign: Math.sign, atanh: Math.atanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  relu: (x) => Math.max(0, x),
  not: (x) => (x === 0 ? 1 : 0),
  isnan: (x) => (Number.isNaN(x) ? 1 : 0),
};

const FLOAT: Readonly<Record<string, Binary>> = {
  add: (a, b) => a + b, sub: (a, b) => a - b, mul: (a, b) => a * b, div: (a, b) => a / b,
  pow: (a, b) => a ** b, min: Math.min, max: Math.max, mod: (a, b) => a % b,
};
const INTEGER: Readonly<Record<string, Binary>> = {
  add: (a, b) => a + b, sub: (a, b) => a - b, min: Math.min, max: Math.max,
  div: (a, b) => Math.trunc(a / b), mod: (a, b) => a - b * Math.floor(a / b), mul: (a, b) => a * b,
};
const ANY: Readonly<Record<string, Binary>> = {
  eq: (a, b) => (a === b ? 1 : 0), lt: (a, b) => (a < b ? 1 : 0), le: (a, b) => (a <= b ? 1 : 0),
  gt: (a, b) => (a > b ? 1 : 0), ge: (a, b) => (a >= b ? 1 : 0), and: (a, b) => a & b, or: (a, b) => a | b,
};

export const unaryOf = (op: string): ((x: number) => number) | undefined => (Object.hasOwn(UNARY, op) ? UNARY[op] : undefined);

export function binaryOf(op: string, dtype: DType): Binary | undefined {
  const table = Object.hasOwn(ANY, op) ? ANY : isFloat(dtype) ? FLOAT : INTEGER;
  return Object.hasOwn(table, op) ? table[op] : undefined;
}

export function mapUnary(op: string, values: Numbers, length: number): void {
  const f = unaryOf(op) as (x: number) => number;
  // The two that quantization runs over every weight stand as loops of their own, which the engine makes fast.
  if (op === "abs") for (let i = 0; i < length; i++) values[i] = Math.abs(values[i] as number);
  else if (op === "round") for (let i = 0; i < length; i++) values[i] = roundHalfEven(values[i] as number);
  else for (let i = 0; i < length; i++) values[i] = f(values[i] as number);
}

/** One row: out[i] = a[i] op b[i]. `out` may be `a`. */
export function mapBinary(op: string, dtype: DType, a: Operand, b: Operand, out: Numbers, start: number, length: number): void {
  const [x, y, p, q] = [a.array, b.array, a.step, b.step];
  let [i, j] = [a.start, b.start];
  const end = start + length;
  // The four of arithmetic as loops of their own: one that calls through a variable takes several times as long.
  if (isFloat(dtype) && op === "mul") for (let o = start; o < end; o++, i += p, j += q) out[o] = (x[i] as number) * (y[j] as number);
  else if (isFloat(dtype) && op === "div") for (let o = start; o < end; o++, i += p, j += q) out[o] = (x[i] as number) / (y[j] as number);
  else if (op === "add") for (let o = start; o < end; o++, i += p, j += q) out[o] = (x[i] as number) + (y[j] as number);
  else if (op === "sub") for (let o = start; o < end; o++, i += p, j += q) out[o] = (x[i] as number) - (y[j] as number);
  else {
    const f = binaryOf(op, dtype) as Binary;
    for (let o = start; o < end; o++, i += p, j += q) out[o] = f(x[i] as number, y[j] as number);
  }
}

export function mapChoice(condition: Operand, a: Operand, b: Operand, out: Numbers, start: number, length: number): void {
  let [k, i, j] = [condition.start, a.start, b.start];
  for (let o = start; o < start + length; o++, k += condition.step, i += a.step, j += b.step)
    out[o] = ((condition.array[k] === 0 ? b.array[j] : a.array[i]) as number);
}

/** Math.round takes halves up; IEEE and ONNX take them to the even neighbour. */
function roundHalfEven(x: number): number {
  if (!(Math.abs(x) < 2 ** 52)) return x;
  const rounded = x >= 0 ? x + 2 ** 52 - 2 ** 52 : x - 2 ** 52 + 2 ** 52;
  return rounded === 0 ? x * 0 : rounded;
}
