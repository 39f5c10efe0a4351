// Types of what operators give that are carried through: one entry an operator. Where none is known the file's own word counts.
import { values } from "../graph/build.ts";
import type { Literal } from "../graph/node.ts";
import type { DType, TensorType } from "../types/tensor.ts";
import { type Dim, add, asNumber, ceilDivide, constant, divideExactly, floorDivide, multiply, product } from "../types/dim.ts";
import { isOpaque } from "../ops/foreign.ts";
import { ONNX_TYPE } from "../ops/op.ts";
import type { Value } from "./onnx-value.ts";

/** What an entry may ask. */
interface Asked {
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: number;
  int(name: string, otherwise: number): number;
  ints(name: string): readonly number[] | undefined;
  text(name: string, otherwise: string): string;
  /** A size that only a run knows. */
  fresh(): Dim;
}
/** Undefined: not known. */
type Infer = (a: Asked) => readonly (TensorType | undefined)[] | undefined;

const CODES: ReadonlyMap<number, DType> = new Map((Object.entries(ONNX_TYPE) as [DType, number][]).map(([dtype, code]) => [code, dtype]));
export const dtypeOf = (code: number): DType | undefined => CODES.get(code);

/** Types of the outputs of an operator, as far as they follow from its inputs. */
export function outputTypes(domain: string, opType: string, asked: Asked): readonly (TensorType | undefined)[] {
  const infer = (domain === "" || domain === "com.microsoft") ? TYPES.get(opType) : undefined;
  // Attributes of a file may name axes that there are not; the runtime will say so.
  return (infer?.(asked) ?? []).map((type) => (type?.dims.every((d) => d !== undefined && (asNumber(d) ?? 0) >= 0) ? type : undefined));
}

/** The type of an input; undefined where it is not known. */
function typeOf({ inputs }: Asked, index: number): TensorType | undefined {
  const type = inputs[index]?.type;
  return type && !isOpaque(type) ? type : undefined;
}

const same: Infer = (a) => { const x = typeOf(a, 0); return x && [x]; };
const withType = (dtype: DType): Infer => (a) => { const x = typeOf(a, 0); return x && [{ dtype, dims: x.dims }]; };

/** The shape that two shapes reach; a number beats a symbol, since it is 1 or the same. */
function meet(a: readonly Dim[], b: readonly Dim[], fresh: () => Dim): Dim[] {
  const rank = Math.max(a.length, b.length);
  const one = constant(1);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[i - rank + a.length] ?? one, b[i - rank + b.length] ?? one];
    const [p, q] = [asNumber(x), asNumber(y)];
    if (x.key === y.key || q === 1) return x;
    if (p === 1) return y;
    if (p !== undefined) return x;
    return q !== undefined ? y : fresh();
  });
}

const broadcast = (dtype?: DType, from = 0): Infer => (a) => {
  const types = a.inputs.slice(from).map((_, i) => typeOf(a, i + from));
  if (types.length === 0 || types.includes(undefined)) return undefined;
  const [first] = types as TensorType[];
  return [{ dtype: dtype ?? (first as TensorType).dtype, dims: (types as TensorType[]).map((t) => t.dims).reduce((x, y) => meet(x, y, a.fresh)) }];
};

const matmul = (b: number, dtype: (a: Asked) => DType | undefined): Infer => (a) => {
  const [x, y, type] = [typeOf(a, 0), typeOf(a, b), dtype(a)];
  if (!x || !y || !type || x.dims.length === 0 || y.dims.length === 0) return undefined;
  const left = x.dims.length === 1 ? [constant(1), ...x.dims] : x.dims;
  const right = y.dims.length === 1 ? [...y.dims, constant(1)] : y.dims;
  const dims = meet(left.slice(0, -2), right.slice(0, -2), a.fresh);
  return [{ dtype: type, dims: [...dims, ...(x.dims.length === 1 ? [] : [left.at(-2) as Dim]), ...(y.dims.length === 1 ? [] : [right.at(-1) as Dim])] }];
};

/** As a product, either side perhaps turned round. */
const fusedMatmul: Infer = (a) => {
  const [x, y] = [typeOf(a, 0), typeOf(a, 1)];
  if (!x || !y || x.dims.length < 2 || y.dims.length < 2 || a.int("transBatchA", 0) !== 0 || a.int("transBatchB", 0) !== 0) return undefined;
  const [rows, columns] = [x.dims.at(a.int("transA", 0) ? -1 : -2) as Dim, y.dims.at(a.int("transB", 0) ? -2 : -1) as Dim];
  return [{ dtype: x.dtype, dims: [...meet(x.dims.slice(0, -2), y.dims.slice(0, -2), a.fresh), rows, columns] }];
};

