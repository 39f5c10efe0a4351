// Graph → ONNX: nodes through the lowering of their ops, weights by reference, origins in the nodes' metadata.
import Long from "long";
import proto, { type onnx as Onnx } from "onnx-proto";
import type { Span } from "../../grammar/source.ts";
import type { Frame, Said } from "../graph/frame.ts";
import { type Arena, type Graph, type GraphInput, type Node, type WeightRef, nodesOf, topological } from "../graph/node.ts";
import { INNER } from "../ops/foreign.ts";
import { ONNX_TYPE, type OnnxAttr, type Target } from "../ops/op.ts";
import { type Dim, type Facts, asNumber } from "../types/dim.ts";
import type { DType, TensorType } from "../types/tensor.ts";
import { withInnerNames } from "./inner-names.ts";
import { type Lowered, Lowerer } from "./lowerer.ts";
import { concatenated, entryField, field } from "./wire.ts";

const { onnx } = proto;

/** IR 10 is the first with metadata at nodes; opset 20 the first with Gelu. */
const IR_VERSION = 10;
const OPSET = 20;
/** The version of ONNX's own operators that a graph is written in: newer where what it carries through is. */
export const opsetOf = ({ arena }: Pick<Graph, "arena">): number => Math.max(OPSET, arena.operatorSets.get("") ?? 0);

/** A constant that was computed before emission, or lies in a file. */
export type Initializer =
  | { readonly kind: "inline"; readonly dtype: DType; readonly dims: readonly number[]; readonly bytes: Uint8Array }
  | { readonly kind: "external"; readonly dtype: DType; readonly dims: readonly number[]; readonly location: string; readonly offset: number; readonly length: number };

export interface EmitOptions {
  readonly target: Target;
  readonly name: string;
  /** Values of constant nodes. Constant nodes that are not here are computed by the run; weights then lie where the checkpoint has them. */
  readonly initializers?: ReadonlyMap<Node, Initializer>;
  /** Where the model finds the file of a weight; its path as it is unless said otherwise. */
  readonly location?: (ref: WeightRef) => string;
  /** One-based place of a span's start; without it nodes carry no places. */
  readonly position?: (span: Span) => { readonly line: number; readonly column: number };
  /** What an imported file says of itself, kept as it is. */
  readonly frame?: Frame;
}
interface ExternalTensor {
  readonly node: Node;
  readonly name: string;
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}
interface Emitted {
  /** Bytes of a ModelProto. */
  readonly model: Uint8Array;
  readonly external: readonly ExternalTensor[];
  readonly nodeCount: number;
}

export function emitModel(graph: Graph, options: EmitOptions): Emitted {
  const initializers = options.initializers ?? new Map<Node, Initializer>();
  const lowerer = new Lowerer(graph.arena, options.target, graph.inputs, graph.outputs.map((o) => o.name));
  const tensors: Onnx.ITensorProto[] = [];
  const external: ExternalTensor[] = [];
  for (const node of computed(graph, initializers)) {
    if (node.op === "input") continue;
    const value = initializers.get(node) ?? (node.op === "weight" ? stored(node.attrs.ref as WeightRef, options.location) : undefined);
    if (!value) {
      lowerer.lower(node);
      continue;
    }
    const name = lowerer.initializer(node, node.op === "weight" ? (node.attrs.ref as WeightRef).name : undefined);
    tensors.push(tensorOf(name, value));
    if (value.kind === "external") external.push({ node, name, location: value.location, offset: value.offset, length: value.length });
  }
  lowerer.finish(graph.outputs);
  const { facts } = graph.arena;
  const model = encodeModel({
    name: options.name,
    nodes: lowerer.nodes.map((n) => encodeNode(lowerer, n, saidOf(graph, n, options))),
    tensors: [...tensors, ...constants(lowerer)],
    inputs: graph.inputs.map((i) => valueInfo(i.name, i.node.type, facts)),
    outputs: graph.outputs.map((o) => valueInfo(o.name, o.node.type, facts)),
    domains: new Set(lowerer.nodes.map((n) => n.domain)),
    operatorSets: graph.arena.operatorSets,
    frame: options.frame,
  });
  return { model, external, nodeCount: lowerer.nodes.length };
}

