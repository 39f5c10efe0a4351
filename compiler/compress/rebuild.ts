// Making a graph again with some values replaced: the one walk that weaving and rewriting share.
import type { Build } from "../graph/build.ts";
import type { Arena, Attrs, Node } from "../graph/node.ts";
import { madeOf, type Seen } from "../graph/per-record.ts";
import { retyped } from "../import/onnx-retype.ts";
import { type Dim, symbolsOf } from "../types/dim.ts";

export function mentions(node: Node, symbol: string): boolean {
  return node.types.some((t) => t.dims.some((d) => symbolsOf(d).has(symbol)));
}

/** The same node on other inputs, with the old one's origins. */
function remake(arena: Arena, node: Node, inputs: readonly Node[], attrs: Attrs = node.attrs): Node {
  const same = attrs === node.attrs && inputs.every((n, i) => n === node.inputs[i]);
  if (same) return node;
  // What a carried node gives is what follows from its inputs, not what it said before.
  const typed = node.op === "foreign" ? retyped(arena, node, inputs, attrs) : attrs;
  const made = arena.within(undefined, () => arena.make(node.op, inputs, typed));
  for (const origin of arena.originsOf(node)) arena.addOrigin(made, origin);
  return made;
}

/** The same, where inputs may differ from record to record though the old ones do not. */
export function remakeSeen(b: Build, node: Node, inputs: readonly Seen[], attrs: Attrs, batch: Dim): Seen {
  const { arena } = b;
  const origins = arena.originsOf(node);
  const made = arena.within(origins[0], () => madeOf(b, node, inputs, attrs, batch, () => remake(arena, node, inputs.map((i) => i.node), attrs)));
  if (made.node !== node) for (const origin of origins) arena.addOrigin(made.node, origin);
  return made;
}

/** Every root with `replaced` values put in; nodes that do not depend on them stay the same objects. */
export function replaceAll(arena: Arena, order: readonly Node[], replaced: ReadonlyMap<Node, (rebuilt: Node) => Node>): Map<Node, Node> {
  const made = new Map<Node, Node>();
  for (const node of order) {
    const rebuilt = remake(arena, node, node.inputs.map((i) => made.get(i) ?? i));
    made.set(node, replaced.get(node)?.(rebuilt) ?? rebuilt);
  }
  return made;
}
