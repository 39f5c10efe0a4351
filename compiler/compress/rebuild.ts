// Making a graph again with some values replaced: the one walk that weaving and rewriting share.
import type { Arena, Attr, Attrs, Node } from "../graph/node.ts";
import { type Dim, isDim, substitute, symbolsOf } from "../types/dim.ts";

/** Attributes with symbols replaced. */
export function substituteAttrs(attrs: Attrs, values: ReadonlyMap<string, Dim>): Attrs {
  if (values.size === 0) return attrs;
  const out: Record<string, Attr> = {};
  for (const [key, value] of Object.entries(attrs)) {
    if (isDim(value)) out[key] = substitute(value, values);
    else if (Array.isArray(value) && value.some(isDim)) out[key] = (value as readonly Dim[]).map((d) => substitute(d, values));
    else out[key] = value;
  }
  return out;
}

export function mentions(node: Node, symbol: string): boolean {
  return node.types.some((t) => t.dims.some((d) => symbolsOf(d).has(symbol)));
}

/** The same node on other inputs, with the old one's origins. */
export function remake(arena: Arena, node: Node, inputs: readonly Node[], attrs: Attrs = node.attrs): Node {
  const same = attrs === node.attrs && inputs.every((n, i) => n === node.inputs[i]);
  if (same) return node;
  const made = arena.within(undefined, () => arena.make(node.op, inputs, attrs));
  for (const origin of arena.originsOf(node)) arena.addOrigin(made, origin);
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
