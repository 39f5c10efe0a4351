// Every op against a plain computation of what it means: on both spellings (with and without contributed operators),
// with sizes that are not round and known only when the model runs.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { Build, type BinaryOp, type ReduceOp, type UnaryOp, literal } from "../../../compiler/graph/build.ts";
import type { Target } from "../../../compiler/graph/level.ts";
import { Arena, type Node } from "../../../compiler/graph/node.ts";
import { foreignAttrs } from "../../../compiler/ops/foreign.ts";
import { OPS, infer, opOf } from "../../../compiler/ops/index.ts";
import { type Dim, add, ceilDivide, constant, floorDivide, maximum, minimum, modulo, multiply, subtract, symbol } from "../../../compiler/types/dim.ts";
import { emitModel } from "../../../compiler/emit/onnx.ts";
import { type Nd, along, array, at, distance, map, matmul, nd, noise, softmax, sum, transpose, value, zip } from "../../support/array.ts";
import { graphOf, runGraph, runModel } from "../../support/evaluate.ts";

const B = symbol("B");
const N = symbol("N");
const C = 12;

/** The inputs of all cases: float tokens, centred numbers, indices below 5, ties, truth values. */
interface Given<T> {
  readonly x: T;
  readonly y: T;
  /** Positive. */
  readonly p: T;
  /** i64[B, 4], each below 5. */
  readonly i: T;
  /** i64[B, N, 12], from -3 to 3: many ties. */
  readonly t: T;
  readonly c: T;
  /** f32[B, 4, 12]. */
  readonly rows: T;
}
interface Case {
  readonly make: (b: Build, given: Given<Node>) => Node;
  readonly wants: (given: Given<Nd>, sizes: { B: number; N: number }) => Nd;
  readonly tolerance?: number;
}

const inputsOf = (b: Build): Given<Node> => ({
  x: b.input("x", "f32", [B, N, C]), y: b.input("y", "f32", [B, N, C]), p: b.input("p", "f32", [B, N, C]), i: b.input("i", "i64", [B, 4]),
  t: b.input("t", "i64", [B, N, C]), c: b.input("c", "bool", [B, N, C]), rows: b.input("rows", "f32", [B, 4, C]),
});
function valuesOf({ B, N }: { B: number; N: number }): Given<Nd> {
  const full = [B, N, C];
  return {
    x: map(noise(full, 1), (v) => Math.fround(v * 2)), y: map(noise(full, 2), (v) => Math.fround(v * 2)), p: map(noise(full, 3), (v) => Math.fround(Math.abs(v) + 0.1)),
    i: map(noise([B, 4], 4), (v) => Math.floor((v + 1) * 2.5)), t: map(noise(full, 5), (v) => Math.floor(v * 3.5)),
    c: map(noise(full, 6), (v) => (v > 0 ? 1 : 0)), rows: noise([B, 4, C], 7),
  };
}

