// Raising of attention that another tool has fused, to scores, softmax and mix: so passes, folds and recognition see what they see elsewhere.
import type { Node } from "../graph/node.ts";
import { foreignAttrs } from "../ops/foreign.ts";
import { type Dim, asNumber, constant, divideExactly, multiply } from "../types/dim.ts";
import { type Raise, only, single } from "./onnx-raising.ts";
import { rotated, turnAt } from "./onnx-raise-rotary.ts";
import { Kept, type Use } from "./onnx-use.ts";

/** Hides a key as well as -∞ does where any other is seen, and gives numbers where none is. */
const HIDDEN = -1e30;

interface Heads {
  /** [B, H, N, D] */
  readonly q: Node;
  /** [B, H or fewer, M, D] */
  readonly k: Node;
  readonly v: Node;
  readonly scale: number;
  readonly causal: boolean;
  /** Added to the scores; of rank 4. */
  readonly terms: readonly Node[];
}

/** [B, H, N, E] */
function attended(u: Use, { q, k, v, scale, causal, terms }: Heads): Node {
  const { o } = u;
  const heads = q.type.dims[1] as Dim;
  const keys = o.transpose(repeated(u, k, heads), [0, 1, 3, 2]);
  const product = o.matmul(q, keys);
  const scaled = scale === 1 ? product : o.mul(product, o.scalar("f32", scale));
  const shifted = terms.reduce((scores, term) => o.add(scores, term), scaled);
  const [, , n, m] = scaled.type.dims as readonly [Dim, Dim, Dim, Dim];
  const scores = causal ? o.where(earlier(u, n, m, q, k), shifted, o.scalar("f32", HIDDEN)) : shifted;
  return o.matmul(o.softmax(scores, 3), repeated(u, v, heads));
}

/** bool[1, 1, N, M]: where the key does not come after the query. */
function earlier(u: Use, n: Dim, m: Dim, ...from: readonly Node[]): Node {
  const { o } = u;
  u.readable([n, m], ...from);
  return o.binary("ge", o.reshape(o.iota(n), [1, 1, n, 1]), o.reshape(o.iota(m), [1, 1, 1, m]));
}

/** Keys or values of which several heads share one, one for each head. */
function repeated(u: Use, x: Node, heads: Dim): Node {
  const [batch, fewer, m, each] = x.type.dims as readonly [Dim, Dim, Dim, Dim];
  if (fewer.key === heads.key) return x;
  const times = divideExactly(heads, fewer);
  if (!times) throw new Kept("heads do not share keys evenly");
  u.readable([batch, m], x);
  const { o } = u;
  return o.reshape(o.expand(o.reshape(x, [batch, fewer, 1, m, each]), [batch, fewer, times, m, each]), [batch, heads, m, each]);
}

/** [B, N, H·D] as [B, H, N, D]. */
function apart(u: Use, x: Node, heads: number): Node {
  only(x.type.dims.length === 3, "not tokens of a batch");
  const [batch, n, width] = x.type.dims as readonly [Dim, Dim, Dim];
  const each = divideExactly(width, constant(heads));
  if (!each || asNumber(each) === undefined) throw new Kept("the width of a head is not known");
  u.readable([batch, n], x);
  return u.o.transpose(u.o.reshape(x, [batch, n, heads, each]), [0, 2, 1, 3]);
}

/** [B, H, N, D] as [B, N, H·D]. */
function together(u: Use, x: Node): Node {
  const turned = u.o.transpose(x, [0, 2, 1, 3]);
  const [batch, n, heads, each] = turned.type.dims as readonly [Dim, Dim, Dim, Dim];
  return u.o.reshape(turned, [batch, n, multiply(heads, each)]);
}

const widthOf = (heads: Node): number => asNumber(heads.type.dims[3] as Dim) as number;
const scaleOf = (u: Use, q: Node): number => {
  const given = u.float("scale", 0);
  return given === 0 ? 1 / Math.sqrt(widthOf(q)) : given;
};

/** i32[B, M] or [B, N, M] of which what is not positive hides a key, or i32[B]: how many keys count; as a term of the scores. */
function masked(u: Use, index: number, k: Node): Node {
  const mask = u.x(index);
  const { dims } = mask.type;
  if (mask.type.dtype === "i32" && dims.length === 1 && dims[0]?.key === k.type.dims[0]?.key) return firstOf(u, k, mask, "lt", u.float("mask_filter_value", -10000));
  only(mask.type.dtype === "i32" && (dims.length === 2 || dims.length === 3), "a mask of another form");
  const { o } = u;
  const [batch, last] = [dims[0] as Dim, dims.at(-1) as Dim];
  const spread = o.reshape(mask, [batch, 1, dims.length === 2 ? 1 : (dims[1] as Dim), last]);
  return o.where(o.binary("gt", spread, o.scalar("i32", 0)), o.scalar("f32", 0), o.scalar("f32", u.float("mask_filter_value", -10000)));
}

