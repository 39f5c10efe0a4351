// SiLU: x · sigmoid(x).
import { type Rule, rule } from "../rewrite/rule.ts";
import { pass } from "./pass.ts";

// 1. x·sigmoid(x)   2. x / (1 + exp(-x))
const rules: readonly Rule[] = [
  rule("x · sigmoid(x)", ["x"], { find: (o, { x }) => o.mul(x, o.any(o.sigmoid(x), o.div(o.number(1), o.add(o.exp(o.neg(x)), o.number(1))))), put: (o, { x }) => o.silu(x) }),
  rule("x / (1 + exp(-x))", ["x"], { find: (o, { x }) => o.div(x, o.add(o.exp(o.neg(x)), o.number(1))), put: (o, { x }) => o.silu(x) }),
];

export default pass("silu", { needs: "fused", leaves: "fused", exact: true, makes: ["silu"], rules });
