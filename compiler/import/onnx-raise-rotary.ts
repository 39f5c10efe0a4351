// Raising of rotary positions and of embeddings that another tool has fused. No pass puts these together again, so it is done only for graphs whose places are to be seen.
import type { Node } from "../graph/node.ts";
import { type Dim, asNumber, constant, divideExactly } from "../types/dim.ts";
import { layerNormed } from "./onnx-raise-norm.ts";
import { type Raise, only, single } from "./onnx-raising.ts";
import { Kept, type Use } from "./onnx-use.ts";

/** Angles of each token as their cosines and sines. */
interface Turn {
  /** [B or 1, 1, N, R/2] */
  readonly cos: Node;
  readonly sin: Node;
  /** Pairs are neighbours; otherwise the two halves of the channels that turn. */
  readonly isInterleaved: boolean;
}

/** x[B, H, N, D], of which the first R channels turn in pairs: (a, b) becomes (a·cos - b·sin, a·sin + b·cos). */
export function rotated(u: Use, x: Node, { cos, sin, isInterleaved }: Turn): Node {
  const { o } = u;
  const [batch, heads, n, width] = x.type.dims as readonly [Dim, Dim, Dim, Dim];
  const [half, whole] = [asNumber(cos.type.dims[3] as Dim), asNumber(width)];
  if (half === undefined || whole === undefined || half < 1 || 2 * half > whole) throw new Kept("how many channels turn is not known");
  const turning = 2 * half < whole ? o.slice(x, 3, 0, 2 * half) : x;
  const pairs = isInterleaved ? o.reshape(turning, u.readable([batch, heads, n, constant(half), constant(2)], x)) : turning;
  const part = (at: 0 | 1): Node => (isInterleaved ? o.reshape(o.slice(pairs, 4, at, at + 1), [batch, heads, n, half]) : o.slice(pairs, 3, at * half, (at + 1) * half));
  const [a, b] = [part(0), part(1)];
  const turned = [o.sub(o.mul(a, cos), o.mul(b, sin)), o.add(o.mul(a, sin), o.mul(b, cos))];
  const joined = isInterleaved ? o.reshape(o.concat(turned.map((t) => o.reshape(t, [batch, heads, n, half, 1])), 4), [batch, heads, n, 2 * half]) : o.concat(turned, 3);
  return turning === x ? joined : o.concat([joined, o.slice(x, 3, 2 * half, whole)], 3);
}

/** Rows of a table [most, R/2] at places [N] or [B, N], as [B or 1, 1, N, R/2]. */
function rowsAt(u: Use, table: Node, at: Node): Node {
  only(table.type.dims.length === 2, "a table of another rank");
  const rows = u.o.gather(table, u.o.cast(at, "i64"), 0);
  return at.type.dims.length === 1 ? u.lifted(rows, 4) : u.o.reshape(rows, [rows.type.dims[0] as Dim, 1, ...rows.type.dims.slice(1)]);
}

/** Rotations by rows of the tables of cosines and sines. */
export const turnAt = (u: Use, cos: Node, sin: Node, at: Node, isInterleaved: boolean): Turn => ({ cos: rowsAt(u, single(cos), at), sin: rowsAt(u, single(sin), at), isInterleaved });

/** What is rotated has a head an axis, or heads joined: `turn` gets [B, H, N, D]. `width`: channels of a head, where they are joined. */
function apart(u: Use, x: Node, width: number | undefined, turn: (x: Node) => Node): Node {
  if (x.type.dims.length === 4) return turn(x);
  only(x.type.dims.length === 3, "neither heads apart nor joined");
  const [batch, n, all] = x.type.dims as readonly [Dim, Dim, Dim];
  const heads = width === undefined ? undefined : divideExactly(all, constant(width));
  if (width === undefined || !heads) throw new Kept("the width of a head is not known");
  u.readable([batch, n], x);
  const { o } = u;
  return o.reshape(o.transpose(turn(o.transpose(o.reshape(x, [batch, n, heads, width]), [0, 2, 1, 3])), [0, 2, 1, 3]), [batch, n, all]);
}

