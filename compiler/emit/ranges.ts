// How large the numbers of constants get: read once, a box at a time, before it is decided which of them 16 bits can hold.
import { constantRoots } from "../graph/constants.ts";
import type { Graph, Node } from "../graph/node.ts";
import type { Host } from "../host.ts";
import { ConstantValues } from "./constant-values.ts";
import { decode, numbers } from "./numbers.ts";
import { UnusableWeight, WeightReader } from "./weight-reader.ts";

/** The largest size of a number in each f32 constant that a run uses, infinities left out. What only a run can compute is left out too, and what cannot be read, which is told when it is written. */
export function constantRanges(graph: Graph, host: Host): ReadonlyMap<Node, number> {
  const values = new ConstantValues(graph.arena.facts, new WeightReader(host, true));
  const known = new Map<Node, number | undefined>();
  const found = new Map<Node, number>();
  for (const root of constantRoots(graph)) {
    if (root.type.dtype !== "f32") continue;
    const made = moved(root);
    if (!known.has(made)) known.set(made, largestOf(made, values));
    const largest = known.get(made);
    if (largest !== undefined) found.set(root, largest);
  }
  return found;
}

/** Behind what only puts numbers in other places. */
function moved(node: Node): Node {
  let at = node;
  while (["reshape", "transpose", "expand"].includes(at.op)) at = at.inputs[0] as Node;
  return at;
}

function largestOf(node: Node, values: ConstantValues): number | undefined {
  if (node.op === "fill") return Math.abs(node.attrs.value as number);
  if (!values.supports(node)) return undefined;
  let largest = 0;
  try {
    for (const panel of values.stream(node)) {
      const read = numbers("f32", panel.length / 4);
      decode("f32", panel, read, 0, read.length);
      for (let i = 0; i < read.length; i++) {
        const size = Math.abs(read[i] as number);
        // No comparison holds of what is no number.
        if (size > largest && size < Infinity) largest = size;
      }
    }
  } catch (error) {
    if (error instanceof UnusableWeight) return undefined;
    throw error;
  }
  return largest;
}
