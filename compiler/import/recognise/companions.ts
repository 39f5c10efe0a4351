// Whether values beside the stream that count its tokens can be folded along: only what is made of the file's masks and positions can.
import type { Literal, Node } from "../../graph/node.ts";
import { type Dim, asSymbol, multiply, symbolsOf } from "../../types/dim.ts";
import { BITS, printType } from "../../types/tensor.ts";
import { companionOf } from "../recognised.ts";
import { type Flow, bare } from "./flow.ts";

interface Left {
  /** What counts the tokens and is no companion. */
  readonly node: Node;
  readonly why: string;
}

/** What keeps `node` from being folded along with tokens counted by `count`; undefined: nothing does. The rules are those of weaving. */
export function leftBehind(flow: Flow, node: Node, count: Dim): Left | undefined {
  const { facts } = flow.graph.arena;
  const name = asSymbol(count);
  const pairs = multiply(count, count);
  const counts = (x: Node): boolean => x.types.some((t) => t.dims.some((d) => (name === undefined ? facts.equal(d, count) || facts.equal(d, pairs) : symbolsOf(d).has(name))));
  const seen = new Set<Node>([node]);
  for (const at of seen) {
    const from = at.inputs.filter(counts);
    for (const x of from) seen.add(x);
    // One value for every token is good for every count.
    if (from.length > 0 || at.op === "fill" || at.op === "expand" || (at.op === "const" && isEven(at.attrs.value as Literal))) continue;
    if (at.op !== "input") return counted(flow, node, at, count);
    const input = String(at.attrs.name);
    if (companionOf(input) === undefined) return { node: at, why: `it is made of the input ${input}, and only a mask or positions among the inputs are folded along` };
    if (name === undefined) return { node: at, why: `the input ${input} is fixed to ${count.key} tokens: a size that is left open could be folded along` };
  }
  return undefined;
}

function counted(flow: Flow, node: Node, at: Node, count: Dim): Left {
  if (flow.isActive(at)) return { node: at, why: asSymbol(count) === undefined ? `it is computed for ${count.key} tokens, a number that the file fixes` : "it counts the tokens anew, and only what is made of a mask or positions among the inputs is folded along" };
  if (asSymbol(count) === undefined) return { node: bare(node), why: `a table for ${count.key} tokens: ${printType(node.type)}` };
  return { node: at, why: `${at.op} is made for every token, and nothing says what it is for some of them` };
}

/** The same number everywhere. */
function isEven({ dtype, bytes }: Literal): boolean {
  const width = BITS[dtype] / 8;
  return bytes.every((b, i) => i < width || b === bytes[i - width]);
}
