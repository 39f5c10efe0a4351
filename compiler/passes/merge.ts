// Tokens that were merged several times: all merges are undone by one gather of rows.
import { type Rule, because, rule } from "../rewrite/rule.ts";
import { pass } from "./pass.ts";

// 1. rows of rows: the places are looked up among themselves, and rows move once
const taken: Rule = rule("rows of rows", ["inner", "x", "first", "then"], {
  find: (o, { inner, x, first, then }) => o.take(o.as(inner, o.sole(o.take(x, first))), then),
  when: ({ inner, x, first, then }) => {
    const batch = inner.attrs.batch as number;
    if (first.type.dims.length !== batch + 1 || then.type.dims.length !== batch + 1) return because("places stand in more than one axis", then);
    return x.type.dims.length > batch + 1 || because("single numbers move as well as places do", x);
  },
  put: (o, { inner, x, first, then }) => o.take(x, o.take(first, then, inner.attrs.batch as number), inner.attrs.batch as number),
});

export default pass("merges", { needs: "tensor", leaves: "fused", exact: true, rules: [taken] });
