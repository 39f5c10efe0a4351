// Multi-head attention as one op, and with the linear maps of queries, keys and values in it.
import type { Node } from "../graph/node.ts";
import { type Dim, add, constant, divideExactly } from "../types/dim.ts";
import { type DType, printType } from "../types/tensor.ts";
import type { Call } from "./call.ts";
import { castTo, wide } from "./elementwise.ts";
import { range } from "./leaves.ts";
import { expanded, reshaped } from "./movement.ts";
import { CONTRIB, type Lowering, type Op, float } from "./op.ts";

const attention: Op = {
  name: "attention",
  infer(call) {
    // The last input may be the biases of q, k and v, joined.
    const shifted = call.attrs.shifted === true;
    const count = call.count(shifted ? 4 : 3, shifted ? 5 : 4) - (shifted ? 1 : 0);
    call.sameType(...[...call.inputs.keys()].filter((i) => i !== 3 || count !== 4 || !isFree(call)));
    call.float(0);
    call.number("scale");
    const heads = call.number("heads");
    const [batch, n, width] = call.rank(0, 3, "q").dims as [Dim, Dim, Dim];
    const [, m] = call.rank(1, 3, "k").dims as [Dim, Dim, Dim];
    const [, , out] = call.rank(2, 3, "v").dims as [Dim, Dim, Dim];
    call.shape(1, [batch, m, width], "k does not fit q");
    call.shape(2, [batch, m, out], "v does not fit k");
    split(call, 0, width, heads);
    split(call, 2, out, heads);
    if (call.flag("causal")) call.size(1, 1, n, "causal attention looks at the tokens that ask");
    if (count === 4) bias(call, 3, [batch, constant(heads), n, m]);
    if (shifted) call.shape(count, [add(add(width, width), out)], "the biases do not fit q, k and v");
    return [{ dtype: call.type(0).dtype, dims: [batch, n, out] }];
  },
  lower(node, o) {
    const { dtype } = node.type;
    const [q, k, v] = node.inputs.slice(0, 3).map((x) => castTo(o, o.value(x), dtype, wide(dtype))) as [string, string, string];
    const made = o.target === "portable" || dtype === "f64" ? spelled(node, o, q, k, v) : fused(node, o, q, k, v);
    return castTo(o, made, wide(dtype), dtype);
  },
};

/** Of x with itself: inputs x[B, N, C], w[C, 2·K + V], b[2·K + V] and, where it is `termed`, what is added to the scores. Only for targets whose runtime has it. */
const packedAttention: Op = {
  name: "packedAttention",
  infer(call) {
    const termed = call.flag("termed");
    call.count(termed ? 4 : 3);
    call.sameType(...[...call.inputs.keys()].filter((i) => i < 3 || !isFree(call)));
    call.float(0);
    call.number("scale");
    call.flag("causal");
    const heads = call.number("heads");
    const [batch, n, width] = call.rank(0, 3, "x").dims as [Dim, Dim, Dim];
    const [keys, out] = [call.dim("keys"), call.dim("values")];
    const all = add(add(keys, keys), out);
    call.shape(1, [width, all], "the weights do not fit x and the widths of queries, keys and values");
    call.shape(2, [all], "the biases do not fit the weights");
    split(call, 1, keys, heads);
    split(call, 1, out, heads);
    if (termed) bias(call, 3, [batch, constant(heads), n, n]);
    return [{ dtype: call.type(0).dtype, dims: [batch, n, out] }];
  },
  lower(node, o) {
    const [x, w, b, term] = node.inputs as readonly [Node, Node, Node, Node | undefined];
    const { heads, scale, causal, keys, values } = node.attrs as { heads: number; scale: number; causal: boolean; keys: Dim; values: Dim };
    const { dtype } = node.type;
    const n = x.type.dims[1] as Dim;
    const [value, weights, biases] = [x, w, b].map((input) => castTo(o, o.value(input), dtype, wide(dtype)));
    if (o.target === "portable" || dtype === "f64") {
      const ends = [constant(0), keys, add(keys, keys), add(add(keys, keys), values)].map((d) => o.dim(d)) as [string, string, string, string];
      const all = o.node("Add", [o.node("MatMul", [value, weights]), biases]);
      const part = (i: 0 | 1 | 2): string => o.node("Slice", [all, ends[i], ends[i + 1], o.ints([2])]);
      return castTo(o, spelled(node, o, part(0), part(1), part(2)), wide(dtype), dtype);
    }
    const attrs = { num_heads: heads, scale: float(scale), unidirectional: causal, qkv_hidden_sizes: [keys, keys, values].map((d) => o.facts.number(d) as number) };
    return castTo(o, o.node("Attention", [value, weights, biases, undefined, undefined, term && spread(o, term, dtype, n, n)], attrs, CONTRIB), wide(dtype), dtype);
  },
};

export default [attention, packedAttention];

/** Sizes of one use: what the shapes of its inputs say. */
function sizes(node: Node): { batch: Dim; n: Dim; m: Dim; heads: number; each: Dim; eachOut: Dim; out: Dim; dtype: DType } {
  const [q, , v] = node.inputs as [Node, Node, Node];
  const isPacked = node.op === "packedAttention";
  const [batch, n, all] = q.type.dims as [Dim, Dim, Dim];
  const width = isPacked ? (node.attrs.keys as Dim) : all;
  const [, m, out] = (isPacked ? node : v).type.dims as [Dim, Dim, Dim];
  const heads = node.attrs.heads as number;
  const per = (d: Dim): Dim => divideExactly(d, constant(heads)) ?? d;
  return { batch, n, m, heads, each: per(width), eachOut: per(out), out, dtype: wide(node.type.dtype) };
}

