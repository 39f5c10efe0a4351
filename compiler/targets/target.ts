// What is chosen for a target: which formulation of an idea, from which size on. The numbers come from `bench/formulations.ts`.
import type { Target as TargetName } from "../graph/level.ts";
import cpu from "./cpu.ts";
import cuda from "./cuda.ts";
import portable from "./portable.ts";

export type { TargetName };

export interface TargetTable {
  readonly name: TargetName;
  readonly attention: {
    /** A term of the scores that depends on the key alone becomes one more channel of queries and keys: no bias tensor, and the path that never holds all scores. */
    readonly keyColumns: boolean;
    /** The maps of queries, keys and values go into the operator, where scores are held anyway. */
    readonly packed: boolean;
  };
  /** x + skip and the norm of it in one operator. */
  readonly skipLayerNorm: boolean;
  /** Rows of tables, their sum and the norm of it in one operator. */
  readonly embedNorm: boolean;
  /** Sums in front of layer norms are written so that the runtime does not join both in one operator. */
  readonly sumsApart: boolean;
  /** Biases of linear maps are added by the attention or the GELU behind them. */
  readonly biases: boolean;
  /** Rows up to this long that are divided by their length go through the operator that norms rows; 0 where none do. */
  readonly unitRows: number;
  readonly windowMeans: {
    /** Sides of a tile, in tokens, that are tried. */
    readonly tiles: readonly number[];
    /** Gathering a cluster's row for a tile and adding what the tile says of it costs as much as the products with this many tokens. */
    readonly row: number;
    /** Tiles are taken when their work is at most this share of that of all pairs, which also pass through the softmax. */
    readonly share: number;
  };
  /** Where half precision is asked for: whether results are computed in it, or weights only stored. */
  readonly half: "computed" | "stored";
  readonly blend: {
    /** Up to this many channels, a blend of few rows is a product with a matrix of scattered weights; beyond, rows are gathered. */
    readonly scatterUpTo: number;
  };
}

export const TARGETS: Readonly<Record<TargetName, TargetTable>> = { cpu, cuda, portable };
export const isTargetName = (name: string): name is TargetName => Object.hasOwn(TARGETS, name);