const halfToEven = (v: number): number => (Math.abs(v % 1) === 0.5 ? 2 * Math.round(v / 2) : Math.round(v));
function erf(x: number): number {
  // Series for small arguments; beyond 4 the difference to ±1 is below 2e-8.
  if (Math.abs(x) > 4) return Math.sign(x);
  let [total, term] = [x, x];
  for (let n = 1; n < 120; n++) {
    term *= (-x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}
const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
const gelu = (v: number): number => (v / 2) * (1 + erf(v / Math.SQRT2));
const ratio = (v: number): number => Math.fround(v / 2.5);

const cases: Record<string, Case[]> = {};
const put = (op: string, ...list: Case[]): void => {
  cases[op] = [...(cases[op] ?? []), ...list];
};

// ── elementwise ──
const UNARIES: Record<string, (v: number) => number> = {
  neg: (v) => -v, exp: Math.exp, abs: Math.abs, tanh: Math.tanh, erf, sigmoid, sin: Math.sin, cos: Math.cos,
  floor: Math.floor, ceil: Math.ceil, round: halfToEven, sign: Math.sign, relu: (v) => Math.max(0, v),
};
for (const [op, f] of Object.entries(UNARIES)) put(op, { make: (b, { x }) => b.unary(op as UnaryOp, x), wants: ({ x }) => map(x, f) });
for (const [op, f] of Object.entries({ log: Math.log, sqrt: Math.sqrt })) put(op, { make: (b, { p }) => b.unary(op as UnaryOp, p), wants: ({ p }) => map(p, f) });
put("atanh", { make: (b, { x }) => b.unary("atanh", b.div(x, b.scalar("f32", 2.5))), wants: ({ x }) => map(x, (v) => Math.atanh(ratio(v))) });
put("not", { make: (b, { c }) => b.unary("not", c), wants: ({ c }) => map(c, (v) => 1 - v) });
put("isnan", { make: (b, { x }) => b.unary("isnan", b.sqrt(x)), wants: ({ x }) => map(x, (v) => (v < 0 ? 1 : 0)) });

const BINARIES: Record<string, (a: number, b: number) => number> = {
  add: (a, b) => a + b, sub: (a, b) => a - b, mul: (a, b) => a * b, min: Math.min, max: Math.max,
  lt: (a, b) => Number(a < b), le: (a, b) => Number(a <= b), gt: (a, b) => Number(a > b), ge: (a, b) => Number(a >= b), eq: (a, b) => Number(a === b),
};
for (const [op, f] of Object.entries(BINARIES)) {
  const binary = op as BinaryOp;
  put(op,
    { make: (b, { x, y }) => b.binary(binary, x, y), wants: ({ x, y }) => zip([x, y], f) },
    { make: (b, { t }) => b.binary(binary, t, b.scalar("i64", 1)), wants: ({ t }) => map(t, (v) => f(v, 1)) },
    { make: (b, { x, y }) => b.binary(binary, b.slice(x, 1, 0, 1), b.slice(y, 2, 3, 4)), wants: ({ x, y }, { B, N }) => nd([B, N, C], ([i, j, k]) => f(at(x, [i as number, 0, k as number]), at(y, [i as number, j as number, 3]))) });
}
put("div", { make: (b, { x, p }) => b.div(x, p), wants: ({ x, p }) => zip([x, p], (a, c) => a / c) });
put("pow", { make: (b, { x, p }) => b.pow(p, x), wants: ({ x, p }) => zip([p, x], Math.pow) });
put("mod",
  { make: (b, { t }) => b.binary("mod", t, b.scalar("i64", 3)), wants: ({ t }) => map(t, (v) => v - 3 * Math.floor(v / 3)) },
  { make: (b, { x, p }) => b.binary("mod", x, p), wants: ({ x, p }) => zip([x, p], (a, c) => a % c) });
put("and", { make: (b, { c, x, y }) => b.binary("and", c, b.binary("lt", x, y)), wants: ({ c, x, y }) => zip([c, x, y], (v, a, d) => Number(v && a < d)) });
put("or", { make: (b, { c, x, y }) => b.binary("or", c, b.binary("lt", x, y)), wants: ({ c, x, y }) => zip([c, x, y], (v, a, d) => Number(v || a < d)) });
put("where",
  { make: (b, { c, x, y }) => b.where(c, x, y), wants: ({ c, x, y }) => zip([c, x, y], (v, a, d) => (v ? a : d)) },
  { make: (b, { c, t }) => b.where(c, t, b.scalar("i64", 9)), wants: ({ c, t }) => zip([c, t], (v, a) => (v ? a : 9)) },
  { make: (b, { c }) => b.cast(b.where(c, b.scalar("i8", -2), b.scalar("i8", 3)), "i64"), wants: ({ c }) => map(c, (v) => (v ? -2 : 3)) });
put("cast",
  { make: (b, { x }) => b.cast(x, "i64"), wants: ({ x }) => map(x, Math.trunc) },
  { make: (b, { c }) => b.cast(c, "f32"), wants: ({ c }) => c },
  { make: (b, { t }) => b.cast(b.cast(b.add(b.cast(t, "i8"), b.scalar("i8", 3)), "bool"), "i64"), wants: ({ t }) => map(t, (v) => Number(v + 3 !== 0)) },
  { make: (b, { x }) => b.cast(b.exp(b.cast(x, "f64")), "f32"), wants: ({ x }) => map(x, Math.exp) },
  { make: (b, { x }) => b.cast(b.mul(b.cast(x, "bf16"), b.cast(b.scalar("f32", 3), "bf16")), "f32"), wants: ({ x }) => map(x, (v) => 3 * v), tolerance: 0.02 },
  { make: (b, { x }) => b.cast(b.softmax(b.cast(x, "f16"), 2), "f32"), wants: ({ x }) => softmax(x, 2), tolerance: 2e-3 });

// ── reductions ──
const REDUCES: Record<string, (list: number[]) => number> = {
  reduceSum: sum, reduceMean: (l) => sum(l) / l.length, reduceMax: (l) => Math.max(...l), reduceMin: (l) => Math.min(...l),
  reduceProd: (l) => l.reduce((a, b) => a * b, 1), reduceL2: (l) => Math.sqrt(sum(l.map((v) => v * v))),
};
put("weightedSum", {
  make: (b, { x, p }) => b.weightedSum(x, b.reduce("reduceMax", p, [2], false)),
  wants: ({ x, p }, { B, N }) => nd([B, C], ([n, k]) => sum(Array.from({ length: N }, (_, j) => at(x, [n as number, j, k as number]) * Math.max(...along(p, 2, [n as number, j, 0]))))),
});
for (const [op, f] of Object.entries(REDUCES))
  put(op,
    { make: (b, { x }) => b.reduce(op as ReduceOp, x, [1], true), wants: ({ x }, { B }) => nd([B, 1, C], (at) => f(along(x, 1, at))) },
    { make: (b, { p }) => b.reduce(op as ReduceOp, p, [0, 2], false), wants: ({ p }, { B, N }) => nd([N], ([n]) => f(Array.from({ length: B }, (_, i) => along(p, 2, [i, n as number, 0])).flat())) },
    { make: (b, { p }) => b.reduce(op as ReduceOp, p, [], false), wants: ({ p }) => p });
const first = (best: (list: number[]) => number) => (list: number[]): number => list.indexOf(best(list));
put("argmax", { make: (b, { t }) => b.argmax(t, 1), wants: ({ t }, { B }) => nd([B, C], ([i, k]) => first((l) => Math.max(...l))(along(t, 1, [i as number, 0, k as number]))) });
put("argmin", { make: (b, { t }) => b.argmin(b.cast(t, "f32"), 2, true), wants: ({ t }, { B, N }) => nd([B, N, 1], (at) => first((l) => Math.min(...l))(along(t, 2, at))) });
/** Places of the k largest, lower ones first among equals. */
const best = (list: number[], k: number, sign = 1): number[] => list.map((_, i) => i).sort((a, b) => sign * ((list[b] as number) - (list[a] as number)) || a - b).slice(0, k);
put("topk",
  { make: (b, { t }) => b.item(b.topk(t, 3, 1), 1), wants: ({ t }, { B }) => nd([B, 3, C], ([i, j, k]) => best(along(t, 1, [i as number, 0, k as number]), 3)[j as number] as number) },
  { make: (b, { x }) => b.item(b.topk(x, 4, 2, false), 0), wants: ({ x }, { B, N }) => nd([B, N, 4], ([i, j, k]) => along(x, 2, [i as number, j as number, 0]).sort((a, b) => a - b)[k as number] as number) },
  { make: (b, { x }) => b.item(b.topk(x, floorDivide(N, constant(2)), 1), 0), wants: ({ x }, { B, N }) => nd([B, Math.floor(N / 2), C], ([i, j, k]) => along(x, 1, [i as number, 0, k as number]).sort((a, b) => b - a)[j as number] as number) });
put("item", { make: (b, { x }) => b.item(b.topk(x, 1, 2), 0), wants: ({ x }, { B, N }) => nd([B, N, 1], (at) => Math.max(...along(x, 2, at))) });
put("cumsum", { make: (b, { x }) => b.cumsum(x, 1), wants: ({ x }) => nd(x.dims, (index) => sum(along(x, 1, index).slice(0, (index[1] as number) + 1))) });
put("softmax", { make: (b, { x }) => b.softmax(x, 1), wants: ({ x }) => softmax(x, 1) }, { make: (b, { x }) => b.softmax(x, 2), wants: ({ x }) => softmax(x, 2) });

// ── products ──
const W = noise([C, 5], 11);
const bias = noise([5], 12);
const stored = (b: Build, x: Nd): Node => b.tensor("f32", x.dims, x.data);
put("matmul",
  { make: (b, { x, y }) => b.matmul(x, b.transpose(y, [0, 2, 1])), wants: ({ x, y }) => matmul(x, transpose(y, [0, 2, 1])) },
  { make: (b, { x }) => b.matmul(x, stored(b, W)), wants: ({ x }) => matmul(x, W) },
  { make: (b, { x }) => b.matmul(stored(b, noise([1, 3, C], 2)), b.transpose(x, [0, 2, 1])), wants: ({ x }) => matmul(noise([1, 3, C], 2), transpose(x, [0, 2, 1])) });
put("linear",
  { make: (b, { x }) => b.linear(x, stored(b, W), stored(b, bias)), wants: ({ x }) => zip([matmul(x, W), bias], (a, c) => a + c) },
  { make: (b, { x }) => b.linear(b.reduce("reduceMax", x, [1], false), stored(b, W), undefined), wants: ({ x }, { B }) => matmul(nd([B, C], ([i, k]) => Math.max(...along(x, 1, [i as number, 0, k as number]))), W) });
put("fusedMatmul",
  { make: (b, { x, y }) => b.fusedMatmul(x, y, { transA: false, transB: true, alpha: 0.25 }), wants: ({ x, y }) => map(matmul(x, transpose(y, [0, 2, 1])), (v) => v / 4) },
  { make: (b, { x, y }) => b.fusedMatmul(x, y, { transA: true, transB: false, alpha: 1 }), wants: ({ x, y }) => matmul(transpose(x, [0, 2, 1]), y) },
  { make: (b, { x }) => b.fusedMatmul(x, stored(b, transpose(W, [1, 0])), { transA: false, transB: true, alpha: 2 }), wants: ({ x }) => map(matmul(x, W), (v) => 2 * v) });
const scales = map(noise([5], 13), (v) => Math.fround(Math.abs(v) / 100 + 0.002));
const quantized = map(noise([C, 5], 14), (v) => Math.round(v * 127));
const dequantized = zip([quantized, scales], (q, s) => q * s);
for (const withBias of [false, true])
  put("linearInt8", {
    make: (b, { x }) => b.linearInt8(x, b.tensor("i8", [C, 5], quantized.data), stored(b, scales), withBias ? stored(b, bias) : undefined),
    wants: ({ x }) => zip([matmul(x, dequantized), bias], (v, c) => (withBias ? v + c : v)),
    // One step of the quantized activations, summed over a row; how far it is off on the whole is checked below.
    tolerance: 0.06,
  });

// ── movement ──
put("reshape",
  { make: (b, { x }) => b.reshape(x, [B, N, 3, 4]), wants: ({ x }, { B, N }) => ({ dims: [B, N, 3, 4], data: x.data }) },
  { make: (b, { x }) => b.reshape(x, [multiply(B, N), C]), wants: ({ x }, { B, N }) => ({ dims: [B * N, C], data: x.data }) },
  { make: (b, { x }) => b.reshape(x, [4, N, multiply(B, constant(3))]), wants: ({ x }, { B, N }) => ({ dims: [4, N, 3 * B], data: x.data }) },
  { make: (b, { x }) => b.reshape(x, [N, B, C]), wants: ({ x }, { B, N }) => ({ dims: [N, B, C], data: x.data }) });
put("transpose", { make: (b, { x }) => b.transpose(x, [2, 0, 1]), wants: ({ x }) => transpose(x, [2, 0, 1]) });
put("expand",
  { make: (b, { x }) => b.expand(b.slice(x, 1, 0, 1), [B, N, C]), wants: ({ x }, { B, N }) => nd([B, N, C], ([i, , k]) => at(x, [i as number, 0, k as number])) },
  { make: (b) => b.expand(b.scalar("f32", 2), [B, add(N, constant(1))]), wants: (_, { B, N }) => nd([B, N + 1], () => 2) });
put("concat", { make: (b, { x, rows }) => b.concat([x, rows, x], 1), wants: ({ x, rows }, { B, N }) => nd([B, 2 * N + 4, C], ([i, j, k]) => {
  const n = j as number;
  return n >= N && n < N + 4 ? at(rows, [i as number, n - N, k as number]) : at(x, [i as number, n < N ? n : n - N - 4, k as number]);
}) });
put("split", ...[0, 1].map((part): Case => ({
  make: (b, { x }) => b.item(b.make("split", [x], { axis: 2, parts: [5, 7] }), part),
  wants: ({ x }, { B, N }) => nd([B, N, part === 0 ? 5 : 7], ([i, j, k]) => at(x, [i as number, j as number, 5 * part + (k as number)])),
})));
/** Places that are held within the axis, at sizes on both sides of what holds them. */
const clampedPlaces: readonly (readonly [from: Dim, to: Dim, at: (n: number) => readonly [number, number]])[] = [
  [minimum(constant(1), N), maximum(minimum(constant(1), N), minimum(constant(9), N)), (n) => [1, Math.min(9, n)]],
  [maximum(subtract(N, constant(9)), constant(0)), subtract(N, constant(1)), (n) => [Math.max(n - 9, 0), n - 1]],
  [maximum(subtract(N, constant(3)), constant(0)), maximum(maximum(subtract(N, constant(3)), constant(0)), minimum(constant(4), N)), (n) => [n - 3, Math.max(n - 3, Math.min(4, n))]],
  [subtract(N, constant(2)), N, (n) => [n - 2, n]], [constant(0), maximum(subtract(N, constant(6)), constant(0)), (n) => [0, Math.max(n - 6, 0)]], [N, N, (n) => [n, n]],
];
put("slice",
  ...clampedPlaces.map(([from, to, places]): Case => ({ make: (b, { x }) => b.slice(x, 1, from, to), wants: ({ x }, { B, N }) => { const [start, end] = places(N); return nd([B, end - start, C], ([i, j, k]) => at(x, [i as number, start + (j as number), k as number])); } })),
  { make: (b, { x }) => b.slice(x, 1, 1, N, 2), wants: ({ x }, { B, N }) => nd([B, Math.ceil((N - 1) / 2), C], ([i, j, k]) => at(x, [i as number, 1 + 2 * (j as number), k as number])) },
  { make: (b, { x }) => b.slice(x, 1, floorDivide(N, constant(2)), subtract(N, constant(1))), wants: ({ x }, { B, N }) => nd([B, N - 1 - Math.floor(N / 2), C], ([i, j, k]) => at(x, [i as number, Math.floor(N / 2) + (j as number), k as number])) },
  { make: (b, { x }) => b.slice(x, 2, 1, 11, 4), wants: ({ x }, { B, N }) => nd([B, N, 3], ([i, j, k]) => at(x, [i as number, j as number, 1 + 4 * (k as number)])) });

// ── indexing ──
put("gather",
  { make: (b, { x }) => b.gather(x, b.tensor("i64", [2, 2], [3, 0, 3, 11]), 2), wants: ({ x }, { B, N }) => nd([B, N, 2, 2], ([i, j, k, l]) => at(x, [i as number, j as number, [3, 0, 3, 11][2 * (k as number) + (l as number)] as number])) },
  { make: (b, { x, i }) => b.gather(x, b.reshape(i, [multiply(B, constant(4))]), 1), wants: ({ x, i }, { B }) => nd([B, 4 * B, C], ([n, j, k]) => at(x, [n as number, i.data[j as number] as number, k as number])) });
put("gatherElements", { make: (b, { x, i }) => b.gatherElements(x, b.expand(b.reshape(i, [B, 4, 1]), [B, 4, C]), 1), wants: ({ x, i }, { B }) => nd([B, 4, C], ([n, j, k]) => at(x, [n as number, at(i, [n as number, j as number]), k as number])) });
put("take",
  { make: (b, { x, i }) => b.take(x, i, 1), wants: ({ x, i }, { B }) => nd([B, 4, C], ([n, j, k]) => at(x, [n as number, at(i, [n as number, j as number]), k as number])) },
  { make: (b, { x, i }) => b.take(x, b.reshape(i, [B, 2, 2]), 1), wants: ({ x, i }, { B }) => nd([B, 2, 2, C], ([n, j, l, k]) => at(x, [n as number, i.data[4 * (n as number) + 2 * (j as number) + (l as number)] as number, k as number])) },
  { make: (b, { x, i }) => b.take(b.reduce("reduceSum", x, [0], false), i, 0), wants: ({ x, i }, { B }) => nd([B, 4, C], ([n, j, k]) => sum(along(x, 0, [0, at(i, [n as number, j as number]), k as number]))) },
  { make: (b, { x, t }) => b.take(x, b.argmax(t, 2, true), 2), wants: ({ x, t }, { B, N }) => nd([B, N, 1], ([n, j]) => at(x, [n as number, j as number, first((l) => Math.max(...l))(along(t, 2, [n as number, j as number, 0]))])) });
const ways = { add: (a: number, b: number) => a + b, max: Math.max, min: Math.min };
for (const [how, f] of Object.entries(ways))
  put("put", { make: (b, { x, i, rows }) => b.put(x, i, rows, 1, how as "add"), wants: ({ x, i, rows }) => nd(x.dims, ([n, j, k]) =>
    [0, 1, 2, 3].filter((r) => at(i, [n as number, r]) === j).reduce((a, r) => f(a, at(rows, [n as number, r, k as number])), at(x, [n as number, j as number, k as number]))) });
put("put",
  // No rows: a merge of nothing.
  { make: (b, { x, i, rows }) => b.put(x, b.slice(i, 1, 0, 0), b.slice(rows, 1, 0, 0), 1, "max"), wants: ({ x }) => x },
  { make: (b, { x, rows }) => b.put(x, b.expand(b.tensor("i64", [1, 4], [4, 0, 3, 1]), [B, 4]), rows, 1, "set"), wants: ({ x, rows }) => nd(x.dims, ([n, j, k]) => {
    const r = [4, 0, 3, 1].indexOf(j as number);
    return r < 0 ? at(x, [n as number, j as number, k as number]) : at(rows, [n as number, r, k as number]);
  }) },
  { make: (b) => b.put(b.fill("i64", [N], 1), b.tensor("i64", [3], [0, 2, 2]), b.tensor("i64", [3], [5, 6, 7]), 0, "add"), wants: (_, { N }) => nd([N], ([n]) => [6, 1, 14][n as number] ?? 1) },
  { make: (b, { p, t }) => b.put(p, b.argmax(t, 2, true), b.reduce("reduceMax", p, [2], true), 2, "add"), wants: ({ p, t }) => nd(p.dims, (index) =>
    at(p, index) + (first((l) => Math.max(...l))(along(t, 2, index)) === index[2] ? Math.max(...along(p, 2, index)) : 0)) });

// ── norms and activations ──
const gain = map(noise([C], 21), (v) => v + 1);
const shift = noise([C], 22);
const normed = (x: Nd, eps: number, shifted: boolean): Nd => nd(x.dims, (index) => {
  const row = along(x, 2, index);
  const mean = sum(row) / C;
  const deviation = Math.sqrt(sum(row.map((v) => (v - mean) ** 2)) / C + eps);
  return ((at(x, index) - mean) / deviation) * at(gain, index) + (shifted ? at(shift, index) : 0);
});
put("layerNorm",
  { make: (b, { x }) => b.layerNorm(x, stored(b, gain), stored(b, shift), 0.1), wants: ({ x }) => normed(x, 0.1, true) },
  { make: (b, { x }) => b.layerNorm(x, stored(b, gain), undefined, 1e-5), wants: ({ x }) => normed(x, 1e-5, false) });
put("rmsNorm", { make: (b, { x }) => b.rmsNorm(x, stored(b, gain), 0.1), wants: ({ x }) => nd(x.dims, (index) => (at(x, index) / Math.sqrt(sum(along(x, 2, index).map((v) => v * v)) / C + 0.1)) * at(gain, index)) });
for (const output of [0, 1])
  put("skipLayerNorm",
    { make: (b, { x, y }) => b.item(b.skipLayerNorm(x, y, stored(b, gain), stored(b, shift), 0.1), output), wants: ({ x, y }) => {
      const both = zip([x, y], (a, c) => a + c);
      return output === 0 ? normed(both, 0.1, true) : both;
    } },
    { make: (b, { x, y }) => b.item(b.make("skipLayerNorm", [x, y, stored(b, gain), stored(b, shift), stored(b, gain)], { eps: 0.1 }), output), wants: ({ x, y }) => {
      const both = zip([x, y, gain], (a, c, d) => a + c + d);
      return output === 0 ? normed(both, 0.1, true) : both;
    } });
put("skipLayerNorm", { make: (b, { x, y }) => b.reshape(b.item(b.skipLayerNorm(b.reshape(x, [B, N, 1, C]), b.reshape(y, [B, N, 1, C]), stored(b, gain), stored(b, shift), 0.1), 0), [B, N, C]), wants: ({ x, y }) => normed(zip([x, y], (a, c) => a + c), 0.1, true) });
const [wordTable, placeTable, kindTable] = [noise([5, C], 31), noise([7, C], 32), noise([6, C], 33)];
put("embedNorm",
  {
    make: (b, { i }) => b.make("embedNorm", [i, stored(b, wordTable), stored(b, placeTable), stored(b, gain), stored(b, shift)], { eps: 0.1, kinds: false, placed: false }),
    wants: ({ i }, { B }) => normed(nd([B, 4, C], ([n, j, k]) => at(wordTable, [at(i, [n as number, j as number]), k as number]) + at(placeTable, [j as number, k as number])), 0.1, true),
  },
  {
    make: (b, { i }) => b.make("embedNorm", [i, stored(b, wordTable), stored(b, placeTable), stored(b, gain), stored(b, shift), b.add(i, b.scalar("i64", 1)), stored(b, kindTable), b.add(i, b.scalar("i64", 2))], { eps: 0.1, kinds: true, placed: true }),
    wants: ({ i }, { B }) => normed(nd([B, 4, C], ([n, j, k]) => {
      const word = at(i, [n as number, j as number]);
      return at(wordTable, [word, k as number]) + at(placeTable, [word + 2, k as number]) + at(kindTable, [word + 1, k as number]);
    }), 0.1, true),
  });
put("gelu",
  { make: (b, { x }) => b.gelu(x), wants: ({ x }) => map(x, gelu) },
  { make: (b, { x }) => b.gelu(x, "tanh"), wants: ({ x }) => map(x, (v) => (v / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)))) });
