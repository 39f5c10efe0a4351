// What is repeated is computed before it is: casts, functions and sums of other axes on the smaller value.
import type { UnaryOp } from "../graph/build.ts";
import { type Node, nodesOf } from "../graph/node.ts";
import { rewrite } from "../rewrite/run.ts";
import { type Rule, because, identities, rule } from "../rewrite/rule.ts";
import type { Dim, Facts } from "../types/dim.ts";
import { algebra } from "./algebra.ts";
import { movement } from "./movement.ts";
import { pass } from "./pass.ts";

const UNARY: readonly UnaryOp[] = ["neg", "exp", "log", "sqrt", "abs", "tanh", "erf", "sigmoid", "sin", "cos", "floor", "ceil", "round", "sign", "not", "relu"];
const ONE_INPUT: readonly string[] = [...UNARY, "cast", "clip"];

const grows = (x: Node, root: Node, facts: Facts): boolean => x.type.dims.length === root.type.dims.length && x.type.dims.some((d, axis) => !facts.equal(d, root.type.dims[axis] as Dim));

// 1. a function of what is repeated
const functions: readonly Rule[] = ONE_INPUT.map((op) => rule(`${op} of a repetition`, ["root", "wide", "x"], {
  find: (o, { root, wide, x }) => o.as(root, o.op(op, [o.as(wide, o.expand(x))])),
  when: ({ wide, x }, { facts }) => grows(x, wide, facts) || because("an axis comes in too", wide),
  put: (o, { root, x }) => o.expand(o.make(op, [x], root.attrs), root.type.dims),
}));

// 2. a sum, a mean or the most over axes that are not repeated
const reductions: readonly Rule[] = (["reduceSum", "reduceMean", "reduceMax", "reduceMin"] as const).map((op) => rule(`${op} of a repetition`, ["root", "wide", "x"], {
  find: (o, { root, wide, x }) => o.as(root, o.reduce(op, o.as(wide, o.expand(x)))),
  when: ({ root, wide, x }, { facts }) => {
    if (!grows(x, wide, facts)) return because("an axis comes in too", wide);
    return (root.attrs.axes as readonly number[]).every((axis) => facts.equal(x.type.dims[axis] as Dim, wide.type.dims[axis] as Dim)) || because("what is repeated is summed", root);
  },
  put: (o, { root, x }) => o.expand(o.reduce(op, x, root.attrs.axes as readonly number[], root.attrs.keep as boolean), root.type.dims),
}));

const rules: readonly Rule[] = [...identities([...functions, ...reductions]), ...algebra, ...movement];
const READERS: ReadonlySet<string> = new Set([...ONE_INPUT, "reduceSum", "reduceMean", "reduceMax", "reduceMin"]);

export default pass("late repetition", {
  needs: "tensor", leaves: "tensor", exact: true,
  // Few graphs compute on what they have repeated; others need not be gone through.
  run: (graph, _, record) => (nodesOf(graph).some((n) => READERS.has(n.op) && n.inputs[0]?.op === "expand") ? rewrite(graph, rules, { pass: "late repetition", record }) : graph),
});
