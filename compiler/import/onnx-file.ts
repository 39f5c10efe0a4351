// An ONNX file as plain data: nodes, tensors by reference, types as written. Nothing is interpreted and no large tensor is read.
import type { DType } from "../types/tensor.ts";
import { ONNX_TYPE } from "../ops/op.ts";
import { Corrupt, type Field, fields, floats, integers, text, type Window } from "./protobuf.ts";

export interface OnnxModel {
  readonly irVersion: number;
  readonly producer: string;
  readonly producerVersion: string;
  readonly domain: string;
  readonly modelVersion: number;
  readonly doc: string;
  /** Version by domain; the standard's domain is "". */
  readonly opsets: ReadonlyMap<string, number>;
  readonly metadata: readonly Entry[];
  readonly functions: readonly OnnxFunction[];
  readonly graph: OnnxGraph;
}
export interface OnnxGraph {
  readonly name: string;
  readonly doc: string;
  readonly metadata: readonly Entry[];
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly sparse: readonly OnnxSparse[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Types of values in between, as far as the file tells. */
  readonly values: readonly OnnxValue[];
}
export interface OnnxNode {
  readonly opType: string;
  readonly domain: string;
  readonly name: string;
  readonly overload: string;
  /** "": an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
  readonly metadata: readonly Entry[];
  /** Undefined where it has none. */
  readonly doc?: string;
  /** The standard's version it is written in, where that is not the one of the model. */
  readonly version?: number;
}
type Entry = readonly [key: string, value: string];

/** An attribute; `place` is where its message lies in the file, for who carries it on as it is. */
export interface OnnxAttribute {
  readonly name: string;
  /** Undefined for attributes that no file has: bringing a node up to date made them. */
  readonly place: Place | undefined;
  /** The name of a function's attribute that stands for the value; "": none. */
  readonly refersTo: string;
  readonly value: AttributeValue;
}
export type AttributeValue =
  | { readonly kind: "none" }
  | { readonly kind: "int" | "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "tensor"; readonly value: OnnxTensor }
  | { readonly kind: "graph"; readonly value: OnnxGraph }
  | { readonly kind: "ints" | "floats"; readonly values: readonly number[] }
  | { readonly kind: "strings"; readonly values: readonly string[] }
  | { readonly kind: "graphs"; readonly values: readonly OnnxGraph[] }
  /** Types, sparse tensors, lists of tensors: carried on, never read. */
  | { readonly kind: "other" };
export interface Place {
  readonly start: number;
  readonly end: number;
}

export interface OnnxTensor {
  readonly name: string;
  /** The number of the element type in ONNX. */
  readonly code: number;
  /** Undefined for types that the graph does not know: strings, complex numbers, 8-bit floats. */
  readonly dtype: DType | undefined;
  readonly dims: readonly number[];
  readonly data:
    /** In the model file itself. */
    | { readonly kind: "inside"; readonly start: number; readonly end: number }
    /** In another file, as the model writes its path. */
    | { readonly kind: "external"; readonly location: string; readonly offset: number; readonly length: number | undefined }
    /** Written number by number. */
    | { readonly kind: "numbers"; readonly values: readonly number[] }
    | { readonly kind: "strings" };
  readonly place: Place;
}
export interface OnnxSparse {
  readonly values: OnnxTensor;
  readonly indices: OnnxTensor;
  readonly dims: readonly number[];
  readonly place: Place;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  /** Undefined for values that no file has: bringing a node up to date made them. */
  readonly place: Place | undefined;
}
export type OnnxType =
  | { readonly kind: "tensor"; readonly code: number; readonly dtype: DType | undefined; /** A name, a number, or nothing known; undefined: not even the rank. */ readonly dims: readonly (number | string | undefined)[] | undefined }
  /** Sequences, optionals, maps, sparse tensors. */
  | { readonly kind: "other" }
  | { readonly kind: "unknown" };

export interface OnnxFunction {
  readonly name: string;
  readonly domain: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly OnnxNode[];
  /** Values of attributes that a call leaves out. */
  readonly defaults: ReadonlyMap<string, OnnxAttribute>;
  readonly opsets: ReadonlyMap<string, number>;
  readonly place: Place;
}

const DTYPE_OF: ReadonlyMap<number, DType> = new Map((Object.entries(ONNX_TYPE) as [DType, number][]).map(([d, code]) => [code, d]));

/** Graphs in graphs in graphs: deeper than any exporter nests, and far from the end of the stack. */
const MOST_NESTED = 32;

/** Reads the whole structure. Throws `Corrupt`. */
export function readModel(window: Window): OnnxModel {
  let [irVersion, modelVersion] = [0, 0];
  let [producer, producerVersion, domain, doc] = ["", "", "", ""];
  const opsets = new Map<string, number>();
  const metadata: Entry[] = [];
  const functions: OnnxFunction[] = [];
  let graph: OnnxGraph | undefined;
  for (const f of fields(window, 0, window.size)) {
    if (f.number === 1) irVersion = number(f);
    else if (f.number === 2) producer = string(window, f);
    else if (f.number === 3) producerVersion = string(window, f);
    else if (f.number === 4) domain = string(window, f);
    else if (f.number === 5) modelVersion = number(f);
    else if (f.number === 6) doc = string(window, f);
    else if (f.number === 7) {
      if (graph) throw new Corrupt("it has two graphs", f.start);
      graph = readGraph(window, message(f), 0);
    } else if (f.number === 8) opsetInto(opsets, window, message(f));
    else if (f.number === 14) metadata.push(readEntry(window, message(f)));
    else if (f.number === 25) functions.push(readFunction(window, message(f)));
  }
  if (!graph) throw new Corrupt("it holds no graph", 0);
  if (irVersion < 1) throw new Corrupt("it does not say which version of the format it is", 0);
  return { irVersion, producer, producerVersion, domain, modelVersion, doc, opsets, metadata, functions, graph };
}

function message(f: Field): Place {
  if (f.wire !== 2) throw new Corrupt(`field ${f.number} is a number where a message is wanted`, f.start);
  return { start: f.start, end: f.end };
}

function number(f: Field): number {
  if (f.wire !== 0) throw new Corrupt(`field ${f.number} is no whole number`, f.start);
  return f.value;
}

function string(window: Window, f: Field): string {
  message(f);
  return text(window, f);
}

function opsetInto(opsets: Map<string, number>, window: Window, place: Place): void {
  let [domain, version] = ["", 0];
  for (const f of fields(window, place.start, place.end)) {
    if (f.number === 1) domain = string(window, f);
    else if (f.number === 2) version = number(f);
  }
  opsets.set(domain === "ai.onnx" ? "" : domain, version);
}

function readEntry(window: Window, place: Place): Entry {
  let [key, value] = ["", ""];
  for (const f of fields(window, place.start, place.end)) {
    if (f.number === 1) key = string(window, f);
    else if (f.number === 2) value = string(window, f);
  }
  return [key, value];
}

function readGraph(window: Window, place: Place, depth: number): OnnxGraph {
  if (depth > MOST_NESTED) throw new Corrupt(`graphs stand in graphs more than ${MOST_NESTED} deep`, place.start);
  let [name, doc] = ["", ""];
  const metadata: Entry[] = [];
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const sparse: OnnxSparse[] = [];
  const [inputs, outputs, values]: [OnnxValue[], OnnxValue[], OnnxValue[]] = [[], [], []];
  for (const f of fields(window, place.start, place.end)) {
    if (f.number === 1) nodes.push(readNode(window, message(f), depth));
    else if (f.number === 2) name = string(window, f);
    else if (f.number === 5) initializers.push(readTensor(window, message(f)));
    else if (f.number === 10) doc = string(window, f);
    else if (f.number === 11) inputs.push(readValue(window, message(f)));
    else if (f.number === 12) outputs.push(readValue(window, message(f)));
    else if (f.number === 13) values.push(readValue(window, message(f)));
    else if (f.number === 15) sparse.push(readSparse(window, message(f)));
    else if (f.number === 16) metadata.push(readEntry(window, message(f)));
  }
  return { name, doc, metadata, nodes, initializers, sparse, inputs, outputs, values };
}

/** The attributes of a node that are encoded by themselves. */
export function readAttributes(window: Window): Map<string, OnnxAttribute> {
  const attributes = [...fields(window, 0, window.size)].map((f) => readAttribute(window, message(f), 0));
  return new Map(attributes.map((a) => [a.name, a]));
}

function readNode(window: Window, place: Place, depth: number): OnnxNode {
  let [opType, domain, name, overload, doc] = ["", "", "", "", ""];
  const [inputs, outputs]: [string[], string[]] = [[], []];
  const attributes = new Map<string, OnnxAttribute>();
  const metadata: Entry[] = [];
  for (const f of fields(window, place.start, place.end)) {
    if (f.number === 1) inputs.push(string(window, f));
    else if (f.number === 2) outputs.push(string(window, f));
    else if (f.number === 3) name = string(window, f);
    else if (f.number === 4) opType = string(window, f);
    else if (f.number === 5) {
      const attribute = readAttribute(window, message(f), depth);
      attributes.set(attribute.name, attribute);
    } else if (f.number === 6) doc = string(window, f);
    else if (f.number === 7) domain = string(window, f);
    else if (f.number === 8) overload = string(window, f);
    else if (f.number === 9) metadata.push(readEntry(window, message(f)));
  }
  if (opType === "") throw new Corrupt(`the node ${name || "without a name"} does not say what it does`, place.start);
  return { opType, domain: domain === "ai.onnx" ? "" : domain, name, overload, inputs, outputs, attributes, metadata, ...(doc === "" ? {} : { doc }) };
}

/** What an attribute holds, by the number that its `type` field gives. */
const KINDS: Readonly<Record<number, AttributeValue["kind"]>> = { 1: "float", 2: "int", 3: "string", 4: "tensor", 5: "graph", 6: "floats", 7: "ints", 8: "strings", 10: "graphs" };

function readAttribute(window: Window, place: Place, depth: number): OnnxAttribute {
  let [name, refersTo, type] = ["", "", 0];
  const [numbers, reals, strings, graphs]: [number[], number[], string[], OnnxGraph[]] = [[], [], [], []];
  let single: AttributeValue = { kind: "none" };
  for (const f of fields(window, place.start, place.end)) {
    switch (f.number) {
      case 1: name = string(window, f); break;
      case 2: single = { kind: "float", value: floats(window, f, 4)[0] ?? 0 }; break;
      case 3: single = { kind: "int", value: number(f) }; break;
      case 4: single = { kind: "string", value: string(window, f) }; break;
      case 5: single = { kind: "tensor", value: readTensor(window, message(f)) }; break;
      case 6: single = { kind: "graph", value: readGraph(window, message(f), depth + 1) }; break;
      case 7: append(reals, floats(window, f, 4)); break;
      case 8: append(numbers, integers(window, f)); break;
      case 9: strings.push(string(window, f)); break;
      case 11: graphs.push(readGraph(window, message(f), depth + 1)); break;
      case 20: type = number(f); break;
      case 21: refersTo = string(window, f); break;
      case 10: case 14: case 15: case 22: case 23: single = { kind: "other" }; break;
    }
  }
  // A number that is 0 may be left out of the file, and so may an empty list: then only `type` tells.
  const kind = KINDS[type] ?? (type === 0 ? single.kind : "other");
  const lists: Readonly<Partial<Record<AttributeValue["kind"], AttributeValue>>> = {
    ints: { kind: "ints", values: numbers }, floats: { kind: "floats", values: reals }, strings: { kind: "strings", values: strings }, graphs: { kind: "graphs", values: graphs },
  };
  const empty: Readonly<Partial<Record<AttributeValue["kind"], AttributeValue>>> = { int: { kind: "int", value: 0 }, float: { kind: "float", value: 0 }, string: { kind: "string", value: "" } };
  const untyped = type === 0 ? ([...Object.values(lists)].find((l) => "values" in l && l.values.length > 0) ?? single) : undefined;
  return { name, place, refersTo, value: untyped ?? lists[kind] ?? (single.kind === kind ? single : (empty[kind] ?? single)) };
}

/** Lists of weights can be longer than a call takes arguments. */
function append(list: number[], more: readonly number[]): void {
  for (const value of more) list.push(value);
}

function readTensor(window: Window, place: Place): OnnxTensor {
  let [name, code, isExternal] = ["", 0, false];
  const dims: number[] = [];
  const entries = new Map<string, string>();
  const values: number[] = [];
  let [raw, hasStrings]: [Place | undefined, boolean] = [undefined, false];
  // Packed floats lie in the file as they would as raw bytes, so they are not read either.
  let packed: Place | undefined;
  for (const f of fields(window, place.start, place.end)) {
    switch (f.number) {
      case 1: append(dims, integers(window, f)); break;
      case 2: code = number(f); break;
      case 4: case 10: {
        const isAlone = f.wire === 2 && values.length === 0 && !packed && (f.number === 4 ? code === 1 || code === 0 : code === 11 || code === 0);
        if (isAlone) packed = message(f);
        else {
          if (packed) append(values, floats(window, { ...f, ...packed }, f.number === 4 ? 4 : 8));
          packed = undefined;
          append(values, floats(window, f, f.number === 4 ? 4 : 8));
        }
        break;
      }
      case 5: case 7: case 11: append(values, integers(window, f)); break;
      case 6: hasStrings = true; break;
      case 8: name = string(window, f); break;
      case 9: raw = message(f); break;
      case 13: entries.set(...readEntry(window, message(f))); break;
      case 14: isExternal = number(f) === 1; break;
    }
  }
  if (dims.some((d) => d < 0)) throw new Corrupt(`the tensor ${name} has a negative size`, place.start);
  const data: OnnxTensor["data"] = isExternal ? externalData(name, entries, place) : raw || (packed && (code === 1 || code === 11)) ? { kind: "inside", ...((raw ?? packed) as Place) } : hasStrings || code === 8 ? { kind: "strings" } : { kind: "numbers", values };
  return { name, code, dtype: DTYPE_OF.get(code), dims, data, place };
}

function externalData(name: string, entries: ReadonlyMap<string, string>, place: Place): OnnxTensor["data"] {
  const whole = (key: string): number | undefined => {
    const written = entries.get(key);
    if (written === undefined) return undefined;
    const value = Number(written);
    if (!/^\d+$/.test(written) || !Number.isSafeInteger(value)) throw new Corrupt(`the ${key} of the tensor ${name} is ${JSON.stringify(written)}`, place.start);
    return value;
  };
  const location = entries.get("location");
  if (!location) throw new Corrupt(`the tensor ${name} lies in another file, and does not say in which`, place.start);
  return { kind: "external", location, offset: whole("offset") ?? 0, length: whole("length") };
}

function readSparse(window: Window, place: Place): OnnxSparse {
  let [values, indices]: [OnnxTensor | undefined, OnnxTensor | undefined] = [undefined, undefined];
  const dims: number[] = [];
  for (const f of fields(window, place.start, place.end)) {
    if (f.number === 1) values = readTensor(window, message(f));
    else if (f.number === 2) indices = readTensor(window, message(f));
    else if (f.number === 3) append(dims, integers(window, f));
  }
  if (!values || !indices) throw new Corrupt("a sparse tensor lacks its values or its indices", place.start);
  return { values, indices, dims, place };
}

function readValue(window: Window, place: Place): OnnxValue {
  let name = "";
  let type: OnnxType = { kind: "unknown" };
  for (const f of fields(window, place.start, place.end)) {
    if (f.number === 1) name = string(window, f);
    else if (f.number === 2) type = readType(window, message(f));
  }
  return { name, type, place };
}

function readType(window: Window, place: Place): OnnxType {
  let type: OnnxType = { kind: "unknown" };
  for (const f of fields(window, place.start, place.end)) {
    if (f.number === 1) type = tensorType(window, message(f));
    else if (f.number !== 6) type = { kind: "other" };
  }
  return type;
}

function tensorType(window: Window, place: Place): OnnxType {
  let code = 0;
  let dims: (number | string | undefined)[] | undefined;
  for (const f of fields(window, place.start, place.end)) {
    if (f.number === 1) code = number(f);
    else if (f.number === 2) dims = [...fields(window, f.start, f.end)].filter((d) => d.number === 1).map((d) => dimension(window, message(d)));
  }
  return { kind: "tensor", code, dtype: DTYPE_OF.get(code), dims };
}

function dimension(window: Window, place: Place): number | string | undefined {
  let size: number | string | undefined;
  for (const f of fields(window, place.start, place.end)) {
    if (f.number === 1) size = number(f);
    else if (f.number === 2) size = string(window, f) || undefined;
  }
  return typeof size === "number" && size < 0 ? undefined : size;
}

function readFunction(window: Window, place: Place): OnnxFunction {
  let [name, domain, overload] = ["", "", ""];
  const [inputs, outputs, nodes]: [string[], string[], OnnxNode[]] = [[], [], []];
  const defaults = new Map<string, OnnxAttribute>();
  const opsets = new Map<string, number>();
  for (const f of fields(window, place.start, place.end)) {
    if (f.number === 1) name = string(window, f);
    else if (f.number === 4) inputs.push(string(window, f));
    else if (f.number === 5) outputs.push(string(window, f));
    else if (f.number === 7) nodes.push(readNode(window, message(f), 0));
    else if (f.number === 9) opsetInto(opsets, window, message(f));
    else if (f.number === 10) domain = string(window, f);
    else if (f.number === 11) {
      const attribute = readAttribute(window, message(f), 0);
      defaults.set(attribute.name, attribute);
    } else if (f.number === 13) overload = string(window, f);
  }
  return { name, domain: domain === "ai.onnx" ? "" : domain, overload, inputs, outputs, nodes, defaults, opsets, place };
}
