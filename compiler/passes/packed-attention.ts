// Self-attention with the linear maps of its queries, keys and values in one operator: their weights side by side.
import type { Node } from "../graph/node.ts";
import type { Hole, PatternBuild } from "../rewrite/pattern.ts";
import { type Rule, because, rule } from "../rewrite/rule.ts";
import type { Dim } from "../types/dim.ts";
import { isStored } from "./constant.ts";
import { pass } from "./pass.ts";

const map = (o: PatternBuild, hole: Hole): Hole => o.as(hole, o.sole(o.op("linear")));

// 1. with a term that is added to the scores   2. without one, later tokens hidden: else a way that never holds all scores is open
const rules: readonly Rule[] = [true, false].map((termed) => rule(termed ? "with a term" : "causal", ["root", "q", "k", "v", "term"], {
  find: (o, { root, q, k, v, term }) => o.as(root, o.op("attention", termed ? [map(o, q), map(o, k), map(o, v), term] : [map(o, q), map(o, k), o.as(v, map(o, term))])),
  when: ({ root, q, k, v, term }, { facts }) => {
    if (root.attrs.shifted === true) return because("the biases are joined already", root);
    if (!termed && root.attrs.causal !== true) return because("nothing is added, so scores need not be held", root);
    if (termed && term.type.dtype !== root.type.dtype) return because("the term is of another type", term);
    if (root.type.dtype !== "f32") return because("the operator computes in 32 bits", root);
    const other = [k, v].find((x) => x.inputs[0] !== q.inputs[0]);
    if (other) return because("queries, keys and values are not made of one value", other);
    const open = [q, k, v].find((x) => !x.inputs.slice(1).every(isStored) || facts.number(x.type.dims[2] as Dim) === undefined);
    return open === undefined || because("the weights depend on the run", open);
  },
  put: (o, { root, q, k, v, term }) => {
    const { heads, scale, causal } = root.attrs as { heads: number; scale: number; causal: boolean };
    const maps = [q, k, v].map(({ inputs, type: { dtype, dims } }) => ({ w: inputs[1] as Node, b: inputs[2] ?? o.fill(dtype, [dims[2] as Dim], 0) }));
    const [keys, values] = [k.type.dims[2] as Dim, v.type.dims[2] as Dim];
    return o.make("packedAttention", [q.inputs[0] as Node, o.concat(maps.map((m) => m.w), 1), o.concat(maps.map((m) => m.b), 0), ...(termed ? [term] : [])], { heads, scale, causal, keys, values, termed });
  },
}));

export default pass("packed attention", { needs: "fused", leaves: "fused", exact: true, for: (target) => target.attention.packed, rules });
