// A round of soft k-means on tiles of the grid: each tile's tokens against the few clusters near it, as batched products.
import type { Build } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import type { Grid } from "../ops/grid.ts";
import { type Because, type Rule, because, rule } from "../rewrite/rule.ts";
import type { TargetTable } from "../targets/target.ts";
import { type Dim, add, constant } from "../types/dim.ts";
import { productTurned, turnedProduct, withOnes } from "./one-product.ts";
import { pass } from "./pass.ts";
import { type Tiling, tilingOf, workOf } from "./window-tiles.ts";

interface Means {
  readonly from: Grid;
  readonly to: Grid;
  readonly window: number;
  readonly t: number;
}

// 1. a round on tiles, where that is less work than all tokens against all clusters
const rules = (target: TargetTable): readonly Rule[] => [
  rule("round on tiles", ["root"], {
    find: (o, { root }) => o.as(root, o.op("windowMeans")),
    when: ({ root }, { facts }) => {
      const width = facts.number((root.inputs[0] as Node).type.dims[2] as Dim);
      if (width === undefined) return because("the number of channels is not known", root);
      return isTiling(sidesFor(root, target)) || because("tiles are no less work than all pairs", root);
    },
    put: (o, { root }) => {
      const sides = sidesFor(root, target);
      return isTiling(sides) ? tiled(o, root, sides, target) : sides;
    },
  }),
];

export default pass("tiles of windows", { needs: "fused", leaves: "fused", exact: true, rules });

const isTiling = (sides: Grid | Because): sides is Grid => Array.isArray(sides);

/** The sides of the cheapest tiles, where they pay. */
function sidesFor(root: Node, { windowMeans: { tiles, row, share } }: TargetTable): Grid | Because {
  const { from, to, window } = root.attrs as unknown as Means;
  const tried = tiles.flatMap((height) => tiles.map((width): Grid => [Math.min(height, from[0]), Math.min(width, from[1])]));
  const costs = tried.map((sides) => ({ sides, work: workOf(from, to, window, sides, row) }));
  const best = costs.reduce((a, b) => (b.work < a.work ? b : a));
  const dense = from[0] * from[1] * to[0] * to[1];
  return best.work <= share * dense ? best.sides : because(`tiles take ${Math.round((best.work * 100) / dense)} % of the work of all pairs`, root);
}

function tiled(o: Build, root: Node, sides: Grid, target: TargetTable): Node {
  const [x, c, sharpness] = root.inputs as [Node, Node, Node | undefined];
  const { from, to, window, t } = root.attrs as unknown as Means;
  const tiling = tilingOf(from, to, window, sides);
  const { tiles, tokens, clusters } = tiling;
  const [batch, , width] = x.type.dims as [Dim, Dim, Dim];
  const columns = add(width, constant(1));
  // One more column makes sums and their weights, and products and their offsets, one product each.
  const rows = tokensOf(o, x, tiling, columns);
  const scale = sharpness ? o.mul(sharpness, o.scalar("f32", t)) : o.scalar("f32", t);
  const norms = o.reduce("reduceSum", o.mul(c, c), [2], true);
  const centres = o.concat([o.mul(c, o.mul(scale, o.scalar("f32", 2))), o.neg(o.mul(norms, scale))], 2);
  const seen = o.reshape(o.gather(centres, places(o, tiling.cluster), 1), [batch, tiles, clusters, columns]);
  const mask = o.tensor("f32", [1, tiles, tokens, clusters], tiling.mask);
  // |x|² is the same for all centres and falls out of the softmax.
  const shares = o.softmax(o.add(productTurned(o, rows, seen, target.name), mask), 3);
  const parts = o.reshape(turnedProduct(o, shares, rows, target.name), [batch, tiles * clusters, columns]);
  const sums = overlapped(o, parts, tiling, to[0] * to[1], [batch, columns]);
  const weights = o.binary("max", o.slice(sums, 2, width, columns), o.scalar("f32", 1e-16));
  return o.div(o.slice(sums, 2, 0, width), weights);
}

/** [B, tiles, tokens, C + 1]: the tokens of each tile and a column of ones; nothing but zeros beyond the grid, so that no sum counts them. */
function tokensOf(o: Build, x: Node, { token, tiles, tokens }: Tiling, columns: Dim): Node {
  const [batch, count] = x.type.dims as [Dim, Dim];
  const rows = withOnes(o, x);
  const beyond = token.includes(-1);
  const all = beyond ? o.concat([rows, o.fill("f32", [batch, 1, columns], 0)], 1) : rows;
  const zero = o.arena.facts.number(count) as number;
  return o.reshape(o.gather(all, places(o, token.map((at) => (at < 0 ? zero : at))), 1), [batch, tiles, tokens, columns]);
}

/** Sums what the tiles say of each cluster: row by row into place, which moves every row once. */
function overlapped(o: Build, parts: Node, { cluster }: Tiling, count: number, [batch, columns]: readonly [Dim, Dim]): Node {
  const into = o.expand(o.reshape(places(o, cluster), [1, cluster.length]), [batch, cluster.length]);
  return o.put(o.fill("f32", [batch, count, columns], 0), into, parts, 1, "add");
}

const places = (o: Build, values: readonly number[]): Node => o.tensor("i64", [values.length], values);
