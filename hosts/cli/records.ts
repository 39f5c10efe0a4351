// Inputs of a run, as they are typed: pictures, texts, JSON records, tensors; and standard input. They become records for a session.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, extname, isAbsolute, join, resolve } from "node:path";
import type { Boundary, Manifest } from "../../runtime/artifact.d.ts";
import type { InputValue } from "../../runtime/record.ts";
import type { Tensor, TypedArray } from "../../runtime/tensor.ts";
import { type InputRecord, nested, put } from "../record-fields.ts";
import { type Io, readStdin } from "./io.ts";
import { readTensors, rowOf } from "./tensor-files.ts";
import { UsageError } from "./usage-error.ts";

/** A record and what it is called in a table. */
export interface NamedRecord {
  readonly name: string;
  readonly record: InputRecord;
}

const PICTURES = new Set([".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".avif", ".heif"]);

/** `args`: what was typed. `common`: `name=value` for fields that all records share. */
export async function recordsOf(io: Io, manifest: Manifest, args: readonly string[], common: readonly string[]): Promise<NamedRecord[]> {
  const shared = await sharedFields(io, manifest, common);
  const open = manifest.inputs.filter((i) => !(i.name in shared));
  if (args.length === 0) {
    if (open.length > 0) throw new UsageError(`Nothing was given for ${open.map((i) => `${i.name} (${i.type})`).join(", ")}.`, inputHelp(open));
    return [{ name: "1", record: nested(shared) }];
  }
  const found: NamedRecord[] = [];
  for (const arg of args) found.push(...(arg === "-" ? await fromStdin(io, open) : await fromArgument(io, arg, open)));
  if (found.length === 0) throw new UsageError("There are no records in what was given.");
  return found.map(({ name, record }) => ({ name, record: merged(nested(shared), record) }));
}

function inputHelp(open: readonly Boundary[]): string {
  const [only] = open;
  if (open.length === 1 && only?.type === "image") return "Name pictures, a folder of pictures, or - for one on standard input.";
  if (open.length === 1 && only?.type === "text") return "Give texts, a .txt file with one a line, or - for standard input.";
  return "Give records as .jsonl, tensors as .safetensors, or --set NAME=VALUE.";
}

async function fromArgument(io: Io, arg: string, open: readonly Boundary[]): Promise<NamedRecord[]> {
  const path = resolve(io.cwd, arg);
  const extension = extname(arg).toLowerCase();
  const [only] = open;
  const isOne = open.length === 1;
  if (extension === ".jsonl" || extension === ".ndjson") return jsonLines(readText(path, arg), arg, dirname(path), open);
  if (extension === ".json" && existsSync(path)) return jsonFile(readText(path, arg), arg, dirname(path), open);
  if (extension === ".safetensors") return tensorRecords(readTensors(existing(path, arg)), arg, open);
  if (isOne && only?.type === "image") return pictures(path, arg).map((p) => ({ name: p.name, record: nested({ [only.name]: p.path }) }));
  if (isOne && only?.type === "text") {
    if (extension === ".txt" && existsSync(path)) return textLines(readText(path, arg), arg, only);
    return [{ name: arg.length > 40 ? `${arg.slice(0, 39)}…` : arg, record: nested({ [only.name]: arg }) }];
  }
  if (isOne && only && only.type !== "tensor") return [{ name: arg, record: nested({ [only.name]: parsed(only, arg) }) }];
  throw new UsageError(`${arg} cannot be an input: the pipeline takes ${open.map((i) => `${i.name} (${i.type})`).join(", ")}.`, inputHelp(open));
}

async function fromStdin(io: Io, open: readonly Boundary[]): Promise<NamedRecord[]> {
  const bytes = await readStdin(io);
  const [only] = open;
  if (open.length === 1 && only?.type === "image" && !looksLikeJson(bytes)) return [{ name: "-", record: nested({ [only.name]: new Uint8Array(bytes) }) }];
  const text = bytes.toString("utf8");
  if (open.length === 1 && only?.type === "text" && !looksLikeJson(bytes)) return textLines(text, "-", only);
  return jsonLines(text, "standard input", io.cwd, open);
}

const looksLikeJson = (bytes: Buffer): boolean => /^\s*[{[]/.test(bytes.subarray(0, 256).toString("latin1"));

function pictures(path: string, arg: string): { name: string; path: string }[] {
  if (!statSync(existing(path, arg)).isDirectory()) return [{ name: arg, path }];
  const names = readdirSync(path).filter((f) => PICTURES.has(extname(f).toLowerCase())).sort();
  if (names.length === 0) throw new UsageError(`${arg} holds no pictures.`);
  return names.map((name) => ({ name: join(arg, name), path: join(path, name) }));
}

function textLines(text: string, from: string, input: Boundary): NamedRecord[] {
  return text.split(/\r?\n/).flatMap((line, i) => (line === "" ? [] : [{ name: `${from}:${i + 1}`, record: nested({ [input.name]: line }) }]));
}

// ── JSON ──
function jsonLines(text: string, from: string, folder: string, open: readonly Boundary[]): NamedRecord[] {
  if (/^\s*\[/.test(text)) return jsonFile(text, from, folder, open);
  return text.split("\n").flatMap((line, i) => (line.trim() === "" ? [] : [{ name: `${from}:${i + 1}`, record: fromJson(parse(line, `${from}:${i + 1}`), `${from}:${i + 1}`, folder, open) }]));
}

function jsonFile(text: string, from: string, folder: string, open: readonly Boundary[]): NamedRecord[] {
  const value = parse(text, from);
  const list = Array.isArray(value) ? value : [value];
  return list.map((v: unknown, i) => ({ name: list.length === 1 ? from : `${from}[${i}]`, record: fromJson(v, `${from}[${i}]`, folder, open) }));
}

function parse(text: string, from: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${from} is not JSON: ${(error as Error).message}`);
  }
}

/** A record of JSON: pictures as paths beside the file, tensors as nested lists. A bare value stands for the only input. */
function fromJson(value: unknown, from: string, folder: string, open: readonly Boundary[]): InputRecord {
  const [only] = open;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    if (open.length !== 1 || !only) throw new UsageError(`${from} is not a record: { ${open.map((i) => `"${i.name}": …`).join(", ")} } is wanted.`);
    return nested({ [only.name]: jsonValue(only, value, from, folder) });
  }
  const out = structuredClone(value) as InputRecord;
  for (const input of open) {
    const given = at(value as Record<string, unknown>, input.name);
    if (given !== undefined) put(out, input.name, jsonValue(input, given, from, folder));
  }
  return out;
}

function jsonValue(input: Boundary, value: unknown, from: string, folder: string): InputValue {
  if (input.type === "image" && typeof value === "string") return isAbsolute(value) || value.startsWith("file:") ? value : join(folder, value);
  if (input.type === "tensor" && (Array.isArray(value) || typeof value === "number" || typeof value === "boolean")) return tensorOf(input, value, from);
  return value as InputValue;
}

function at(record: Record<string, unknown>, name: string): unknown {
  return name.split(".").reduce<unknown>((value, part) => (typeof value === "object" && value !== null ? (value as Record<string, unknown>)[part] : undefined), record);
}

function merged(base: InputRecord, over: InputRecord): InputRecord {
  const out = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const before = out[name];
    out[name] = isPlain(before) && isPlain(value) ? merged(before, value) : value;
  }
  return out;
}
const isPlain = (v: unknown): v is InputRecord => typeof v === "object" && v !== null && Object.getPrototypeOf(v) === Object.prototype && !("dtype" in v);

// ── tensors ──
/** Nested lists as a tensor of the input's type. */
function tensorOf(input: Boundary, value: unknown, from: string): Tensor {
  const dims: number[] = [];
  for (let v = value; Array.isArray(v); v = v[0]) dims.push(v.length);
  const flat = Array.isArray(value) ? (value as unknown[]).flat(Number.POSITIVE_INFINITY) : [value];
  const dtype = input.dtype ?? "f32";
  if (flat.length !== dims.reduce((p, d) => p * d, 1)) throw new UsageError(`${from}: the lists of ${input.name} have different lengths.`);
  if (!flat.every((v) => typeof v === "number" || typeof v === "boolean")) throw new UsageError(`${from}: ${input.name} holds something that is not a number.`);
  return { dtype, dims, data: arrayOf(dtype, flat.map(Number), `${from}: ${input.name}`) };
}

function arrayOf(dtype: string, values: readonly number[], what: string): TypedArray {
  switch (dtype) {
    case "f32": return Float32Array.from(values);
    case "f64": return Float64Array.from(values);
    case "i64": return BigInt64Array.from(values, (v) => {
      if (!Number.isSafeInteger(v)) throw new UsageError(`${what} holds ${v}, and whole numbers are wanted.`);
      return BigInt(v);
    });
    case "i32": return Int32Array.from(values);
    case "i16": return Int16Array.from(values);
    case "u16": return Uint16Array.from(values);
    case "i8": return Int8Array.from(values);
    case "u8": case "bool": return Uint8Array.from(values);
    default: throw new UsageError(`${what} is ${dtype}, which JSON cannot hold.`, "Give it as .safetensors.");
  }
}

/** A tensor an input; with one axis more than declared, the first counts records. */
function tensorRecords(tensors: ReadonlyMap<string, Tensor>, from: string, open: readonly Boundary[]): NamedRecord[] {
  const missing = open.filter((i) => !tensors.has(i.name));
  if (missing.length > 0) throw new UsageError(`${from} holds no tensor ${missing.map((i) => i.name).join(", ")}; it has ${[...tensors.keys()].join(", ")}.`);
  const counts = new Set<number>();
  let isBatch = false;
  for (const input of open) {
    const { dims } = tensors.get(input.name) as Tensor;
    const rank = input.type === "tensor" ? (input.axes?.length ?? 0) : 0;
    if (dims.length === rank + 1) {
      isBatch = true;
      counts.add(dims[0] as number);
    }
  }
  if (counts.size > 1) throw new UsageError(`The tensors of ${from} have different numbers of records: ${[...counts].join(", ")}.`);
  const [count = 1] = counts;
  return Array.from({ length: count }, (_, i) => {
    const fields: Record<string, InputValue> = {};
    for (const input of open) {
      const whole = tensors.get(input.name) as Tensor;
      const one = isBatch ? rowOf(whole, i) : whole;
      fields[input.name] = input.type === "tensor" ? one : scalar(input, one);
    }
    return { name: isBatch ? `${from}[${i}]` : from, record: nested(fields) };
  });
}

function scalar(input: Boundary, { data }: Tensor): InputValue {
  const [value = 0] = data;
  return input.type === "bool" ? Number(value) !== 0 : typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

// ── fields that all records share ──
async function sharedFields(io: Io, manifest: Manifest, common: readonly string[]): Promise<Record<string, InputValue>> {
  const out: Record<string, InputValue> = {};
  for (const pair of common) {
    const at = pair.indexOf("=");
    const [name, text] = [pair.slice(0, at), pair.slice(at + 1)];
    const input = at > 0 ? manifest.inputs.find((i) => i.name === name) : undefined;
    if (!input) throw new UsageError(`--set ${pair}: NAME=VALUE is wanted, and the names are ${manifest.inputs.map((i) => i.name).join(", ")}.`);
    out[name] = input.type === "image" ? existing(resolve(io.cwd, text), text) : input.type === "tensor" ? await sharedTensor(io, input, text) : parsed(input, text);
  }
  return out;
}

async function sharedTensor(io: Io, input: Boundary, text: string): Promise<InputValue> {
  if (extname(text) !== ".safetensors") return tensorOf(input, parse(text, `--set ${input.name}`), `--set ${input.name}`);
  const tensors = readTensors(existing(resolve(io.cwd, text), text));
  const found = tensors.get(input.name) ?? (tensors.size === 1 ? [...tensors.values()][0] : undefined);
  if (!found) throw new UsageError(`${text} holds no tensor ${input.name}; it has ${[...tensors.keys()].join(", ")}.`);
  return found;
}

function parsed(input: Boundary, text: string): InputValue {
  if (input.type === "text") return text;
  if (input.type === "bool") {
    if (text !== "true" && text !== "false") throw new UsageError(`${input.name} is true or false, not ${text}.`);
    return text === "true";
  }
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new UsageError(`${input.name} is a number, not ${text}.`);
  return value;
}

function existing(path: string, arg: string): string {
  if (!existsSync(path)) throw new UsageError(`${arg} does not exist.`);
  return path;
}

const readText = (path: string, arg: string): string => readFileSync(existing(path, arg), "utf8");