put("silu", { make: (b, { x }) => b.silu(x), wants: ({ x }) => map(x, (v) => v * sigmoid(v)) });

// ── attention ──
interface Attended { readonly q: Nd; readonly k: Nd; readonly v: Nd; readonly bias?: Nd; readonly heads: number; readonly scale: number; readonly causal?: boolean }
function attend({ q, k, v, bias, heads, scale, causal }: Attended): Nd {
  const [batch, n] = q.dims as [number, number];
  const [m, d, e] = [k.dims[1] as number, (q.dims[2] as number) / heads, (v.dims[2] as number) / heads];
  return nd([batch, n, heads * e], ([b, row, column]) => {
    const head = Math.floor((column as number) / e);
    const logits = Array.from({ length: m }, (_, j) => {
      if (causal && j > (row as number)) return -Infinity;
      const dot = sum(Array.from({ length: d }, (_, c) => at(q, [b as number, row as number, head * d + c]) * at(k, [b as number, j, head * d + c])));
      return scale * dot + (bias ? at(bias, [b as number, head, row as number, j]) : 0);
    });
    const top = Math.max(...logits);
    const weights = logits.map((l) => Math.exp(l - top));
    return sum(weights.map((w, j) => w * at(v, [b as number, j, column as number]))) / sum(weights);
  });
}
const plain = { heads: 3, scale: 0.5, causal: false };
const wideBias = (x: Nd, { B, N }: { B: number; N: number }): Nd => nd([B, 1, 1, N], ([b, , , m]) => at(x, [b as number, m as number, 0]));
put("attention",
  { make: (b, { x, y, p }) => b.attention(x, y, p, undefined, plain), wants: ({ x, y, p }) => attend({ q: x, k: y, v: p, ...plain }) },
  { make: (b, { x, y, p }) => b.attention(x, y, p, undefined, { ...plain, causal: true }), wants: ({ x, y, p }) => attend({ q: x, k: y, v: p, ...plain, causal: true }) },
  { make: (b, { x, rows }) => b.attention(x, rows, b.slice(rows, 2, 0, 6), undefined, plain), wants: ({ x, rows }, { B }) => attend({ q: x, k: rows, v: nd([B, 4, 6], (i) => at(rows, i)), ...plain }) },
  { make: (b, { x, y, p }) => b.attention(x, y, p, b.reshape(b.slice(x, 2, 0, 1), [B, 1, 1, N]), plain), wants: ({ x, y, p }, s) => attend({ q: x, k: y, v: p, bias: wideBias(x, s), ...plain }) },
  { make: (b, { x, y, p }) => b.attention(x, y, p, b.reshape(b.matmul(x, b.transpose(p, [0, 2, 1])), [B, 1, N, N]), plain), wants: ({ x, y, p }, { B, N }) =>
    attend({ q: x, k: y, v: p, bias: { dims: [B, 1, N, N], data: matmul(x, transpose(p, [0, 2, 1])).data }, ...plain }) },
  { make: (b, { x, y, p }) => b.attention(x, y, p, b.reshape(stored(b, noise([3], 31)), [1, 3, 1, 1]), plain), wants: ({ x, y, p }) => attend({ q: x, k: y, v: p, bias: { dims: [1, 3, 1, 1], data: noise([3], 31).data }, ...plain }) },
  { make: (b, { x, y, p }) => b.attention(x, y, p, b.reshape(b.slice(x, 2, 0, 1), [B, 1, 1, N]), { ...plain, causal: true }), wants: ({ x, y, p }, s) => attend({ q: x, k: y, v: p, bias: wideBias(x, s), ...plain, causal: true }) });

