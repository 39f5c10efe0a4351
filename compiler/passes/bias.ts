// Biases of linear maps go into the operator behind the product, where it adds them on the way.
import type { Node } from "../graph/node.ts";
import type { Hole, OpPattern, PatternBuild } from "../rewrite/pattern.ts";
import { type Rule, because, rule } from "../rewrite/rule.ts";
import { pass } from "./pass.ts";

const map = (o: PatternBuild, x: Hole, w: Hole, b: Hole): OpPattern => o.sole(o.op("linear", [x, w, b]));

// 1. gelu(x · W + b)
const gelu: Rule = rule("bias of gelu", ["root", "x", "w", "b"], {
  find: (o, { root, x, w, b }) => o.as(root, o.op("gelu", [map(o, x, w, b)])),
  put: (o, { root, x, w, b }) => o.make("gelu", [o.linear(x, w, undefined), b], root.attrs),
});

// 2. attention of three maps with biases   3. the same with terms that are added to the scores
const attention: readonly Rule[] = [false, true].map((withTerm) => rule(withTerm ? "biases of attention with a term" : "biases of attention", ["root", "q", "k", "v", "term"], {
  find: (o, { root, q, k, v, term }) => {
    const [a, b, c] = [q, k, v].map((hole) => o.as(hole, o.sole(o.op("linear")))) as [Hole, Hole, Hole];
    const made = o.op("attention", withTerm ? [a, b, c, term] : [a, b, o.as(c, o.as(term, o.op("linear")))]);
    return o.as(root, o.test("attention without biases", (n) => n.attrs.shifted !== true, made));
  },
  when: ({ q, k, v }) => {
    const bare = [q, k, v].find((x) => x.inputs.length !== 3);
    return bare === undefined || because("a map has no bias", bare);
  },
  put: (o, { root, q, k, v, term }) => {
    const bare = [q, k, v].map(({ inputs: [x, w] }) => o.linear(x as Node, w as Node, undefined));
    const shift = o.concat([q, k, v].map((x) => x.inputs[2] as Node), 0);
    return o.make("attention", [...bare, ...(withTerm ? [term] : []), shift], { ...root.attrs, shifted: true });
  },
}));

export default pass("biases", { needs: "fused", leaves: "fused", exact: true, for: (target) => target.biases, rules: [gelu, ...attention] });
