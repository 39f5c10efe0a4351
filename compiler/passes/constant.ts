// Which values do not depend on a run's inputs, and which of them are known when the artefact is written.
import type { Node } from "../graph/node.ts";

/** Whether nothing that `stops` stands at or behind a node. Every node is looked at once, however often this is asked. */
function behind(stops: (node: Node) => boolean): (root: Node) => boolean {
  const known = new WeakMap<Node, boolean>();
  return (root) => {
    const stack = [root];
    for (let node = stack.at(-1); node; node = stack.at(-1)) {
      const open = node.inputs.find((x) => !known.has(x));
      if (open && !known.has(node) && !node.inputs.some((x) => known.get(x) === false)) stack.push(open);
      else {
        known.set(node, !stops(node) && node.inputs.every((x) => known.get(x) === true));
        stack.pop();
      }
    }
    return known.get(root) === true;
  };
}

/** Made of weights and literals alone. */
export const isMadeOfWeights = behind((node) => node.op === "input");
/** The same, and nothing in it is left to the runtime, such as the scales of a quantized weight: what is made of it is stored, not computed in each run. */
export const isStored = behind((node) => node.op === "input" || node.op === "foreign");
/** Made of the graph's inputs by ops that find no sizes of their own. */
export const isOfInputs = behind((node) => node.op === "foreign" || node.op === "choose");
