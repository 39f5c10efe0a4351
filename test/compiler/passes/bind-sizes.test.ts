// Known sizes take the place of symbols, and what only a run knows stays.
import test from "ava";
import { Build } from "../../../compiler/graph/build.ts";
import { Arena, type Graph } from "../../../compiler/graph/node.ts";
import { printGraph } from "../../../compiler/graph/text.ts";
import { infer } from "../../../compiler/ops/index.ts";
import bindSizes from "../../../compiler/passes/bind-sizes.ts";
import { runPasses } from "../../../compiler/passes/order.ts";
import { add, constant, multiply, symbol } from "../../../compiler/types/dim.ts";
import { graphOf } from "../../support/evaluate.ts";
import { B, sameNumbers } from "../../support/pass-case.ts";

test("a symbol with a value is bound in types and attributes, to the bottom; an open one stays", async (t) => {
  const b = new Build(new Arena(infer));
  const [tokens, side] = [symbol("Tokens"), symbol("Side")];
  b.arena.facts.know("Tokens", add(multiply(side, side), constant(1)));
  b.arena.facts.know("Side", constant(4));
  const x = b.input("x", "f32", [B, tokens, 3]);
  const y = b.add(b.slice(x, 1, 1, tokens), b.reshape(b.cast(b.sizeOf(tokens), "f32"), [1, 1, 1]));
  const graph: Graph<"tensor"> = { ...graphOf(b.arena, y), level: "tensor" };
  const bound = runPasses(graph, "cpu", { order: [bindSizes] });
  const printed = printGraph(bound).split("\n").filter((line) => line.startsWith("%") || line.startsWith("know"));
  t.deepEqual(printed, [
    "know Tokens = Side*Side + 1",
    "know Side = 4",
    '%0 : f32[B, 17, 3] = input() name="x"',
    "%1 : f32[B, 16, 3] = slice(%0) axis=1 from=<1> step=1 to=<17>",
    "%2 : i64[] = sizeOf() dim=<17>",
    '%3 : f32[] = cast(%2) to="f32"',
    "%4 : f32[1, 1, 1] = reshape(%3) dims=[<1>, <1>, <1>]",
    "%5 : f32[B, 16, 3] = add(%1, %4)",
  ]);
  await sameNumbers(t, graph, bound);
});
