// Ops without inputs: graph inputs, constants, weights, and tensors that follow from their attributes.
import { literal, values } from "../graph/build.ts";
import type { Literal, Node } from "../graph/node.ts";
import { type Dim, type Facts, constant, multiply, product } from "../types/dim.ts";
import { BITS, type DType, type TensorType } from "../types/tensor.ts";
import type { Call } from "./call.ts";
import { poolMatrix, windowMask } from "./grid.ts";
import { ONNX_TYPE, type Lowering, type Op } from "./op.ts";
import { sample } from "./sample.ts";

const typed = (call: Call): TensorType[] => [{ dtype: call.dtype(), dims: call.dims() }];

const input: Op = {
  name: "input",
  infer: (call) => { call.text("name"); return typed(call); },
  lower: (node) => { throw new Error(`input ${String(node.attrs.name)} is not an input of this graph`); },
};

const const_: Op = {
  name: "const",
  infer(call) {
    const [type] = typed(call) as [TensorType];
    const bits = numberOf(product(type.dims), call.facts) * BITS[type.dtype];
    const value = call.attrs.value as Literal;
    if (value.dtype !== type.dtype || value.bytes.length !== Math.ceil(bits / 8))
      throw new Error(`a constant ${type.dtype} of ${bits} bits was made from ${value.bytes.length} bytes of ${value.dtype}`);
    return [type];
  },
  lower: (node, o) => o.tensor(known(node, o), node.attrs.value as Literal),
  elements: (node) => node.attrs.value as Literal,
};

const weight: Op = {
  name: "weight",
  infer: typed,
  lower: () => { throw new Error("weights are emitted as initializers"); },
};

const iota: Op = {
  name: "iota",
  infer: (call) => [{ dtype: "i64", dims: [call.dim("size")] }],
  lower: (node, o) => range(o, node.attrs.size as Dim),
  elements: (node, facts) => counted(node.attrs.size as Dim, facts, (n) => literal("i64", Array.from({ length: n }, (_, i) => i))),
};

const fill: Op = {
  name: "fill",
  infer: (call) => { call.number("value"); return typed(call); },
  lower(node, o) {
    const { dtype, dims } = node.type;
    const value = filled(dtype, 1, node.attrs.value as number);
    if (value) return o.node("ConstantOfShape", [o.dims(dims)], { value: { kind: "tensor", dims: [1], value } });
    const plain = o.node("ConstantOfShape", [o.dims(dims)], { value: { kind: "tensor", dims: [1], value: literal("f32", [node.attrs.value as number]) } });
    return o.node("Cast", [plain], { to: ONNX_TYPE[dtype] });
  },
  elements: (node, facts) => counted(product(node.type.dims), facts, (n) => filled(node.type.dtype, n, node.attrs.value as number)),
};

const sizeOf: Op = {
  name: "sizeOf",
  // A list of one where it says so, as a run has it: a plain number takes one operator more.
  infer: (call) => { call.dim("dim"); return [{ dtype: "i64", dims: call.attrs.listed === true ? [constant(1)] : [] }]; },
  lower(node, o) {
    const dim = node.attrs.dim as Dim;
    const value = o.facts.number(dim);
    if (node.attrs.listed === true) return o.dim(dim);
    return value === undefined ? o.shared(`size ${dim.key}`, () => o.node("Squeeze", [o.dim(dim), o.ints([0])])) : o.scalar("i64", value);
  },
  elements: (node, facts) => counted(node.attrs.dim as Dim, facts, (n) => literal("i64", [n])),
};

const random: Op = {
  name: "random",
  infer(call) {
    call.number("seed");
    const [type] = typed(call) as [TensorType];
    const distribution = call.text("distribution");
    if (distribution !== "normal" && distribution !== "uniform") throw new Error(`there is no distribution ${distribution}`);
    if (type.dtype !== "f32" && type.dtype !== "f64") throw call.misfit("random numbers are floating-point", type.dtype, "f32 or f64");
    return [type];
  },
  lower: (node, o) => literally(drawn)(node, o),
  elements: drawn,
};

function drawn(node: Node, facts: Facts): Literal | undefined {
  const { seed, distribution } = node.attrs as { seed: number; distribution: "normal" | "uniform" };
  return counted(product(node.type.dims), facts, (n) => literal(node.type.dtype, sample(distribution, seed, n)));
}

const matrix = (name: string, shape: (from: Dim, to: Dim) => Dim[], make: (node: Node) => Float32Array): Op => ({
  name,
  infer: (call) => [{ dtype: "f32", dims: shape(cells(call.numbers("from")), cells(call.numbers("to"))) }],
  lower: (node, o) => literally((of) => literal("f32", make(of)))(node, o),
  elements: (node) => literal("f32", make(node)),
});

const from = (node: Node): readonly [number, number] => node.attrs.from as unknown as readonly [number, number];
const to = (node: Node): readonly [number, number] => node.attrs.to as unknown as readonly [number, number];

export default [
  input, const_, weight, iota, fill, sizeOf, random,
  matrix("windowMask", (f, t) => [f, t], (node) => windowMask(from(node), to(node), node.attrs.window as number)),
  matrix("poolMatrix", (f, t) => [t, f], (node) => poolMatrix(from(node), to(node))),
];

/** 0 … size-1, made once for each size. */
export function range(o: Lowering, size: Dim): string {
  const count = o.facts.number(size);
  return o.shared(`range ${count ?? o.facts.bind(size).key}`, () => {
    if (count !== undefined && count <= 4096) return o.ints(Array.from({ length: count }, (_, i) => i));
    return o.node("Range", [o.scalar("i64", 0), o.node("Squeeze", [o.dim(size), o.ints([0])]), o.scalar("i64", 1)]);
  });
}

/** Lowers what its attributes give to a constant. */
const literally = (elements: NonNullable<Op["elements"]>) => (node: Node, o: Lowering): string => {
  const value = elements(node, o.facts);
  if (!value) throw new Error(`${node.op} needs known sizes`);
  return o.tensor(known(node, o), value);
};

const known = (node: Node, o: Lowering): number[] => node.type.dims.map((d) => numberOf(d, o.facts));

function numberOf(dim: Dim, facts: Facts): number {
  const value = facts.number(dim);
  if (value === undefined) throw new Error(`size ${dim.key} must be known here`);
  return value;
}

function counted(count: Dim, facts: Facts, make: (n: number) => Literal | undefined): Literal | undefined {
  const n = facts.number(count);
  return n === undefined ? undefined : make(n);
}

/** The same value n times; `undefined` for element types that are not written by hand. */
function filled(dtype: DType, n: number, value: number): Literal | undefined {
  if (dtype === "f16" || dtype === "bf16" || dtype === "i4" || dtype === "u4") return undefined;
  const one = literal(dtype, [value]);
  if (values(one).length !== 1) return undefined;
  const bytes = new Uint8Array(n * one.bytes.length);
  for (let at = 0; at < bytes.length; at += one.bytes.length) bytes.set(one.bytes, at);
  return { kind: "literal", dtype, bytes };
}

const cells = (grid: readonly number[]): Dim => multiply(constant(grid[0] ?? 0), constant(grid[1] ?? 0));
