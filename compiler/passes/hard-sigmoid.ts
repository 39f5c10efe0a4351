// The straight sigmoid, as exporters write it.
import type { Node } from "../graph/node.ts";
import { type Because, type Rule, because, rule } from "../rewrite/rule.ts";
import { splatOf } from "../rewrite/splat.ts";
import type { Facts } from "../types/dim.ts";
import { isOne } from "./broadcast.ts";
import { pass } from "./pass.ts";

// 1. clip(x + 3, 0, 6) / 6
const straight: Rule = rule("clip(x + a, 0, b) / c", ["root", "held", "x", "a"], {
  find: (o, { root, held, x, a }) => o.as(root, o.any(...[o.div, o.mul].map((op) => op.call(o, o.as(held, o.sole(o.op("clip", [o.add(x, o.as(a, o.splat()))]))), o.splat())))),
  when: ({ root, held, x, a }, { facts }) => isStraight(root, held, held, x, a, facts),
  put: (o, { held, x, a }) => o.hardSigmoid(x, 1 / (held.attrs.most as number), (splatOf(a) as number) / (held.attrs.most as number)),
});

// 2. as a gate: y · clip(x + 3, 0, 6) / 6
const gated: Rule = rule("y · clip(x + a, 0, b) / c", ["root", "y", "product", "held", "x", "a"], {
  find: (o, { root, y, product, held, x, a }) => o.as(root, o.any(...[o.div, o.mul].map((op) => op.call(o, o.as(product, o.sole(o.mul(y, o.as(held, o.sole(o.op("clip", [o.add(x, o.as(a, o.splat()))])))))), o.splat())))),
  when: ({ root, product, held, x, a }, { facts }) => isStraight(root, product, held, x, a, facts),
  put: (o, { y, held, x, a }) => o.mul(y, o.hardSigmoid(x, 1 / (held.attrs.most as number), (splatOf(a) as number) / (held.attrs.most as number))),
});

/** Whether `inner`, held between 0 and b, is brought to end at 1 by the number that `root` multiplies with or divides by. */
function isStraight(root: Node, inner: Node, held: Node, x: Node, a: Node, facts: Facts): true | Because {
  const by = splatOf(root.inputs.find((i) => i !== inner) ?? root) ?? Number.NaN;
  const scale = root.op === "div" ? 1 / by : by;
  if (held.attrs.least !== 0 || !(Math.abs((held.attrs.most as number) * scale - 1) <= 1e-6)) return because("the values do not end at 0 and 1", held);
  return (a.type.dims.every((d) => isOne(d, facts)) && a.type.dims.length <= x.type.dims.length) || because("the shift spreads the tensor out", a);
}

export default pass("straight sigmoid", { needs: "tensor", leaves: "fused", exact: true, rules: [straight, gated] });
