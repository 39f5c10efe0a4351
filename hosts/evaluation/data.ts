// Data sets as a program declares them: a JSON list of records beside its pictures, or a safetensors file with one tensor a field.
import type { Compiled } from "../../compiler/compile.ts";
import { type Problem, report } from "../../compiler/diagnostics/define.ts";
import { gates } from "../../compiler/diagnostics/gates.ts";
import { shown } from "../../compiler/emit/manifest.ts";
import { type Host, HostError } from "../../compiler/host.ts";
import { openSafetensors } from "../../compiler/import/safetensors.ts";
import type { WeightRef } from "../../compiler/graph/node.ts";
import { BITS, type DType, isDType } from "../../compiler/types/tensor.ts";
import type * as Ast from "../../grammar/ast.ts";
import { allocate, fromBytes, type Tensor } from "../../runtime/tensor.ts";

/** What a field holds. */
type FieldType =
  | { readonly kind: "image" | "audio" | "text" | "int" | "float" | "bool" }
  /** Sizes that are written as numbers are checked; others are open. */
  | { readonly kind: "tensor"; readonly dtype: DType; readonly sizes: readonly (number | undefined)[] };

/** Decoded pixels, as `run` takes them. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
}
/** One value of one record, as `run` takes it: a picture is a path or pixels. */
export type FieldValue = string | number | bigint | boolean | Pixels | Tensor;

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly at: (record: number) => FieldValue;
}

export interface DataSet {
  readonly name: string;
  /** Relative to the project. */
  readonly file: string;
  /** Of that file; where it names pictures or sounds, of its digest and theirs, in the order of the records. */
  readonly sha256: string;
  readonly records: number;
  readonly fields: ReadonlyMap<string, Field>;
}

/** A mistake in a data set: G606. */
class BadData extends Error {}

const WORDS: Readonly<Record<string, FieldType["kind"]>> = { image: "image", audio: "audio", text: "text", Str: "text", Int: "int", i64: "int", Float: "float", f32: "float", Bool: "bool", bool: "bool" };

/** Opens a data set and looks at every record, so that nothing is found out in the middle of measuring. */
export async function openData(host: Host, declaration: Ast.DataDecl): Promise<{ readonly value: DataSet | undefined; readonly problems: readonly Problem[] }> {
  const { from, name } = declaration;
  const path = from.kind === "string" ? from.value : "";
  try {
    if (from.kind !== "string") throw new BadData("its place must be written in quotes");
    const file = host.locate(path, from.span.file);
    if (file === undefined) throw new BadData(`it leads out of ${host.root}`);
    if (host.stat(file)?.isDirectory !== false) throw new BadData(host.stat(file) ? "it is a directory" : "there is no such file");
    const types = new Map(declaration.fields.map((f) => [f.name.name, fieldType(f)]));
    const read = file.endsWith(".safetensors") ? fromSafetensors(host, file, types) : fromJson(host, file, types);
    const { named, ...set } = read;
    return { value: { name: name.name, file: shown(file, host), sha256: await digest(host, file, named), ...set }, problems: [] };
  } catch (error) {
    if (error instanceof BadData || error instanceof HostError) return { value: undefined, problems: [report(gates.G606, from.span, { path, why: error instanceof HostError ? error.reason : error.message })] };
    throw error;
  }
}

async function digest(host: Host, file: string, named: readonly string[]): Promise<string> {
  const own = await host.digestFile(file);
  if (named.length === 0) return own;
  const all = [own];
  for (const each of named) all.push(await host.digestFile(each));
  return host.digest(new TextEncoder().encode(all.join("\n")));
}

function fieldType({ name, type }: Ast.Param): FieldType {
  if (type?.kind === "named-type" && type.path.length === 1) {
    const kind = WORDS[type.path[0]?.name ?? ""];
    if (kind && kind !== "tensor") return { kind };
  }
  if (type?.kind === "tensor-type" && isDType(type.dtype)) {
    const { dtype, axes } = type;
    const scalar = axes.length === 0 ? WORDS[dtype] : undefined;
    if (scalar && scalar !== "tensor") return { kind: scalar };
    const written = (axis: Ast.AxisExpr): number | undefined => ((axis.kind === "axis" || axis.kind === "sized") && axis.size?.kind === "number" ? axis.size.value : undefined);
    return { kind: "tensor", dtype, sizes: axes.map(written) };
  }
  throw new BadData(`the field ${name.name} has no type that data can have (image, text, Int, Float, Bool, f32[C])`);
}

