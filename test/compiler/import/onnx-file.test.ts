/** The ONNX reader on files of ours, on cut and lying ones. */
import test from "ava";
import proto from "onnx-proto";
import { emitModel } from "../../../compiler/emit/onnx.ts";
import { Build } from "../../../compiler/graph/build.ts";
import { Arena } from "../../../compiler/graph/node.ts";
import { type OnnxModel, readModel } from "../../../compiler/import/onnx-file.ts";
import { Corrupt, memory, Window } from "../../../compiler/import/protobuf.ts";
import { infer } from "../../../compiler/ops/index.ts";
import { symbol } from "../../../compiler/types/dim.ts";
import { graphOf } from "../../support/evaluate.ts";

const { onnx } = proto;
const read = (bytes: Uint8Array): OnnxModel => readModel(new Window(memory(bytes)));

/** relu(x · w + b) with a weight of 300 numbers. */
function ours(): Uint8Array {
  const b = new Build(new Arena(infer));
  const x = b.input("x", "f32", [symbol("B"), 20]);
  const w = b.tensor("f32", [20, 15], Array.from({ length: 300 }, (_, i) => i / 7));
  return emitModel(graphOf(b.arena, b.unary("relu", b.matmul(x, w))), { target: "cpu", name: "small" }).model;
}

test("a file is read as it was written, weights by their place", (t) => {
  const bytes = ours();
  const { graph, opsets, irVersion } = read(bytes);
  t.is(irVersion, 10);
  t.true((opsets.get("") ?? 0) >= 17);
  t.deepEqual(graph.nodes.map((n) => n.opType), ["MatMul", "Relu"]);
  t.deepEqual(graph.inputs.map((i) => [i.name, i.type]), [["x", { kind: "tensor", code: 1, dtype: "f32", dims: ["B", 20] }]]);
  const [weight] = graph.initializers;
  t.deepEqual(weight?.dims, [20, 15]);
  const data = weight?.data;
  if (data?.kind !== "inside") return t.fail("the weight is not inside");
  t.is(data.end - data.start, 1200);
  t.is(new DataView(bytes.buffer, bytes.byteOffset).getFloat32(data.start + 4 * 299, true), Math.fround(299 / 7));
  t.is(graph.outputs[0]?.name, "y");
});

test("attributes of every kind", (t) => {
  const graph = { name: "inner", node: [{ opType: "Identity", input: ["outer"], output: ["z"] }], output: [{ name: "z" }] };
  const model = onnx.ModelProto.encode({
    irVersion: 8, opsetImport: [{ domain: "ai.onnx", version: 14 }],
    graph: { node: [{
      opType: "If", domain: "ai.onnx", input: ["c", ""], output: ["y"],
      attribute: [
        { name: "then_branch", type: 5, g: graph }, { name: "axes", type: 7, ints: [-1, 2] }, { name: "alpha", type: 1, f: 0.5 }, { name: "zero", type: 2 },
        { name: "mode", type: 3, s: new TextEncoder().encode("linear") }, { name: "scales", type: 6, floats: [1.5, 2] }, { name: "none", type: 7 },
      ],
    }] },
  }).finish();
  const [node] = read(model).graph.nodes;
  t.is(node?.domain, "");
  t.deepEqual(node?.inputs, ["c", ""]);
  const value = (name: string): unknown => node?.attributes.get(name)?.value;
  t.deepEqual(value("axes"), { kind: "ints", values: [-1, 2] });
  t.deepEqual(value("none"), { kind: "ints", values: [] });
  t.deepEqual(value("zero"), { kind: "int", value: 0 });
  t.deepEqual(value("alpha"), { kind: "float", value: 0.5 });
  t.deepEqual(value("mode"), { kind: "string", value: "linear" });
  t.deepEqual(value("scales"), { kind: "floats", values: [1.5, 2] });
  const then = node?.attributes.get("then_branch")?.value;
  t.deepEqual(then?.kind === "graph" && then.value.nodes.map((n) => [n.opType, n.inputs[0]]), [["Identity", "outer"]]);
});

test("cut anywhere, a file is corrupt or another file, and nothing else happens", (t) => {
  const bytes = ours();
  let corrupt = 0;
  for (let end = 0; end < bytes.length; end += 7) {
    try {
      read(bytes.subarray(0, end));
    } catch (error) {
      if (!(error instanceof Corrupt)) throw error;
      t.true(error.offset >= 0 && error.offset <= bytes.length);
      corrupt++;
    }
  }
  t.true(corrupt > 50);
});

test("lengths beyond the file, endless numbers, and graphs nested without end are told", (t) => {
  t.throws(() => read(Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f)), { instanceOf: Corrupt, message: /field 7 claims 4294967295 bytes/ });
  t.throws(() => read(Uint8Array.of(0x08, ...Array<number>(11).fill(0xff))), { instanceOf: Corrupt, message: /more than 64 bits/ });
  t.throws(() => read(new TextEncoder().encode("<html>not a model</html>")), { instanceOf: Corrupt });
  let graph: object = { name: "deepest" };
  for (let i = 0; i < 40; i++) graph = { name: "g", node: [{ opType: "If", output: ["y"], attribute: [{ name: "then_branch", type: 5, g: graph }] }] };
  t.throws(() => read(onnx.ModelProto.encode({ irVersion: 8, graph }).finish()), { instanceOf: Corrupt, message: /more than 32 deep/ });
});