/** A sum or a product of quantized numbers, each side with its scale and its zero point behind it. */
const qLinear: Infer = (a) => {
  const [x, y] = [typeOf(a, 0), typeOf(a, 3)];
  return x && y && [{ dtype: x.dtype, dims: meet(x.dims, y.dims, a.fresh) }];
};

/** As many tokens as ask, as wide as the values. Packed inputs have more axes, and nothing is said of them. */
const multiHead: Infer = (a) => {
  const [q, v] = [typeOf(a, 0), typeOf(a, 2)];
  if (q?.dims.length !== 3 || v?.dims.length !== 3) return undefined;
  return [{ dtype: q.dtype, dims: [...q.dims.slice(0, 2), v.dims[2] as Dim] }];
};

/** As many tokens as are there, as wide as a third of the product unless it is said. Attention of the standard has other inputs, and nothing is said of it. */
const packedAttention: Infer = (a) => {
  const [x, w, bias] = [typeOf(a, 0), typeOf(a, 1), typeOf(a, 2)];
  const width = w?.dims.length === 2 ? (a.ints("qkv_hidden_sizes")?.[2] ?? (asNumber(w.dims[1] as Dim) ?? 0) / 3) : 0;
  if (x?.dims.length !== 3 || !Number.isInteger(width) || width < 1) return undefined;
  return [{ dtype: bias?.dtype ?? x.dtype, dims: [...x.dims.slice(0, 2), constant(width)] }];
};

/** Normed embeddings, what the mask counts, and the sum. */
const embedding: Infer = (a) => {
  const [ids, words] = [typeOf(a, 0), typeOf(a, 2)];
  if (ids?.dims.length !== 2 || words?.dims.length !== 2) return undefined;
  const made: TensorType = { dtype: words.dtype === "f16" ? "f16" : "f32", dims: [...ids.dims, words.dims[1] as Dim] };
  return [made, { dtype: "i32", dims: ids.dims.slice(0, 1) }, made];
};

/** As wide as the queries; of packed ones nothing is said. */
const groupedAttention: Infer = (a) => {
  const [q, k] = [typeOf(a, 0), typeOf(a, 1)];
  return q && k && [q];
};

/** Sizes of the places of a window that moves over an input. */
function windows(a: Asked, spatial: readonly Dim[], kernel: readonly number[], isCeil: boolean): readonly Dim[] {
  const strides = a.ints("strides") ?? kernel.map(() => 1);
  const dilations = a.ints("dilations") ?? kernel.map(() => 1);
  const pads = a.ints("pads") ?? kernel.flatMap(() => [0, 0]);
  const auto = a.text("auto_pad", "NOTSET");
  return spatial.map((d, i) => {
    const [k, s] = [((kernel[i] as number) - 1) * (dilations[i] as number) + 1, constant(strides[i] as number)];
    if (auto.startsWith("SAME")) return ceilDivide(d, s);
    const padded = auto === "VALID" ? 0 : (pads[i] as number) + (pads[i + kernel.length] as number);
    const room = add(d, constant(padded - k));
    // A last window that begins in the padding is left out, which rounding alone does not say.
    if (isCeil && asNumber(d) === undefined) return a.fresh();
    if (!isCeil) return add(floorDivide(room, s), constant(1));
    const count = Math.ceil((asNumber(room) as number) / (strides[i] as number)) + 1;
    const inside = (count - 1) * (strides[i] as number) < (asNumber(d) as number) + (auto === "VALID" ? 0 : (pads[i] as number));
    return constant(inside ? count : count - 1);
  });
}

const conv = (w: number, dtype: (a: Asked) => DType | undefined): Infer => (a) => {
  const [x, weight, type] = [typeOf(a, 0), typeOf(a, w), dtype(a)];
  if (!x || !weight || !type || x.dims.length < 3) return undefined;
  const kernel = a.ints("kernel_shape") ?? weight.dims.slice(2).map((d) => asNumber(d) ?? -1);
  if (kernel.includes(-1)) return undefined;
  return [{ dtype: type, dims: [x.dims[0] as Dim, weight.dims[0] as Dim, ...windows(a, x.dims.slice(2), kernel, false)] }];
};

