// Tokens whose number differs from row to row of a batch: rows with fewer are padded, and what reduces over all of them must
// tell padding apart. What does is known by where it comes from: a hook of the fold, or a value that the fold takes along.
import type { Node } from "../graph/node.ts";
import { type Dim, symbolsOf } from "../types/dim.ts";

export class Ragged {
  readonly #sizes = new Set<string>();
  readonly #telling = new Set<Node>();

  get isEmpty(): boolean {
    return this.#sizes.size === 0;
  }
  /** From now on the tokens of this size are padded. */
  open(size: string): void {
    this.#sizes.add(size);
  }
  has(size: Dim): boolean {
    return this.#sizes.size > 0 && [...symbolsOf(size)].some((name) => this.#sizes.has(name));
  }
  /** A value that tells padded tokens from others. */
  trust(node: Node): void {
    if (!this.isEmpty) this.#telling.add(node);
  }

  /** Whether a node mixes padding with tokens. What is made of a telling value tells as well, until it is reduced. */
  mixes(node: Node): boolean {
    if (this.isEmpty || this.#telling.has(node)) return false;
    const tells = node.inputs.some((x) => this.#telling.has(x));
    const over = mixed(node);
    if (!over.some((d) => this.has(d))) {
      if (tells) this.#telling.add(node);
      return false;
    }
    if (tells && KEEPS.has(node.op)) this.#telling.add(node);
    return !tells;
  }
}

const ALONG: ReadonlySet<string> = new Set(["argmax", "argmin", "topk", "cumsum", "softmax"]);
/** They leave the axis as long as it was. */
const KEEPS: ReadonlySet<string> = new Set(["cumsum", "softmax"]);

/** The sizes over which a node combines elements, or whose end it looks for. */
function mixed(node: Node): readonly Dim[] {
  const dims = node.inputs[0]?.type.dims ?? [];
  const at = (axis: number): Dim[] => (dims[axis] ? [dims[axis]] : []);
  if (node.op.startsWith("reduce")) return (node.attrs.axes as readonly number[]).flatMap(at);
  if (ALONG.has(node.op)) return at(node.attrs.axis as number);
  if (node.op === "matmul" || node.op === "choose") return at(dims.length - 1);
  if (node.op === "put") return node.inputs[1]?.type.dims.slice(node.attrs.batch as number) ?? [];
  if (node.op !== "slice") return [];
  const { axis, from, to } = node.attrs as { axis: number; from: Dim; to: Dim };
  return [from, ...(to.key === dims[axis]?.key ? [] : [to])];
}
