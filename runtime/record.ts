// Records as programs write them, against what the manifest declares; and results back as records.
import type { Boundary, DType, Manifest, TensorPort } from "./artifact.d.ts";
import { refuse } from "./errors.ts";
import type { Given } from "./host-step.ts";
import type { ImageInput } from "./media/image.ts";
import { nearest } from "./nearest.ts";
import { allocate, arraysOf, count, stack, type Tensor, unstack } from "./tensor.ts";

/** A value of a record that goes in: i64 numbers beyond 2^53 as bigint, names `a.b` as records in records. */
export type InputValue = number | bigint | boolean | string | ImageInput | Tensor | { readonly [field: string]: InputValue };
/** A value of a record that comes out: numbers, truth values, tensors without the batch axis. */
export type OutputValue = number | boolean | Tensor | { readonly [field: string]: OutputValue };

type Fields = Readonly<Record<string, unknown>>;
interface Tree {
  readonly name: string;
  readonly boundary: Boundary | undefined;
  readonly fields: Map<string, Tree>;
}

/** The inputs of an artefact: which fields a record has, and how each becomes a tensor. */
export class Inputs {
  readonly #tree: Tree;
  readonly #ports: ReadonlyMap<string, TensorPort>;
  readonly #boundaries: readonly Boundary[];

  constructor(manifest: Manifest) {
    this.#boundaries = manifest.inputs;
    this.#ports = new Map(manifest.graph.inputs.map((p) => [p.name, p]));
    this.#tree = treeOf(manifest.inputs);
  }

