// Small ONNX files for tests, built by hand: a line a node.
import Long from "long";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import proto, { type onnx as Onnx } from "onnx-proto";
import { literal } from "../../compiler/graph/build.ts";
import { ONNX_TYPE } from "../../compiler/ops/op.ts";
import type { DType } from "../../compiler/types/tensor.ts";
import { temporaryFolder } from "./safetensors-file.ts";

const { onnx } = proto;

export type AttributeText = number | string | readonly number[] | { readonly float: number } | { readonly floats: readonly number[] } | { readonly graph: Onnx.IGraphProto } | { readonly tensor: Onnx.ITensorProto } | { readonly ref: string };

/** `node("MatMul", ["x", "w"], ["y"], { axis: 1 })`; whole numbers are integers. */
export function node(opType: string, input: readonly string[], output: readonly string[], attributes: Readonly<Record<string, AttributeText>> = {}, rest: Onnx.INodeProto = {}): Onnx.INodeProto {
  return { opType, input: [...input], output: [...output], name: `${opType}_${output[0]}`, attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)), ...rest };
}

function attribute(name: string, value: AttributeText): Onnx.IAttributeProto {
  if (typeof value === "number") return { name, type: 2, i: Long.fromNumber(value) };
  if (typeof value === "string") return { name, type: 3, s: new TextEncoder().encode(value) };
  if ("float" in value) return { name, type: 1, f: value.float };
  if ("floats" in value) return { name, type: 6, floats: [...value.floats] };
  if ("graph" in value) return { name, type: 5, g: value.graph };
  if ("tensor" in value) return { name, type: 4, t: value.tensor };
  if ("ref" in value) return { name, type: 2, refAttrName: value.ref } as Onnx.IAttributeProto;
  return { name, type: 7, ints: value.map((v) => Long.fromNumber(v)) };
}

export const tensorProto = (name: string, dtype: DType, dims: readonly number[], values: ArrayLike<number>): Onnx.ITensorProto => ({ name, dataType: ONNX_TYPE[dtype], dims: dims.map((d) => Long.fromNumber(d)), rawData: literal(dtype, values).bytes });

/** A port of a graph; texts are names of sizes. Without sizes only the element type is told. */
export function port(name: string, dtype: DType | number, dims?: readonly (number | string)[]): Onnx.IValueInfoProto {
  const dim = (d: number | string): Onnx.TensorShapeProto.IDimension => (typeof d === "number" ? { dimValue: Long.fromNumber(d) } : { dimParam: d });
  return { name, type: { tensorType: { elemType: typeof dtype === "number" ? dtype : ONNX_TYPE[dtype], ...(dims ? { shape: { dim: dims.map(dim) } } : {}) } } };
}

export interface ModelText extends Onnx.IGraphProto {
  readonly opset?: number;
  readonly domains?: Readonly<Record<string, number>>;
  readonly functions?: Onnx.IFunctionProto[];
}

/** Bytes of a ModelProto. */
export function modelBytes({ opset = 17, domains = {}, functions = [], ...graph }: ModelText): Uint8Array {
  const opsetImport = [{ domain: "", version: opset }, ...Object.entries(domains).map(([domain, version]) => ({ domain, version }))];
  return onnx.ModelProto.encode({ irVersion: 8, opsetImport, functions, graph: { name: "test", ...graph } }).finish();
}

/** A new folder with these files. */
export function folderOf(files: Readonly<Record<string, Uint8Array>>): string {
  const folder = temporaryFolder();
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  return folder;
}