const PACKED = noise([C, 2 * C + 6], 51);
const OFFSETS = noise([2 * C + 6], 52);
const packedWith = (causal: boolean, termed: boolean) => ({ heads: 3, scale: 0.5, causal, keys: constant(C), values: constant(6), termed });
/** Queries, keys and values of one product. */
function apart(x: Nd): Pick<Attended, "q" | "k" | "v"> {
  const all = zip([matmul(x, PACKED), OFFSETS], (a, c) => a + c);
  const part = (from: number, width: number): Nd => nd([...x.dims.slice(0, 2), width], ([b, n, c]) => at(all, [b as number, n as number, from + (c as number)]));
  return { q: part(0, C), k: part(C, C), v: part(2 * C, 6) };
}
put("packedAttention",
  { make: (b, { x }) => b.make("packedAttention", [x, stored(b, PACKED), stored(b, OFFSETS)], packedWith(true, false)), wants: ({ x }) => attend({ ...apart(x), ...plain, causal: true }) },
  { make: (b, { x }) => b.make("packedAttention", [x, stored(b, PACKED), stored(b, OFFSETS), b.reshape(b.slice(x, 2, 0, 1), [B, 1, 1, N])], packedWith(false, true)), wants: ({ x }, s) => attend({ ...apart(x), bias: wideBias(x, s), ...plain }) });

