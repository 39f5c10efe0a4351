// Tensors in safetensors files: inputs of a run, and its results. Reading is the compiler's own reader, so that files that lie are refused.
import { basename, dirname } from "node:path";
import { openSafetensors } from "../../compiler/import/safetensors.ts";
import { fromBytes, stack, type Tensor, type TypedArray } from "../../runtime/tensor.ts";
import { NodeHost } from "../node-host.ts";
import { UsageError } from "./usage-error.ts";

/** All tensors of a file. */
export function readTensors(path: string): Map<string, Tensor> {
  const host = new NodeHost({ root: dirname(path) });
  try {
    const { value, problems } = openSafetensors(host, path, basename(path), undefined);
    const [problem] = problems;
    if (!value || problem) throw new UsageError(problem?.says ?? `${path} cannot be read.`, problem?.next);
    const [unknown] = value.unsupported;
    if (unknown) throw new UsageError(`${unknown[0]} of ${basename(path)} is stored as ${unknown[1]}, which is not computed with.`);
    return new Map([...value.weights].map(([name, ref]) => [name, fromBytes(name, ref.dtype, ref.shape, host.readRange(path, ref.offset, ref.length))]));
  } finally {
    host.close();
  }
}

const NAMES: Readonly<Record<string, string>> = { f64: "F64", f32: "F32", f16: "F16", bf16: "BF16", i64: "I64", i32: "I32", i16: "I16", i8: "I8", u16: "U16", u8: "U8", bool: "BOOL" };

/** A file of these tensors, in their order; the header is padded so that data begins at a multiple of 8. */
export function tensorFile(tensors: ReadonlyMap<string, Tensor>): Buffer {
  const header: Record<string, unknown> = {};
  const data: Uint8Array[] = [];
  let at = 0;
  for (const [name, { dtype, dims, data: values }] of tensors) {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    header[name] = { dtype: NAMES[dtype], shape: dims, data_offsets: [at, at + bytes.length] };
    data.push(bytes);
    at += bytes.length;
  }
  const json = JSON.stringify(header);
  const text = Buffer.from(json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8 - Buffer.byteLength(json) + json.length));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...data]);
}

/** Row `index` of a tensor whose first axis counts records. */
export function rowOf({ dtype, dims, data }: Tensor, index: number): Tensor {
  const size = dims.slice(1).reduce((p, d) => p * d, 1);
  return { dtype, dims: dims.slice(1), data: data.slice(index * size, (index + 1) * size) as TypedArray };
}

/** Tensors of one shape with a first axis in front. */
export function stacked(name: string, parts: readonly Tensor[]): Tensor {
  const [first] = parts;
  if (!first) throw new UsageError(`There are no records, so ${name} has no values.`);
  if (parts.some((p) => p.dims.join() !== first.dims.join())) throw new UsageError(`${name} has other sizes in every record, so that the records make no one tensor.`, "Ask for --format jsonl.");
  return stack(name, first.dtype, parts);
}
