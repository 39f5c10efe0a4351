// Which values are known when the artefact is written: made of weights and literals alone.
import type { Node } from "../graph/node.ts";

const known = new WeakMap<Node, boolean>();

/** Whether no input stands behind the node. Every node is looked at once, however often this is asked. */
export function isMadeOfWeights(root: Node): boolean {
  const stack = [root];
  for (let node = stack.at(-1); node; node = stack.at(-1)) {
    const open = node.inputs.find((x) => !known.has(x));
    if (open && !known.has(node) && !node.inputs.some((x) => known.get(x) === false)) stack.push(open);
    else {
      known.set(node, node.op !== "input" && node.inputs.every((x) => known.get(x) === true));
      stack.pop();
    }
  }
  return known.get(root) === true;
}
