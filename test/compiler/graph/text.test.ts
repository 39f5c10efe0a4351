// Graphs print and parse: every kind of attribute survives, and the text is the same again.
import test from "ava";
import { Build } from "../../../compiler/graph/build.ts";
import { Arena, type Graph } from "../../../compiler/graph/node.ts";
import { parseGraph, printGraph } from "../../../compiler/graph/text.ts";
import { infer } from "../../../compiler/ops/index.ts";
import { add, constant, floorDivide, minimum, multiply, symbol } from "../../../compiler/types/dim.ts";
import { f32, graphOf, numbers, runGraph } from "../../support/evaluate.ts";

const B = symbol("B");
const N = symbol("N");

function varied(): Graph {
  const b = new Build(new Arena(infer));
  b.arena.facts.know("C", constant(12));
  const x = b.input("x", "f32", [B, N, symbol("C")]);
  const half = floorDivide(N, constant(2));
  const front = b.slice(x, 1, 0, half);
  const top = b.topk(b.reduce("reduceL2", x, [2], false), minimum(half, constant(5)), 1, false);
  const rows = b.take(x, b.item(top, 1), 1);
  const weight = b.weight({ kind: "weight-ref", name: 'odd "name" # here', file: "/a b/w.safetensors", offset: 2 ** 33, length: 96, dtype: "f16", shape: [12, 4] });
  const long = b.tensor("i64", [20], Array.from({ length: 20 }, (_, i) => i * i));
  const scale = b.tensor("f32", [3], [0.1, -0, 1e-30]);
  const strange = b.tensor("f32", [3], [Number.NaN, Infinity, -Infinity]);
  const flags = b.tensor("bool", [2], [1, 0]);
  const big = b.const("i64", [1], { kind: "literal", dtype: "i64", bytes: new Uint8Array(8).fill(0x7f) });
  const filled = b.fill("f32", [multiply(B, N), add(N, constant(-1))], -1e30);
  return {
    ...graphOf(b.arena, front, rows, b.matmul(x, b.cast(weight, "f32")), long, scale, strange, flags, big, filled, b.random("f32", [2, 2], 7, "normal"), b.windowMask([4, 4], [2, 2], 3), b.fill("i64", [], -0)),
    level: "tensor",
    guards: [{ left: N, comparison: ">=", right: add(half, constant(2)), says: 'N says "enough"', span: { file: "a.kiri", start: 3, end: 9 } }],
  };
}

test("a graph with every kind of attribute survives printing and parsing", (t) => {
  const text = printGraph(varied());
  const again = parseGraph(text, infer);
  t.is(printGraph(again), text);
  t.is(again.level, "tensor");
  t.deepEqual(again.inputs.map((i) => [i.name, i.axes]), [["x", ["axis0", "axis1", "axis2"]]]);
  t.is(again.guards[0]?.says, 'N says "enough"');
  const refs = [...new Set(text.match(/@\(.*\)/g))];
  t.deepEqual(refs, ['@("odd \\"name\\" # here", "/a b/w.safetensors", 8589934592, 96, f16[12, 4])']);
});

test("the text is the one people read", (t) => {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [B, 257, 96]);
  const y = b.reduce("reduceSum", b.matmul(x, b.transpose(x, [0, 2, 1])), [2], true);
  t.is(printGraph(graphOf(b.arena, b.mul(y, b.scalar("f32", 0.1)))), `graph fused
%0 : f32[B, 257, 96] = input() name="x"
%1 : f32[B, 96, 257] = transpose(%0) perm=[0, 2, 1]
%2 : f32[B, 257, 257] = matmul(%0, %1)
%3 : f32[B, 257, 1] = reduceSum(%2) axes=[2] keep=true
%4 : f32[] = const() value=f32(0.1)
%5 : f32[B, 257, 1] = mul(%3, %4)
input "x" ["axis0", "axis1", "axis2"] = %0
output "y" ["axis0", "axis1", "axis2"] = %5
`);
});

test("paths are comments that parsing leaves out", (t) => {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [B, 4]);
  const y = b.arena.within({ span: { file: "a", start: 0, end: 1 }, path: "blocks[3].mlp", by: "tome" }, () => b.exp(x));
  const graph = graphOf(b.arena, y);
  t.regex(printGraph(graph, { paths: true }), /exp\(%0\) {2}# blocks\[3\]\.mlp by tome\n/);
  t.is(printGraph(parseGraph(printGraph(graph, { paths: true }), infer)), printGraph(graph));
});

test("a graph read from text computes what the first did", async (t) => {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [B, N]);
  const graph = graphOf(b.arena, b.div(b.cumsum(x, 1), b.scalar("f32", 3)));
  const input = { x: f32([2, 3], [1, 2, 3, 4, 5, 6]) };
  const [first, second] = [await runGraph(graph, input), await runGraph(parseGraph(printGraph(graph), infer), input)];
  t.deepEqual(numbers(second.y as never), numbers(first.y as never));
});

for (const [what, text, says] of [
  ["a type that does not follow", `graph tensor\n%0 : f32[B, 3] = input() name="x"\n%1 : f32[B, 4] = exp(%0)\n`, /the text says f32\[B, 4\], and exp gives f32\[B, 3\]/],
  ["a node that is not there", `graph tensor\n%1 : f32[] = exp(%0)\n`, /not %0/],
  ["an unknown op", `graph tensor\n%0 : f32[] = frobnicate()\n`, /there is no op frobnicate/],
  ["surplus text", `graph tensor\n%0 : f32[3] = input() name="x" ]\n`, /expected/],
  ["no level", `input "x" [] = %0\n`, /expected a node/],
] as const)
  test(`text is refused: ${what}`, (t) => {
    t.throws(() => parseGraph(text, infer), { message: says });
  });
