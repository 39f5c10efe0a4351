// Identities: each leaves exactly the graph that stands on the right, and the same numbers; what only looks like one stays.
import test from "ava";
import { Build, literal } from "../../../compiler/graph/build.ts";
import { Arena, type Graph, type GraphInput, type Node, topological } from "../../../compiler/graph/node.ts";
import { printGraph } from "../../../compiler/graph/text.ts";
import { infer } from "../../../compiler/ops/index.ts";
import { runPasses } from "../../../compiler/passes/order.ts";
import simplify from "../../../compiler/passes/simplify.ts";
import { add, ceilDivide, constant, subtract } from "../../../compiler/types/dim.ts";
import { graphOf } from "../../support/evaluate.ts";
import { B, C, N, number as n, sameNumbers, tokens as x } from "../../support/pass-case.ts";

type Make = (b: Build) => Node;
type Identity = readonly [before: Make, after: Make];
const bools = (b: Build): Node => b.input("x", "bool", [B, N]);
const ids = (b: Build): Node => b.input("x", "i64", [B, N]);
const y = (b: Build): Node => b.input("other", "f32", [B, N, C]);

const IDENTITIES: Readonly<Record<string, Identity>> = {
  "x + 0": [(b) => b.exp(b.add(n(b, 0), x(b))), (b) => b.exp(x(b))],
  "x - 0": [(b) => b.exp(b.sub(x(b), n(b, 0))), (b) => b.exp(x(b))],
  "x · 1": [(b) => b.exp(b.mul(x(b), b.fill("f32", [B, N, C], 1))), (b) => b.exp(x(b))],
  "x / 1": [(b) => b.exp(b.div(x(b), n(b, 1))), (b) => b.exp(x(b))],
  "x ^ 1": [(b) => b.exp(b.pow(x(b), n(b, 1))), (b) => b.exp(x(b))],
  "1 · a row, spread out": [(b) => b.concat([x(b), b.mul(b.input("r", "f32", [1, 1, C]), b.fill("f32", [B, N, C], 1))], 2), (b) => b.concat([x(b), b.expand(b.input("r", "f32", [1, 1, C]), [B, N, C])], 2)],
  "-(-x)": [(b) => b.exp(b.neg(b.neg(x(b)))), (b) => b.exp(x(b))],
  "0 - x": [(b) => b.sub(n(b, 0), x(b)), (b) => b.neg(x(b))],
  "x - (-y)": [(b) => b.sub(x(b), b.neg(y(b))), (b) => b.add(x(b), y(b))],
  "x + (-y)": [(b) => b.add(b.neg(y(b)), x(b)), (b) => b.sub(x(b), y(b))],
  "not not x": [(b) => b.cast(b.unary("not", b.unary("not", bools(b))), "f32"), (b) => b.cast(bools(b), "f32")],
  "x · a · b": [(b) => b.mul(b.mul(x(b), n(b, 2)), n(b, 3)), (b) => b.mul(x(b), n(b, 6))],
  "x · a / b": [(b) => b.div(b.mul(x(b), n(b, 3)), n(b, 2)), (b) => b.mul(x(b), n(b, 1.5))],
  "x / a · b": [(b) => b.mul(b.div(x(b), n(b, 2)), n(b, 3)), (b) => b.mul(x(b), n(b, 1.5))],
  "x / a / b": [(b) => b.div(b.div(x(b), n(b, 2)), n(b, 4)), (b) => b.div(x(b), n(b, 8))],
  "-(x · a)": [(b) => b.neg(b.mul(x(b), n(b, 2))), (b) => b.mul(x(b), n(b, -2))],
  "(-x) · a": [(b) => b.mul(b.neg(x(b)), n(b, 2)), (b) => b.mul(x(b), n(b, -2))],
  "numbers are computed": [(b) => b.add(x(b), b.sqrt(b.mul(n(b, 2), n(b, 8)))), (b) => b.add(x(b), n(b, 4))],
  "whole numbers are computed": [(b) => b.add(ids(b), b.mul(b.scalar("i64", 3), b.scalar("i64", 4))), (b) => b.add(ids(b), b.scalar("i64", 12))],
  "a choice that is the same everywhere": [(b) => b.where(b.fill("bool", [B, N, C], 1), b.exp(x(b)), y(b)), (b) => b.exp(x(b))],
  "a choice of a number everywhere": [(b) => b.add(x(b), b.where(b.fill("bool", [B, N, C], 0), n(b, 3), n(b, 4))), (b) => b.add(x(b), n(b, 4))],
  "a cast of a number": [(b) => b.add(x(b), b.cast(b.scalar("i64", 3), "f32")), (b) => b.add(x(b), n(b, 3))],
  "a cast there and back": [(b) => b.cast(b.cast(b.cast(bools(b), "f32"), "bool"), "i32"), (b) => b.cast(bools(b), "i32")],
  "a repetition that the other side makes": [(b) => b.add(x(b), b.expand(b.input("r", "f32", [1, 1, C]), [B, N, C])), (b) => b.add(b.input("r", "f32", [1, 1, C]), x(b))],
  "a tensor of one number": [(b) => b.mul(x(b), b.fill("f32", [B, N, C], 3)), (b) => b.mul(x(b), n(b, 3))],
  "reshape of reshape": [(b) => b.reshape(b.reshape(x(b), [B, N, 3, 4]), [B, N, 2, 6]), (b) => b.reshape(x(b), [B, N, 2, 6])],
  "reshape there and back": [(b) => b.exp(b.reshape(b.reshape(x(b), [B, N, 3, 4]), [B, N, C])), (b) => b.exp(x(b))],
  "transpose there and back": [(b) => b.exp(b.transpose(b.transpose(x(b), [1, 2, 0]), [2, 0, 1])), (b) => b.exp(x(b))],
  "transpose of transpose": [(b) => b.transpose(b.transpose(x(b), [1, 2, 0]), [1, 2, 0]), (b) => b.transpose(x(b), [2, 0, 1])],
  "transpose of a size of 1": [(b) => b.transpose(b.input("r", "f32", [B, 1, C]), [1, 0, 2]), (b) => b.reshape(b.input("r", "f32", [B, 1, C]), [1, B, C])],
  "expand of expand": [(b) => b.concat([x(b), b.expand(b.expand(b.input("r", "f32", [1, 1, C]), [1, N, C]), [B, N, C])], 2), (b) => b.concat([x(b), b.expand(b.input("r", "f32", [1, 1, C]), [B, N, C])], 2)],
  "a reduced axis put back": [(b) => b.reshape(b.reduce("reduceMean", x(b), [2], false), [B, N, 1]), (b) => b.reduce("reduceMean", x(b), [2], true)],
  "a kept axis taken away": [(b) => b.reshape(b.reduce("reduceMax", x(b), [1], true), [B, C]), (b) => b.reduce("reduceMax", x(b), [1], false)],
  "sizes of 1 put in behind a root": [(b) => b.reshape(b.sqrt(b.reduce("reduceMax", b.exp(x(b)), [2], false)), [B, N, 1]), (b) => b.sqrt(b.reduce("reduceMax", b.exp(x(b)), [2], true))],
  "sizes of 1 put in behind a sum": [(b) => b.reshape(b.add(b.reduce("reduceMean", x(b), [2], false), n(b, 2)), [B, N, 1]), (b) => b.add(b.reduce("reduceMean", x(b), [2], true), n(b, 2))],
  "slice of everything": [(b) => b.exp(b.slice(x(b), 1, 0, N)), (b) => b.exp(x(b))],
  "slice of slice": [(b) => b.slice(b.slice(x(b), 2, 2, 11), 2, 1, 8, 3), (b) => b.slice(x(b), 2, 3, 10, 3)],
  "slice of one part": [(b) => b.exp(b.slice(b.concat([x(b), y(b)], 1), 1, N, add(N, N))), (b) => b.exp(y(b))],
  "concatenation of concatenations": [(b) => b.concat([b.concat([x(b), y(b)], 1), x(b)], 1), (b) => b.concat([x(b), y(b), x(b)], 1)],
  "neighbouring slices": [(b) => b.exp(b.concat([b.slice(x(b), 2, 0, 5), b.slice(x(b), 2, 5, C)], 2)), (b) => b.exp(x(b))],
  "gather of all rows": [(b) => b.exp(b.gather(x(b), b.iota(N), 1)), (b) => b.exp(x(b))],
  "movement of a number": [(b) => b.concat([x(b), b.transpose(b.fill("f32", [C, B, 2], 3), [1, 2, 0])], 1), (b) => b.concat([x(b), b.fill("f32", [B, 2, C], 3)], 1)],
};

