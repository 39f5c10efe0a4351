// Sums in front of layer norms that the runtime shall not join with them: its one operator for both takes longer than two.
import { Build } from "../graph/build.ts";
import { type Graph, nodesOf } from "../graph/node.ts";
import type { Recorder } from "../rewrite/record.ts";
import { replace } from "../rewrite/replace.ts";
import { pass } from "./pass.ts";

// 1. layerNorm(x + y): the sum is written as one that the runtime's own fusion does not look for
export default pass("sums apart", { needs: "fused", leaves: "fused", exact: true, for: (target) => target.sumsApart, run: (graph, _, record) => apart(graph, record) });

function apart(graph: Graph, record: Recorder): Graph {
  const o = new Build(graph.arena);
  const order = nodesOf(graph);
  const normed = new Set(order.flatMap((n) => (n.op === "layerNorm" && n.inputs[0]?.op === "add" && n.inputs[0].type.dtype === "f32" ? [n.inputs[0]] : [])));
  return replace(graph, (node, now) => (normed.has(node) ? { rule: "sum of a norm", node: o.make("add", node.inputs.map(now), { apart: true }) } : undefined), { pass: "sums apart", record });
}