interface InsideOptions {
  readonly target: Target;
  readonly name: string;
  /** Constants of the graph that stand outside of it, by their names there. */
  readonly constants: readonly GraphInput[];
  /** Its own inputs and its outputs as they are declared; values that it takes from outside are not among them. */
  readonly frame: Pick<Frame, "inputs" | "outputs" | "graph" | "nodes">;
}

interface EmittedInside {
  /** Bytes of a GraphProto. */
  readonly graph: Uint8Array;
  readonly nodeCount: number;
  /** Whose operators it uses. */
  readonly domains: ReadonlySet<string>;
  /** Names that its nodes take. */
  readonly used: ReadonlySet<string>;
}

/** A sub-graph; what it takes from outside are inputs of `graph`. */
export function emitInside(graph: Graph, { target, name, constants: outside, frame }: InsideOptions): EmittedInside {
  const lowerer = new Lowerer(graph.arena, target, [...graph.inputs, ...outside], graph.outputs.map((o) => o.name));
  for (const node of computed(graph, new Set(outside.map((c) => c.node)))) if (node.op !== "input") lowerer.lower(node);
  lowerer.finish(graph.outputs);
  const nodes = lowerer.nodes.map((n) => encodeNode(lowerer, n, saidOf(graph, n, { frame })));
  return {
    graph: encodeGraph({ name, nodes, tensors: constants(lowerer), inputs: [], outputs: [], frame }), nodeCount: nodes.length,
    domains: new Set(lowerer.nodes.map((n) => n.domain)), used: new Set(lowerer.nodes.flatMap((n) => [...n.inputs, ...(n.foreign?.captured ?? [])])),
  };
}

/** A model that gives the value of one constant node. */
interface ConstantModel {
  readonly model: Uint8Array;
  /** Name of the only output. */
  readonly output: string;
  /** Its element type: that of the node, but f32 for bf16, which no runtime hands out. */
  readonly dtype: DType;
  /** Weights that the model takes as inputs, by input name; none where they are external data. */
  readonly weights: ReadonlyMap<string, WeightRef>;
  readonly nodeCount: number;
}
interface ConstantOptions {
  /** `inputs`: the caller hands over the bytes of the weights (not bf16: ONNX Runtime takes no such inputs). */
  readonly weights?: "external" | "inputs";
  /** Where the model finds a weight's file. ONNX Runtime refuses absolute paths, so the default is the path from the root of the file system, for a session whose `session.model_external_initializers_file_folder_path` is `/`. */
  readonly location?: (ref: WeightRef) => string;
}

/** A model that computes one constant node from the weights that it needs. */
export function emitConstantModel(root: Node, facts: Facts, options: ConstantOptions = {}): ConstantModel {
  const order = topological([root]);
  const leaves = options.weights === "inputs" ? order.filter((n) => n.op === "weight") : [];
  const inputs: GraphInput[] = leaves.map((node, i) => ({ name: `weight_${i}`, node, axes: [] }));
  // Origins are of no use in a model that nobody sees.
  const lowerer = new Lowerer({ facts, originsOf: () => [] }, "cpu", inputs, ["value"]);
  const tensors: Onnx.ITensorProto[] = [];
  for (const node of order) {
    if (node.op !== "weight") lowerer.lower(node);
    else if (options.weights !== "inputs")
      tensors.push(tensorOf(lowerer.initializer(node, undefined), stored(node.attrs.ref as WeightRef, options.location ?? ((ref) => ref.file.replace(/^\/+/, "")))));
  }
  const dtype = root.type.dtype === "bf16" ? "f32" : root.type.dtype;
  lowerer.finish([{ name: "value", node: root, axes: [] }], dtype);
  const model = encodeModel({
    name: "constant",
    nodes: lowerer.nodes.map((n) => encodeNode(lowerer, n, { doc: "", metadata: [] })),
    tensors: [...tensors, ...constants(lowerer)],
    inputs: inputs.map((i) => valueInfo(i.name, i.node.type, facts)),
    outputs: [valueInfo("value", { ...root.type, dtype }, facts)],
    domains: new Set(lowerer.nodes.map((n) => n.domain)),
  });
  return { model, output: "value", dtype, weights: new Map(inputs.map((i) => [i.name, i.node.attrs.ref as WeightRef])), nodeCount: lowerer.nodes.length };
}

