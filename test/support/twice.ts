/** Products of tokens with tokens, and softmaxes of them, that a graph computes twice in different spellings. Nodes are interned, so the same spelling cannot stand twice. */
import { type Graph, type Node, topological } from "../../compiler/graph/node.ts";
import { constantNodes } from "../../compiler/graph/constants.ts";

/** What is computed twice: both nodes of each, by number and operator. */
export function twice(graph: Graph): string[] {
  const constants = constantNodes(graph);
  const seen = new Map<string, Node>();
  const found: string[] = [];
  const say = (key: string, node: Node): void => {
    const before = seen.get(key);
    if (before && before !== node) found.push(`%${before.id} ${before.op} and %${node.id} ${node.op}: ${key}`);
    else seen.set(key, node);
  };
  const names = namer(constants);
  for (const node of topological(graph.outputs.map((o) => o.node))) {
    if (constants.has(node)) continue;
    for (const key of keysOf(node, names, constants)) say(key, node);
  }
  return found;
}

type Names = (node: Node) => string;

/** A value's name, whatever moves it, scales it, or adds a constant to it: none of these makes another product worth its while. */
function namer(constants: ReadonlySet<Node>): Names {
  const names = new Map<Node, string>();
  const name = (node: Node): string => {
    const known = names.get(node);
    if (known !== undefined) return known;
    const found = named(node);
    names.set(node, found);
    return found;
  };
  const named = (node: Node): string => {
    const [x, y] = node.inputs;
    const varying = node.inputs.filter((i) => !constants.has(i));
    switch (node.op) {
      case "reshape": case "transpose": case "expand": case "cast": case "neg": return name(x as Node);
      case "mul": case "div": case "add": case "sub": return varying.length === 1 ? name(varying[0] as Node) : own(node);
      // Columns of ones and counts carry an offset with them.
      case "concat": return node.attrs.axis === node.type.dims.length - 1 && varying.length > 0 && node.inputs.slice(1).every((i) => i.type.dims.at(-1)?.key === "1") ? name(x as Node) : own(node);
      case "linear": case "matmul": case "fusedMatmul": return y && constants.has(y) && x && !constants.has(x) ? `(${name(x)} · w${y.id})` : own(node);
      default: return own(node);
    }
  };
  const own = (node: Node): string => `%${node.id}`;
  return name;
}

const product = (a: string, b: string, over: string): string => `product of ${[a, b].sort().join(" and ")} over ${over}`;

function keysOf(node: Node, names: Names, constants: ReadonlySet<Node>): readonly string[] {
  const [x, y, z] = node.inputs as readonly [Node, Node, Node];
  switch (node.op) {
    case "matmul": return constants.has(x) || constants.has(y) ? [] : [product(names(x), names(y), x.type.dims.at(-1)?.key ?? "")];
    case "fusedMatmul": return constants.has(x) || constants.has(y) ? [] : [product(names(x), names(y), x.type.dims.at(node.attrs.transA === true ? -2 : -1)?.key ?? "")];
    case "softmax": return [`softmax of ${names(x)}`];
    case "attention": return [product(names(x), names(y), String((Number(y.type.dims.at(-1)?.key) || 0) / (node.attrs.heads as number)))];
    case "packedAttention": return y.op === "concat" ? [product(`(${names(x)} · w${y.inputs[0]?.id})`, `(${names(x)} · w${y.inputs[1]?.id})`, String((node.attrs.keys as { key?: string }).key ?? z.id))] : [];
    default: return [];
  }
}
