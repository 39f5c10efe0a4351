// Who reads what in a graph.
import type { GraphOutput, Node } from "./node.ts";

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

/** How many nodes and outputs read a value. */
export function countUsers(order: readonly Node[], outputs: readonly GraphOutput[]): Map<Node, number> {
  const users = new Map<Node, number>();
  const count = (node: Node): void => { users.set(node, (users.get(node) ?? 0) + 1); };
  for (const node of order) for (const input of new Set(node.inputs)) count(input);
  for (const { node } of outputs) count(node);
  return users;
}
