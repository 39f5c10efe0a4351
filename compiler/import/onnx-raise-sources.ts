// Raising of constants, ranges, shapes, and of what hands its input on.
import { literal, values } from "../graph/build.ts";
import type { Literal, Node } from "../graph/node.ts";
import { foreignAttrs } from "../ops/foreign.ts";
import { type Dim, asNumber, constant, product, subtract } from "../types/dim.ts";
import type { DType } from "../types/tensor.ts";
import { PLAIN, type Raise, only } from "./onnx-raising.ts";
import { places } from "./onnx-sizes.ts";
import { Kept, type Use } from "./onnx-use.ts";
import { MOST_SIZES, type Value, asValue, valueOfSizes, valueWith } from "./onnx-value.ts";

const filled: Raise = (u, constantOf) => {
  const tensor = u.tensor("value");
  const value = tensor ? constantOf(tensor) : u.o.scalar("f32", 0);
  if (value.op !== "const" || !PLAIN.has(value.type.dtype) || value.type.dtype === "f16") throw new Kept("filled with what is no plain number");
  const [number] = values(value.attrs.value as Literal);
  const dims = u.readable(u.sizes(0));
  const sizes = dims.map(asNumber);
  if (!sizes.includes(undefined) && (sizes as number[]).reduce((a, b) => a * b, 1) <= MOST_SIZES && (value.type.dtype === "i64" || value.type.dtype === "i32"))
    return valueOfSizes(u.o, value.type.dtype, places(sizes as number[]).map(() => constant(number as number)), sizes as number[]);
  return u.o.fill(value.type.dtype, dims, number as number);
};

const range: Raise = (u) => {
  const dtype = u.value(0)?.type.dtype;
  only(dtype === "i64" || dtype === "i32", "not whole numbers");
  const [from, to, step] = [0, 1, 2].map((i) => u.sizes(i)[0]) as [Dim, Dim, Dim];
  only(asNumber(step) === 1, "steps");
  const length = u.readable([subtract(to, from), from]);
  const counted = u.o.iota(length[0] as Dim);
  return u.o.cast(asNumber(from) === 0 ? counted : u.o.add(counted, u.o.sizeOf(from)), dtype as DType);
};

const shape: Raise = (u) => {
  const dims = u.dims(0);
  const [from, to] = [u.int("start", 0), u.int("end", dims.length)].map((at) => Math.min(Math.max(at < 0 ? at + dims.length : at, 0), dims.length)) as [number, number];
  const sizes = dims.slice(from, to);
  try {
    return valueOfSizes(u.o, "i64", u.readable(sizes));
  } catch (error) {
    if (!(error instanceof Kept)) throw error;
    // Known only once x is computed: the sizes lead on, and whoever wants the numbers asks x.
    return valueWith(askedShape(u, from, to), sizes);
  }
};

function askedShape(u: Use, from: number, to: number): Node {
  const x = u.x(0);
  const rank = x.type.dims.length;
  const all = u.o.make("foreign", [x], foreignAttrs({ opType: "Shape", domain: "", attributes: new Uint8Array(), present: [true], outputs: [{ dtype: "i64", dims: [constant(rank)] }], copy: 0 }));
  return from === 0 && to === rank ? all : u.o.slice(all, 0, from, to);
}

const size: Raise = (u) => valueOfSizes(u.o, "i64", u.readable([product(u.dims(0))]), []);

const constantNode: Raise = (u, constantOf) => {
  const { attributes } = u.node;
  const tensor = u.tensor("value");
  if (tensor) return constantOf(tensor);
  for (const [name, dtype] of [["value_int", "i64"], ["value_float", "f32"]] as const) {
    const value = attributes.get(name)?.value;
    if (value?.kind === "int" || value?.kind === "float") return u.o.const(dtype, [], literal(dtype, [value.value]));
  }
  const ints = u.ints("value_ints");
  if (ints) {
    only(ints.every(Number.isSafeInteger), "larger than can be read");
    return u.o.tensor("i64", [ints.length], ints);
  }
  const floats = u.floats("value_floats");
  if (floats) return u.o.tensor("f32", [floats.length], floats);
  throw new Kept("no number");
};

const dropout: Raise = (u) => {
  only(!u.wanted(1) && (!u.has(2) || u.value(2)?.numbers?.[0] === 0), "it may train");
  return u.value(0) as Value;
};

export const sources: readonly (readonly [string, Raise])[] = [
  ["ConstantOfShape", filled], ["Range", range], ["Shape", shape], ["Size", size], ["Constant", constantNode], ["Identity", (u) => u.value(0) ?? asValue(u.x(0))], ["Dropout", dropout],
];
