// Tensors on their way to ONNX Runtime and back.
import type * as ort from "onnxruntime-common";
import { refuse } from "./errors.ts";
import { dtypeOfOnnx, fromBytes, onnxNameOf, type Tensor } from "./tensor.ts";

export function toOnnx(Tensor: typeof ort.Tensor, name: string, tensor: Tensor): ort.Tensor {
  return new Tensor(onnxNameOf(name, tensor.dtype), tensor.data as ort.Tensor.DataType, tensor.dims);
}

export function fromOnnx(name: string, tensor: ort.Tensor): Tensor {
  const dtype = dtypeOfOnnx(tensor.type);
  if (!dtype || typeof tensor.data === "string") throw refuse("R710", { name, dtype: tensor.type });
  const data = tensor.data as Uint8Array;
  return fromBytes(name, dtype, [...tensor.dims], new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
