// Runs graphs in tests: emits them and hands the bytes to ONNX Runtime.
import * as ort from "onnxruntime-node";
import { type EmitOptions, emitModel } from "../../compiler/emit/onnx.ts";
import { literal, values } from "../../compiler/graph/build.ts";
import type { Arena, Graph, Node } from "../../compiler/graph/node.ts";
import type { Value } from "../../compiler/host.ts";
import type { DType } from "../../compiler/types/tensor.ts";

/** Outputs of a graph on the CPU, by name. */
export async function runGraph(graph: Graph, inputs: Readonly<Record<string, Value>>, options: Partial<EmitOptions> = {}): Promise<Record<string, Value>> {
  return runModel(emitModel(graph, { target: "cpu", name: "test", ...options }).model, inputs);
}

/** Outputs of an ONNX model, given as bytes or by its path. Inputs that it does not have are left out. */
export async function runModel(model: Uint8Array | string, inputs: Readonly<Record<string, Value>>, options: ort.InferenceSession.SessionOptions = {}): Promise<Record<string, Value>> {
  const all: ort.InferenceSession.SessionOptions = { logSeverityLevel: 3, intraOpNumThreads: 1, interOpNumThreads: 1, ...options };
  const session = typeof model === "string" ? await ort.InferenceSession.create(model, all) : await ort.InferenceSession.create(model, all);
  try {
    const feeds: Record<string, ort.Tensor> = {};
    for (const name of session.inputNames) if (inputs[name]) feeds[name] = toTensor(inputs[name]);
    const results = await session.run(feeds);
    return Object.fromEntries(session.outputNames.map((name) => [name, fromTensor(results[name] as ort.Tensor)]));
  } finally {
    await session.release();
  }
}

/** A graph of one or several nodes: outputs `y`, or `y0`, `y1`, …; inputs are those that the nodes use. */
export function graphOf(arena: Arena, ...nodes: readonly Node[]): Graph<"fused"> {
  const inputs = new Map<string, Node>();
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (node.op === "input") inputs.set(node.attrs.name as string, node);
    node.inputs.forEach(visit);
  };
  nodes.forEach(visit);
  return {
    level: "fused", arena, guards: [],
    inputs: [...inputs].map(([name, node]) => ({ name, node, axes: node.type.dims.map((_, i) => `axis${i}`) })),
    outputs: nodes.map((node, i) => ({ name: nodes.length === 1 ? "y" : `y${i}`, node, axes: node.type.dims.map((_, j) => `axis${j}`) })),
  };
}

export const tensor = (dtype: DType, dims: readonly number[], numbers: ArrayLike<number>): Value => ({ dtype, dims, bytes: literal(dtype, numbers).bytes });
export const f32 = (dims: readonly number[], numbers: ArrayLike<number>): Value => tensor("f32", dims, numbers);
export const i64 = (dims: readonly number[], numbers: ArrayLike<number>): Value => tensor("i64", dims, numbers);
export const numbers = (value: Value): number[] => values({ kind: "literal", dtype: value.dtype, bytes: value.bytes });

const NAMES: Readonly<Record<string, DType>> = {
  float32: "f32", float64: "f64", float16: "f16", int64: "i64", int32: "i32", int16: "i16", uint16: "u16", int8: "i8", uint8: "u8", bool: "bool",
};
const ARRAYS: Readonly<Partial<Record<DType, [ort.Tensor.Type, { new (buffer: ArrayBuffer): ort.Tensor.DataType }]>>> = {
  f32: ["float32", Float32Array], f64: ["float64", Float64Array], f16: ["float16", Uint16Array], i64: ["int64", BigInt64Array],
  i32: ["int32", Int32Array], i16: ["int16", Int16Array], u16: ["uint16", Uint16Array], i8: ["int8", Int8Array], u8: ["uint8", Uint8Array], bool: ["bool", Uint8Array],
};

function toTensor(value: Value): ort.Tensor {
  const entry = ARRAYS[value.dtype];
  if (!entry) throw new Error(`ONNX Runtime takes no inputs of ${value.dtype}`);
  const [name, array] = entry;
  return new ort.Tensor(name, new array(value.bytes.slice().buffer), [...value.dims]);
}

function fromTensor(from: ort.Tensor): Value {
  const dtype = NAMES[from.type];
  if (!dtype) throw new Error(`no element type for ${from.type}`);
  const data = from.data as Float32Array;
  return { dtype, dims: from.dims, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice() };
}