const pool: Infer = (a) => {
  const [x, kernel] = [typeOf(a, 0), a.ints("kernel_shape")];
  if (!x || !kernel || x.dims.length !== kernel.length + 2) return undefined;
  const dims = [...x.dims.slice(0, 2), ...windows(a, x.dims.slice(2), kernel, a.int("ceil_mode", 0) === 1)];
  return [{ dtype: x.dtype, dims }, { dtype: "i64", dims }];
};

const convTranspose: Infer = (a) => {
  const [x, w] = [typeOf(a, 0), typeOf(a, 1)];
  const kernel = a.ints("kernel_shape") ?? w?.dims.slice(2).map((d) => asNumber(d) ?? -1);
  if (!x || !w || x.dims.length < 3 || w.dims.length !== x.dims.length || !kernel || kernel.includes(-1) || a.ints("output_shape") || a.text("auto_pad", "NOTSET") !== "NOTSET") return undefined;
  const get = (name: string, otherwise: number): readonly number[] => a.ints(name) ?? kernel.map(() => otherwise);
  const [strides, dilations, extra] = [get("strides", 1), get("dilations", 1), get("output_padding", 0)];
  const pads = a.ints("pads") ?? kernel.flatMap(() => [0, 0]);
  const spatial = x.dims.slice(2).map((d, i) => {
    const rest = (extra[i] as number) + ((kernel[i] as number) - 1) * (dilations[i] as number) + 1 - (pads[i] as number) - (pads[i + kernel.length] as number) - (strides[i] as number);
    return add(multiply(d, constant(strides[i] as number)), constant(rest));
  });
  return [{ dtype: x.dtype, dims: [x.dims[0] as Dim, multiply(w.dims[1] as Dim, constant(a.int("group", 1))), ...spatial] }];
};

const global: Infer = (a) => { const x = typeOf(a, 0); return x && [{ dtype: x.dtype, dims: [...x.dims.slice(0, 2), ...x.dims.slice(2).map(() => constant(1))] }]; };

const unknown = (a: Asked, dtype: DType, rank: number): TensorType => ({ dtype, dims: Array.from({ length: rank }, a.fresh) });

/** Axes as numbers; undefined where they are not known. */
function axesOf(a: Asked, rank: number, index: number): readonly number[] | undefined {
  const given = a.inputs[index] ? a.inputs[index]?.numbers : (a.ints("axes") ?? []);
  return given?.map((axis) => (axis < 0 ? axis + rank : axis));
}

const reduce: Infer = (a) => {
  const x = typeOf(a, 0);
  const axes = x && axesOf(a, x.dims.length, 1);
  if (!x) return undefined;
  const keep = a.int("keepdims", 1) === 1;
  if (!axes) return keep ? [unknown(a, x.dtype, x.dims.length)] : undefined;
  if (axes.length === 0 && a.int("noop_with_empty_axes", 0) === 1) return [x];
  const isGone = (i: number): boolean => axes.length === 0 || axes.includes(i);
  return [{ dtype: x.dtype, dims: x.dims.flatMap((d, i) => (isGone(i) ? (keep ? [constant(1)] : []) : [d])) }];
};

const arg: Infer = (a) => {
  const x = typeOf(a, 0);
  if (!x) return undefined;
  const at = a.int("axis", 0);
  const axis = at < 0 ? at + x.dims.length : at;
  return [{ dtype: "i64", dims: x.dims.flatMap((d, i) => (i === axis ? (a.int("keepdims", 1) === 1 ? [constant(1)] : []) : [d])) }];
};

const topk: Infer = (a) => {
  const x = typeOf(a, 0);
  if (!x) return undefined;
  const at = a.int("axis", -1);
  const axis = at < 0 ? at + x.dims.length : at;
  const k = a.inputs[1]?.sizes?.[0] ?? a.fresh();
  const dims = x.dims.map((d, i) => (i === axis ? k : d));
  return [{ dtype: x.dtype, dims }, { dtype: "i64", dims }];
};

