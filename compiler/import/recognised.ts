// What was found in an imported graph: its transformer blocks and their places, under the names of the contract `TransformerBlock`.
import type { Node } from "../graph/node.ts";
import type { Dim } from "../types/dim.ts";

export interface Recognised {
  /** In order of depth, of the first stack of equal blocks. */
  readonly blocks: readonly RecognisedBlock[];
  /** All stacks; "blocks" where there is one, else "encoder", "decoder", "vision", "text" and the like. */
  readonly stacks: readonly { readonly name: string; readonly blocks: readonly RecognisedBlock[] }[];
  readonly heads: number | undefined;
  readonly hidden: number | undefined;
  /** Where tokens are counted in what enters the first block. */
  readonly tokenAxis: { readonly node: Node; readonly axis: number; readonly size: Dim } | undefined;
  /** Whether the middle blocks can be made again on another count of tokens. */
  readonly foldable: boolean;
  readonly obstacles: readonly { readonly site: string; readonly tensor: string; readonly why: string }[];
}

export interface RecognisedBlock {
  /** By the names of the contract: input, queries, keys, values, scores, probs, context, attended, mlp_input, hidden, output. */
  readonly sites: ReadonlyMap<string, RecognisedSite>;
  readonly path: string;
}

export interface RecognisedSite {
  readonly node: Node;
  /** Names of axes by position: ["B", "N", "C"], ["B", "H", "N'", "N"]. */
  readonly axes: readonly string[];
}

/** What an input of a file is to the blocks, by its name: folds take masks and positions along with the tokens. */
export function companionOf(input: string): "mask" | "positions" | undefined {
  return /mask/.test(input) ? "mask" : /position/.test(input) ? "positions" : undefined;
}

/** Positions that a file counts by itself: 0, 1, … of the tokens that enter a block, the first of `order`. */
export function countedPositions(order: Iterable<Node>, entering: { readonly node: Node; readonly axes: readonly string[] } | undefined): Node | undefined {
  const tokens = entering?.node.type.dims[entering.axes.indexOf("N")];
  for (const node of order) if (tokens && node.op === "iota" && node.type.dims[0]?.key === tokens.key) return node;
  return undefined;
}
