/** Graphs on this thread and the compiler's evaluator: values in and out in every element type, external data, timing, errors. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Long from "long";
import proto from "onnx-proto";
import test from "ava";
import type { DType } from "../../runtime/artifact.d.ts";
import { evaluate } from "../../runtime/evaluate.ts";
import { Graph, probe, RuntimeError } from "../../runtime/session.ts";
import { f32, smallModel, type SmallPort, temporary } from "./support.ts";

const { onnx } = proto;
const identity = (dtype: DType): Uint8Array => {
  const port: SmallPort = { name: "x", dtype, sizes: [3] };
  return smallModel([port], [{ ...port, name: "y" }], [{ op: "Identity", inputs: ["x"], outputs: ["y"] }]);
};

for (const [dtype, width] of [["f32", 4], ["f16", 2], ["u8", 1], ["i32", 4], ["i64", 8], ["bool", 1]] as const) {
  test(`${dtype} goes through the evaluator as it is, wherever its bytes lie`, async (t) => {
    const whole = Uint8Array.from({ length: width * 3 + 1 }, (_, i) => (dtype === "bool" ? i % 2 : (i * 37) % 120));
    const bytes = whole.subarray(1);
    const { y } = await evaluate(identity(dtype), { x: { dtype, dims: [1, 3], bytes } });
    t.deepEqual(y, { dtype, dims: [1, 3], bytes: new Uint8Array(bytes) });
  });
}

test("external data is found by its path from the root, and by its path beside a file", async (t) => {
  const folder = temporary();
  writeFileSync(join(folder, "w.data"), new Uint8Array(Float32Array.of(0, 5, 6, 7).buffer));
  const model = (location: string): Uint8Array => onnx.ModelProto.encode({
    irVersion: 10, opsetImport: [{ domain: "", version: 20 }],
    graph: {
      name: "stored", node: [{ name: "n", opType: "Neg", input: ["w"], output: ["y"], attribute: [] }],
      output: [{ name: "y", type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: Long.fromNumber(3) }] } } } }],
      initializer: [{ name: "w", dataType: 1, dims: [Long.fromNumber(3)], dataLocation: 1, externalData: [{ key: "location", value: location }, { key: "offset", value: "4" }, { key: "length", value: "12" }] }],
    },
  }).finish();
  const { y } = await evaluate(model(join(folder, "w.data").slice(1)), {});
  t.deepEqual(new Float32Array(y?.bytes.slice().buffer ?? new ArrayBuffer(0)), Float32Array.of(-5, -6, -7));
  const inside = join(folder, "models");
  mkdirSync(inside);
  writeFileSync(join(inside, "model.onnx"), model("w.data"));
  writeFileSync(join(inside, "w.data"), new Uint8Array(Float32Array.of(0, 1, 2, 3).buffer));
  await using graph = await Graph.open(join(inside, "model.onnx"), { threads: 1 });
  t.deepEqual(await graph.run({}), { y: f32([3], [-1, -2, -3]) });
});

test("a graph says its ports, runs, and is timed", async (t) => {
  const port: SmallPort = { name: "x", dtype: "f32", sizes: ["N"] };
  await using graph = await Graph.open(smallModel([port], [{ ...port, name: "y" }], [{ op: "Neg", inputs: ["x"], outputs: ["y"] }]), { threads: 1, optimization: "none" });
  t.deepEqual(graph.inputs, [{ name: "x", dtype: "f32", dims: ["B", "N"] }]);
  t.deepEqual(graph.outputs, [{ name: "y", dtype: "f32", dims: ["B", "N"] }]);
  t.deepEqual(await graph.run({ x: f32([1, 2], [1, -2]) }), { y: f32([1, 2], [-1, 2]) });
  const times = await graph.time({ x: f32([1, 2], [1, -2]) }, 5);
  t.is(times.length, 5);
  t.true(times.every((ms) => ms > 0 && ms < 10_000));
});

test("what ONNX Runtime refuses comes as an error with a code", async (t) => {
  t.is((await t.throwsAsync(evaluate(new Uint8Array(10), {}), { instanceOf: RuntimeError }))?.code, "R708");
  await using graph = await Graph.open(identity("f32"));
  t.is((await t.throwsAsync(graph.run({ x: f32([1, 2], [1, 2]) }), { instanceOf: RuntimeError }))?.code, "R754");
  t.is((await t.throwsAsync(graph.run({}), { instanceOf: RuntimeError }))?.code, "R754");
  t.is((await t.throwsAsync(graph.run({ x: { dtype: "bf16", dims: [1, 3], data: new Uint16Array(3) } }), { instanceOf: RuntimeError }))?.code, "R710");
});

test("what works here is found out: the CPU always, and for CUDA the libraries one by one", async (t) => {
  const { onnxruntime, folder, providers } = await probe();
  t.regex(onnxruntime ?? "", /^1\.\d+\.\d+/);
  t.truthy(folder);
  t.true(providers.some((p) => p.name === "cpu" && p.ready && p.libraries.length === 0));
  const cuda = providers.find((p) => p.name === "cuda");
  if (process.platform !== "linux" || process.arch !== "x64") return;
  t.deepEqual(cuda?.libraries.map((l) => l.name).filter((n) => /providers|libcuda\.|cudnn/.test(n)), ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so", "libcuda.so.1", "libcudnn.so.9"]);
  t.is(cuda?.ready, cuda?.libraries.every((l) => l.found));
  for (const library of cuda?.libraries ?? []) t.is(library.why === "", library.found, library.name);
  if (cuda?.ready) return;
  const error = await t.throwsAsync(Graph.open(identity("f32"), { device: "cuda" }), { instanceOf: RuntimeError });
  t.is(error?.code, "R722");
  t.regex(error?.message ?? "", /libonnxruntime_providers_cuda\.so \(from onnxruntime-gpu 1\.\d+/);
  t.is((await t.throwsAsync(Graph.open(identity("f32"), { device: "cudda" }), { instanceOf: RuntimeError }))?.code, "R721");
});
