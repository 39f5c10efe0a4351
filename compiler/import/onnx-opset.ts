// Nodes of older operator sets in the words of the one that we emit: one entry an operator and change, applied from old to new.
import { imports } from "../diagnostics/import.ts";
import { report } from "../diagnostics/define.ts";
import type { DType } from "../types/tensor.ts";
import { floats, int, ints, made, text } from "./onnx-encode.ts";
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxValue } from "./onnx-file.ts";
import { Unusable } from "./onnx-inline.ts";

/** What bringing a node up to date may ask of the graph around it. */
export interface Around {
  readonly file: string;
  /** Undefined inside of sub-graphs, and where nothing is known. */
  rank(value: string): number | undefined;
  dtype(value: string): DType | undefined;
  /** A name that no value has. */
  fresh(): string;
}

/** From a form that an operator had until `before`, to the one that it has from there on. */
interface Change {
  readonly before: number;
  readonly change: (node: OnnxNode, around: Around) => readonly OnnxNode[];
}

/** The same computation in operator set 20; nodes of other domains stay as they are. Throws `Unusable` for what has no such form. */
export function upToDate(node: OnnxNode, version: number, around: Around): readonly OnnxNode[] {
  if (node.domain !== "") return [node];
  const then = node.version ?? version;
  let nodes: readonly OnnxNode[] = [{ ...node, version: then }];
  for (const { before, change } of CHANGES.get(node.opType) ?? []) {
    if (then >= before) continue;
    // Only the operator itself changes; what was put around it is of today.
    nodes = nodes.flatMap((n) => (n.opType === node.opType && n.name === node.name ? change(n, around) : [n]));
  }
  return nodes;
}

const number = (node: OnnxNode, name: string, otherwise: number): number => {
  const value = node.attributes.get(name)?.value;
  return value?.kind === "int" || value?.kind === "float" ? value.value : otherwise;
};
const list = (node: OnnxNode, name: string): readonly number[] | undefined => {
  const value = node.attributes.get(name)?.value;
  return value?.kind === "ints" || value?.kind === "floats" ? value.values : undefined;
};
const word = (node: OnnxNode, name: string): string | undefined => {
  const value = node.attributes.get(name)?.value;
  return value?.kind === "string" ? value.value : undefined;
};

/** The node with attributes taken out and put in. */
function changed(node: OnnxNode, out: readonly string[], put: readonly OnnxAttribute[] = [], rest: Partial<OnnxNode> = {}): OnnxNode {
  const attributes = new Map([...node.attributes].filter(([name]) => !out.includes(name)));
  for (const attribute of put) attributes.set(attribute.name, attribute);
  return { ...node, attributes, ...rest };
}

const plain = (opType: string, inputs: readonly string[], outputs: readonly string[], attributes: readonly OnnxAttribute[], of: OnnxNode): OnnxNode => ({
  opType, domain: "", name: `${of.name}/${opType}`, overload: "", inputs, outputs, attributes: new Map(attributes.map((a) => [a.name, a])), metadata: [], version: NOW,
});
/** Marks nodes that need no change. */
export const NOW = 20;

/** An i64[n] constant, and its name. */
function integers(values: readonly number[], of: OnnxNode, around: Around): { readonly name: string; readonly node: OnnxNode } {
  const name = around.fresh();
  return { name, node: plain("Constant", [], [name], [ints("value_ints", values)], of) };
}

/** A number of the element type that `like` has. */
function numberLike(value: number, like: string, of: OnnxNode, around: Around): { readonly name: string; readonly nodes: readonly OnnxNode[] } {
  const name = around.fresh();
  const constant = plain("Constant", [], [name], [made("value_float", { kind: "float", value })], of);
  if (around.dtype(like) === "f32") return { name, nodes: [constant] };
  const cast = around.fresh();
  return { name: cast, nodes: [constant, plain("CastLike", [name, like], [cast], [], of)] };
}

