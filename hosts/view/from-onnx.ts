// An ONNX file as a drawing: its own nodes one by one, with types and costs as far as the importer finds them, and the origins that the compiler left in an artefact.
import { countedSizes } from "../../compiler/compress/cost.ts";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import { type Graph, topological } from "../../compiler/graph/node.ts";
import type { Host } from "../../compiler/host.ts";
import type { OnnxGraph, OnnxNode, OnnxType } from "../../compiler/import/onnx-file.ts";
import { importModel, nameOf } from "../../compiler/import/onnx-graph.ts";
import { openModel } from "../../compiler/import/onnx-open.ts";
import { sorted } from "../../compiler/import/onnx-sort.ts";
import { isOpaque } from "../../compiler/ops/foreign.ts";
import { type Drawing, type DrawnNode, linesOf } from "./drawing.ts";
import { withFoldPlaces } from "./fold-places.ts";
import { typeText } from "./from-graph.ts";
import { multiplyAdds } from "../../compiler/ops/multiply-adds.ts";
import { steps } from "./steps.ts";

interface OnnxOptions {
  readonly title: string;
  readonly facts?: readonly string[];
  /** Milliseconds of one run by the name of the node. */
  readonly times?: ReadonlyMap<string, number>;
}

/** `path` lies below the root of the host. A file that cannot be imported comes back as its problems. */
export function drawingOfOnnx(host: Host, path: string, { title, facts = [], times = new Map() }: OnnxOptions): { readonly value: Drawing | undefined; readonly problems: readonly Problem[] } {
  const imported = importModel(host, path);
  if (!imported.value) return { value: undefined, problems: imported.problems };
  const { graph } = imported.value;
  return openModel(host, path, ({ model }) => {
    const nodes = withFoldPlaces(nodesOf(model.graph, path, known(graph), times));
    const constants = model.graph.nodes.filter(isConstant).length;
    const said = [`${model.graph.nodes.length} nodes in the file${constants > 0 ? `, ${constants} of them constants, told at what takes them` : ""}`, ...(model.producer === "" ? [] : [`made by ${model.producer}`])];
    return { value: { title, nodes, lines: linesOf(nodes, () => ""), facts: [...said, ...facts] }, problems: imported.problems };
  });
}

const isConstant = ({ opType, domain, inputs }: OnnxNode): boolean => opType === "Constant" && domain === "" && inputs.length === 0;

interface Known {
  readonly type: string;
  readonly multiplyAdds: number;
}

/** What the importer found out of each node of the file, by its name: the type of what it gives, and the cost of all that it became. */
function known({ arena, outputs }: Graph): ReadonlyMap<string, Known> {
  const found = new Map<string, Known>();
  const size = countedSizes(arena);
  for (const node of topological(outputs.map((o) => o.node))) {
    // What several nodes of the file ask for is computed once; the first one bears its cost.
    for (const [i, { path }] of arena.originsOf(node).entries()) {
      const before = found.get(path)?.multiplyAdds ?? 0;
      found.set(path, { type: isOpaque(node.type) ? "" : typeText(node.type, arena.facts), multiplyAdds: before + (i === 0 ? multiplyAdds(node, size) : 0) });
    }
  }
  return found;
}

function nodesOf(graph: OnnxGraph, file: string, found: ReadonlyMap<string, Known>, times: ReadonlyMap<string, number>): DrawnNode[] {
  const told = new Map([...graph.inputs, ...graph.values, ...graph.outputs].map((v) => [v.name, typeOf(v.type)]));
  /** Constants and what they are; a value that is not here is given by a node, or by nobody. */
  const constants = new Map<string, string>([
    ...graph.initializers.map((t): [string, string] => [t.name, `${t.name} ${t.dtype ?? "?"}[${t.dims.join(", ")}]`]),
    ...graph.sparse.map((s): [string, string] => [s.values.name, `${s.values.name} sparse [${s.dims.join(", ")}]`]),
  ]);
  const givers = new Map<string, number>();
  const nodes: DrawnNode[] = [];
  const bare = { constants: [], multiplyAdds: 0, by: [], lines: [], sites: [], path: [] };
  for (const { name } of graph.inputs) {
    if (constants.has(name)) continue;
    givers.set(name, nodes.length);
    nodes.push({ ...bare, id: nodes.length, op: "input", name, kind: "input", inputs: [], type: told.get(name) ?? "" });
  }
  for (const node of sorted(graph, file)) {
    const called = nameOf(node);
    const { type = told.get(node.outputs[0] ?? "") ?? "", multiplyAdds = 0 } = found.get(called) ?? {};
    if (isConstant(node)) {
      for (const output of node.outputs) constants.set(output, `${called} ${constantType(node)}`);
      continue;
    }
    const entries = new Map(node.metadata);
    const list = (key: string): string[] => (entries.get(key) ?? "").split(";").filter((part) => part !== "");
    const taken = node.inputs.filter((name) => name !== "");
    const milliseconds = times.get(node.name);
    for (const output of node.outputs) if (output !== "") givers.set(output, nodes.length);
    nodes.push({
      id: nodes.length, op: node.opType, name: called, path: placeOf(node, list("kirigami.path"), entries), kind: "node", type, multiplyAdds,
      inputs: taken.flatMap((name) => givers.get(name) ?? []), constants: taken.flatMap((name) => constants.get(name) ?? []),
      ...(milliseconds === undefined ? {} : { milliseconds }),
      by: list("kirigami.by"), lines: [...new Set(list("kirigami.origin").map((o) => o.replace(/:\d+$/, "")))], sites: [],
    });
  }
  for (const { name } of graph.outputs)
    nodes.push({ ...bare, id: nodes.length, op: "output", name, kind: "output", inputs: [givers.get(name) ?? []].flat(), constants: [constants.get(name) ?? []].flat(), type: told.get(name) ?? "" });
  return nodes;
}

/** Containers of a node: its layer, as this compiler or PyTorch's exporter writes it down; else what stands before the last `/` of its name. */
function placeOf(node: OnnxNode, paths: readonly string[], metadata: ReadonlyMap<string, string>): string[] {
  if (paths[0] !== undefined) return steps(paths[0]);
  // A list as Python prints it: ['', 'encoder', 'encoder.layers.0', 'encoder.layers.0.norm1'].
  const scopes = [...(metadata.get("pkg.torch.onnx.name_scopes") ?? "").matchAll(/'([^']*)'/g)].map((match) => match[1] ?? "");
  const scope = scopes.findLast((s, i) => s !== "" && i < scopes.length - 1);
  if (scope !== undefined) return steps(scope);
  return node.name.includes("/") ? steps(node.name.slice(0, node.name.lastIndexOf("/")).concat("/")) : [];
}

const typeOf = (type: OnnxType): string => (type.kind === "tensor" ? `${type.dtype ?? "?"}[${(type.dims ?? ["…"]).map((d) => d ?? "?").join(", ")}]` : "");

function constantType({ attributes }: OnnxNode): string {
  for (const { value } of attributes.values()) {
    if (value.kind === "tensor") return `${value.value.dtype ?? "?"}[${value.value.dims.join(", ")}]`;
    if (value.kind === "int" || value.kind === "float") return `${value.value}`;
    if (value.kind === "ints" || value.kind === "floats") return `[${value.values.length}]`;
  }
  return "";
}
