// A graph is held to its level: legal ops, types that follow, names that are unique, sizes that a run can know.
import test from "ava";
import { Build } from "../../../compiler/graph/build.ts";
import { constantRoots } from "../../../compiler/graph/constants.ts";
import { legalOps } from "../../../compiler/graph/level.ts";
import { Arena, type Graph, type Infer, type Level } from "../../../compiler/graph/node.ts";
import { type VerifyOptions, verify } from "../../../compiler/graph/verify.ts";
import { OPS, infer } from "../../../compiler/ops/index.ts";
import { add, constant, symbol } from "../../../compiler/types/dim.ts";
import { graphOf } from "../../support/evaluate.ts";

const N = symbol("N");
const faults = (graph: Graph, options: Partial<VerifyOptions> = {}): string[] => verify(graph, { target: "cpu", infer, ...options }).map((f) => f.says);
const at = (graph: Graph, level: Level): Graph => ({ ...graph, level });

test("a sound graph has no faults at any level", (t) => {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [N, 4]);
  const graph = graphOf(b.arena, b.item(b.topk(b.matmul(x, b.fill("f32", [4, 4], 1)), 2, 1), 0), b.fill("f32", [add(N, constant(1))], 0));
  for (const level of ["tensor", "fused", "onnx"] as const) t.deepEqual(faults(at(graph, level)), []);
});

test("ops of a higher level and of another target are refused", (t) => {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [N, 4]);
  const graph = graphOf(b.arena, b.fusedMatmul(b.gelu(x), x, { transA: true, transB: false, alpha: 1 }));
  t.deepEqual(faults(at(graph, "tensor")), ["gelu is not legal at level tensor for cpu", "fusedMatmul is not legal at level tensor for cpu"]);
  t.deepEqual(faults(at(graph, "fused")), []);
  t.deepEqual(faults(at(graph, "fused"), { target: "portable" }), ["fusedMatmul is not legal at level fused for portable"]);
});

test("a type that does not follow from the inputs is found", (t) => {
  const lying: Infer = (op, inputs, attrs, facts) => infer(op, inputs, attrs, facts).map((type) => (op === "exp" ? { ...type, dtype: "f16" } : type));
  const b = new Build(new Arena(lying));
  t.deepEqual(faults(graphOf(b.arena, b.exp(b.input("x", "f32", [N, 4])))), ["exp has type f16[N, 4], and its inputs give f32[N, 4]"]);
});

test("an output of several must be chosen", (t) => {
  const b = new Build(new Arena(infer));
  t.deepEqual(faults(graphOf(b.arena, b.exp(b.topk(b.input("x", "f32", [N, 4]), 2, 1)))), ["exp uses topk, which has 2 outputs, without saying which"]);
});

test("inputs are declared, and names are unique", (t) => {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [N, 4]);
  const graph = graphOf(b.arena, b.exp(x));
  t.deepEqual(faults({ ...graph, inputs: [] }), ["the input x is used and not declared"]);
  t.deepEqual(faults({ ...graph, outputs: graph.outputs.map((o) => ({ ...o, name: "x" })) }), ["two inputs or outputs are called x"]);
  t.deepEqual(faults({ ...graph, inputs: graph.inputs.map((i) => ({ ...i, name: "z" })) }), ["z is declared as an input and is input x"]);
  t.deepEqual(faults({ ...graph, outputs: graph.outputs.map((o) => ({ ...o, axes: ["N"] })) }), ["y has 1 axis names and type f32[N, 4]"]);
});

test("a size that no input has is found before a run would need it", (t) => {
  const b = new Build(new Arena(infer));
  const graph = graphOf(b.arena, b.matmul(b.fill("f32", [symbol("M"), 4], 1), b.input("x", "f32", [4, N])));
  t.deepEqual(faults(at(graph, "fused")), []);
  t.deepEqual(faults(at(graph, "onnx")), ["fill needs the size M, which no input has"]);
});

test("the levels name every op, and only ops that exist", (t) => {
  const named = new Set([...legalOps("fused", "cpu"), ...legalOps("fused", "cuda"), ...legalOps("fused", "portable")]);
  t.deepEqual([...named].sort(), [...OPS.keys()].sort());
});

test("constant roots are the constants that something else needs", (t) => {
  const b = new Build(new Arena(infer));
  b.arena.facts.know("K", constant(4));
  const x = b.input("x", "f32", [N, 4]);
  const table = b.exp(b.transpose(b.fill("f32", [symbol("K"), 3], 2), [1, 0]));
  const dynamic = b.fill("f32", [N, 4], 1);
  const alone = b.cast(b.iota(3), "f32");
  const graph = graphOf(b.arena, b.matmul(b.add(x, dynamic), b.transpose(table, [1, 0])), b.mul(x, b.scalar("f32", 2)), alone);
  t.deepEqual(constantRoots(graph).map((n) => n.op).sort(), ["cast", "const", "transpose"]);
});
