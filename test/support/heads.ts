// Attention as people spell it, in graphs of tests: H heads of D channels, split from C = H·D and joined again.
import type { Build } from "../../compiler/graph/build.ts";
import type { Node } from "../../compiler/graph/node.ts";
import type { Dim } from "../../compiler/types/dim.ts";
import { B, C, N, number, tokens, weight } from "./pass-case.ts";

export const H = 3;
export const D = C / H;

/** x[B, N, C] · W + b */
export function mapped(b: Build, x: Node, seed: number, out = C): Node {
  return b.add(b.matmul(x, b.transpose(weight(b, [out, C], seed), [1, 0])), b.reshape(weight(b, [out], seed + 50), [1, 1, out]));
}

/** [B, N, H·D] to [B, H, N, D], or with another order of axes. */
export function inHeads(b: Build, x: Node, perm: readonly number[] = [0, 2, 1, 3], heads = H): Node {
  const [batch, n, width] = x.type.dims as readonly [Dim, Dim, Dim];
  return b.transpose(b.reshape(x, [batch, n, heads, (b.arena.facts.number(width) as number) / heads]), perm);
}

/** [B, H, N, D] to [B, N, H·D]. */
export function together(b: Build, x: Node): Node {
  const [batch, h, n, d] = x.type.dims as readonly [Dim, Dim, Dim, Dim];
  return b.reshape(b.transpose(x, [0, 2, 1, 3]), [batch, n, (b.arena.facts.number(h) as number) * (b.arena.facts.number(d) as number)]);
}

export interface Parts {
  readonly q: Node;
  /** [B, H, D, N] */
  readonly k: Node;
  readonly v: Node;
}
export function parts(b: Build, x: Node = tokens(b)): Parts {
  return { q: inHeads(b, mapped(b, x, 1)), k: inHeads(b, mapped(b, x, 2), [0, 2, 3, 1]), v: inHeads(b, mapped(b, x, 3)) };
}

/** softmax(change(q·kᵀ / √D)) · v, heads joined. */
export function attended(b: Build, change: (scores: Node) => Node = (s) => s, { q, k, v }: Parts = parts(b)): Node {
  return together(b, b.matmul(b.softmax(change(b.div(b.matmul(q, k), number(b, Math.sqrt(D)))), 3), v));
}

/** bool[1, 1, N, N]: true where the key does not come after the query. */
export function earlier(b: Build): Node {
  const at = b.iota(N);
  return b.reshape(b.binary("ge", b.expand(b.reshape(at, [N, 1]), [N, N]), b.reshape(at, [1, N])), [1, 1, N, N]);
}

/** f32[B, 1, 1, N] of an input of the run. */
export const ofKeys = (b: Build, name = "mask"): Node => b.reshape(b.input(name, "f32", [B, N]), [B, 1, 1, N]);