/** An attribute of numbers becomes input `index`. */
const listToInput = (attribute: string, index: number): Change["change"] => (node, around) => {
  const values = list(node, attribute);
  if (!values) return [node];
  const constant = integers(values, node, around);
  const inputs = [...node.inputs];
  while (inputs.length < index) inputs.push("");
  inputs[index] = constant.name;
  return [constant.node, changed(node, [attribute], [], { inputs })];
};

const without = (...names: string[]): Change["change"] => (node) => [changed(node, names)];
const refused = (why: string): Change["change"] => (node, around) => {
  throw new Unusable(report(imports.I506, undefined, { file: around.file, node: node.name, opType: node.opType, version: node.version ?? 0, why }));
};

/** Until 13 these looked at a tensor as rows, split at the axis. */
const byRows: Change["change"] = (node, around) => {
  const axis = number(node, "axis", 1);
  const [x, y] = [node.inputs[0] as string, node.outputs[0] as string];
  const rank = around.rank(x);
  if (rank !== undefined && (axis < 0 ? axis + rank : axis) === rank - 1) return [changed(node, ["axis"], [int("axis", -1)])];
  const [shape, flat, done] = [around.fresh(), around.fresh(), around.fresh()];
  return [
    plain("Shape", [x], [shape], [], node),
    plain("Flatten", [x], [flat], [int("axis", axis)], node),
    changed(node, ["axis"], [int("axis", -1)], { inputs: [flat], outputs: [done] }),
    plain("Reshape", [done, shape], [y], [], node),
  ];
};

/** Until 7 the second operand was put at an axis of the first. */
const atAxis: Change["change"] = (node, around) => {
  const axis = number(node, "axis", -1);
  const [a, b] = node.inputs as readonly [string, string];
  const [rankA, rankB] = [around.rank(a), around.rank(b)];
  const bare = changed(node, ["axis", "broadcast", "consumed_inputs"]);
  if (number(node, "broadcast", 0) === 0 || !node.attributes.has("axis")) return [bare];
  if (rankA === undefined || rankB === undefined) return refused("where its second operand stands follows from ranks that nothing tells")(node, around);
  const behind = rankA - rankB - (axis < 0 ? axis + rankA : axis);
  if (behind <= 0) return [bare];
  const axes = integers(Array.from({ length: behind }, (_, i) => rankB + i), node, around);
  const moved = around.fresh();
  return [axes.node, plain("Unsqueeze", [b, axes.name], [moved], [], node), { ...bare, inputs: [a, moved] }];
};

const slopes: Change["change"] = (node, around) => {
  const [x, slope] = node.inputs as readonly [string, string];
  const [rank, own] = [around.rank(x), around.rank(slope)];
  if (rank === undefined || own !== 1 || rank < 3) return [changed(node, ["consumed_inputs"])];
  const axes = integers(Array.from({ length: rank - 2 }, (_, i) => i + 1), node, around);
  const moved = around.fresh();
  return [axes.node, plain("Unsqueeze", [slope, axes.name], [moved], [], node), changed(node, ["consumed_inputs"], [], { inputs: [x, moved] })];
};

const clip: Change["change"] = (node, around) => {
  const x = node.inputs[0] as string;
  const bounds = ["min", "max"].map((name) => (node.attributes.has(name) ? numberLike(number(node, name, 0), x, node, around) : undefined));
  return [...bounds.flatMap((b) => b?.nodes ?? []), changed(node, ["min", "max", "consumed_inputs"], [], { inputs: [x, ...bounds.map((b) => b?.name ?? "")] })];
};

const pad: Change["change"] = (node, around) => {
  const pads = integers(list(node, "pads") ?? list(node, "paddings") ?? [], node, around);
  const x = node.inputs[0] as string;
  const value = number(node, "value", 0);
  const filled = value === 0 ? undefined : numberLike(value, x, node, around);
  return [pads.node, ...(filled?.nodes ?? []), changed(node, ["pads", "paddings", "value"], [], { inputs: [x, pads.name, ...(filled ? [filled.name] : [])] })];
};