// ── windows ──
const FROM = [4, 5] as const;
const TO = [3, 2] as const;
const home = (n: number): [number, number] => [Math.floor((Math.floor(n / 5) * 3) / 4), Math.floor(((n % 5) * 2) / 5)];
const near = (n: number, k: number, window: number): boolean => home(n).every((h, i) => Math.abs(h - (i === 0 ? Math.floor(k / 2) : k % 2)) <= Math.floor(window / 2));
put("windowMask", { make: (b) => b.windowMask(FROM, TO, 3), wants: () => nd([20, 6], ([n, k]) => (near(n as number, k as number, 3) ? 0 : Math.fround(-1e30))) });
put("poolMatrix", { make: (b) => b.poolMatrix(FROM, TO), wants: () => nd([6, 20], ([k, n]) => {
  const inside = (i: number, size: number, cells: number, at: number): number =>
    at >= Math.floor((i * size) / cells) && at < Math.ceil(((i + 1) * size) / cells) ? 1 / (Math.ceil(((i + 1) * size) / cells) - Math.floor((i * size) / cells)) : 0;
  return inside(Math.floor((k as number) / 2), 4, 3, Math.floor((n as number) / 5)) * inside((k as number) % 2, 5, 2, (n as number) % 5);
}) });
const tokens = noise([20, C], 41);
const centres = noise([6, C], 42);
put("windowMeans", {
  make: (b) => b.windowMeans(b.expand(b.reshape(stored(b, tokens), [1, 20, C]), [B, 20, C]), b.expand(b.reshape(stored(b, centres), [1, 6, C]), [B, 6, C]), { from: FROM, to: TO, window: 1, t: 0.3 }),
  wants: (_, { B }) => {
    const weights = nd([20, 6], ([n, k]) => (near(n as number, k as number, 1) ? Math.exp(-0.3 * sum(along(tokens, 1, [n as number, 0]).map((v, c) => (v - at(centres, [k as number, c])) ** 2))) : 0));
    const share = nd([20, 6], ([n, k]) => at(weights, [n as number, k as number]) / sum(along(weights, 1, [n as number, 0])));
    return nd([B, 6, C], ([, k, c]) => sum(Array.from({ length: 20 }, (_, n) => at(share, [n, k as number]) * at(tokens, [n, c as number]))) / Math.max(1e-16, sum(along(share, 0, [0, k as number]))));
  },
});

