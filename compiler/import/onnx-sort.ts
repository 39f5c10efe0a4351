// The nodes of a graph in the order of their computation; names that are made twice, or never, or in a circle.
import { imports } from "../diagnostics/import.ts";
import { report } from "../diagnostics/define.ts";
import type { OnnxGraph, OnnxNode } from "./onnx-file.ts";
import { Unusable } from "./onnx-inline.ts";

const graphsOf = (node: OnnxNode): OnnxGraph[] =>
  [...node.attributes.values()].flatMap(({ value }) => (value.kind === "graph" ? [value.value] : value.kind === "graphs" ? value.values : []));

/** Names that a node needs: its inputs, and what its sub-graphs take from outside. */
function needs(node: OnnxNode): ReadonlySet<string> {
  const names = new Set(node.inputs.filter((n) => n !== ""));
  for (const graph of graphsOf(node)) for (const name of free(graph)) names.add(name);
  return names;
}

/** What a sub-graph uses and does not make. */
function free(graph: OnnxGraph): Set<string> {
  const own = ownNames(graph);
  const names = new Set<string>();
  for (const node of graph.nodes) for (const name of needs(node)) if (!own.has(name)) names.add(name);
  for (const { name } of graph.outputs) if (!own.has(name)) names.add(name);
  return names;
}

/** What a graph is given and makes. */
export const ownNames = (graph: OnnxGraph): Set<string> =>
  new Set([...graph.inputs.map((i) => i.name), ...graph.initializers.map((t) => t.name), ...graph.sparse.map((s) => s.values.name), ...graph.nodes.flatMap((n) => n.outputs)]);

/** Nodes behind what they need; nodes that need nothing of each other stay in the file's order. `outer` knows names from around a sub-graph. */
export function sorted(graph: OnnxGraph, file: string, outer: (name: string) => boolean = () => false): OnnxNode[] {
  const makers = new Map<string, OnnxNode>();
  const given = new Set([...graph.inputs.map((i) => i.name), ...graph.initializers.map((t) => t.name), ...graph.sparse.map((s) => s.values.name)]);
  for (const node of graph.nodes)
    for (const value of node.outputs) {
      if (value === "") continue;
      if (makers.has(value) || given.has(value)) throw new Unusable(report(imports.I503, undefined, { file, node: node.name, value }));
      makers.set(value, node);
    }
  const order: OnnxNode[] = [];
  const state = new Map<OnnxNode, "open" | "done">();
  for (const root of graph.nodes) {
    const stack: { node: OnnxNode; needs: string[] }[] = state.has(root) ? [] : [{ node: root, needs: [...needs(root)].reverse() }];
    state.set(root, state.get(root) ?? "open");
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const name = top.needs.pop();
      if (name === undefined) {
        stack.pop();
        state.set(top.node, "done");
        order.push(top.node);
        continue;
      }
      const maker = makers.get(name);
      const { node } = top;
      if (!maker && !given.has(name) && !outer(name)) throw new Unusable(report(imports.I502, undefined, { file, node: node.name, opType: node.opType, value: name }));
      if (!maker || state.get(maker) === "done") continue;
      if (state.get(maker) === "open") throw new Unusable(report(imports.I504, undefined, { file, node: maker.name, opType: maker.opType }));
      state.set(maker, "open");
      stack.push({ node: maker, needs: [...needs(maker)].reverse() });
    }
  }
  return order;
}
