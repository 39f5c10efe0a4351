// Sums of rows by weights in one operator: what the mean over the tokens of a text is made of.
import type { Build } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { sameDims } from "../rewrite/match.ts";
import { type Rule, because, rule } from "../rewrite/rule.ts";
import type { Dim, Facts } from "../types/dim.ts";
import { isOne } from "./broadcast.ts";
import { pass } from "./pass.ts";

// 1. the sum over tokens of x[B, N, C] · w[B, N, 1]: no product of all values is held
const weighted: Rule = rule("sum of x · w", ["root", "x", "w"], {
  find: (o, { root, x, w }) => o.as(root, o.reduce("reduceSum", o.sole(o.mul(x, w)), [1], false)),
  when: ({ x, w }, { facts }) => {
    const { dims, dtype } = x.type;
    if (dims.length !== 3 || w.type.dims.length !== 3 || (dtype !== "f32" && dtype !== "f16")) return because("not a row for each token", x);
    return (isOne(w.type.dims[2] as Dim, facts) && sameDims(w.type.dims.slice(0, 2), dims.slice(0, 2), facts)) || because("not one weight for each token", w);
  },
  put: (o, { x, w }) => o.weightedSum(x, flat(o, w) ?? o.reshape(w, w.type.dims.slice(0, 2))),
});

// 2. the sum of the weights: of them as they are, where an axis was only put in behind them
const weights: Rule = rule("sum of weights", ["root", "w"], {
  find: (o, { root, w }) => o.as(root, o.reduce("reduceSum", w, [1], false)),
  when: ({ w }, { facts }) => (w.type.dims.length === 3 && isOne(w.type.dims[2] as Dim, facts) && isFlat(w, facts)) || because("no axis was put in behind the weights", w),
  put: (o, { w }) => o.reduce("reduceSum", flat(o, w) as Node, [1], true),
});

/** Whether [B, N, 1] was [B, N], perhaps of another type. */
function isFlat(w: Node, facts: Facts): boolean {
  const inner = w.inputs[0] as Node;
  if (w.op === "cast") return isFlat(inner, facts);
  return w.op === "reshape" && sameDims(inner.type.dims, w.type.dims.slice(0, 2), facts);
}

function flat(o: Build, w: Node): Node | undefined {
  if (!isFlat(w, o.arena.facts)) return undefined;
  const inner = w.inputs[0] as Node;
  return w.op === "cast" ? o.cast(flat(o, inner) as Node, w.type.dtype) : inner;
}

export default pass("weighted sums", { needs: "fused", leaves: "fused", exact: true, rules: [weighted, weights] });