function fused(node: Node, o: Lowering, q: string, k: string, v: string): string {
  const { n, m, heads } = sizes(node);
  const attrs = { num_heads: heads, scale: float(node.attrs.scale as number), unidirectional: node.attrs.causal as boolean };
  const term = termOf(node);
  return o.node("MultiHeadAttention", [q, k, v, shift(node, o), undefined, term && spread(o, term, node.type.dtype, n, m)], attrs, CONTRIB);
}

/** What is added to the scores. */
const termOf = (node: Node): Node | undefined => (node.inputs.length > (node.attrs.shifted === true ? 4 : 3) ? node.inputs[3] : undefined);

/** The biases of q, k and v, joined. */
function shift(node: Node, o: Lowering): string | undefined {
  const last = node.attrs.shifted === true ? node.inputs.at(-1) : undefined;
  return last && castTo(o, o.value(last), last.type.dtype, wide(last.type.dtype));
}

/** What is added to the scores, with its last two axes spread out, as ONNX Runtime wants it. */
function spread(o: Lowering, term: Node, dtype: DType, n: Dim, m: Dim): string {
  const [b, h] = term.type.dims as [Dim, Dim, Dim, Dim];
  // Layers often share one mask.
  return o.shared(`scores ${o.value(term)}`, () => expanded(o, castTo(o, o.value(term), term.type.dtype, wide(dtype)), term.type.dims, [b, h, n, m]));
}

function spelled(node: Node, o: Lowering, ...[bareQ, bareK, bareV]: readonly [string, string, string]): string {
  const { batch, n, m, heads, each, eachOut, out, dtype } = sizes(node);
  const h = constant(heads);
  const [q, k, v] = shiftedBy(node, o, [bareQ, bareK, bareV]);
  const apart = (x: string, tokens: Dim, d: Dim, perm: readonly number[]): string =>
    o.node("Transpose", [reshaped(o, x, [batch, tokens, constant(-1)], [batch, tokens, h, d])], { perm });
  const scale = (x: string): string => o.node("Mul", [x, o.scalar(dtype, node.attrs.scale as number)]);
  // In 16 bits queries are scaled before the product, which else may leave the range; from there to the softmax all is in 32.
  const [queries, within] = dtype === "f16" ? [scale(q), "f32" as const] : [q, dtype];
  const product = o.node("MatMul", [apart(queries, n, each, [0, 2, 1, 3]), apart(k, m, each, [0, 2, 3, 1])]);
  let logits = dtype === "f16" ? castTo(o, product, dtype, within) : scale(product);
  const bias = termOf(node);
  if (bias) logits = o.node("Add", [logits, castTo(o, o.value(bias), bias.type.dtype, within)]);
  if (node.attrs.causal) logits = o.node("Where", [earlier(o, n, m), logits, o.scalar(within, -1e30)]);
  const probs = castTo(o, o.node("Softmax", [logits], { axis: -1 }), within, dtype);
  const mixed = o.node("MatMul", [probs, apart(v, m, eachOut, [0, 2, 1, 3])]);
  return reshaped(o, o.node("Transpose", [mixed], { perm: [0, 2, 1, 3] }), [batch, n, h, eachOut], [batch, n, out]);
}

/** q, k and v with their biases. */
function shiftedBy(node: Node, o: Lowering, values: readonly [string, string, string]): readonly [string, string, string] {
  const joined = shift(node, o);
  if (joined === undefined) return values;
  const [width, , out] = node.inputs.slice(0, 3).map((x) => x.type.dims[2] as Dim) as [Dim, Dim, Dim];
  const ends = [constant(0), width, add(width, width), add(add(width, width), out)];
  return values.map((x, i) => o.node("Add", [x, o.node("Slice", [joined, o.dim(ends[i] as Dim), o.dim(ends[i + 1] as Dim), o.ints([0])])])) as unknown as readonly [string, string, string];
}

/** bool[N, M]: true where a token may look. */
function earlier(o: Lowering, n: Dim, m: Dim): string {
  return o.shared(`earlier ${n.key} ${m.key}`, () =>
    o.node("LessOrEqual", [o.node("Unsqueeze", [range(o, m), o.ints([0])]), o.node("Unsqueeze", [range(o, n), o.ints([1])])]));
}

function split(call: Call, index: number, width: Dim, heads: number): void {
  if (!Number.isInteger(heads) || heads < 1 || !divideExactly(call.facts.bind(width), constant(heads)))
    throw call.misfit(`${heads} heads do not divide the width`, printType(call.type(index)), `a multiple of ${heads} at axis ${call.type(index).dims.length - 1}`);
}

/** What is added to scores may be in 32 bits where these are in 16: a mask of the least f32 is no f16. */
const isFree = (call: Call): boolean => call.type(0).dtype === "f16" && call.type(3).dtype === "f32";

function bias(call: Call, index: number, wanted: readonly Dim[]): void {
  const type = call.rank(index, 4, "the bias");
  type.dims.forEach((d, axis) => {
    if (!call.isOne(d)) call.size(index, axis, wanted[axis] as Dim, "the bias does not fit the attention");
  });
}
