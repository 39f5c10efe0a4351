// Rows that change places behind a linear map do so in front of it: maps that read the same rows share one transposition.
import { type Rule, because, rule } from "../rewrite/rule.ts";
import type { Dim, Facts } from "../types/dim.ts";
import type { Node } from "../graph/node.ts";
import { pass } from "./pass.ts";

const isNoWider = (x: Node, made: Node, facts: Facts): boolean => {
  const [before, after] = [x, made].map((n) => facts.number(n.type.dims.at(-1) as Dim));
  return before !== undefined && after !== undefined && before <= after;
};

// 1. rows transposed behind x · W (+ b)
const behind: Rule = rule("rows of a map", ["root", "made"], {
  find: (o, { root, made }) => o.as(root, o.transpose(o.as(made, o.sole(o.op("linear"))))),
  when: ({ root, made }, { facts }) => {
    const perm = root.attrs.perm as readonly number[];
    if (perm.at(-1) !== perm.length - 1) return because("columns move too", root);
    return isNoWider(made.inputs[0] as Node, made, facts) || because("more would move in front than behind", made);
  },
  put: (o, { root, made }) => {
    const [x, w, bias] = made.inputs as readonly [Node, Node, Node | undefined];
    return o.linear(o.transpose(x, root.attrs.perm as readonly number[]), w, bias);
  },
});

export default pass("rows first", { needs: "fused", leaves: "fused", exact: true, rules: [behind] });