/** Nodes that outputs need when nothing behind an initializer is computed, inputs before users. */
function computed(graph: Graph, initializers: Pick<ReadonlySet<Node>, "has">): Node[] {
  const roots = graph.outputs.map((o) => o.node);
  const makers = graph.arena.sizeMakers(nodesOf(graph));
  const order = topological(roots, makers);
  const wanted = new Set(roots);
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i] as Node;
    if (wanted.has(node) && !initializers.has(node)) for (const input of [...node.inputs, ...makers(node)]) wanted.add(input);
  }
  return order.filter((node) => wanted.has(node));
}

const stored = (ref: WeightRef, location: (ref: WeightRef) => string = (r) => r.file): Initializer =>
  ({ kind: "external", dtype: ref.dtype, dims: ref.shape, location: location(ref), offset: ref.offset, length: ref.length });

const constants = (lowerer: Lowerer): Onnx.ITensorProto[] =>
  [...lowerer.constants].map(([name, { dims, value }]) => tensorOf(name, { kind: "inline", dtype: value.dtype, dims, bytes: value.bytes }));

function tensorOf(name: string, value: Initializer): Onnx.ITensorProto {
  const head = { name, dataType: ONNX_TYPE[value.dtype], dims: value.dims.map((d) => Long.fromNumber(d)) };
  if (value.kind === "inline") return { ...head, rawData: value.bytes };
  const entries = { location: value.location, offset: String(value.offset), length: String(value.length) };
  return { ...head, dataLocation: onnx.TensorProto.DataLocation.EXTERNAL, externalData: Object.entries(entries).map(([key, text]) => ({ key, value: text })) };
}

function valueInfo(name: string, type: TensorType, facts: Facts): Onnx.IValueInfoProto {
  const dimension = (dim: Dim): Onnx.TensorShapeProto.IDimension => {
    const known = facts.bind(dim);
    const value = asNumber(known);
    return value === undefined ? { dimParam: known.key } : { dimValue: Long.fromNumber(value) };
  };
  return { name, type: { tensorType: { elemType: ONNX_TYPE[type.dtype], shape: { dim: type.dims.map(dimension) } } } };
}

function attribute(name: string, value: OnnxAttr): Onnx.IAttributeProto {
  const { AttributeType } = onnx.AttributeProto;
  if (typeof value === "number") return { name, type: AttributeType.INT, i: Long.fromNumber(value) };
  if (typeof value === "boolean") return { name, type: AttributeType.INT, i: Long.fromNumber(value ? 1 : 0) };
  if (typeof value === "string") return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if (!("kind" in value)) return { name, type: AttributeType.INTS, ints: value.map((v) => Long.fromNumber(v)) };
  if (value.kind === "float") return { name, type: AttributeType.FLOAT, f: value.value };
  if (value.kind === "floats") return { name, type: AttributeType.FLOATS, floats: [...value.values] };
  return { name, type: AttributeType.TENSOR, t: tensorOf("", { kind: "inline", dtype: value.value.dtype, dims: value.dims, bytes: value.value.bytes }) };
}

/** What leads from an emitted node back to the source. */
function metadata(graph: Graph, lowered: Lowered, { position }: Pick<EmitOptions, "position">): [string, string][] {
  const origins = graph.arena.originsOf(lowered.from);
  const place = (span: Span): string => {
    const at = position?.(span);
    return at ? `${span.file}:${at.line}:${at.column}` : "";
  };
  const entries: [string, string[]][] = [
    ["kirigami.origin", origins.map((o) => place(o.span))],
    ["kirigami.path", origins.map((o) => o.path)],
    ["kirigami.by", origins.map((o) => o.by ?? "")],
  ];
  return entries.map(([key, texts]): [string, string] => [key, [...new Set(texts.filter((t) => t !== ""))].join(";")]).filter(([, text]) => text !== "");
}