/** Hides keys by their place, [B, 1, 1, M]: those are seen whose place is `lt` a number of their row, or `le`. */
function firstOf(u: Use, k: Node, counts: Node, seen: "lt" | "le", hidden: number): Node {
  const { o } = u;
  const [batch, , m] = k.type.dims as readonly [Dim, Dim, Dim];
  const places = o.reshape(o.iota(u.readable([m], k)[0] as Dim), [1, 1, 1, m]);
  return o.where(o.binary(seen, places, o.reshape(o.cast(counts, "i64"), [batch, 1, 1, 1])), o.scalar("f32", 0), o.scalar("f32", hidden));
}

/** f32 scores that are added. */
function bias(u: Use, index: number): Node {
  const term = single(u.x(index));
  only(term.type.dims.length === 4, "a bias of another rank");
  return term;
}

/** A slice of a row of biases. */
const partOf = (u: Use, row: Node, from: number, to: number): Node => u.lifted(u.o.slice(row, 0, from, to), 3);

/** com.microsoft Attention: one product makes queries, keys and values. */
const packed: Raise = (u) => {
  only(!u.has(4) && !u.has(6) && !u.wanted(1) && u.int("do_rotary", 0) === 0, "more than attention of what is there");
  const [x, w] = [single(u.x(0)), single(u.x(1))];
  const heads = u.int("num_heads", 0);
  const whole = asNumber(w.type.dims[1] as Dim);
  only(x.type.dims.length === 3 && whole !== undefined && heads > 0, "widths are not known");
  const sizes = u.ints("qkv_hidden_sizes") ?? [0, 1, 2].map(() => (whole as number) / 3);
  const ends = [0, sizes[0] as number, (sizes[0] as number) + (sizes[1] as number), whole as number];
  const row = u.has(2) ? single(u.x(2)) : undefined;
  const [q, k, v] = sizes.map((_, i) => {
    const [from, to] = [ends[i] as number, ends[i + 1] as number];
    const made = u.o.matmul(x, u.o.slice(w, 1, from, to));
    return apart(u, row ? u.o.add(made, partOf(u, row, from, to)) : made, heads);
  }) as [Node, Node, Node];
  const terms = [...(u.has(3) ? [masked(u, 3, k)] : []), ...(u.has(5) ? [bias(u, 5)] : [])];
  return together(u, attended(u, { q, k, v, scale: scaleOf(u, q), causal: u.int("unidirectional", 0) === 1, terms }));
};

/** com.microsoft QAttention: the product that makes queries, keys and values is one of whole numbers, and stays one. */
const quantized: Raise = (u) => {
  only(u.unfuses && !u.has(8) && !u.wanted(1) && u.int("do_rotary", 0) === 0, "more than attention of what is there");
  const heads = u.int("num_heads", 0);
  const whole = asNumber(u.dims(1)[1] as Dim);
  only(u.dims(0).length === 3 && whole !== undefined && whole % 3 === 0 && heads > 0, "widths are not known");
  const width = (whole as number) / 3;
  const given = [0, 1, 3, 4, 6, 7, 2].map((i) => (u.has(i) ? u.x(i) : undefined));
  const { o } = u;
  const made = o.make("foreign", given.filter((x) => x !== undefined), foreignAttrs({
    opType: "MatMulIntegerToFloat", domain: "com.microsoft", attributes: new Uint8Array(), present: given.map((x) => x !== undefined), outputs: [{ dtype: "f32", dims: [...u.dims(0).slice(0, 2), constant(whole as number)] }], copy: 0,
  }));
  const [q, k, v] = [0, 1, 2].map((i) => apart(u, o.slice(made, 2, i * width, (i + 1) * width), heads)) as [Node, Node, Node];
  return together(u, attended(u, { q, k, v, scale: scaleOf(u, q), causal: u.int("unidirectional", 0) === 1, terms: u.has(5) ? [masked(u, 5, k)] : [] }));
};

/** com.microsoft MultiHeadAttention. */
const multiHead: Raise = (u) => {
  only(![6, 7, 8, 9].some((i) => u.has(i)) && !u.wanted(1) && !u.wanted(2) && !u.wanted(3) && u.has(1) && u.has(2), "more than attention of what is there");
  const heads = u.int("num_heads", 0);
  const inputs = [0, 1, 2].map((i) => single(u.x(i)));
  only(inputs.every((x) => x.type.dims.length === 3), "heads apart already");
  const widths = inputs.map((x) => asNumber(x.type.dims[2] as Dim));
  only(!widths.includes(undefined), "widths are not known");
  const row = u.has(3) ? single(u.x(3)) : undefined;
  let at = 0;
  const [q, k, v] = inputs.map((x, i) => {
    const from = at;
    at += widths[i] as number;
    return apart(u, row ? u.o.add(x, partOf(u, row, from, at)) : x, heads);
  }) as [Node, Node, Node];
  const terms = [...(u.has(4) ? [masked(u, 4, k)] : []), ...(u.has(5) ? [bias(u, 5)] : [])];
  return together(u, attended(u, { q, k, v, scale: scaleOf(u, q), causal: u.int("unidirectional", 0) === 1, terms }));
};

