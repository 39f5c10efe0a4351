// What no rule at one node can say, because others decide it: a graph gone through once, with something else in the place of some nodes.
import { type Graph, type Node, nodesOf, replacedOutputs } from "../graph/node.ts";
import { type RewriteOptions, carryOrigins, remake } from "./run.ts";

interface Put {
  readonly rule: string;
  /** Of the type of what it stands for. */
  readonly node: Node;
}

/** The graph with what `put` makes in the place of a node. Inputs come before users, and `now` says what has become of them. */
export function replace<G extends Graph>(graph: G, put: (node: Node, now: (x: Node) => Node) => Put | undefined, { pass, record }: RewriteOptions): G {
  const { arena } = graph;
  const start = arena.size;
  const became = new Map<Node, Node>();
  const standing = new Set<Node>();
  const now = (x: Node): Node => became.get(x) ?? x;
  const order = nodesOf(graph);
  record.work.visits += order.length;
  for (const node of order) {
    const step = arena.within(undefined, () => put(node, now));
    const made = step?.node ?? remake(arena, node, node.inputs.map(now));
    if (step) {
      // What two steps made stands for both.
      carryOrigins(arena, [node], made, (n) => n.id < start || standing.has(n));
      record.step({ pass, rule: step.rule, before: node, after: made });
    }
    became.set(node, made);
    standing.add(made);
  }
  return { ...graph, outputs: replacedOutputs(graph.outputs, now) };
}
