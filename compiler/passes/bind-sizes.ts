// Puts known sizes in place of symbols, so that later passes see numbers. What only a run knows stays symbolic.
import type { Arena, Attr, Attrs, Graph, Node } from "../graph/node.ts";
import { replacedOutputs, topological } from "../graph/node.ts";
import { remake } from "../rewrite/run.ts";
import { type Dim, type Facts, isDim } from "../types/dim.ts";
import { pass } from "./pass.ts";

// 1. a symbol with a known value, in attributes and types   2. a symbol that is known to be another size
export default pass("bind sizes", {
  needs: "tensor", leaves: "tensor", exact: true,
  run: (graph) => bind(graph),
});

function bind(graph: Graph): Graph {
  const { arena } = graph;
  const now = new Map<Node, Node>();
  for (const node of topological([...graph.inputs, ...graph.outputs].map((io) => io.node))) now.set(node, bound(arena, node, now));
  const become = (node: Node): Node => now.get(node) ?? node;
  const guards = graph.guards.map((g) => ({ ...g, left: arena.facts.bind(g.left), right: arena.facts.bind(g.right) }));
  return { ...graph, inputs: graph.inputs.map((i) => ({ ...i, node: become(i.node) })), outputs: replacedOutputs(graph.outputs, become), guards };
}

function bound(arena: Arena, node: Node, now: ReadonlyMap<Node, Node>): Node {
  return remake(arena, node, node.inputs.map((x) => now.get(x) ?? x), resolved(node.attrs, arena.facts));
}

/** The same object where nothing changes. */
function resolved(attrs: Attrs, facts: Facts): Attrs {
  let out: Record<string, Attr> | undefined;
  for (const [name, value] of Object.entries(attrs)) {
    const next = isDim(value) ? facts.bind(value) : isDims(value) ? value.map((d) => facts.bind(d)) : value;
    const same = next === value || (isDims(next) && isDims(value) && next.every((d, i) => d === value[i]));
    if (!same) out = { ...(out ?? attrs), [name]: next };
  }
  return out ?? attrs;
}

const isDims = (value: Attr): value is readonly Dim[] => Array.isArray(value) && value.length > 0 && isDim(value[0]);
