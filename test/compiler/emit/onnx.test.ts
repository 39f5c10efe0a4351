// What emission promises beside the right numbers: names, origins, references to weights, few nodes, the same bytes.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { type Initializer, emitConstantModel, emitModel } from "../../../compiler/emit/onnx.ts";
import { Build, literal } from "../../../compiler/graph/build.ts";
import { Arena, type Node, type WeightRef } from "../../../compiler/graph/node.ts";
import { infer } from "../../../compiler/ops/index.ts";
import { constant, floorDivide, multiply, symbol } from "../../../compiler/types/dim.ts";
import { array, noise, value } from "../../support/array.ts";
import { f32, graphOf, numbers, runGraph, runModel } from "../../support/evaluate.ts";
import { type ReadNode, readModel } from "../../support/onnx.ts";

const B = symbol("B");
const N = symbol("N");
const origin = (path: string, start: number, by?: string) => ({ span: { file: "m.kiri", start, end: start + 1 }, path, by });
const emit = (arena: Arena, ...nodes: readonly Node[]): ReturnType<typeof readModel> => readModel(emitModel(graphOf(arena, ...nodes), { target: "cpu", name: "test" }).model);
const ops = (nodes: readonly ReadNode[]): string[] => nodes.map((n) => n.opType);

test("origins stand in the metadata of each node, all of them", (t) => {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [B, N, 4]);
  const make = (): Node => b.softmax(b.matmul(x, b.transpose(x, [0, 2, 1])), 2);
  b.arena.within(origin("blocks[3].attention", 10, "tome"), make);
  const y = b.arena.within(origin("blocks[4].attention", 25), make);
  const { model } = emitModel(graphOf(b.arena, y), { target: "cpu", name: "test", position: (span) => ({ line: 1 + span.start, column: 7 }) });
  for (const node of readModel(model).nodes)
    t.deepEqual(node.metadata, { "kirigami.origin": "m.kiri:11:7;m.kiri:26:7", "kirigami.path": "blocks[3].attention;blocks[4].attention", "kirigami.by": "tome" });
});

test("a model with metadata runs", async (t) => {
  const b = new Build(new Arena(infer));
  const y = b.arena.within(origin("é", 1), () => b.exp(b.input("x", "f32", [B])));
  t.deepEqual(numbers((await runGraph(graphOf(b.arena, y), { x: f32([1], [0]) }, { position: () => ({ line: 1, column: 1 }) })).y as never), [1]);
});

test("names say where a node stands, and inputs and outputs keep theirs", (t) => {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [B, N, 4]);
  const y = b.arena.within(origin("blocks[3].mlp", 1), () => b.gelu(b.matmul(b.matmul(x, b.fill("f32", [4, 4], 1)), b.fill("f32", [4, 4], 2))));
  const { nodes, inputs, outputs } = emit(b.arena, b.add(y, y));
  t.deepEqual(nodes.map((n) => n.name), ["blocks.3.mlp/fill_0", "blocks.3.mlp/matmul_0", "blocks.3.mlp/fill_1", "blocks.3.mlp/matmul_1", "blocks.3.mlp/gelu_0", "add_0"]);
  t.deepEqual(nodes.at(-1)?.outputs, ["y"]);
  t.deepEqual([inputs, outputs], [["x: B,N,4"], ["y: B,N,4"]]);
});

test("the same graph gives the same bytes, and another arena too", (t) => {
  const bytes = (surplus: number): Uint8Array => {
    const b = new Build(new Arena(infer));
    for (let i = 0; i < surplus; i++) b.iota(i + 1);
    const x = b.input("x", "f32", [B, N, 4]);
    const y = b.take(x, b.item(b.topk(b.reduce("reduceL2", x, [2], false), floorDivide(N, constant(2)), 1), 1), 1);
    return emitModel(graphOf(b.arena, y, b.fill("f32", [N, B], 1)), { target: "cpu", name: "test" }).model;
  };
  t.deepEqual(bytes(0), bytes(0));
  t.deepEqual(bytes(0), bytes(9));
});

test("outputs that are inputs, constants or twice the same are copied", async (t) => {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [2]);
  const e = b.exp(x);
  const found = await runGraph(graphOf(b.arena, x, e, e, b.scalar("f32", 5), b.reshape(x, [2])), { x: f32([2], [0, 1]) });
  t.deepEqual(numbers(found.y0 as never), [0, 1]);
  t.deepEqual(found.y1, found.y2 as never);
  t.deepEqual(numbers(found.y3 as never), [5]);
  t.deepEqual(numbers(found.y4 as never), [0, 1]);
});

test("reshapes need no computed sizes while one place is open", (t) => {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [B, N, 12]);
  t.deepEqual(ops(emit(b.arena, b.reshape(b.exp(x), [B, N, 3, 4])).nodes), ["Exp", "Reshape"]);
  t.deepEqual(ops(emit(b.arena, b.reshape(b.exp(x), [multiply(B, N), 12])).nodes), ["Exp", "Reshape"]);
  t.deepEqual(ops(emit(b.arena, b.reshape(b.exp(x), [multiply(B, constant(2)), N, 6])).nodes), ["Exp", "Reshape"]);
  t.true(ops(emit(b.arena, b.reshape(b.exp(x), [N, B, 12])).nodes).includes("Shape"));
});

