// The work of the passes grows with the graph, not with its square: it is counted, for times say little.
import test from "ava";
import { Build } from "../../../compiler/graph/build.ts";
import { Arena, type Graph, type Node } from "../../../compiler/graph/node.ts";
import { infer } from "../../../compiler/ops/index.ts";
import { runPasses } from "../../../compiler/passes/order.ts";
import { Recorder } from "../../../compiler/rewrite/record.ts";
import { graphOf } from "../../support/evaluate.ts";
import { B, number, weight } from "../../support/pass-case.ts";

const WIDTH = 8;
const FEW = 300;

/** What a node stands for the next one, `i` of them before it. */
type Step = (b: Build, x: Node, i: number) => Node;
const inTurn = (...steps: readonly Step[]): Step => (b, x, i) => (steps[i % steps.length] as Step)(b, x, i);
const gelu = (b: Build, x: Node): Node => b.mul(b.mul(x, b.add(b.unary("erf", b.div(x, number(b, Math.SQRT2))), number(b, 1))), number(b, 0.5));

const CHAINS: Readonly<Record<string, Step>> = {
  "sums, products and functions with weights": inTurn((b, x, i) => b.add(x, weight(b, [1, WIDTH], i)), (b, x, i) => b.mul(x, weight(b, [1, WIDTH], i)), (b, x) => b.unary("relu", x), (b, x, i) => b.matmul(x, weight(b, [WIDTH, WIDTH], i))),
  "functions of elements and numbers": inTurn((b, x) => b.unary("sin", x), (b, x) => b.mul(x, number(b, 1.5)), (b, x) => b.unary("abs", x), (b, x) => b.mul(x, number(b, 0.5)), (b, x) => b.div(x, number(b, 3)), (b, x) => b.neg(x)),
  "reshapes and transpositions that cancel": inTurn((b, x) => b.reshape(x, [B, 4, 2]), (b, x) => b.transpose(x, [0, 2, 1]), (b, x) => b.transpose(x, [0, 2, 1]), (b, x) => b.reshape(x, [B, WIDTH])),
  "reshapes and transpositions that stay": inTurn((b, x) => b.reshape(x, [B, 4, 2]), (b, x) => b.transpose(x, [0, 2, 1]), (b, x) => b.reshape(x, [B, WIDTH])),
  "products with a bias and GELU": (b, x, i) => gelu(b, b.add(b.matmul(x, weight(b, [WIDTH, WIDTH], i)), weight(b, [1, WIDTH], i))),
  "sums with what was before": (b, x, i) => b.add(x, b.unary("relu", b.matmul(x, weight(b, [WIDTH, WIDTH], i)))),
  "concatenations": (b, x, i) => b.concat([x, b.unary(i % 2 === 0 ? "sin" : "cos", b.input("x", "f32", [B, WIDTH]))], 0),
  "slices": (b, x, i) => (i % 2 === 0 ? b.unary("sin", b.concat([x, x], 1)) : b.slice(x, 1, 0, WIDTH)),
};

/** Visits and attempts, nodes that were made, and the inputs that they were given: a list that is copied for each of its elements shows there. */
function work(step: Step, count: number): { readonly work: number; readonly made: number; readonly given: number } {
  let given = 0;
  const b = new Build(new Arena((op, inputs, attrs, facts) => {
    given += inputs.length;
    return infer(op, inputs, attrs, facts);
  }));
  let x = b.input("x", "f32", [B, WIDTH]);
  for (let i = 0; i < count; i++) x = step(b, x, i);
  const record = new Recorder();
  runPasses(graphOf(b.arena, b.reduce("reduceSum", x, [0, 1], false)) as Graph as Graph<"tensor">, "cpu", { record });
  return { work: record.work.visits + record.work.attempts, made: b.arena.size, given };
}

for (const [what, step] of Object.entries(CHAINS))
  test(`twice as many ${what} are at most 2.2 times the work`, (t) => {
    const [once, twice] = [work(step, FEW), work(step, 2 * FEW)];
    // Each node was come by at least once.
    t.true(once.work > FEW);
    for (const key of ["work", "made", "given"] as const) t.true(twice[key] <= 2.2 * once[key], `${key}: ${once[key]}, then ${twice[key]}`);
  });