  /** The values of a record by input name; every field is there, and none that is not declared. */
  flatten(given: unknown, at: string): Map<string, unknown> {
    const values = new Map<string, unknown>();
    collect(this.#tree, given, at, values);
    return values;
  }

  /** Numbers, truth values and tensors of a batch as tensors of the graph; inputs of host steps are left to these. */
  stacked(batch: readonly { readonly values: ReadonlyMap<string, unknown>; readonly at: string }[]): Map<string, Tensor> {
    const tensors = new Map<string, Tensor>();
    for (const boundary of this.#boundaries) {
      const given = batch.map(({ values, at }): Given => ({ value: values.get(boundary.name), at }));
      const tensor = stackedValue(boundary, this.#ports.get(boundary.name)?.dtype, given);
      // What the graph does not use is checked all the same, so that a mistake does not depend on the variant.
      if (tensor && this.#ports.has(boundary.name)) tensors.set(boundary.name, tensor);
    }
    return tensors;
  }
}

function treeOf(boundaries: readonly Boundary[]): Tree {
  const root: Tree = { name: "", boundary: undefined, fields: new Map() };
  for (const boundary of boundaries) {
    let at = root;
    const parts = boundary.name.split(".");
    for (const [i, part] of parts.entries()) {
      const last = i === parts.length - 1;
      const next = at.fields.get(part) ?? { name: parts.slice(0, i + 1).join("."), boundary: last ? boundary : undefined, fields: new Map<string, Tree>() };
      at.fields.set(part, next);
      at = next;
    }
  }
  return root;
}

function collect(tree: Tree, given: unknown, at: string, into: Map<string, unknown>): void {
  if (tree.boundary) {
    into.set(tree.name, given);
    return;
  }
  const names = [...tree.fields.keys()];
  if (typeof given !== "object" || given === null || Array.isArray(given) || ArrayBuffer.isView(given)) {
    throw refuse("R733", { name: tree.name === "" ? "record" : tree.name, found: describe(given), wanted: `a record of ${names.map((n) => `\`${n}\``).join(", ") || "nothing"}`, at, hint: `Give an object: { ${names.join(", ")} }.` });
  }
  const prefix = tree.name === "" ? "" : `${tree.name}.`;
  for (const name of Object.keys(given)) {
    if (!tree.fields.has(name)) throw refuse("R732", { name: `${prefix}${name}`, at, suggestions: nearest(name, names).map((n) => prefix + n), all: names.map((n) => prefix + n) });
  }
  for (const [name, field] of tree.fields) {
    const value = Object.hasOwn(given, name) ? (given as Fields)[name] : undefined;
    if (value === undefined) throw refuse("R731", { name: field.name, wanted: field.boundary ? wantedOf(field.boundary) : "a record", at });
    collect(field, value, at, into);
  }
}

function stackedValue(boundary: Boundary, portType: DType | undefined, given: readonly Given[]): Tensor | undefined {
  const { name, type } = boundary;
  switch (type) {
    case "image": case "text": case "audio": return undefined;
    case "bool": return numbers(name, "bool", given.map((g) => (truth(boundary, g) ? 1 : 0)));
    case "int": return numbers(name, portType ?? "i64", given.map((g) => integer(boundary, portType ?? "i64", g)));
    case "float": return numbers(name, portType ?? "f32", given.map((g) => float(boundary, g)));
    case "tensor": {
      const tensors = given.map((g) => tensor(boundary, g));
      const [first] = tensors;
      for (const [i, t] of tensors.entries()) {
        if (first && !sameDims(t.dims, first.dims)) throw refuse("R737", { name, found: shape(t.dims), wanted: shape(first.dims), at: given[i]?.at ?? "" });
      }
      return stack(name, boundary.dtype ?? "f32", tensors);
    }
  }
}

/** One value a record: [B]. */
function numbers(name: string, dtype: DType, values: readonly (number | bigint)[]): Tensor {
  const data = allocate(name, dtype, values.length);
  for (const [i, value] of values.entries()) {
    if (data instanceof BigInt64Array) data[i] = BigInt(value);
    else data[i] = Number(value);
  }
  return { dtype, dims: [values.length], data };
}

function truth(boundary: Boundary, { value, at }: Given): boolean {
  if (typeof value === "boolean") return value;
  throw refuse("R733", { name: boundary.name, found: describe(value), wanted: "true or false", at, hint: "Give a boolean." });
}

const RANGES: Readonly<Partial<Record<DType, readonly [bigint, bigint]>>> = {
  i64: [-(2n ** 63n), 2n ** 63n - 1n], i32: [-(2n ** 31n), 2n ** 31n - 1n], i16: [-32768n, 32767n], i8: [-128n, 127n], u16: [0n, 65535n], u8: [0n, 255n],
};

function integer(boundary: Boundary, dtype: DType, { value, at }: Given): bigint {
  const { name } = boundary;
  if (typeof value !== "number" && typeof value !== "bigint") throw refuse("R733", { name, found: describe(value), wanted: "a whole number", at, hint: "Give a number." });
  const [least, most] = RANGES[dtype] ?? [-(2n ** 53n), 2n ** 53n];
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw refuse("R738", { name, found: String(value), wanted: "a whole number", at });
  const whole = BigInt(value);
  if (whole < least || whole > most) throw refuse("R738", { name, found: String(value), wanted: `a whole number from ${least} to ${most}`, at });
  return whole;
}

function float(boundary: Boundary, { value, at }: Given): number {
  const { name } = boundary;
  if (typeof value !== "number") throw refuse("R733", { name, found: describe(value), wanted: "a number", at, hint: "Give a number." });
  if (Number.isNaN(value)) throw refuse("R738", { name, found: "NaN", wanted: "a number", at });
  return value;
}

function tensor(boundary: Boundary, { value, at }: Given): Tensor {
  const { name, dtype = "f32", axes = [] } = boundary;
  const [array = "", ...others] = arraysOf(dtype);
  if (!looksLikeTensor(value)) throw refuse("R733", { name, found: describe(value), wanted: wantedOf(boundary), at, hint: `Give { dtype: "${dtype}", dims: [${axes.map((a) => a.size).join(", ")}], data: a ${array} }.` });
  if (value.dtype !== dtype) throw refuse("R735", { name, found: String(value.dtype), wanted: dtype, at, array });
  const held = String((value.data as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]);
  if (![array, ...others].includes(held)) throw refuse("R735", { name, found: `a ${held}`, wanted: dtype, at, array });
  const { dims } = value;
  const wanted = `[${axes.map((a) => a.size).join(", ")}]`;
  if (!dims.every((d) => Number.isSafeInteger(d) && d >= 0)) throw refuse("R734", { name, found: shape(dims), wanted, why: "sizes are whole numbers", at });
  if (dims.includes(0)) throw refuse("R734", { name, found: shape(dims), wanted, why: "a size of 0 holds nothing", at });
  if (dims.length !== axes.length) throw refuse("R734", { name, found: shape(dims), wanted, why: `${axes.length} axes`, at });
  for (const [i, axis] of axes.entries()) {
    if (typeof axis.size === "number" && dims[i] !== axis.size) throw refuse("R734", { name, found: shape(dims), wanted, why: `axis ${axis.name || i} is ${axis.size}`, at });
  }
  if (value.data.length !== count(dims)) throw refuse("R734", { name, found: `${shape(dims)} with ${value.data.length} values`, wanted, why: `${shape(dims)} has ${count(dims)} values`, at });
  return value;
}

function looksLikeTensor(value: unknown): value is Tensor {
  return typeof value === "object" && value !== null && "dtype" in value && "dims" in value && Array.isArray(value.dims) && "data" in value && ArrayBuffer.isView(value.data) && "length" in value.data;
}

/** What an input takes, in words. */
function wantedOf({ type, dtype, axes }: Boundary): string {
  switch (type) {
    case "image": return "a picture";
    case "text": return "a text";
    case "audio": return "a sound";
    case "int": return "a whole number";
    case "float": return "a number";
    case "bool": return "true or false";
    case "tensor": return `a tensor ${dtype ?? "f32"}[${(axes ?? []).map((a) => (a.name === "" || a.name === String(a.size) ? a.size : `${a.name} = ${a.size}`)).join(", ")}]`;
  }
}

const sameDims = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((d, i) => d === b[i]);
const shape = (dims: readonly number[]): string => `[${dims.join(", ")}]`;

export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  if (ArrayBuffer.isView(value)) return `a ${String((value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag])}`;
  if (typeof value === "object") return looksLikeTensor(value) ? "a tensor" : "an object";
  if (typeof value === "string") return value.length > 40 ? "a text" : JSON.stringify(value);
  return typeof value === "number" || typeof value === "boolean" || typeof value === "bigint" ? String(value) : `a ${typeof value}`;
}

/** The outputs of a batch, one record each. */
export function outputRecords(boundaries: readonly Boundary[], outputs: Readonly<Record<string, Tensor>>, records: number): Record<string, OutputValue>[] {
  const made = Array.from({ length: records }, (): Record<string, OutputValue> => ({}));
  for (const boundary of boundaries) {
    const batch = outputs[boundary.name];
    if (!batch) throw refuse("R709", { what: `The output \`${boundary.name}\``, found: "none of that name", wanted: wantedOf(boundary) });
    if (batch.dims[0] !== records) throw refuse("R709", { what: `The output \`${boundary.name}\``, found: `${shape(batch.dims)} for ${records} records`, wanted: "one value a record" });
    for (const [i, value] of unstack(boundary.name, batch).entries()) place(made[i] ?? {}, boundary.name.split("."), outputValue(boundary, value));
  }
  return made;
}

function outputValue({ type }: Boundary, value: Tensor): OutputValue {
  if (type === "tensor" || type === "image" || type === "text" || type === "audio") return value;
  const [only = 0] = value.data;
  return type === "bool" ? Number(only) !== 0 : Number(only);
}

function place(record: Record<string, OutputValue>, path: readonly string[], value: OutputValue): void {
  const [name = "", ...rest] = path;
  if (rest.length === 0) {
    record[name] = value;
    return;
  }
  const inner = (record[name] ?? {}) as Record<string, OutputValue>;
  record[name] = inner;
  place(inner, rest, value);
}
