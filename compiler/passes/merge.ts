// Merging tokens and undoing it: only rows that matter are looked through, and rows move once.
import { type Rule, because, rule } from "../rewrite/rule.ts";
import { constant } from "../types/dim.ts";
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

// 2. where the largest stands, of some rows: of those rows alone
const partners: readonly Rule[] = (["argmax", "argmin"] as const).map((op) => rule(`${op} of some rows`, ["root", "places", "x", "rows"], {
  find: (o, { root, places, x, rows }) => o.as(root, o.take(o.as(places, o.sole(o.op(op, [x]))), rows)),
  when: ({ root, places, x, rows }, { facts }) => {
    const batch = root.attrs.batch as number;
    if (rows.type.dims.length !== batch + 1 || places.attrs.keep === true || places.type.dims.length !== batch + 1) return because("more than one number a row is taken", rows);
    if (places.attrs.axis !== batch + 1 || x.type.dims.length !== batch + 2) return because("it is not looked for along rows", places);
    const [all, some] = [places, root].map((n) => facts.number(n.type.dims[batch] ?? constant(0)));
    return (all !== undefined && some !== undefined && 2 * some <= all) || because("more than half of the rows are taken", rows);
  },
  put: (o, { root, places, x, rows }) => {
    const batch = root.attrs.batch as number;
    return o.make(places.op, [o.take(x, rows, batch)], places.attrs);
  },
}));

export default pass("merges", { needs: "tensor", leaves: "fused", exact: true, rules: [taken, ...partners] });
