// A product with a matrix on rows that were put together for it alone, and are taken apart again: the product of what was there before.
import type { Build } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { sameDims } from "../rewrite/match.ts";
import { type Rule, because, rule } from "../rewrite/rule.ts";
import type { Dim, Facts } from "../types/dim.ts";
import { isRow } from "./broadcast.ts";
import { movement } from "./movement.ts";
import { pass } from "./pass.ts";

const fits = (root: Node, x: Node, w: Node, facts: Facts): boolean =>
  root.type.dims.length > 2 && w.type.dims.length === 2 && x.type.dims.length > 2 && facts.equal(root.type.dims.at(-1) as Dim, w.type.dims[1] as Dim)
  && sameDims(root.type.dims.slice(0, -1), x.type.dims.slice(0, root.type.dims.length - 1), facts);

/** One bias a column, in the rank of root. */
const alongRows = (o: Build, bias: Node, root: Node): Node => o.reshape(bias, [...root.type.dims.slice(0, -1).map(() => 1), bias.type.dims.at(-1) as Dim]);

/** The sizes of root with the width that the matrix takes. */
const before = (root: Node, w: Node): readonly Dim[] => [...root.type.dims.slice(0, -1), w.type.dims[0] as Dim];

// 1. rows · W, taken apart   2. the same with a bias   3. and 4. the same in whole numbers, where one scale is measured for all rows
const rules: readonly Rule[] = [
  rule("rows of a product", ["root", "x", "w"], {
    find: (o, { root, x, w }) => o.as(root, o.reshape(o.sole(o.matmul(o.reshape(x), w)))),
    when: ({ root, x, w }, { facts }) => fits(root, x, w, facts) || because("the rows are taken apart in another way", root),
    put: (o, { root, x, w }) => o.matmul(o.reshape(x, before(root, w)), w),
  }),
  rule("rows of a product with a bias", ["root", "x", "w", "bias"], {
    find: (o, { root, x, w, bias }) => o.as(root, o.reshape(o.sole(o.add(o.sole(o.matmul(o.reshape(x), w)), bias)))),
    when: ({ root, x, w, bias }, { facts }) => (fits(root, x, w, facts) && isRow(bias, facts)) || because("the rows are taken apart in another way", root),
    put: (o, { root, x, w, bias }) => o.add(o.matmul(o.reshape(x, before(root, w)), w), alongRows(o, bias, root)),
  }),
  rule("rows of a quantized product", ["root", "x", "w", "scale"], {
    find: (o, { root, x, w, scale }) => o.as(root, o.reshape(o.sole(o.op("linearInt8", [o.reshape(x), w, scale])))),
    when: ({ root, x, w }, { facts }) => fits(root, x, w, facts) || because("the rows are taken apart in another way", root),
    put: (o, { root, x, w, scale }) => o.linearInt8(o.reshape(x, before(root, w)), w, scale, undefined),
  }),
  rule("rows of a quantized product with a bias", ["root", "x", "w", "scale", "bias"], {
    find: (o, { root, x, w, scale, bias }) => o.as(root, o.reshape(o.sole(o.add(o.sole(o.op("linearInt8", [o.reshape(x), w, scale])), bias)))),
    when: ({ root, x, w, bias }, { facts }) => (fits(root, x, w, facts) && isRow(bias, facts)) || because("the rows are taken apart in another way", root),
    put: (o, { root, x, w, scale, bias }) => o.add(o.linearInt8(o.reshape(x, before(root, w)), w, scale, undefined), alongRows(o, bias, root)),
  }),
];

export default pass("rows", { needs: "tensor", leaves: "tensor", exact: true, rules: [...rules, ...movement] });