/** What must stay as it is. */
const OTHERS: Readonly<Record<string, Make>> = {
  "x - y is not y - x": (b) => b.sub(n(b, 1), x(b)),
  "whole numbers divide with a remainder": (b) => b.mul(b.binary("div", ids(b), b.scalar("i64", 2)), b.scalar("i64", 2)),
  "a product that is read elsewhere": (b) => { const twice = b.mul(x(b), n(b, 2)); return b.add(b.exp(twice), b.mul(twice, n(b, 3))); },
  "a cast that loses digits": (b) => b.cast(b.cast(x(b), "i64"), "f32"),
  "a repetition that nothing else makes": (b) => b.concat([b.add(b.expand(b.input("r", "f32", [1, 1, C]), [B, N, C]), b.input("s", "f32", [1, 1, C])), x(b)], 2),
  "axes that change places": (b) => b.transpose(x(b), [0, 2, 1]),
  "a slice over two parts": (b) => b.slice(b.concat([x(b), y(b)], 1), 1, subtract(N, constant(1)), add(N, constant(1))),
  "steps between slices": (b) => b.slice(b.slice(x(b), 1, 0, N, 2), 1, 0, ceilDivide(N, constant(2)), 2),
  "slices that are not neighbours": (b) => b.concat([b.slice(x(b), 2, 0, 5), b.slice(x(b), 2, 6, C)], 2),
  "rows in another order": (b) => b.gather(x(b), b.const("i64", [3], literal("i64", [0, 2, 1])), 2),
};

const graph = (make: Make): Graph<"tensor"> => {
  const b = new Build(new Arena(infer));
  return { ...graphOf(b.arena, make(b)), level: "tensor" };
};
/** With inputs by name, used or not. */
const text = (of: Graph): string => printGraph({ ...of, level: "tensor", inputs: reached(of).sort((a, b) => (a.name < b.name ? -1 : 1)) });
const reached = ({ inputs, outputs }: Graph): GraphInput[] => { const all = new Set(topological(outputs.map((o) => o.node))); return inputs.filter((i) => all.has(i.node)); };

for (const [name, [before, after]] of Object.entries(IDENTITIES))
  test(name, async (t) => {
    const given = graph(before);
    const simplified = runPasses(given, "cpu", { order: [simplify] });
    t.not(text(given), text(graph(after)));
    t.is(text(simplified), text(graph(after)));
    await sameNumbers(t, given, simplified);
  });

for (const [name, make] of Object.entries(OTHERS))
  test(`stays: ${name}`, (t) => t.is(text(runPasses(graph(make), "cpu", { order: [simplify] })), text(graph(make))));
