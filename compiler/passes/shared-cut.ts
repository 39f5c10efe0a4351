// Parts of one value that are cut along a second axis in the same way: cut there once, before they are parted.
import { Build } from "../graph/build.ts";
import { type Graph, type Node, topological } from "../graph/node.ts";
import type { Recorder } from "../rewrite/record.ts";
import { remake } from "../rewrite/run.ts";
import type { Dim } from "../types/dim.ts";
import { pass } from "./pass.ts";

// 1. at least two slices along one axis, of slices of one value along another that nothing else reads
export default pass("shared cuts", { needs: "fused", leaves: "fused", exact: true, run: (graph, _, record) => shared(graph, record) });

function shared(graph: Graph, record: Recorder): Graph {
  const { arena } = graph;
  const o = new Build(arena);
  const order = topological(graph.outputs.map((out) => out.node));
  const users = new Map<Node, number>();
  for (const node of [...order.flatMap((n) => [...new Set(n.inputs)]), ...graph.outputs.map((out) => out.node)]) users.set(node, (users.get(node) ?? 0) + 1);
  const alike = new Map<string, Node[]>();
  for (const node of order) if (isSecond(node, users)) alike.set(keyOf(node), [...(alike.get(keyOf(node)) ?? []), node]);
  const now = new Map<Node, Node>();
  for (const node of order) {
    const twice = isSecond(node, users) && (alike.get(keyOf(node))?.length ?? 0) > 1;
    const made = twice ? turned(o, node, now) : remake(arena, node, node.inputs.map((x) => now.get(x) ?? x));
    if (twice) {
      for (const origin of arena.originsOf(node)) arena.addOrigin(made, origin);
      record.step({ pass: "shared cuts", rule: "the common cut first", before: node, after: made });
    }
    now.set(node, made);
  }
  return { ...graph, outputs: graph.outputs.map((out) => ({ ...out, node: now.get(out.node) ?? out.node })) };
}

function isSecond(node: Node, users: ReadonlyMap<Node, number>): boolean {
  const first = node.op === "slice" ? node.inputs[0] : undefined;
  return first?.op === "slice" && users.get(first) === 1 && first.attrs.axis !== node.attrs.axis;
}

/** What is cut, and how it is cut along the second axis. */
function keyOf(node: Node): string {
  const { axis, from, to, step } = node.attrs as { axis: number; from: Dim; to: Dim; step: number };
  return `${node.inputs[0]?.inputs[0]?.id} ${axis} ${from.key} ${to.key} ${step}`;
}

function turned(o: Build, node: Node, now: ReadonlyMap<Node, Node>): Node {
  const first = node.inputs[0] as Node;
  const x = first.inputs[0] as Node;
  return o.make("slice", [o.make("slice", [now.get(x) ?? x], node.attrs)], first.attrs);
}
