// What a graph costs: multiply-adds of its products, by the path of the layer that made them. Sizes that only a run knows count as one,
// counts that data decide as the most that they can be.
import type { Arena, GraphOutput } from "../graph/node.ts";
import { topological } from "../graph/node.ts";
import { mostOf } from "../ops/choose.ts";
import { multiplyAdds } from "../ops/multiply-adds.ts";
import { asSymbol, constant, type Dim } from "../types/dim.ts";

export interface Cost {
  /** Multiply-adds of all products. */
  readonly total: number;
  /** Those inside blocks (paths with an index), without what folds and rewrites added. */
  readonly blocks: number;
  /** Those that folds added: clustering, matching, blending. */
  readonly folds: number;
  /** Bytes of weights. */
  readonly weightBytes: number;
  readonly byPath: ReadonlyMap<string, number>;
  /** Rows of the first and of the last product inside blocks: tokens that go in and those that are left. Undefined without blocks. */
  readonly tokens: { readonly entering: TokenCount; readonly leaving: TokenCount } | undefined;
}

/** A number, the most where data decide it; else the symbol that only a run knows (`N`), or undefined where it is made of such. */
type TokenCount = number | string | undefined;

/** `counts`: what a run told of sizes that data decide, by their symbols. */
export function costOf(arena: Arena, outputs: readonly GraphOutput[], counts: ReadonlyMap<string, number> = new Map()): Cost {
  const size = countedSizes(arena, counts);
  let [total, blocks, folded, weightBytes] = [0, 0, 0, 0];
  const byPath = new Map<string, number>();
  let tokens: Cost["tokens"];
  for (const node of topological(outputs.map((o) => o.node))) {
    if (node.op === "weight") weightBytes += (node.attrs.ref as { length: number }).length;
    const macs = multiplyAdds(node, size);
    if (macs === 0) continue;
    total += macs;
    const origins = arena.originsOf(node);
    const own = origins.filter((o) => o.by === undefined);
    const path = own[0]?.path ?? origins[0]?.path ?? "";
    byPath.set(path, (byPath.get(path) ?? 0) + macs);
    if (origins.length > 0 && own.length === 0 && node.op === "matmul") folded += macs;
    else if (/\[\d+\]/.test(path)) {
      blocks += macs;
      const leaving = countOf(arena, node.type.dims[node.type.dims.length - 2] ?? constant(1), size);
      tokens = { entering: tokens ? tokens.entering : leaving, leaving };
    }
  }
  return { total, blocks, folds: folded, weightBytes, byPath, tokens };
}

/** Sizes as numbers, for counting: what only a run knows is one, what data decide the most that it can be. */
export function countedSizes(arena: Arena, counts: ReadonlyMap<string, number> = new Map()): (d: Dim) => number {
  const sizes: (d: Dim) => number = arena.facts.evaluator((name) => {
    const maker = arena.makerOf(name);
    return maker ? (counts.get(name) ?? sizes(mostOf(maker))) : 1;
  });
  return (d) => {
    const found = sizes(d);
    return Number.isFinite(found) ? found : 1;
  };
}

function countOf(arena: Arena, dim: Dim, size: (d: Dim) => number): TokenCount {
  if ([...arena.facts.symbolsOf(dim)].every((name) => arena.makerOf(name))) return size(dim);
  const bound = arena.facts.bind(dim);
  return arena.facts.definitions([bound]).size === 0 ? asSymbol(bound) : undefined;
}
