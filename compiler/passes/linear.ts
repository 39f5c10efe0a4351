// Linear maps: products with a matrix of weights, and the bias of each column.
import type { Node } from "../graph/node.ts";
import { isFloat } from "../types/tensor.ts";
import type { Dim } from "../types/dim.ts";
import { type Rule, because, rule } from "../rewrite/rule.ts";
import { asVector, isRow } from "./broadcast.ts";
import { isMadeOfWeights } from "./constant.ts";
import { pass } from "./pass.ts";

// 1. x · W with W[I, O] made of weights alone
const product: Rule = rule("x · W", ["x", "w"], {
  find: (o, { x, w }) => o.matmul(x, o.as(w, o.test("a matrix", (n) => n.type.dims.length === 2))),
  when: ({ x, w }, { facts }) => {
    if (facts.number(w.type.dims[0] as Dim) === 1) return because("a product of a column and a row is no linear map", w);
    if (!isFloat(x.type.dtype)) return because("whole numbers have no linear op", x);
    return isMadeOfWeights(w) || because("the right side depends on the run", w);
  },
  put: (o, { x, w }) => o.linear(x, w, undefined),
});

const fitsColumns = (bias: Node, out: Dim, c: Parameters<Rule["when"]>[1]): boolean =>
  isRow(bias, c.facts) && c.facts.equal(bias.type.dims.at(-1) as Dim, out);

// 2. + bias   3. the same on whole numbers
const biased: readonly Rule[] = [
  rule("x · W + b", ["x", "w", "bias"], {
    find: (o, { x, w, bias }) => o.add(o.sole(o.op("linear", [x, w])), bias),
    when: ({ w, bias }, c) => fitsColumns(bias, w.type.dims[1] as Dim, c) || because("the bias is not one value a column", bias),
    put: (o, { x, w, bias }) => o.linear(x, w, asVector(o, bias)),
  }),
  rule("x · W + b in 8 bits", ["x", "w", "scale", "bias"], {
    find: (o, { x, w, scale, bias }) => o.add(o.sole(o.op("linearInt8", [x, w, scale])), bias),
    when: ({ w, bias }, c) => fitsColumns(bias, w.type.dims[1] as Dim, c) || because("the bias is not one value a column", bias),
    put: (o, { x, w, scale, bias }) => o.linearInt8(x, w, scale, asVector(o, bias)),
  }),
];

export default pass("linear", { needs: "fused", leaves: "fused", exact: true, makes: ["linear", "linearInt8"], rules: [product, ...biased] });
