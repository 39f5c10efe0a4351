// Tensors as programs hold them, and how they go to batches and back. No type of ONNX Runtime stands here: programs see this file.
import type { DType } from "./artifact.d.ts";
import { refuse } from "./errors.ts";

export type TypedArray = Float32Array | Float64Array | Uint16Array | BigInt64Array | Int32Array | Int16Array | Int8Array | Uint8Array;

/** Values in row-major order. f16 and bf16 are their bit patterns in a `Uint16Array`, i64 a `BigInt64Array`, bool one byte (0 or 1) a value. */
export interface Tensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: TypedArray;
}

/** ONNX Runtime's words for element types. */
type OnnxName = "float64" | "float32" | "float16" | "int64" | "int32" | "int16" | "int8" | "uint16" | "uint8" | "bool";

interface ArrayKind {
  readonly bytes: number;
  /** The classes that hold these values; the first is the one that the runtime makes. */
  readonly arrays: readonly string[];
  /** Undefined: ONNX Runtime neither takes nor gives them. */
  readonly onnx: OnnxName | undefined;
  readonly view: (buffer: ArrayBufferLike, offset: number, length: number) => TypedArray;
}

const KINDS: Readonly<Partial<Record<DType, ArrayKind>>> = {
  f64: { bytes: 8, arrays: ["Float64Array"], onnx: "float64", view: (b, o, n) => new Float64Array(b, o, n) },
  f32: { bytes: 4, arrays: ["Float32Array"], onnx: "float32", view: (b, o, n) => new Float32Array(b, o, n) },
  f16: { bytes: 2, arrays: ["Uint16Array", "Float16Array"], onnx: "float16", view: (b, o, n) => new Uint16Array(b, o, n) },
  bf16: { bytes: 2, arrays: ["Uint16Array"], onnx: undefined, view: (b, o, n) => new Uint16Array(b, o, n) },
  i64: { bytes: 8, arrays: ["BigInt64Array"], onnx: "int64", view: (b, o, n) => new BigInt64Array(b, o, n) },
  i32: { bytes: 4, arrays: ["Int32Array"], onnx: "int32", view: (b, o, n) => new Int32Array(b, o, n) },
  i16: { bytes: 2, arrays: ["Int16Array"], onnx: "int16", view: (b, o, n) => new Int16Array(b, o, n) },
  i8: { bytes: 1, arrays: ["Int8Array"], onnx: "int8", view: (b, o, n) => new Int8Array(b, o, n) },
  u16: { bytes: 2, arrays: ["Uint16Array"], onnx: "uint16", view: (b, o, n) => new Uint16Array(b, o, n) },
  u8: { bytes: 1, arrays: ["Uint8Array", "Uint8ClampedArray"], onnx: "uint8", view: (b, o, n) => new Uint8Array(b, o, n) },
  bool: { bytes: 1, arrays: ["Uint8Array"], onnx: "bool", view: (b, o, n) => new Uint8Array(b, o, n) },
};
const BY_ONNX = new Map(Object.entries(KINDS).flatMap(([dtype, kind]) => (kind?.onnx ? [[kind.onnx as string, dtype as DType] as const] : [])));

/** The array classes of an element type, as an error names them; none for types that are only stored. */
export const arraysOf = (dtype: DType): readonly string[] => KINDS[dtype]?.arrays ?? [];
export const crossesTheEdge = (dtype: DType): boolean => KINDS[dtype]?.onnx !== undefined;
export const dtypeOfOnnx = (type: string): DType | undefined => BY_ONNX.get(type);

export const count = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

function kindOf(name: string, dtype: DType): ArrayKind & { onnx: OnnxName } {
  const kind = KINDS[dtype];
  if (!kind?.onnx) throw refuse("R710", { name, dtype });
  return { ...kind, onnx: kind.onnx };
}

/** ONNX Runtime's word for an element type; refuses those that it does not take. */
export const onnxNameOf = (name: string, dtype: DType): OnnxName => kindOf(name, dtype).onnx;

/** A new array for `length` values. */
export const allocate = (name: string, dtype: DType, length: number): TypedArray => {
  const kind = kindOf(name, dtype);
  return kind.view(new ArrayBuffer(length * kind.bytes), 0, length);
};

export function fromBytes(name: string, dtype: DType, dims: readonly number[], bytes: Uint8Array): Tensor {
  const kind = kindOf(name, dtype);
  // Bytes of a file may start anywhere; arrays of wider values may not.
  const aligned = bytes.byteOffset % kind.bytes === 0 ? bytes : bytes.slice();
  return { dtype, dims, data: kind.view(aligned.buffer, aligned.byteOffset, count(dims)) };
}

export const bytesOf = ({ data }: Tensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Tensors of equal sizes as one, with the batch axis in front. */
export function stack(name: string, dtype: DType, items: readonly Tensor[]): Tensor {
  const dims = items[0]?.dims ?? [];
  const size = count(dims);
  const data = allocate(name, dtype, size * items.length);
  const into = new Uint8Array(data.buffer);
  for (const [i, item] of items.entries()) into.set(bytesOf(item), i * item.data.byteLength);
  return { dtype, dims: [items.length, ...dims], data };
}

/** Those records of a batch that have these numbers, as a batch of their own. */
export function rows(name: string, batch: Tensor, records: readonly number[]): Tensor {
  const [all = 0] = batch.dims;
  if (records.length === all && records.every((record, i) => record === i)) return batch;
  const items = unstack(name, batch);
  return stack(name, batch.dtype, records.flatMap((record) => items[record] ?? []));
}

/** The records of a batch, each in an array of its own, so that keeping one does not keep all. */
export function unstack(name: string, batch: Tensor): Tensor[] {
  const [records = 0, ...dims] = batch.dims;
  if (records === 1) return [{ dtype: batch.dtype, dims, data: batch.data }];
  const bytes = bytesOf(batch);
  const size = bytes.length / Math.max(records, 1);
  return Array.from({ length: records }, (_, i) => fromBytes(name, batch.dtype, dims, bytes.slice(i * size, (i + 1) * size)));
}