const resize: Infer = (a) => {
  const x = typeOf(a, 0);
  if (!x) return undefined;
  const sizes = a.inputs[3]?.sizes;
  const isPlain = !a.ints("axes") && a.text("keep_aspect_ratio_policy", "stretch") === "stretch";
  if (sizes && isPlain && sizes.length === x.dims.length) return [{ dtype: x.dtype, dims: sizes }];
  const factors = a.inputs[2]?.node;
  if (sizes || !isPlain || factors?.op !== "const" || a.text("coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize") return [unknown(a, x.dtype, x.dims.length)];
  const list = values(factors.attrs.value as Literal);
  return list.length === x.dims.length ? [{ dtype: x.dtype, dims: x.dims.map((d, i) => scaled(d, list[i] as number) ?? a.fresh()) }] : [unknown(a, x.dtype, x.dims.length)];
};
/** A size times a factor, rounded down, as the runtime does it in 32 bits; undefined where only a run can tell. */
function scaled(size: Dim, factor: number): Dim | undefined {
  const known = asNumber(size);
  if (known !== undefined) return constant(Math.floor(Math.fround(known * factor)));
  return Number.isInteger(factor) && factor >= 1 ? multiply(size, constant(factor)) : undefined;
}

const pad: Infer = (a) => {
  const x = typeOf(a, 0);
  const pads = a.inputs[1]?.sizes;
  if (!x) return undefined;
  const axes = a.inputs[3] ? a.inputs[3].numbers?.map((n) => (n < 0 ? n + x.dims.length : n)) : x.dims.map((_, i) => i);
  if (!pads || !axes || pads.length !== 2 * axes.length) return [unknown(a, x.dtype, x.dims.length)];
  return [{ dtype: x.dtype, dims: x.dims.map((d, i) => (axes.includes(i) ? add(d, add(pads[axes.indexOf(i)] as Dim, pads[axes.indexOf(i) + axes.length] as Dim)) : d)) }];
};

const recurrent = (cell: boolean): Infer => (a) => {
  const [x, r] = [typeOf(a, 0), typeOf(a, 2)];
  if (!x || !r || x.dims.length !== 3 || r.dims.length !== 3) return undefined;
  const [directions, , hidden] = r.dims as [Dim, Dim, Dim];
  const isBatchFirst = a.int("layout", 0) === 1;
  const [first, second] = x.dims as [Dim, Dim];
  const [steps, batch] = isBatchFirst ? [second, first] : [first, second];
  const all = isBatchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden];
  const last = isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
  const { dtype } = x;
  return [{ dtype, dims: all }, { dtype, dims: last }, ...(cell ? [{ dtype, dims: last }] : [])];
};

const einsum: Infer = (a) => {
  const equation = a.text("equation", "").replace(/\s/g, "");
  const types = a.inputs.map((_, i) => typeOf(a, i));
  const [left = "", right] = equation.split("->");
  if (equation.includes(".") || right === undefined || types.includes(undefined)) return undefined;
  const sizes = new Map<string, Dim>();
  for (const [i, letters] of left.split(",").entries())
    for (const [axis, letter] of [...letters].entries()) {
      const size = types[i]?.dims[axis];
      if (size && (!sizes.has(letter) || asNumber(sizes.get(letter) as Dim) === 1)) sizes.set(letter, size);
    }
  const dims = [...right].map((letter) => sizes.get(letter));
  return dims.includes(undefined) ? undefined : [{ dtype: (types[0] as TensorType).dtype, dims: dims as Dim[] }];
};

const blocks = (isGrowing: boolean): Infer => (a) => {
  const x = typeOf(a, 0);
  const size = a.int("blocksize", 1);
  if (x?.dims.length !== 4) return undefined;
  const [n, c, h, w] = x.dims as [Dim, Dim, Dim, Dim];
  const [area, side] = [constant(size * size), constant(size)];
  if (!isGrowing) return [{ dtype: x.dtype, dims: [n, multiply(c, area), floorDivide(h, side), floorDivide(w, side)] }];
  const channels = divideExactly(c, area);
  return channels && [{ dtype: x.dtype, dims: [n, channels, multiply(h, side), multiply(w, side)] }];
};

const gatherNd: Infer = (a) => {
  const [x, at] = [typeOf(a, 0), typeOf(a, 1)];
  const depth = at && asNumber(at.dims.at(-1) ?? constant(-1));
  if (!x || !at || depth === undefined || depth < 0) return undefined;
  return [{ dtype: x.dtype, dims: [...at.dims.slice(0, -1), ...x.dims.slice(a.int("batch_dims", 0) + depth)] }];
};