const slice: Change["change"] = (node, around) => {
  const starts = list(node, "starts") ?? [];
  const parts = [starts, list(node, "ends") ?? [], list(node, "axes") ?? starts.map((_, i) => i)].map((values) => integers(values, node, around));
  return [...parts.map((p) => p.node), changed(node, ["starts", "ends", "axes"], [], { inputs: [node.inputs[0] as string, ...parts.map((p) => p.name)] })];
};

const dropout: Change["change"] = (node, around) => {
  const [y, mask = ""] = node.outputs;
  const bare = changed(node, ["ratio", "is_test", "consumed_inputs"], [], { inputs: [node.inputs[0] as string] });
  if (mask === "" || (node.version ?? NOW) >= 10) return [bare];
  const bits = around.fresh();
  return [{ ...bare, outputs: [y as string, bits] }, plain("CastLike", [bits, node.inputs[0] as string], [mask], [], node)];
};

/** Both scale from the corner of the first pixel. */
const LEGACY = [text("coordinate_transformation_mode", "asymmetric"), text("nearest_mode", "floor")];
const mode = (node: OnnxNode): OnnxAttribute => text("mode", word(node, "mode")?.endsWith("linear") ? "linear" : "nearest");

const upsample: Change["change"] = (node, around) => {
  const [x, given] = node.inputs as readonly [string, string | undefined];
  const scales = list(node, "scales") ?? (node.attributes.has("height_scale") ? [1, 1, number(node, "height_scale", 1), number(node, "width_scale", 1)] : undefined);
  const name = scales ? around.fresh() : given;
  const constant = scales ? [plain("Constant", [], [name as string], [floats("value_floats", scales)], node)] : [];
  return [...constant, changed(node, ["scales", "height_scale", "width_scale", "mode"], [mode(node), ...LEGACY], { opType: "Resize", inputs: [x, "", name as string], version: NOW })];
};

const batchNorm: Change["change"] = (node, around) =>
  number(node, "spatial", 1) === 0 || node.outputs.slice(1).some((o) => o !== "") ? refused("it norms each place by itself, or trains")(node, around) : [changed(node, ["spatial", "is_test", "consumed_inputs"])];

/** Until 9 the first axis was that of records. Now a scan over the records holds the scan of each; `version` keeps the inner one from being changed again. */
const records: Change["change"] = (node, around) => {
  const body = node.attributes.get("body")?.value;
  const [lengths, ...inputs] = node.inputs;
  if (body?.kind !== "graph") return [node];
  if (lengths) return refused("its records are of several lengths")(node, around);
  const directions = list(node, "directions") ?? [];
  const own = (of: readonly OnnxValue[]): OnnxValue[] => of.map(({ type }) => ({ name: around.fresh(), type, place: undefined }));
  const [given, found] = [own(body.value.inputs), own(body.value.outputs)];
  const each: OnnxNode = {
    ...changed(node, ["directions"], directions.length > 0 ? [ints("scan_input_directions", directions)] : []),
    inputs: given.map((v) => v.name), outputs: found.map((v) => v.name), version: NOW,
  };
  const all: OnnxGraph = { name: body.value.name, nodes: [each], doc: "", metadata: [], initializers: [], sparse: [], inputs: given, outputs: found, values: [] };
  return [plain("Scan", inputs, node.outputs, [made("body", { kind: "graph", value: all }), int("num_scan_inputs", inputs.length)], { ...node, name: `${node.name}/records` })];
};

const NAMES: Readonly<Record<string, number>> = { FLOAT: 1, UINT8: 2, INT8: 3, UINT16: 4, INT16: 5, INT32: 6, INT64: 7, STRING: 8, BOOL: 9, FLOAT16: 10, DOUBLE: 11, UINT32: 12, UINT64: 13 };

