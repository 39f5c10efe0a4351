/** Reads expected results: the oracles' safetensors files and the golden vectors' JSON. For tests only; it trusts its files. */
import { readFileSync } from "node:fs";

export type Values =
  | Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array
  | BigInt64Array | BigUint64Array;

/** f16 and bf16 stay the 16-bit patterns they are (`Uint16Array`), bool is one byte a value. */
export type Expected = { readonly dtype: string; readonly dims: readonly number[]; readonly data: Values };

export function readSafetensors(path: string): Map<string, Expected> {
  const file = readFileSync(path);
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, 8 + length)) as Record<string, HeaderEntry>;
  const tensors = new Map<string, Expected>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = entry.data_offsets;
    tensors.set(name, {
      dtype: entry.dtype.toLowerCase(),
      dims: entry.shape,
      data: valuesOf(entry.dtype, file.subarray(8 + length + from, 8 + length + to)),
    });
  }
  return tensors;
}

/** The named tensor, or an error that lists what there is. */
export function expectedOf(tensors: ReadonlyMap<string, Expected>, name: string): Expected {
  const found = tensors.get(name);
  if (!found) throw new Error(`no tensor "${name}"; there are: ${[...tensors.keys()].join(", ")}`);
  return found;
}

export type GoldenValue = Expected | Plain;
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

export type Golden = {
  readonly system: string;
  readonly op: string;
  readonly case: string;
  readonly params: Readonly<Record<string, Plain>>;
  readonly inputs: ReadonlyMap<string, GoldenValue>;
  readonly outputs: ReadonlyMap<string, GoldenValue>;
  /** For all floats, or an absolute number by output; integers are exact. */
  readonly tol: { readonly abs: number; readonly rel: number } | Readonly<Record<string, number>>;
  readonly margin: number | null;
  /** Small schedules: arguments and `out`. */
  readonly cases: readonly Readonly<Record<string, Plain>>[];
};

export function readGolden(path: string): Golden {
  const raw = JSON.parse(readFileSync(path, "utf8")) as RawGolden;
  return {
    system: raw.system,
    op: raw.op,
    case: raw.case,
    params: raw.params ?? {},
    inputs: named(raw.inputs),
    outputs: named(raw.outputs),
    tol: raw.tol ?? {},
    margin: raw.margin ?? null,
    cases: raw.cases ?? [],
  };
}

/** A value of a golden file that must be a tensor. */
export function tensorOf(values: ReadonlyMap<string, GoldenValue>, name: string): Expected {
  const found = values.get(name);
  if (found === undefined || !isTensor(found)) throw new Error(`"${name}" is not a tensor; there are: ${[...values.keys()].join(", ")}`);
  return found;
}

export const isTensor = (value: GoldenValue): value is Expected =>
  typeof value === "object" && value !== null && "dtype" in value && "dims" in value;

/** The largest difference, and that over the largest expected value; NaN anywhere, or another length, counts as infinite. */
export function difference(actual: ArrayLike<number | bigint>, expected: ArrayLike<number | bigint>): { absolute: number; relative: number } {
  if (actual.length !== expected.length) return { absolute: Infinity, relative: Infinity };
  let absolute = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const off = Math.abs(Number(actual[i]) - Number(expected[i]));
    absolute = Number.isNaN(off) ? Infinity : Math.max(absolute, off);
    largest = Math.max(largest, Math.abs(Number(expected[i])));
  }
  return { absolute, relative: absolute === 0 ? 0 : absolute / largest };
}

/** Every `stride`-th value of each record, as the oracles keep large outputs. */
export function every(data: Float32Array, records: number, stride: number): Float32Array {
  const size = data.length / records;
  const kept = Math.ceil(size / stride);
  return Float32Array.from({ length: records * kept }, (_, i) => data[Math.floor(i / kept) * size + (i % kept) * stride] ?? NaN);
}

type HeaderEntry = { readonly dtype: string; readonly shape: readonly number[]; readonly data_offsets: readonly [number, number] };
type RawTensor = { readonly dtype: string; readonly shape: readonly number[]; readonly data: readonly (number | boolean)[] };
type RawGolden = Omit<Partial<Golden>, "inputs" | "outputs"> & {
  readonly system: string;
  readonly op: string;
  readonly case: string;
  readonly inputs?: Readonly<Record<string, RawTensor | Plain>>;
  readonly outputs?: Readonly<Record<string, RawTensor | Plain>>;
};

/** Copies, so that the values are aligned whatever the file's offset. */
function valuesOf(dtype: string, bytes: Uint8Array): Values {
  const buffer = new Uint8Array(bytes).buffer;
  switch (dtype) {
    case "F64": return new Float64Array(buffer);
    case "F32": return new Float32Array(buffer);
    case "F16": case "BF16": case "U16": return new Uint16Array(buffer);
    case "I64": return new BigInt64Array(buffer);
    case "U64": return new BigUint64Array(buffer);
    case "I32": return new Int32Array(buffer);
    case "U32": return new Uint32Array(buffer);
    case "I16": return new Int16Array(buffer);
    case "I8": return new Int8Array(buffer);
    case "U8": case "BOOL": return new Uint8Array(buffer);
    default: throw new Error(`no reader for dtype ${dtype}`);
  }
}

function named(values: Readonly<Record<string, RawTensor | Plain>> = {}): Map<string, GoldenValue> {
  return new Map(Object.entries(values).map(([name, value]) => [name, isRaw(value) ? fromRaw(value) : value]));
}

const isRaw = (value: RawTensor | Plain): value is RawTensor =>
  typeof value === "object" && value !== null && !Array.isArray(value) && "dtype" in value && "shape" in value && "data" in value;

function fromRaw({ dtype, shape, data }: RawTensor): Expected {
  switch (dtype) {
    case "float32": return { dtype: "f32", dims: shape, data: Float32Array.from(data, Number) };
    case "int64": return { dtype: "i64", dims: shape, data: BigInt64Array.from(data, (v) => BigInt(Number(v))) };
    case "bool": return { dtype: "bool", dims: shape, data: Uint8Array.from(data, Number) };
    default: throw new Error(`no reader for golden dtype ${dtype}`);
  }
}