const gather: Infer = (a) => {
  const [x, at] = [typeOf(a, 0), typeOf(a, 1)];
  if (!x || !at) return undefined;
  const axis = a.int("axis", 0) < 0 ? a.int("axis", 0) + x.dims.length : a.int("axis", 0);
  return [{ dtype: x.dtype, dims: [...x.dims.slice(0, axis), ...at.dims, ...x.dims.slice(axis + 1)] }];
};

const concat: Infer = (a) => {
  const types = a.inputs.map((_, i) => typeOf(a, i));
  if (types.includes(undefined)) return undefined;
  const [first] = types as TensorType[];
  if (!first) return undefined;
  if ((types as TensorType[]).some((t) => t.dims.length !== first.dims.length)) return undefined;
  const axis = a.int("axis", 0) < 0 ? a.int("axis", 0) + first.dims.length : a.int("axis", 0);
  return [{ dtype: first.dtype, dims: first.dims.map((d, i) => (i === axis ? (types as TensorType[]).map((t) => t.dims[i] as Dim).reduce(add) : d)) }];
};

/** A tensor whose shape an input holds. */
const shaped = (input: number, like: number): Infer => (a) => {
  const type = typeOf(a, like);
  const rank = a.inputs[input]?.type.dims.map(asNumber);
  if (!type || rank?.length !== 1 || rank[0] === undefined) return undefined;
  const sizes = a.inputs[input]?.sizes;
  // Numbers below 1 have a meaning of their own, which only raising knows.
  return [{ dtype: type.dtype, dims: sizes?.every((d) => (asNumber(d) ?? 1) > 0) ? sizes : unknown(a, type.dtype, rank[0]).dims }];
};

const expand: Infer = (a) => {
  const [x, sizes] = [typeOf(a, 0), a.inputs[1]?.sizes];
  return x && sizes ? [{ dtype: x.dtype, dims: meet(x.dims, sizes, a.fresh) }] : undefined;
};

const tile: Infer = (a) => {
  const [x, times] = [typeOf(a, 0), a.inputs[1]?.sizes];
  if (!x) return undefined;
  return [times?.length === x.dims.length ? { dtype: x.dtype, dims: x.dims.map((d, i) => multiply(d, times[i] as Dim)) } : unknown(a, x.dtype, x.dims.length)];
};

const normLike: Infer = (a) => { const x = typeOf(a, 0); return x && [x, undefined, undefined, x]; };
const ofInput = (index: number) => (a: Asked): DType | undefined => typeOf(a, index)?.dtype;

const transpose: Infer = (a) => {
  const x = typeOf(a, 0);
  const perm = a.ints("perm") ?? x?.dims.map((_, i, all) => all.length - 1 - i);
  return x && [{ dtype: x.dtype, dims: (perm as readonly number[]).map((p) => x.dims[p] as Dim) }];
};

const UNARY = [
  "LeakyRelu", "Elu", "Selu", "Celu", "HardSigmoid", "HardSwish", "Softplus", "Softsign", "ThresholdedRelu", "Clip", "Trilu", "CumSum", "LRN", "InstanceNormalization", "GroupNormalization", "LpNormalization",
  "MeanVarianceNormalization", "LogSoftmax", "Softmax", "Hardmax", "Mish", "Reciprocal", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Sin", "Cos", "Exp", "Log", "Sqrt", "Erf", "Tanh", "Sigmoid", "Relu",
  "Neg", "Abs", "Sign", "Floor", "Ceil", "Round", "BitwiseNot", "Not", "ReverseSequence", "Shrink", "Scatter", "ScatterElements", "ScatterND", "Identity", "QuickGelu", "Gelu", "FastGelu", "BiasGelu", "Swish", "RotaryEmbedding", "RMSNormalization",
  "BatchNormalization",
];

