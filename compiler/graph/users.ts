// Who reads what in a graph.
import { type Graph, type GraphOutput, type Node, nodesOf } from "./node.ts";

/** The nodes that read a value, each of them once; outputs of the graph are left out. */
export function usersOf(order: readonly Node[]): ReadonlyMap<Node, readonly Node[]> {
  const users = new Map<Node, Node[]>();
  for (const node of order)
    for (const input of new Set(node.inputs)) {
      const list = users.get(input);
      if (list) list.push(node);
      else users.set(input, [node]);
    }
  return users;
}

const counts = new WeakMap<readonly GraphOutput[], ReadonlyMap<Node, number>>();

/** How many nodes and outputs read a value; counted once for a list of outputs. */
export function countUsers({ outputs }: Pick<Graph, "outputs">): ReadonlyMap<Node, number> {
  const known = counts.get(outputs);
  if (known) return known;
  const users = new Map<Node, number>();
  const count = (node: Node): void => { users.set(node, (users.get(node) ?? 0) + 1); };
  for (const { inputs } of nodesOf({ outputs })) for (const input of inputs.length > 1 ? new Set(inputs) : inputs) count(input);
  for (const { node } of outputs) count(node);
  counts.set(outputs, users);
  return users;
}
