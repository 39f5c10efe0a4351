// Plain data of an ONNX file as bytes again: nodes and sub-graphs that are carried through. What is not changed is copied as it lies in the file.
import Long from "long";
import proto from "onnx-proto";
import { concatenated, entryField, field } from "../emit/wire.ts";
import type { AttributeValue, OnnxAttribute, OnnxGraph, OnnxNode, OnnxValue, Place } from "./onnx-file.ts";
import { Corrupt, type Window } from "./protobuf.ts";

const { onnx } = proto;

/** An attribute without a place in a file. */
export const made = (name: string, value: AttributeValue): OnnxAttribute => ({ name, place: undefined, refersTo: "", value });
export const int = (name: string, value: number): OnnxAttribute => made(name, { kind: "int", value });
export const ints = (name: string, values: readonly number[]): OnnxAttribute => made(name, { kind: "ints", values });
export const floats = (name: string, values: readonly number[]): OnnxAttribute => made(name, { kind: "floats", values });
export const text = (name: string, value: string): OnnxAttribute => made(name, { kind: "string", value });

export const copied = (window: Window, { start, end }: Place): Uint8Array => window.bytes(start, end);

/** A field `attribute` of a NodeProto, for attributes without graphs. */
export function attributeField(window: Window, attribute: OnnxAttribute): Uint8Array {
  return field(5, attribute.place ? copied(window, attribute.place) : encoded(window, attribute));
}

/** A field `attribute` that holds one graph, or several. */
export function graphField(name: string, graphs: readonly Uint8Array[], isList: boolean): Uint8Array {
  const { AttributeType } = onnx.AttributeProto;
  const head = onnx.AttributeProto.encode({ name, type: isList ? AttributeType.GRAPHS : AttributeType.GRAPH }).finish();
  return field(5, concatenated([head, ...graphs.map((g) => field(isList ? 11 : 6, g))]));
}

/** A field `attribute` around a message that lies in the file. */
export function messageField(name: string, kind: "tensor" | "sparse", bytes: Uint8Array): Uint8Array {
  const [type, number] = kind === "tensor" ? [4, 5] : [11, 22];
  return field(5, concatenated([onnx.AttributeProto.encode({ name, type }).finish(), field(number, bytes)]));
}

function encoded(window: Window, { name, value }: OnnxAttribute): Uint8Array {
  const { AttributeType } = onnx.AttributeProto;
  const utf8 = new TextEncoder();
  switch (value.kind) {
    case "int": return onnx.AttributeProto.encode({ name, type: AttributeType.INT, i: Long.fromNumber(value.value) }).finish();
    case "float": return onnx.AttributeProto.encode({ name, type: AttributeType.FLOAT, f: value.value }).finish();
    case "string": return onnx.AttributeProto.encode({ name, type: AttributeType.STRING, s: utf8.encode(value.value) }).finish();
    case "ints": return onnx.AttributeProto.encode({ name, type: AttributeType.INTS, ints: value.values.map((v) => Long.fromNumber(v)) }).finish();
    case "floats": return onnx.AttributeProto.encode({ name, type: AttributeType.FLOATS, floats: [...value.values] }).finish();
    case "strings": return onnx.AttributeProto.encode({ name, type: AttributeType.STRINGS, strings: value.values.map((v) => utf8.encode(v)) }).finish();
    case "tensor": return concatenated([onnx.AttributeProto.encode({ name, type: AttributeType.TENSOR }).finish(), field(5, copied(window, value.value.place))]);
    default: throw new Error(`an attribute ${name} was made with ${value.kind}`);
  }
}

/** A NodeProto, with what it says of itself. */
export function nodeBytes(node: Pick<OnnxNode, "opType" | "domain" | "name" | "inputs" | "outputs" | "metadata" | "doc">, attributes: readonly Uint8Array[]): Uint8Array {
  const head = onnx.NodeProto.encode({ opType: node.opType, domain: node.domain, name: node.name, input: [...node.inputs], output: [...node.outputs], ...(node.doc === undefined ? {} : { docString: node.doc }) }).finish();
  return concatenated([head, ...attributes, ...node.metadata.map(([key, value]) => entryField(9, key, value))]);
}

export interface GraphParts extends Pick<OnnxGraph, "name" | "doc" | "metadata"> {
  readonly nodes: readonly Uint8Array[];
  readonly tensors: readonly Uint8Array[];
  readonly sparse: readonly Uint8Array[];
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
}

/** A GraphProto. */
export function graphBytes({ name, doc, metadata, nodes, tensors, sparse, inputs, outputs }: GraphParts): Uint8Array {
  const fields = (number: number, list: readonly Uint8Array[]): Uint8Array[] => list.map((bytes) => field(number, bytes));
  return concatenated([onnx.GraphProto.encode({ name, ...(doc === "" ? {} : { docString: doc }) }).finish(), ...metadata.map(([key, value]) => entryField(16, key, value)), ...fields(1, nodes), ...fields(5, tensors), ...fields(15, sparse), ...fields(11, inputs), ...fields(12, outputs)]);
}

/** What lies in the parts of a message that the reader passes over is found out here. */
function decoded<T>(window: Window, place: Place, decode: (bytes: Uint8Array) => T): T {
  try {
    return decode(copied(window, place));
  } catch (error) {
    throw new Corrupt(`a message in a sub-graph is damaged (${(error as Error).message})`, place.start);
  }
}

/** A ValueInfoProto under another name. Of what no file has, the element type is told. */
export function renamedValue(window: Window, { place, type }: OnnxValue, name: string): Uint8Array {
  const told = place ? decoded(window, place, (b) => onnx.ValueInfoProto.decode(b)) : type.kind === "tensor" ? { type: { tensorType: { elemType: type.code } } } : {};
  return onnx.ValueInfoProto.encode({ ...told, name }).finish();
}

/** A TensorProto under another name. */
export function renamedTensor(window: Window, place: Place, name: string): Uint8Array {
  return onnx.TensorProto.encode({ ...decoded(window, place, (b) => onnx.TensorProto.decode(b)), name }).finish();
}

/** Attributes of a node whose sub-graphs are renamed once more when it is emitted. */
export function checkAttributes(attributes: Uint8Array, place: Place | undefined): void {
  try {
    onnx.NodeProto.decode(attributes);
  } catch (error) {
    throw new Corrupt(`a message in a sub-graph is damaged (${(error as Error).message})`, place?.start ?? 0);
  }
}

/** A SparseTensorProto under another name, which its values bear. */
export function renamedSparse(window: Window, place: Place, name: string): Uint8Array {
  const sparse = decoded(window, place, (b) => onnx.SparseTensorProto.decode(b));
  return onnx.SparseTensorProto.encode({ ...sparse, values: { ...sparse.values, name } }).finish();
}