test("computed sizes are shared between uses", (t) => {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [B, N]);
  const nodes = ops(emit(b.arena, x, b.fill("f32", [N, B], 1), b.fill("i64", [N, B], 2), b.sizeOf(multiply(N, B))).nodes);
  t.deepEqual(nodes.filter((n) => n === "Shape").length, 2);
  t.deepEqual(nodes.filter((n) => n === "Concat").length, 1);
});

test("a symbol is read from an axis that is a multiple of it where no axis is the symbol itself", async (t) => {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [multiply(N, constant(3)), 2]);
  const found = await runGraph(graphOf(b.arena, b.reduce("reduceSum", x, [0, 1], false), b.sizeOf(N)), { x: f32([12, 2], Array<number>(24).fill(1)) });
  t.deepEqual([numbers(found.y0 as never), numbers(found.y1 as never)], [[24], [4]]);
});

test("a size that no input has is refused by name", (t) => {
  const b = new Build(new Arena(infer));
  t.throws(() => emit(b.arena, b.fill("f32", [N], 1)), { message: /size N cannot be read/ });
});

test("initializers replace what they stand for, in the graph and beside it", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "kirigami-"));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [B, 2]);
  const ref: WeightRef = { kind: "weight-ref", name: "w", file: "/nowhere", offset: 0, length: 16, dtype: "f32", shape: [2, 2] };
  const flipped = b.transpose(b.weight(ref), [1, 0]);
  const doubled = b.mul(b.weight({ ...ref, name: "v", offset: 16 }), b.scalar("f32", 2));
  writeFileSync(join(directory, "m.data"), Buffer.concat([new Uint8Array(4096), literal("f32", [1, 2, 3, 4]).bytes]));
  const initializers = new Map<Node, Initializer>([
    [flipped, { kind: "external", dtype: "f32", dims: [2, 2], location: "m.data", offset: 4096, length: 16 }],
    [doubled, { kind: "inline", dtype: "f32", dims: [2, 2], bytes: literal("f32", [10, 20, 30, 40]).bytes }],
  ]);
  const { model, external, nodeCount } = emitModel(graphOf(b.arena, b.add(b.matmul(x, flipped), b.matmul(x, doubled))), { target: "cpu", name: "test", initializers });
  t.is(nodeCount, 3);
  t.deepEqual(external, [{ node: flipped, name: "transpose_0", location: "m.data", offset: 4096, length: 16 }]);
  writeFileSync(join(directory, "m.onnx"), model);
  t.deepEqual(numbers((await runModel(join(directory, "m.onnx"), { x: f32([1, 2], [1, 1]) })).y as never), [44, 66]);
});

test("a constant node becomes a model of its own, from files or from given bytes", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "kirigami-"));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const b = new Build(new Arena(infer));
  const weight = noise([3, 4], 1);
  const file = join(directory, "w.bin");
  writeFileSync(file, Buffer.concat([new Uint8Array(12), value("f32", weight).bytes]));
  const root = b.transpose(b.mul(b.weight({ kind: "weight-ref", name: "w", file, offset: 12, length: 48, dtype: "f32", shape: [3, 4] }), b.scalar("f32", 2)), [1, 0]);
  const wanted = [0, 1, 2, 3].flatMap((c) => [0, 1, 2].map((r) => 2 * (weight.data[4 * r + c] as number)));
  const stored = emitConstantModel(root, b.arena.facts);
  t.is(stored.weights.size, 0);
  const found = await runModel(stored.model, {}, { extra: { session: { model_external_initializers_file_folder_path: "/" } } });
  t.deepEqual(array(found[stored.output] as never), { dims: [4, 3], data: wanted });
  const given = emitConstantModel(root, b.arena.facts, { weights: "inputs" });
  t.deepEqual([...given.weights].map(([name, ref]) => [name, ref.offset]), [["weight_0", 12]]);
  t.deepEqual(array((await runModel(given.model, { weight_0: value("f32", weight) }))[given.output] as never).data, wanted);
});

test("a constant of bf16 is handed out as f32", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "kirigami-"));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const b = new Build(new Arena(infer));
  writeFileSync(join(directory, "w.bin"), new Uint8Array(Uint16Array.of(0x3f80, 0xc000, 0x3f00, 0).buffer));
  const root = b.transpose(b.weight({ kind: "weight-ref", name: "w", file: join(directory, "w.bin"), offset: 0, length: 8, dtype: "bf16", shape: [2, 2] }), [1, 0]);
  const { model, dtype, output } = emitConstantModel(root, b.arena.facts);
  t.is(dtype, "f32");
  t.deepEqual(numbers((await runModel(model, {}, { extra: { session: { model_external_initializers_file_folder_path: "/" } } }))[output] as never), [1, 0.5, -2, 0]);
});