// ── choosing ──
const K = symbol("K");
/** Where channel 0 of `c` holds in each row, and the most that a row has. */
const held = ({ dims, data }: Nd): number[][] => {
  const [rows, n, c] = dims as [number, number, number];
  return Array.from({ length: rows }, (_, i) => Array.from({ length: n }, (_, j) => j).filter((j) => data[(i * n + j) * c] === 1));
};
const most = (rows: readonly number[][], least: number): number => Math.max(least, ...rows.map((r) => r.length));
/** [B, N]: channel 0, without the last row where `empty`. */
const condition = (b: Build, c: Node, empty: boolean): Node => {
  const channel = b.reshape(b.slice(c, 2, 0, 1), [B, N]);
  return empty ? b.binary("and", channel, b.binary("lt", b.reshape(b.iota(B), [B, 1]), b.sub(b.sizeOf(B), b.scalar("i64", 1)))) : channel;
};
const without = (rows: readonly number[][], empty: boolean): number[][] => rows.map((r, i) => (empty && i === rows.length - 1 ? [] : r));
for (const empty of [false, true])
  for (const least of [0, 1] as const)
    put("choose",
      { make: (b, { c }) => b.item(b.choose(condition(b, c, empty), K, least), 0), wants: ({ c }) => { const rows = without(held(c), empty); return nd([rows.length, most(rows, least)], ([i, j]) => rows[i as number]?.[j as number] ?? 0); } },
      { make: (b, { c }) => b.item(b.choose(condition(b, c, empty), K, least), 1), wants: ({ c }) => { const rows = without(held(c), empty); return nd([rows.length, most(rows, least)], ([i, j]) => ((j as number) < Math.max(least, rows[i as number]?.length ?? 0) ? 1 : 0)); } },
      // Nothing but the size is asked for, by a node that stands before the choice in the list of inputs.
      { make: (b, { c }) => { b.choose(condition(b, c, empty), K, least); return b.iota(add(K, constant(1))); }, wants: ({ c }) => nd([most(without(held(c), empty), least) + 1], ([i]) => i as number) });
