// How the graphs of two models differ: ports and their types, operators and how many there are, nodes by name.
import type { OnnxContent } from "../compiler/import/onnx-content.ts";
import type { AttributeValue, OnnxNode, OnnxType, OnnxValue } from "../compiler/import/onnx-file.ts";

/** An input or output; the type is null where the model has none of that name. */
export interface PortPair {
  readonly name: string;
  readonly a: string | null;
  readonly b: string | null;
}

interface NamedNode {
  readonly name: string;
  readonly op: string;
}

export interface StructureDiff {
  readonly nodes: { readonly a: number; readonly b: number };
  /** Operators of both, the most frequent first; `com.microsoft.Attention` outside of the standard. */
  readonly operators: readonly { readonly op: string; readonly a: number; readonly b: number }[];
  /** Nodes that only one of them has, by name and operator. */
  readonly removed: readonly NamedNode[];
  readonly added: readonly NamedNode[];
  /** Nodes of one name and operator whose attributes differ; null where one leaves it out. */
  readonly changed: readonly (NamedNode & { readonly attribute: string; readonly a: string | null; readonly b: string | null })[];
  readonly inputs: readonly PortPair[];
  readonly outputs: readonly PortPair[];
}

export function compareStructure(a: OnnxContent, b: OnnxContent): StructureDiff {
  const [counted, other] = [countOps(a.nodes), countOps(b.nodes)];
  const operators = [...new Set([...counted.keys(), ...other.keys()])].map((op) => ({ op, a: counted.get(op) ?? 0, b: other.get(op) ?? 0 }));
  operators.sort((x, y) => y.a + y.b - x.a - x.b || (x.op < y.op ? -1 : 1));
  const [mine, theirs] = [byKey(a.nodes), byKey(b.nodes)];
  return {
    nodes: { a: a.nodes.length, b: b.nodes.length }, operators, removed: missingFrom(mine, theirs), added: missingFrom(theirs, mine),
    changed: [...mine].flatMap(([key, [node]]) => attributesOf(node, theirs.get(key)?.[0])), inputs: paired(a.inputs, b.inputs), outputs: paired(a.outputs, b.outputs),
  };
}

const opOf = (node: OnnxNode): string => (node.domain === "" ? node.opType : `${node.domain}.${node.opType}`);

function countOps(nodes: readonly OnnxNode[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const node of nodes) counts.set(opOf(node), (counts.get(opOf(node)) ?? 0) + 1);
  return counts;
}

/** Nodes without a name are known by their first result. */
const nameOf = (node: OnnxNode): string => node.name || (node.outputs[0] ?? "");

function byKey(nodes: readonly OnnxNode[]): Map<string, OnnxNode[]> {
  const found = new Map<string, OnnxNode[]>();
  for (const node of nodes) {
    const key = `${opOf(node)} ${nameOf(node)}`;
    found.set(key, [...(found.get(key) ?? []), node]);
  }
  return found;
}

function missingFrom(of: ReadonlyMap<string, readonly OnnxNode[]>, from: ReadonlyMap<string, readonly OnnxNode[]>): NamedNode[] {
  return [...of].flatMap(([key, nodes]) => nodes.slice(from.get(key)?.length ?? 0).map((node) => ({ name: nameOf(node), op: opOf(node) })));
}

function attributesOf(a: OnnxNode | undefined, b: OnnxNode | undefined): StructureDiff["changed"][number][] {
  if (!a || !b) return [];
  return [...new Set([...a.attributes.keys(), ...b.attributes.keys()])].flatMap((attribute) => {
    const [x, y] = [a, b].map((n) => n.attributes.get(attribute)).map((found) => (found ? attributeText(found.value) : null)) as [string | null, string | null];
    return x === y ? [] : [{ name: nameOf(a), op: opOf(a), attribute, a: x, b: y }];
  });
}

/** Tensors are compared as weights, and graphs by their nodes. */
function attributeText(value: AttributeValue): string {
  if ("values" in value && value.kind !== "graphs") return `[${value.values.join(", ")}]`;
  return value.kind === "int" || value.kind === "float" || value.kind === "string" ? `${value.value}` : value.kind;
}

function paired(a: readonly OnnxValue[], b: readonly OnnxValue[]): PortPair[] {
  const [mine, theirs] = [a, b].map((ports) => new Map(ports.map((p) => [p.name, typeText(p.type)]))) as [Map<string, string>, Map<string, string>];
  return [...new Set([...mine.keys(), ...theirs.keys()])].map((name) => ({ name, a: mine.get(name) ?? null, b: theirs.get(name) ?? null }));
}

function typeText(type: OnnxType): string {
  if (type.kind !== "tensor") return type.kind;
  const dtype = type.dtype ?? `type ${type.code}`;
  return type.dims ? `${dtype}[${type.dims.map((d) => d ?? "?").join(", ")}]` : dtype;
}