const at = (before: number, change: Change["change"]): Change => ({ before, change });
const CHANGES: ReadonlyMap<string, readonly Change[]> = new Map<string, readonly Change[]>([
  ...["Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Greater", "Less"].map((op) => [op, [at(7, atAxis)]] as const),
  ...["Softmax", "LogSoftmax", "Hardmax"].map((op) => [op, [at(13, byRows)]] as const),
  ...["ReduceMax", "ReduceMin", "ReduceMean", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"].map((op) => [op, [at(18, listToInput("axes", 1))]] as const),
  ...["ReduceSum", "Squeeze", "Unsqueeze"].map((op) => [op, [at(13, listToInput("axes", 1))]] as const),
  ...["Abs", "Ceil", "Floor", "Elu", "Exp", "HardSigmoid", "InstanceNormalization", "LeakyRelu", "Log", "Max", "Mean", "Min", "Neg", "Reciprocal", "Relu", "Selu", "Sigmoid", "Sqrt", "Sum", "Tanh"].map((op) => [op, [at(6, without("consumed_inputs"))]] as const),
  ...["GRU", "LSTM", "RNN"].map((op) => [op, [at(7, without("output_sequence"))]] as const),
  ...["LpPool", "GlobalLpPool"].map((op) => [op, [at(2, (node: OnnxNode) => [changed(node, ["p"], [int("p", number(node, "p", 2))])])]] as const),
  ["PRelu", [at(7, slopes)]],
  ["Gemm", [at(7, without("broadcast"))]],
  ["BatchNormalization", [at(14, batchNorm)]],
  ["Cast", [at(6, (node) => { const to = word(node, "to"); return [to === undefined ? node : changed(node, ["to"], [int("to", NAMES[to] ?? 1)])]; })]],
  ["Clip", [at(11, clip)]],
  ["Concat", [at(4, (node) => [node.attributes.has("axis") ? node : changed(node, [], [int("axis", 1)])])]],
  ["DFT", [at(20, (node, around) => {
    const axis = around.fresh();
    const constant = plain("Constant", [], [axis], [int("value_int", number(node, "axis", 1))], node);
    return [constant, changed(node, ["axis"], [], { inputs: [node.inputs[0] as string, node.inputs[1] ?? "", axis] })];
  })]],
  ["Dropout", [at(12, dropout)]],
  ["GridSample", [at(20, (node) => [changed(node, ["mode"], [text("mode", ({ bilinear: "linear", bicubic: "cubic" } as Readonly<Record<string, string>>)[word(node, "mode") ?? "bilinear"] ?? (word(node, "mode") as string))])])]],
  ["Pad", [at(11, pad)]],
  ["Reshape", [at(5, listToInput("shape", 1))]],
  ["Resize", [at(11, (node) => [changed(node, ["mode"], [mode(node), ...LEGACY], { inputs: [node.inputs[0] as string, "", node.inputs[1] ?? ""] })])]],
  ["RoiAlign", [at(16, (node) => [changed(node, [], [text("coordinate_transformation_mode", "output_half_pixel")])])]],
  ["Scan", [at(9, records)]],
  ["Scatter", [at(11, (node) => [changed(node, [], [], { opType: "ScatterElements", version: NOW })])]],
  ["Slice", [at(10, slice)]],
  ["Split", [at(13, listToInput("split", 1)), at(18, (node) => [node.inputs[1] ? node : changed(node, [], [int("num_outputs", node.outputs.length)])])]],
  ["Tile", [at(6, refused("it repeated one axis then"))]],
  ["TopK", [at(10, (node, around) => { const k = integers([number(node, "k", 0)], node, around); return [k.node, changed(node, ["k"], [], { inputs: [node.inputs[0] as string, k.name] })]; })]],
  ["Upsample", [at(10, upsample)]],
]);