put("choose", { make: (b, { c }) => b.item(b.choose(b.reshape(b.slice(b.slice(c, 0, 0, 1), 2, 0, 1), [N]), K, 1), 0), wants: ({ c }) => { const [row] = held(c); return nd([most([row ?? []], 1)], ([j]) => row?.[j as number] ?? 0); } });

// ── leaves ──
put("input", { make: (_, { x }) => x, wants: ({ x }) => x });
put("const", { make: (b) => b.tensor("i32", [2, 2], [1, -2, 3, 4]), wants: () => ({ dims: [2, 2], data: [1, -2, 3, 4] }) });
put("iota",
  { make: (b) => b.iota(7), wants: () => nd([7], ([i]) => i as number) },
  { make: (b) => b.iota(add(multiply(N, constant(2)), constant(1))), wants: (_, { N }) => nd([2 * N + 1], ([i]) => i as number) });
put("fill",
  { make: (b) => b.fill("f32", [B, N], -1.5), wants: (_, { B, N }) => nd([B, N], () => -1.5) },
  { make: (b) => b.fill("bool", [3], 1), wants: () => nd([3], () => 1) },
  { make: (b) => b.cast(b.fill("f16", [N], 0.5), "f32"), wants: (_, { N }) => nd([N], () => 0.5) });
for (const [dim, f] of [
  [multiply(subtract(N, constant(1)), B), (B: number, N: number) => (N - 1) * B],
  [floorDivide(N, constant(3)), (_: number, N: number) => Math.floor(N / 3)],
  [ceilDivide(multiply(N, B), constant(4)), (B: number, N: number) => Math.ceil((N * B) / 4)],
  [modulo(N, constant(4)), (_: number, N: number) => N % 4],
  [minimum(N, constant(9)), (_: number, N: number) => Math.min(N, 9)],
  [maximum(floorDivide(N, B), multiply(B, constant(2))), (B: number, N: number) => Math.max(Math.floor(N / B), 2 * B)],
  [constant(5), () => 5],
] as const)
  put("sizeOf", { make: (b) => b.sizeOf(dim), wants: (_, { B, N }) => nd([], () => f(B, N)) });
put("foreign", { make: (b, { x }) => b.make("foreign", [x], foreignAttrs({ opType: "Softplus", domain: "", attributes: new Uint8Array(), present: [true], outputs: [x.type], copy: 0 })), wants: ({ x }) => map(x, (v) => Math.log1p(Math.exp(v))) });
put("random", { make: (b) => b.random("f32", [3, 4], 5, "uniform"), wants: () => {
  const node = new Build(new Arena(infer)).random("f32", [3, 4], 5, "uniform");
  const elements = opOf("random").elements?.(node, new Arena(infer).facts);
  return { dims: [3, 4], data: [...new Float32Array((elements as { bytes: Uint8Array }).bytes.buffer)] };
} });

const ROW = Array.from({ length: 6 * 4 * 3 }, (_, i) => Math.fround(Math.sin(i)));
/** x[B, 12, N] with 6 filters of 4 channels and 3 places, 3 groups: places 2 apart, steps of 2, 1 zero before and 3 behind, held between -1 and 1. */
put("conv", {
  make: (b, { x }) => b.conv(b.transpose(x, [0, 2, 1]), b.tensor("f32", [6, 4, 3], ROW), b.tensor("f32", [6], ROW.slice(0, 6)), { strides: [2], dilations: [2], pads: [1, 3], group: 3, activation: "Clip", params: [-1, 1] }),
  wants: ({ x }, { B, N }) => {
    const length = Math.floor((N + 4 - 5) / 2) + 1;
    return nd([B, 6, length], ([batch, filter, place]) => {
      let total = ROW[filter as number] as number;
      for (let channel = 0; channel < 4; channel++)
        for (let k = 0; k < 3; k++) {
          const from = 2 * (place as number) - 1 + 2 * k;
          if (from >= 0 && from < N) total += (ROW[(filter as number) * 12 + channel * 3 + k] as number) * at(x, [batch as number, from, 4 * Math.floor((filter as number) / 2) + channel]);
        }
      return Math.max(-1, Math.min(1, total));
    });
  },
});
put("clip", { make: (b, { x }) => b.clip(x, -0.5, 0.75), wants: ({ x }) => map(x, (v) => Math.max(-0.5, Math.min(0.75, v))) });
put("hardSigmoid", { make: (b, { x }) => b.hardSigmoid(x, 0.2, 0.5), wants: ({ x }) => map(x, (v) => Math.max(0, Math.min(1, 0.2 * v + 0.5))) });

// ── running them ──
const TARGETS: readonly Target[] = ["cpu", "portable"];
const SIZES = [{ B: 2, N: 17 }, { B: 3, N: 5 }, { B: 1, N: 6 }];