/** com.microsoft GroupQueryAttention of a whole prompt: heads share keys, each row says how many of its keys count, and queries and keys may be turned by their places. */
const grouped: Raise = (u) => {
  const turns = u.int("do_rotary", 0) === 1;
  only(![3, 4, 9, 10, 11].some((i) => u.has(i)) && !u.wanted(1) && !u.wanted(2) && u.has(1) === u.has(2), "a cache, places or scores of its own");
  only((!turns || u.unfuses) && u.int("local_window_size", -1) === -1 && u.float("softcap", 0) === 0 && u.int("smooth_softmax", 0) === 0, "more than plain attention");
  const fewer = u.int("kv_num_heads", 0);
  const heads = [u.int("num_heads", 0), fewer, fewer];
  const given = heads.map((count, i) => apart(u, u.has(1) ? single(u.x(i)) : sharedPart(u, single(u.x(0)), i, heads), count)) as [Node, Node, Node];
  const n = given[0].type.dims[2] as Dim;
  const turn = turns ? turnAt(u, u.x(7), u.x(8), u.o.iota(u.readable([n], given[0])[0] as Dim), u.int("rotary_interleaved", 0) === 1) : undefined;
  const [q, k, v] = given.map((x, i) => (turn && i < 2 ? rotated(u, x, turn) : x)) as [Node, Node, Node];
  // One token is a step of decoding, where the counts mean something else.
  only(asNumber(k.type.dims[2] as Dim) !== 1, "one token");
  return together(u, attended(u, { q, k, v, scale: scaleOf(u, q), causal: true, terms: [firstOf(u, k, u.x(5), "le", HIDDEN)] }));
};

/** Queries, keys or values of one tensor that holds the heads of all three, one behind the other. */
function sharedPart(u: Use, x: Node, part: number, heads: readonly number[]): Node {
  only(x.type.dims.length === 3, "not tokens of a batch");
  const each = divideExactly(x.type.dims[2] as Dim, constant(heads.reduce((a, b) => a + b, 0)));
  const width = each && asNumber(each);
  if (width === undefined) throw new Kept("the width of a head is not known");
  const from = heads.slice(0, part).reduce((a, b) => a + b, 0) * width;
  return u.o.slice(x, 2, from, from + (heads[part] as number) * width);
}

/** Attention of the standard, from operator set 23 on. */
const standard: Raise = (u) => {
  only(![4, 5, 6].some((i) => u.has(i)) && ![1, 2, 3].some((i) => u.wanted(i)) && u.float("softcap", 0) === 0, "a cache, or scores that are asked for");
  const inputs = [0, 1, 2].map((i) => single(u.x(i)));
  const isJoined = inputs[0]?.type.dims.length === 3;
  const [q, k, v] = inputs.map((x, i) => (isJoined ? apart(u, x, u.int(i === 0 ? "q_num_heads" : "kv_num_heads", 0)) : x)) as [Node, Node, Node];
  only(q.type.dims.length === 4 && asNumber(q.type.dims[3] as Dim) !== undefined, "the width of a head is not known");
  const causal = u.int("is_causal", 0) === 1;
  const mask = u.has(3) ? u.x(3) : undefined;
  only(mask === undefined || (mask.type.dims.length >= 2 && (mask.type.dtype === "bool" || mask.type.dtype === "f32")), "a mask of another form");
  const whole = mask && u.lifted(mask, 4);
  const term = whole && (whole.type.dtype === "bool" ? u.o.where(whole, u.o.scalar("f32", 0), u.o.scalar("f32", HIDDEN)) : whole);
  const mixed = attended(u, { q, k, v, scale: scaleOf(u, q), causal, terms: term ? [term] : [] });
  const made = whole?.type.dtype === "bool" ? u.o.mul(mixed, sighted(u, whole, causal, q, k)) : mixed;
  return isJoined ? together(u, made) : made;
};

/** 1 for tokens that see any key, 0 for those that see none: what these get is 0. [B or 1, H or 1, N, 1] */
function sighted(u: Use, mask: Node, causal: boolean, q: Node, k: Node): Node {
  const { o } = u;
  const seen = causal ? o.binary("and", mask, earlier(u, q.type.dims[2] as Dim, k.type.dims[2] as Dim, q, k)) : mask;
  return o.reduce("reduceMax", o.cast(seen, "f32"), [3], true);
}

export const attentions: readonly (readonly [string, Raise])[] = [
  ["Attention", standard], ["com.microsoft.Attention", packed], ["com.microsoft.QAttention", quantized], ["com.microsoft.MultiHeadAttention", multiHead], ["com.microsoft.GroupQueryAttention", grouped],
];
