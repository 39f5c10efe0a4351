// Products that carry an offset or a count with them: one more column, of ones.
import type { Build } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import type { TargetTable } from "../targets/target.ts";
import type { Dim } from "../types/dim.ts";

/** x[B, N, C] with a column of ones: [B, N, C + 1]. */
export function withOnes(o: Build, x: Node): Node {
  const [batch, count] = x.type.dims as [Dim, Dim];
  return o.concat([x, o.fill(x.type.dtype, [batch, count, 1], 1)], 2);
}

/** a · bᵀ of the last two axes. */
export function productTurned(o: Build, a: Node, b: Node, target: TargetTable["name"]): Node {
  return target === "portable" ? o.matmul(a, turned(o, b)) : o.fusedMatmul(a, b, { transA: false, transB: true, alpha: 1 });
}

/** aᵀ · b of the last two axes. */
export function turnedProduct(o: Build, a: Node, b: Node, target: TargetTable["name"]): Node {
  return target === "portable" ? o.matmul(turned(o, a), b) : o.fusedMatmul(a, b, { transA: true, transB: false, alpha: 1 });
}

function turned(o: Build, x: Node): Node {
  const rank = x.type.dims.length;
  return o.transpose(x, x.type.dims.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis)));
}