/** What stands at an emitted node: where it came from, and what the file said of the nodes that it is made of, as far as all of them say the same. */
function saidOf(graph: Graph, lowered: Lowered, options: Pick<EmitOptions, "position"> & { readonly frame?: Pick<Frame, "nodes"> | undefined }): Said {
  const own = metadata(graph, lowered, options);
  const paths = graph.arena.originsOf(lowered.from).map((o) => o.path);
  const [first, ...others] = paths.flatMap((path) => options.frame?.nodes.get(path) ?? []);
  if (!first) return { doc: "", metadata: own };
  const kept = first.metadata.filter(([key, value]) => !key.startsWith("kirigami.") && others.every((o) => o.metadata.some(([k, v]) => k === key && v === value)));
  return { doc: others.every((o) => o.doc === first.doc) ? first.doc : "", metadata: [...kept, ...own] };
}

/** A NodeProto. Its metadata is field 9, which onnx-proto does not know, so it is written behind what onnx-proto writes. */
function encodeNode(lowerer: Lowerer, node: Lowered, { doc, metadata }: Said): Uint8Array {
  const known = onnx.NodeProto.encode({
    name: node.name, opType: node.opType, domain: node.domain, input: [...node.inputs], output: [...node.outputs], ...(doc === "" ? {} : { docString: doc }),
    attribute: Object.keys(node.attrs).sort().map((name) => attribute(name, node.attrs[name] as OnnxAttr)),
  }).finish();
  const foreign = node.foreign ? withInnerNames(node.foreign.attributes, node.foreign.captured, (name) => lowerer.unique(name.startsWith(INNER) ? `${node.name}/${name.slice(INNER.length)}` : name)) : new Uint8Array();
  return concatenated([known, foreign, ...metadata.map(([key, value]) => entryField(9, key, value))]);
}

interface Parts {
  readonly name: string;
  readonly nodes: readonly Uint8Array[];
  readonly tensors: Onnx.ITensorProto[];
  readonly inputs: Onnx.IValueInfoProto[];
  readonly outputs: Onnx.IValueInfoProto[];
  readonly domains: ReadonlySet<string>;
  readonly operatorSets?: Arena["operatorSets"] | undefined;
  readonly frame?: Frame | undefined;
}

/** A GraphProto whose nodes are already bytes. */
function encodeGraph({ name, nodes, tensors, inputs, outputs, frame }: Pick<Parts, "name" | "nodes" | "tensors" | "inputs" | "outputs"> & { readonly frame?: Pick<Frame, "inputs" | "outputs" | "graph"> | undefined }): Uint8Array {
  const ports = frame ? { input: [], output: [] } : { input: inputs, output: outputs };
  const rest = onnx.GraphProto.encode({ name, initializer: tensors, ...ports, ...(frame?.graph.doc ? { docString: frame.graph.doc } : {}) }).finish();
  return concatenated([...nodes.map((n) => field(1, n)), rest, ...(frame?.inputs ?? []).map((p) => field(11, p)), ...(frame?.outputs ?? []).map((p) => field(12, p)), ...(frame?.graph.metadata ?? []).map(([key, value]) => entryField(16, key, value))]);
}

/** A ModelProto around a graph. */
function encodeModel({ domains, operatorSets, frame, ...graph }: Parts): Uint8Array {
  const versions = new Map([...[...domains].map((domain): [string, number] => [domain, 1]), ...(operatorSets ?? []), ...(frame?.opsets ?? []), ["", Math.max(OPSET, operatorSets?.get("") ?? 0, frame?.opsets.get("") ?? 0)] as const]);
  const head = onnx.ModelProto.encode({
    irVersion: Math.max(IR_VERSION, frame?.irVersion ?? 0),
    producerName: frame?.producer || "kirigami",
    ...(frame?.producerVersion ? { producerVersion: frame.producerVersion } : {}), ...(frame?.domain ? { domain: frame.domain } : {}),
    ...(frame?.modelVersion ? { modelVersion: Long.fromNumber(frame.modelVersion) } : {}), ...(frame?.doc ? { docString: frame.doc } : {}),
    opsetImport: [...versions].sort(([a], [b]) => (a < b ? -1 : 1)).map(([domain, version]) => ({ domain, version })),
    metadataProps: (frame?.metadata ?? []).map(([key, value]) => ({ key, value })),
  }).finish();
  return concatenated([head, field(7, encodeGraph({ ...graph, frame }))]);
}