// ── JSON ──
interface Read extends Pick<DataSet, "records" | "fields"> {
  /** Files that records name, in their order. */
  readonly named: readonly string[];
}

function fromJson(host: Host, file: string, types: ReadonlyMap<string, FieldType>): Read {
  const records = recordsOf(new TextDecoder().decode(host.read(file)), file.endsWith(".jsonl"));
  if (records.length === 0) throw new BadData("it has no records");
  const columns = new Map([...types].map(([name]) => [name, [] as FieldValue[]]));
  for (const [i, record] of records.entries()) {
    if (typeof record !== "object" || record === null || Array.isArray(record)) throw new BadData(`record ${i} is ${kindOf(record)}, not an object`);
    for (const [name, type] of types) {
      if (!Object.hasOwn(record, name)) throw new BadData(`record ${i} has no field ${name}`);
      columns.get(name)?.push(fieldValue((record as Record<string, unknown>)[name], type, `${name} of record ${i}`, host, file));
    }
  }
  const files = [...types].flatMap(([name, { kind }]) => (kind === "image" || kind === "audio" ? [columns.get(name) as string[]] : []));
  const named = records.flatMap((_, i) => files.map((column) => column[i] as string));
  return { records: records.length, fields: fieldsOf(types, (name) => (i) => columns.get(name)?.[i] as FieldValue), named };
}

function recordsOf(text: string, lines: boolean): readonly unknown[] {
  try {
    const json: unknown = lines ? text.split("\n").flatMap((line) => (line.trim() === "" ? [] : [JSON.parse(line) as unknown])) : JSON.parse(text);
    if (!Array.isArray(json)) throw new BadData(`it is ${kindOf(json)}, not a list of records`);
    return json;
  } catch (error) {
    if (error instanceof BadData) throw error;
    throw new BadData(`it is not valid JSON: ${(error as Error).message}`);
  }
}

function fieldValue(value: unknown, type: FieldType, what: string, host: Host, file: string): FieldValue {
  const wrong = (wanted: string): BadData => new BadData(`${what} is ${kindOf(value)}, and ${wanted} is wanted`);
  switch (type.kind) {
    case "image": case "audio": {
      if (typeof value !== "string") throw wrong("the path of a file");
      const located = host.locate(value, file);
      if (located === undefined) throw new BadData(`${what}: ${JSON.stringify(value)} leads out of the project`);
      if (host.stat(located)?.isDirectory !== false) throw new BadData(`${what}: there is no file ${JSON.stringify(value)}`);
      return located;
    }
    case "text": if (typeof value !== "string") throw wrong("a text"); return value;
    case "int": if (!Number.isSafeInteger(value)) throw wrong("a whole number"); return value as number;
    case "float": if (typeof value !== "number") throw wrong("a number"); return value;
    case "bool": if (typeof value !== "boolean") throw wrong("true or false"); return value;
    case "tensor": return nested(value, type, what);
  }
}

const kindOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : JSON.stringify(value)?.slice(0, 40) ?? typeof value);

/** Lists in lists of numbers, all of a length. */
function nested(value: unknown, { dtype, sizes }: Extract<FieldType, { kind: "tensor" }>, what: string): Tensor {
  const dims: number[] = [];
  for (let at = value; Array.isArray(at); at = at[0]) dims.push(at.length);
  checkSizes(dims, sizes, what);
  const data = allocate(what, dtype, dims.reduce((a, b) => a * b, 1));
  let next = 0;
  const fill = (at: unknown, depth: number): void => {
    if (depth < dims.length) {
      if (!Array.isArray(at) || at.length !== dims[depth]) throw new BadData(`${what} has lists of different lengths`);
      for (const each of at) fill(each, depth + 1);
    } else if (typeof at !== "number" && typeof at !== "boolean") throw new BadData(`${what} holds ${kindOf(at)}, not a number`);
    else if (data instanceof BigInt64Array) data[next++] = BigInt(Math.trunc(Number(at)));
    else data[next++] = Number(at);
  };
  fill(value, 0);
  return { dtype, dims, data };
}

function checkSizes(dims: readonly number[], sizes: readonly (number | undefined)[], what: string): void {
  const wanted = `[${sizes.map((s) => s ?? "any").join(", ")}]`;
  if (dims.length !== sizes.length || sizes.some((s, i) => s !== undefined && s !== dims[i])) throw new BadData(`${what} has the shape [${dims.join(", ")}], and ${wanted} is wanted`);
}

