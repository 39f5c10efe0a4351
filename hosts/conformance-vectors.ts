// Golden vectors: one case a JSON file, written by oracles that share nothing with this project. The format is described beside them.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { literal } from "../compiler/graph/build.ts";
import type { Value } from "../compiler/host.ts";
import type { DType } from "../compiler/types/tensor.ts";

export interface Vector {
  readonly file: string;
  readonly system: string;
  readonly op: string;
  readonly case: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly inputs: ReadonlyMap<string, Value>;
  /** Inputs that are no tensors: texts, lists, vocabularies. */
  readonly plain: Readonly<Record<string, unknown>>;
  readonly outputs: ReadonlyMap<string, Value>;
  /** Absolute and relative, for an output; whole numbers are exact. */
  readonly tolerance: (output: string) => { readonly absolute: number; readonly relative: number };
}

/** A file that is no golden vector. */
export class UnreadableVector extends Error {
  override readonly name = "UnreadableVector";
}

/** Every case below a directory, in order of their paths. */
export function vectorFiles(directory: string): string[] {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) throw new UnreadableVector(`${directory} is not a directory`);
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".json")).sort().map((name) => join(directory, name));
}

/** The cases of a file: one, or one for each line of its `cases`. */
export function readVectors(file: string): Vector[] {
  const raw = record(parsed(file), file, "the file");
  const [system, op, name] = ["system", "op", "case"].map((key) => {
    const value = raw[key];
    if (typeof value !== "string") throw new UnreadableVector(`${file}: ${key} is not a text`);
    return value;
  }) as [string, string, string];
  const tolerance = toleranceOf(record(raw.tol ?? {}, file, "tol"));
  const params = record(raw.params ?? {}, file, "params");
  if (Array.isArray(raw.cases))
    return raw.cases.map((each: unknown, i): Vector => {
      const { out, ...own } = record(each, file, `case ${i}`);
      return { file, system, op, case: `${name}[${i}]`, params: { ...params, ...own }, inputs: new Map(), plain: {}, outputs: new Map([["out", fromList(out, `${file}: out of case ${i}`)]]), tolerance };
    });
  const inputs = Object.entries(record(raw.inputs ?? {}, file, "inputs"));
  return [{
    file, system, op, case: name, params, tolerance,
    inputs: new Map(inputs.flatMap(([key, value]) => (isTensor(value) ? [[key, tensorOf(value, `${file}: ${key}`)]] : []))),
    plain: Object.fromEntries(inputs.filter(([, value]) => !isTensor(value))),
    outputs: new Map(Object.entries(record(raw.outputs ?? {}, file, "outputs")).map(([key, value]) => [key, isTensor(value) ? tensorOf(value, `${file}: ${key}`) : fromList(value, `${file}: ${key}`)])),
  }];
}

function parsed(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UnreadableVector(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function record(value: unknown, file: string, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new UnreadableVector(`${file}: ${what} is not an object`);
  return value as Record<string, unknown>;
}

function toleranceOf(tol: Readonly<Record<string, unknown>>): Vector["tolerance"] {
  const number = (key: string): number | undefined => (typeof tol[key] === "number" ? tol[key] : undefined);
  return (output) => {
    const own = number(output);
    return own !== undefined ? { absolute: own, relative: 0 } : { absolute: number("abs") ?? 0, relative: number("rel") ?? 0 };
  };
}

interface RawTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: readonly (number | boolean)[];
}
const isTensor = (value: unknown): value is RawTensor =>
  typeof value === "object" && value !== null && "dtype" in value && "shape" in value && Array.isArray(value.shape) && "data" in value && Array.isArray(value.data);

const DTYPES: Readonly<Record<string, DType>> = { float32: "f32", float64: "f64", int64: "i64", int32: "i32", uint8: "u8", int8: "i8", bool: "bool" };

function tensorOf({ dtype, shape, data }: RawTensor, what: string): Value {
  const own = DTYPES[dtype];
  if (!own) throw new UnreadableVector(`${what} has the element type ${dtype}, which I do not know`);
  const count = shape.reduce((p, d) => p * d, 1);
  if (data.length !== count) throw new UnreadableVector(`${what} has ${data.length} values for a shape of ${count}`);
  return { dtype: own, dims: shape, bytes: literal(own, data.map(Number)).bytes };
}

/** A number or a list of numbers as a tensor: whole numbers where all are. */
function fromList(value: unknown, what: string): Value {
  const list = Array.isArray(value) ? value : [value];
  if (!list.every((x) => typeof x === "number" || typeof x === "boolean")) throw new UnreadableVector(`${what} is no tensor, number or list of numbers`);
  const dtype: DType = list.length > 0 && list.every((x) => typeof x === "boolean") ? "bool" : list.every((x) => Number.isSafeInteger(x)) ? "i64" : "f32";
  return { dtype, dims: Array.isArray(value) ? [list.length] : [], bytes: literal(dtype, list.map(Number)).bytes };
}