for (const [op, list] of Object.entries(cases))
  test(op, async (t) => {
    for (const [number, one] of list.entries())
      for (const target of TARGETS) {
        const b = new Build(new Arena(infer));
        const given = inputsOf(b);
        const node = one.make(b, given);
        // All inputs are declared, so that sizes can be read whichever of them an op uses.
        const graph = { ...graphOf(b.arena, node), outputs: [{ name: "result", node, axes: [] }], inputs: Object.entries(given).map(([name, input]) => ({ name, node: input as Node, axes: [] })) };
        const { model } = emitModel(graph, { target, name: op });
        if (target === "portable") t.false(Buffer.from(model).includes("com.microsoft"), `${op} ${number} is portable`);
        for (const sizes of SIZES) {
          const values = valuesOf(sizes);
          const dtypes = { x: "f32", y: "f32", p: "f32", i: "i64", t: "i64", c: "bool", rows: "f32" } as const;
          const feeds = Object.fromEntries(Object.entries(values).map(([name, v]) => [name, value(dtypes[name as keyof typeof dtypes], v as Nd)]));
          const found = await runModel(model, feeds);
          const wanted = one.wants(values, sizes);
          const gap = distance(array(found.result as never), wanted);
          t.true(gap <= (one.tolerance ?? 1e-5), `${op} ${number} for ${target} at ${JSON.stringify(sizes)}: off by ${gap}, shape ${found.result?.dims} for ${wanted.dims}`);
          t.is(found.result?.dtype, node.type.dtype);
        }
      }
  });

test("every op has a case", (t) => {
  t.deepEqual([...OPS.keys()].filter((op) => !cases[op] && op !== "weight"), []);
});

test("weight: read from its place in a file, in every stored type", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "kirigami-"));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const b = new Build(new Arena(infer));
  const nodes = (["f32", "f16", "bf16"] as const).map((dtype, i) => {
    const numbers = Array.from({ length: 6 }, (_, j) => j - 2.5);
    const wide = new Uint32Array(new Float32Array(numbers).buffer);
    const bytes = dtype === "f32" ? literal("f32", numbers).bytes : new Uint8Array(Uint16Array.from(wide, (v, j) => (dtype === "bf16" ? v >>> 16 : half(numbers[j] as number))).buffer);
    const file = join(directory, `${dtype}.bin`);
    writeFileSync(file, Buffer.concat([new Uint8Array(8 + i), bytes]));
    return b.cast(b.weight({ kind: "weight-ref", name: `w.${dtype}`, file, offset: 8 + i, length: bytes.length, dtype, shape: [2, 3] }), "f32");
  });
  const { model, external } = emitModel(graphOf(b.arena, ...nodes), { target: "cpu", name: "weights", location: (ref) => ref.file.slice(directory.length + 1) });
  t.deepEqual(external.map((e) => [e.name, e.offset, e.length]), [["w.f32", 8, 24], ["w.f16", 9, 12], ["w.bf16", 10, 12]]);
  const found = await runModel(model, {}, { extra: { session: { model_external_initializers_file_folder_path: directory } } });
  for (const name of ["y0", "y1", "y2"]) t.deepEqual(array(found[name] as never), { dims: [2, 3], data: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5] });
});

/** Bits of small halves as a 16-bit float. */
function half(v: number): number {
  const sign = v < 0 ? 0x8000 : 0;
  const exponent = Math.floor(Math.log2(Math.abs(v)));
  return sign | ((exponent + 15) << 10) | Math.round((Math.abs(v) / 2 ** exponent - 1) * 1024);
}

for (const target of TARGETS)
  test(`int8 products agree with the dequantized product to 2 % for ${target}`, async (t) => {
    const b = new Build(new Arena(infer));
    const weight = map(noise([96, 40], 51), (v) => Math.round(v * 127));
    const scale = map(noise([40], 52), (v) => Math.fround(Math.abs(v) / 100 + 0.001));
    const x = noise([2, 17, 96], 53);
    const y = b.linearInt8(b.input("x", "f32", [B, N, 96]), b.tensor("i8", [96, 40], weight.data), stored(b, scale), undefined);
    const found = array((await runGraph(graphOf(b.arena, y), { x: value("f32", x) }, { target })).y as never);
    const wanted = matmul(x, zip([weight, scale], (q, s) => q * s));
    const gap = Math.sqrt(sum(zip([found, wanted], (f, w) => (f - w) ** 2).data) / sum(wanted.data.map((w) => w * w)));
    t.true(gap > 0 && gap < 0.02, `off by ${gap}`);
  });

test("random numbers are those of their distribution and differ by seed", async (t) => {
  const b = new Build(new Arena(infer));
  const { y0, y1, y2 } = await runGraph(graphOf(b.arena, b.random("f32", [20000], 1, "normal"), b.random("f32", [20000], 2, "normal"), b.random("f32", [20000], 1, "uniform")), {});
  const [normal, other, uniform] = [y0, y1, y2].map((v) => array(v as never).data) as [number[], number[], number[]];
  const moment = (list: number[], k: number): number => sum(list.map((v) => v ** k)) / list.length;
  t.true(Math.abs(moment(normal, 1)) < 0.03 && Math.abs(moment(normal, 2) - 1) < 0.04 && Math.abs(moment(normal, 4) - 3) < 0.25);
  t.true(Math.abs(moment(uniform, 1) - 0.5) < 0.01 && Math.abs(moment(uniform, 2) - 1 / 3) < 0.01 && uniform.every((v) => v >= 0 && v < 1));
  t.true(Math.abs(sum(normal.map((v, i) => v * (other[i] as number))) / 20000) < 0.03);
});

test("whole numbers of 16 bits without a sign: taken, computed with beyond the range of those with one, and given", async (t) => {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "u16", [N]);
  const { y0, y1 } = await runGraph(graphOf(b.arena, b.add(x, b.tensor("u16", [1], [40000])), b.cast(b.slice(x, 0, 1, N), "f32")), { x: value("u16", { dims: [3], data: [1, 25000, 65535] }) });
  t.deepEqual([y0?.dtype, array(y0 as never).data, array(y1 as never).data], ["u16", [40001, 65000, 39999], [25000, 65535]]);
});