/** Channels of a head of joined ones, by their number or by the table, which has a column for a pair. */
function widthOf(u: Use, x: Node, table: Node): number | undefined {
  const [heads, all] = [u.int("num_heads", 0), asNumber(x.type.dims.at(-1) as Dim)];
  if (heads > 0) return all === undefined ? undefined : all / heads;
  const columns = asNumber(table.type.dims.at(-1) as Dim);
  return columns === undefined ? undefined : 2 * columns;
}

/** The tables' columns are the pairs that turn; an attribute may say so too. */
const agree = (u: Use, table: Node): void => {
  const told = u.int("rotary_embedding_dim", 0);
  only(told === 0 || told === 2 * (asNumber(table.type.dims.at(-1) as Dim) ?? 0), "the table has other columns");
};

/** com.microsoft RotaryEmbedding. Places are a row for each text, or one number: the place of the first token. */
const contributed: Raise = (u) => {
  only(u.unfuses && u.int("is_packed_batching", 0) === 0 && u.float("scale", 1) === 1, "texts behind each other, or a scale");
  const [x, at, cos, sin] = [single(u.x(0)), u.x(1), u.x(2), u.x(3)];
  agree(u, cos);
  const { o } = u;
  return apart(u, x, widthOf(u, x, cos), (heads) => {
    const n = heads.type.dims[2] as Dim;
    const places = at.type.dims.length === 1 ? o.add(o.iota(u.readable([n], x)[0] as Dim), o.cast(at, "i64")) : at;
    return rotated(u, heads, turnAt(u, cos, sin, places, u.int("interleaved", 0) === 1));
  });
};

/** RotaryEmbedding of the standard, from operator set 23 on. Without places the tables have a row for each token of each text. */
const standard: Raise = (u) => {
  only(u.unfuses, "it is one operator in the runtime too");
  const [x, cos, sin] = [single(u.x(0)), single(u.x(1)), single(u.x(2))];
  agree(u, cos);
  const isInterleaved = u.int("interleaved", 0) === 1;
  const row = (table: Node): Node => u.o.reshape(table, [table.type.dims[0] as Dim, 1, ...table.type.dims.slice(1)]);
  only(u.has(3) || cos.type.dims.length === 3, "a table of another rank");
  return apart(u, x, widthOf(u, x, cos), (heads) => rotated(u, heads, u.has(3) ? turnAt(u, cos, sin, u.x(3), isInterleaved) : { cos: row(cos), sin: row(sin), isInterleaved }));
};

/** com.microsoft EmbedLayerNormalization: words, places and perhaps kinds of tokens, added and normed; what the mask counts; and the sum. */
const embedded: Raise = (u) => {
  only(u.unfuses && u.dims(0).length === 2, "it is one operator in the runtime too");
  const { o } = u;
  const [ids, words, positions] = [u.x(0), single(u.x(2)), single(u.x(3))];
  const [batch, n] = ids.type.dims as readonly [Dim, Dim];
  const rows = (table: Node, at: Node): Node => o.gather(table, o.cast(at, "i64"), 0);
  const places = u.has(8) ? rows(positions, u.x(8)) : u.lifted(o.gather(positions, o.iota(u.readable([n], ids)[0] as Dim), 0), 3);
  const both = o.add(rows(words, ids), places);
  const sum = u.has(1) && u.has(4) ? o.add(both, rows(single(u.x(4)), u.x(1))) : both;
  const normed = layerNormed(u, sum, single(u.x(5)), single(u.x(6)), u.float("epsilon", 1e-12));
  const counted = u.has(7) ? o.reduce("reduceSum", o.cast(o.binary("eq", u.x(7), o.scalar("i32", 1)), "i32"), [1], false) : o.fill("i32", u.readable([batch], ids), 0);
  return [normed, counted, sum];
};

export const rotations: readonly (readonly [string, Raise])[] = [["RotaryEmbedding", standard], ["com.microsoft.RotaryEmbedding", contributed], ["com.microsoft.EmbedLayerNormalization", embedded]];
