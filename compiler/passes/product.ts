// Products of two tensors that both depend on the run: a transposition in front of a factor becomes part of the product.
import type { Node } from "../graph/node.ts";
import { type Rule, because, rule } from "../rewrite/rule.ts";
import { isFloat } from "../types/tensor.ts";
import { isMadeOfWeights } from "./constant.ts";
import { pass } from "./pass.ts";

/** Whether a transposition exchanges the last two axes and moves no other. */
function isTurned(moved: Node): boolean {
  const perm = moved.attrs.perm as readonly number[];
  const last = perm.length - 1;
  return last >= 2 && perm.every((p, axis) => p === (axis < last - 1 ? axis : 2 * last - 1 - axis));
}

// 1. a · bᵀ   2. aᵀ · b
const rules: readonly Rule[] = ([false, true] as const).map((left) =>
  rule(left ? "aᵀ · b" : "a · bᵀ", ["moved", "a", "b"], {
    find: (o, { moved, a, b }) => {
      const turned = o.as(moved, o.sole(o.transpose(left ? a : b)));
      return left ? o.matmul(turned, b) : o.matmul(a, turned);
    },
    when: ({ moved, a, b }) => {
      if (!isTurned(moved)) return because("more than the last two axes change places", moved);
      if (!isFloat(a.type.dtype)) return because("whole numbers have no such product", a);
      if (a.type.dims.length !== b.type.dims.length) return because("one factor is a matrix for all", b);
      return !isMadeOfWeights(moved) || because("weights are transposed while compiling", moved);
    },
    put: (o, { a, b }) => o.fusedMatmul(a, b, { transA: left, transB: !left, alpha: 1 }),
  }));

export default pass("products", { needs: "fused", leaves: "fused", exact: true, for: (target) => target.name !== "portable", rules });