// ── safetensors ──
function fromSafetensors(host: Host, file: string, types: ReadonlyMap<string, FieldType>): Read {
  const opened = openSafetensors(host, file, shown(file, host), undefined);
  if (!opened.value) throw new BadData(opened.problems[0]?.says.replace(/\.$/, "") ?? "it cannot be opened");
  const { weights, unsupported } = opened.value;
  const counts = new Map<string, number>();
  const columns = new Map<string, (record: number) => FieldValue>();
  for (const [name, type] of types) {
    const ref = weights.get(name);
    if (!ref) throw new BadData(unsupported.has(name) ? `the tensor ${name} is stored as ${unsupported.get(name)}, which I cannot read` : `it holds no tensor ${name}; it has ${[...weights.keys()].sort().join(", ") || "none"}`);
    const [records] = ref.shape;
    if (records === undefined) throw new BadData(`the tensor ${name} has no axis of records`);
    counts.set(name, records);
    columns.set(name, column(host, ref, type, name));
  }
  const [[first, records] = ["", 0]] = counts;
  for (const [name, other] of counts) if (other !== records) throw new BadData(`${first} has ${records} records, and ${name} has ${other}`);
  if (records === 0) throw new BadData("it has no records");
  return { records, fields: fieldsOf(types, (name) => columns.get(name) as Field["at"]), named: [] };
}

/** The rows of a tensor, read when they are asked for. */
function column(host: Host, ref: WeightRef, type: FieldType, name: string): (record: number) => FieldValue {
  const { dtype } = ref;
  const [records = 1, ...dims] = ref.shape;
  const bytes = ref.length / records;
  const stored = `${dtype}[${ref.shape.join(", ")}]`;
  const wrong = (wanted: string): BadData => new BadData(`the tensor ${name} is ${stored}, and ${wanted} is wanted`);
  const row = (i: number): Uint8Array => host.readRange(ref.file, ref.offset + i * bytes, bytes);
  const values = (i: number): Tensor => fromBytes(name, dtype, dims, row(i));
  switch (type.kind) {
    case "image": return pixelRows(dims, dtype, row, wrong);
    case "int":
      if (dims.length > 0 || BITS[dtype] < 8 || dtype.startsWith("f") || dtype === "bf16" || dtype === "bool") throw wrong("one whole number a record");
      return (i) => Number(values(i).data[0]);
    case "float":
      if (dims.length > 0 || (dtype !== "f32" && dtype !== "f64")) throw wrong("one f32 or f64 a record");
      return (i) => Number(values(i).data[0]);
    case "bool":
      if (dims.length > 0 || (dtype !== "bool" && dtype !== "u8")) throw wrong("one bool a record");
      return (i) => Number(values(i).data[0]) !== 0;
    case "tensor":
      if (dtype !== type.dtype) throw wrong(type.dtype);
      checkSizes(dims, type.sizes, `a record of ${name}`);
      return values;
    default: throw wrong("a JSON file: a tensor holds no texts and sounds");
  }
}

/** u8[records, channels, height, width], or without channels: grey. */
function pixelRows(dims: readonly number[], dtype: DType, row: (i: number) => Uint8Array, wrong: (wanted: string) => BadData): (record: number) => Pixels {
  const [channels, height, width] = dims.length === 2 ? [1, dims[0], dims[1]] : dims;
  if (dtype !== "u8" || dims.length > 3 || !channels || !height || !width || ![1, 3, 4].includes(channels)) throw wrong("u8[records, channels, height, width]");
  return (i) => {
    const planes = row(i);
    if (channels === 1) return { data: planes, width, height, channels };
    const data = new Uint8Array(planes.length);
    const area = width * height;
    for (let c = 0; c < channels; c++) for (let p = 0; p < area; p++) data[p * channels + c] = planes[c * area + p] as number;
    return { data, width, height, channels: channels as 3 | 4 };
  };
}

function fieldsOf(types: ReadonlyMap<string, FieldType>, at: (name: string) => Field["at"]): ReadonlyMap<string, Field> {
  return new Map([...types].map(([name, type]) => [name, { name, type, at: at(name) }]));
}

/** The declaration of a data set by its name. */
export const dataNamed = (compiled: Pick<Compiled, "program">, name: string): Ast.DataDecl | undefined => compiled.program.data.find((d) => d.name.name === name);