const TYPES: ReadonlyMap<string, Infer> = new Map<string, Infer>([
  ...UNARY.map((op) => [op, same] as const),
  ...["Add", "Sub", "Mul", "Div", "Pow", "Mod", "Max", "Min", "Sum", "Mean", "And", "Or", "Xor", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "PRelu"].map((op) => [op, broadcast()] as const),
  ...["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"].map((op) => [op, broadcast("bool")] as const),
  ["Where", (a) => { const [all, x] = [broadcast()(a), typeOf(a, 1)]; return all && x && [{ dtype: x.dtype, dims: (all[0] as TensorType).dims }]; }],
  ...["IsNaN", "IsInf"].map((op) => [op, withType("bool")] as const),
  ...["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"].map((op) => [op, reduce] as const),
  ["ArgMax", arg], ["ArgMin", arg], ["TopK", topk],
  ["MatMul", matmul(1, ofInput(0))], ["MatMulInteger", matmul(1, () => "i32")], ["QLinearMatMul", matmul(3, ofInput(7))],
  ["FusedMatMul", fusedMatmul], ["DynamicQuantizeMatMul", matmul(1, ofInput(0))], ["MatMulIntegerToFloat", matmul(1, ofInput(2))], ["MatMulInteger16", matmul(1, () => "i32")], ["MultiHeadAttention", multiHead], ["Attention", packedAttention], ["QAttention", packedAttention], ["GroupQueryAttention", groupedAttention],
  ["EmbedLayerNormalization", embedding], ["QEmbedLayerNormalization", embedding],
  ["Conv", conv(1, ofInput(0))], ["ConvInteger", conv(1, () => "i32")], ["QLinearConv", conv(3, ofInput(7))], ["FusedConv", conv(1, ofInput(0))],
  ["ConvTranspose", convTranspose],
  ["MaxPool", pool], ["AveragePool", pool], ["LpPool", pool],
  ["GlobalAveragePool", global], ["GlobalMaxPool", global], ["GlobalLpPool", global],
  ["Resize", resize], ["Pad", pad], ["Tile", tile], ["Expand", expand], ["Reshape", shaped(1, 0)],
  ["Transpose", transpose], ["Concat", concat], ["Gather", gather], ["GatherND", gatherNd],
  ["GatherElements", (a) => { const [x, at] = [typeOf(a, 0), typeOf(a, 1)]; return x && at && [{ dtype: x.dtype, dims: at.dims }]; }],
  ["Slice", (a) => { const x = typeOf(a, 0); return x && [unknown(a, x.dtype, x.dims.length)]; }],
  ["DepthToSpace", blocks(true)], ["SpaceToDepth", blocks(false)],
  ["Einsum", einsum],
  ["LSTM", recurrent(true)], ["GRU", recurrent(false)], ["RNN", recurrent(false)],
  ["LayerNormalization", (a) => { const x = typeOf(a, 0); return x && [x]; }],
  ["SkipLayerNormalization", normLike], ["SkipSimplifiedLayerNormalization", normLike], ["SimplifiedLayerNormalization", same],
  ["Dropout", (a) => { const x = typeOf(a, 0); return x && [x, { dtype: "bool", dims: x.dims }]; }],
  ["Cast", (a) => { const dtype = dtypeOf(a.int("to", 0)); return dtype && withType(dtype)(a); }],
  ["CastLike", (a) => { const [x, like] = [typeOf(a, 0), typeOf(a, 1)]; return x && like && [{ dtype: like.dtype, dims: x.dims }]; }],
  ["Shape", (a) => { const x = typeOf(a, 0); return x && !a.int("start", 0) && a.int("end", 2 ** 40) === 2 ** 40 ? [{ dtype: "i64", dims: [constant(x.dims.length)] }] : [unknown(a, "i64", 1)]; }],
  ["Size", () => [{ dtype: "i64", dims: [] }]],
  ["NonZero", (a) => { const x = typeOf(a, 0); return x && [{ dtype: "i64", dims: [constant(Math.max(1, x.dims.length)), a.fresh()] }]; }],
  ["Range", (a) => { const x = typeOf(a, 0); return x && [unknown(a, x.dtype, 1)]; }],
  ["OneHot", (a) => {
    const [x, values] = [typeOf(a, 0), typeOf(a, 2)];
    if (!x || !values) return undefined;
    const axis = a.int("axis", -1) < 0 ? a.int("axis", -1) + x.dims.length + 1 : a.int("axis", -1);
    return [{ dtype: values.dtype, dims: [...x.dims.slice(0, axis), a.inputs[1]?.sizes?.[0] ?? a.fresh(), ...x.dims.slice(axis)] }];
  }],
  ["QLinearAdd", qLinear], ["QLinearMul", qLinear], ["QLinearSoftmax", same], ["QLinearSigmoid", same], ["QLinearLeakyRelu", same],
  ["QuantizeLinear", (a) => { const [x, zero] = [typeOf(a, 0), a.inputs[2]?.type]; return x && !(zero && isOpaque(zero)) && a.int("output_dtype", 0) === 0 ? [{ dtype: zero?.dtype ?? "u8", dims: x.dims }] : undefined; }],
  ["DequantizeLinear", (a) => { const [x, scale] = [typeOf(a, 0), typeOf(a, 1)]; return x && scale && a.int("output_dtype", 0) === 0 ? [{ dtype: scale.dtype, dims: x.dims }] : undefined; }],
  ["DynamicQuantizeLinear", (a) => { const x = typeOf(a, 0); return x && [{ dtype: "u8", dims: x.dims }, { dtype: "f32", dims: [] }, { dtype: "u8", dims: [] }]; }],
  ["MatMulNBits", (a) => { const x = typeOf(a, 0); return x && [{ dtype: x.dtype, dims: [...x.dims.slice(0, -1), constant(a.int("N", 0))] }]; }],
  ["GridSample", (a) => { const [x, grid] = [typeOf(a, 0), typeOf(a, 1)]; return x && grid && [{ dtype: x.dtype, dims: [...x.dims.slice(0, 2), ...grid.dims.slice(1, -1)] }]; }],
  ["Gemm", (a) => {
    const [x, y] = [typeOf(a, 0), typeOf(a, 1)];
    return x && y && [{ dtype: x.dtype, dims: [x.dims[a.int("transA", 0) ? 1 : 0] as Dim, y.dims[a.int("transB", 0) ? 0 : 1] as Dim] }];
  }],
  ["Flatten", (a) => {
    const x = typeOf(a, 0);
    if (!x) return undefined;
    const axis = a.int("axis", 1) < 0 ? a.int("axis", 1) + x.dims.length : a.int("axis", 1);
    return [{ dtype: x.dtype, dims: [product(x.dims.slice(0, axis)), product(x.dims.slice(axis))] }];
  }],
  ["Split", (a) => {
    const x = typeOf(a, 0);
    if (!x) return undefined;
    const axis = a.int("axis", 0) < 0 ? a.int("axis", 0) + x.dims.length : a.int("axis", 0);
    const parts = a.inputs[1]?.sizes;
    return Array.from({ length: a.outputs }, (_, i) => ({ dtype: x.dtype, dims: x.dims.map((d, at) => (at === axis ? (parts?.[i] ?? a.fresh()) : d)) }));
  }],
  ["Compress", (a) => { const x = typeOf(a, 0); return x && [a.int("axis", 2 ** 40) === 2 ** 40 ? unknown(a, x.dtype, 1) : { dtype: x.dtype, dims: x.dims.map((d, i) => (i === (a.int("axis", 0) + x.dims.length) % x.dims.length ? a.fresh() : d)) }]; }],
  ["EyeLike", (a) => { const dtype = dtypeOf(a.int("dtype", 0)); return dtype ? withType(dtype)(a) : same(a); }],
  ["RandomNormal", (a) => { const dtype = dtypeOf(a.int("dtype", 1)); const shape = a.ints("shape"); return dtype && shape && [{ dtype, dims: shape.map(constant) }]; }],
  ["RandomUniform", (a) => { const dtype = dtypeOf(a.int("dtype", 1)); const shape = a.ints("shape"); return dtype && shape && [{ dtype, dims: shape.map(constant) }]; }],
  ["RoiAlign", (a) => {
    const [x, rois] = [typeOf(a, 0), typeOf(a, 1)];
    return x && rois && [{ dtype: x.dtype, dims: [rois.dims[0] as Dim, x.dims[1] as Dim, constant(a.int("output_height", 1)), constant(a.int("output_width", 1))] }];
  }],
  ["Col2Im", (a) => { const x = typeOf(a, 0); const image = a.inputs[1]?.sizes; const block = a.inputs[2]?.sizes; const c = x?.dims.length === 3 && block ? divideExactly(x.dims[1] as Dim, product(block)) : undefined; return x && image && c && [{ dtype: x.dtype, dims: [x.dims[0] as Dim, c, ...image] }]; }],
  ["AffineGrid", (a) => { const [theta, size] = [typeOf(a, 0), a.inputs[1]?.sizes]; return theta && size && [{ dtype: theta.dtype, dims: [size[0] as Dim, ...size.slice(2), constant(size.length - 2)] }]; }],
]);
