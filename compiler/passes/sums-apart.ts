// Sums in front of layer norms that the runtime shall not join with them: its one operator for both takes longer than two.
import { Build } from "../graph/build.ts";
import { type Graph, type Node, topological } from "../graph/node.ts";
import type { Recorder } from "../rewrite/record.ts";
import { remake } from "../rewrite/run.ts";
import { pass } from "./pass.ts";

// 1. layerNorm(x + y): the sum is written as one that the runtime's own fusion does not look for
export default pass("sums apart", { needs: "fused", leaves: "fused", exact: true, for: (target) => target.sumsApart, run: (graph, _, record) => apart(graph, record) });

function apart(graph: Graph, record: Recorder): Graph {
  const { arena } = graph;
  const o = new Build(arena);
  const order = topological(graph.outputs.map((out) => out.node));
  const normed = new Set(order.flatMap((n) => (n.op === "layerNorm" && n.inputs[0]?.op === "add" && n.inputs[0].type.dtype === "f32" ? [n.inputs[0]] : [])));
  if (normed.size === 0) return graph;
  const now = new Map<Node, Node>();
  for (const node of order) {
    const inputs = node.inputs.map((i) => now.get(i) ?? i);
    const made = normed.has(node) ? o.make("add", inputs, { apart: true }) : remake(arena, node, inputs);
    now.set(node, made);
    if (!normed.has(node)) continue;
    for (const origin of arena.originsOf(node)) arena.addOrigin(made, origin);
    record.step({ pass: "sums apart", rule: "sum of a norm", before: node, after: made });
  }
  return { ...graph, outputs: graph.outputs.map((out) => ({ ...out, node: now.get(out.node) ?? out.node })) };
}
