// Which tiles of a grid see which clusters: tokens cut into tiles, and for each the clusters within a window of its tokens.
import type { Grid } from "../ops/grid.ts";

/** One direction of a grid, cut. */
interface Cut {
  /** Tokens a tile; the last one may have fewer. */
  readonly side: number;
  readonly tiles: number;
  /** First cluster that a tile sees, and how many each sees: as many as the tile that sees most. */
  readonly first: readonly number[];
  readonly seen: number;
}

/** A grid cut into tiles. A tile's tokens and clusters stand row by row. */
export interface Tiling {
  readonly tiles: number;
  /** Tokens and clusters a tile. */
  readonly tokens: number;
  readonly clusters: number;
  /** For each token of each tile its place in the grid; -1 where a tile reaches beyond it. */
  readonly token: readonly number[];
  /** For each cluster of each tile its place among all. */
  readonly cluster: readonly number[];
  /** 0 where a tile's token may weigh on its cluster, -1e30 elsewhere: [tiles, tokens, clusters]. */
  readonly mask: Float32Array;
}

const home = (place: number, from: number, to: number): number => Math.floor((place * to) / from);

function cut(from: number, to: number, reach: number, side: number): Cut {
  const tiles = Math.ceil(from / side);
  const spans = Array.from({ length: tiles }, (_, i): [number, number] => [
    Math.max(0, home(i * side, from, to) - reach),
    Math.min(to - 1, home(Math.min(from, (i + 1) * side) - 1, from, to) + reach),
  ]);
  const seen = Math.max(...spans.map(([a, b]) => b - a + 1));
  return { side, tiles, seen, first: spans.map(([a]) => Math.min(a, to - seen)) };
}

/** Multiply-adds a channel of one product of a round, moving a row counted as `row` of them. */
export function workOf(from: Grid, to: Grid, window: number, sides: Grid, row: number): number {
  const reach = Math.floor(window / 2);
  const [rows, columns] = [cut(from[0], to[0], reach, sides[0]), cut(from[1], to[1], reach, sides[1])];
  const seen = rows.tiles * columns.tiles * rows.seen * columns.seen;
  return seen * (sides[0] * sides[1] + row);
}

export function tilingOf(from: Grid, to: Grid, window: number, sides: Grid): Tiling {
  const reach = Math.floor(window / 2);
  const [rows, columns] = [cut(from[0], to[0], reach, sides[0]), cut(from[1], to[1], reach, sides[1])];
  const token: number[] = [];
  const cluster: number[] = [];
  const mask: number[] = [];
  for (const [i, top] of rows.first.entries())
    for (const [j, left] of columns.first.entries()) {
      const seen = grid(rows.seen, columns.seen, top, left);
      for (const [cy, cx] of seen) cluster.push(cy * to[1] + cx);
      for (const [y, x] of grid(sides[0], sides[1], i * sides[0], j * sides[1])) {
        const inside = y < from[0] && x < from[1];
        token.push(inside ? y * from[1] + x : -1);
        for (const [cy, cx] of seen) {
          const near = Math.abs(cy - home(y, from[0], to[0])) <= reach && Math.abs(cx - home(x, from[1], to[1])) <= reach;
          mask.push(inside && near ? 0 : -1e30);
        }
      }
    }
  return {
    token, cluster, mask: Float32Array.from(mask),
    tiles: rows.tiles * columns.tiles, tokens: sides[0] * sides[1], clusters: rows.seen * columns.seen,
  };
}

function grid(height: number, width: number, top: number, left: number): [number, number][] {
  return Array.from({ length: height * width }, (_, i) => [top + Math.floor(i / width), left + (i % width)]);
}
