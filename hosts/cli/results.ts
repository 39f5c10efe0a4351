// Results of a run: JSON Lines, a table, or tensors in a safetensors file.
import type { OutputValue } from "../../runtime/record.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { table } from "./table.ts";
import { stacked, tensorFile } from "./tensor-files.ts";

export type OutputRecord = Readonly<Record<string, OutputValue>>;
/** A value that has no fields. */
type FlatOutput = number | boolean | Tensor;

const isTensor = (v: OutputValue): v is Tensor => typeof v === "object" && "dtype" in v && "dims" in v && ArrayBuffer.isView(v.data);

/** Tensors as nested lists; whole numbers beyond 2^53 as text, not-a-number and infinities as text too, which JSON has no other way for. */
export function plainValue(value: OutputValue): unknown {
  if (typeof value === "number") return number(value);
  if (typeof value === "boolean") return value;
  if (isTensor(value)) return lists(value, 0, 0, value.data.length);
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plainValue(v)]));
}

const number = (v: number | bigint): number | string => (typeof v === "bigint" ? (Number.isSafeInteger(Number(v)) ? Number(v) : `${v}`) : Number.isFinite(v) ? v : `${v}`);

function lists(t: Tensor, axis: number, from: number, length: number): unknown {
  if (axis === t.dims.length) return t.dtype === "bool" ? t.data[from] !== 0 : number(short(t, t.data[from] as number | bigint));
  const count = t.dims[axis] as number;
  return Array.from({ length: count }, (_, i) => lists(t, axis + 1, from + (i * length) / count, length / count));
}

/** f32 values in the fewest digits that give them back. */
function short(t: Tensor, v: number | bigint): number | bigint {
  if (t.dtype !== "f32" || typeof v === "bigint" || !Number.isFinite(v)) return v;
  for (let digits = 6; digits < 9; digits++) {
    const rounded = Number(v.toPrecision(digits));
    if (Math.fround(rounded) === v) return rounded;
  }
  return v;
}

export const jsonLine = (record: OutputRecord): string => `${JSON.stringify(plainValue(record))}\n`;

/** `a.b` for field b of record a. */
export function flatOutputs(record: OutputRecord, prefix = ""): [string, FlatOutput][] {
  return Object.entries(record).flatMap(([name, value]): [string, FlatOutput][] => (typeof value === "object" && !isTensor(value) ? flatOutputs(value, `${prefix}${name}.`) : [[`${prefix}${name}`, value]]));
}

export function resultTable(names: readonly string[], records: readonly OutputRecord[]): string {
  const fields = flatOutputs(records[0] ?? {}).map(([name]) => name);
  const rows = records.map((record, i) => [names[i] ?? "", ...flatOutputs(record).map(([, v]) => shown(v))]);
  return table([{ title: "input" }, ...fields.map((title) => ({ title, align: "right" as const }))], rows);
}

function shown(value: FlatOutput): string {
  if (typeof value === "number") return Number.isInteger(value) ? `${value}` : `${Number(value.toPrecision(5))}`;
  if (typeof value === "boolean") return `${value}`;
  const first = [...value.data.slice(0, 3)].map((v) => (typeof v === "bigint" ? `${v}` : `${Number(v.toPrecision(4))}`));
  return `${value.dtype}[${value.dims.join(", ")}] ${first.join(" ")}${value.data.length > 3 ? " …" : ""}`;
}

/** One tensor an output, its first axis the records. */
export function resultTensors(records: readonly OutputRecord[]): Buffer {
  const columns = new Map<string, Tensor[]>();
  for (const record of records)
    for (const [name, value] of flatOutputs(record)) columns.set(name, [...(columns.get(name) ?? []), asTensor(value)]);
  return tensorFile(new Map([...columns].map(([name, parts]) => [name, stacked(name, parts)])));
}

function asTensor(value: FlatOutput): Tensor {
  if (typeof value === "boolean") return { dtype: "bool", dims: [], data: Uint8Array.of(value ? 1 : 0) };
  if (typeof value === "number") return { dtype: "f64", dims: [], data: Float64Array.of(value) };
  return value;
}
