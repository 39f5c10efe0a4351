// Blends of the few rows that are nearest: weights without the part that cancels, and the product that runs fastest.
import type { Build } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import type { Pattern, PatternBuild } from "../rewrite/pattern.ts";
import { type Rule, because, rule } from "../rewrite/rule.ts";
import { splatOf } from "../rewrite/splat.ts";
import type { TargetTable } from "../targets/target.ts";
import type { Dim, Facts } from "../types/dim.ts";
import { isOne } from "./broadcast.ts";
import { distances } from "./distance.ts";
import { movement } from "./movement.ts";
import { pass } from "./pass.ts";

/** Σ over J of weights[B, N, J] · y[B, K, C] at places[B, N, J]. */
const blended = (o: PatternBuild, weights: Pattern, y: Pattern, places: Pattern): Pattern => o.matmul(o.reshape(weights), o.take(y, places));

// 1. exp(-t·(d - smallest d)) over its length or sum, d = |x|² + |c|² - 2 x·c of the nearest c: |x|² cancels
const weights = ({ name }: TargetTable): Rule => rule("weights of the nearest", ["x", "c", "y", "found", "sharpness", "length"], {
  find: (o, { x, c, y, found, sharpness, length }) => {
    const near = o.op("max", [o.item(o.as(found, o.op("topk", [distances(o, x, c)], { axis: 2, largest: false })), 0), o.number(0)]);
    const closeness = o.exp(o.mul(o.sub(o.reduce("reduceMin", near, [2], true), near), sharpness));
    const total = o.any(o.reduce("reduceL2", closeness, [2], true), o.reduce("reduceSum", closeness, [2], true));
    return blended(o, o.div(closeness, o.as(length, total)), y, o.item(found, 1));
  },
  when: ({ sharpness, c }, { facts }) => {
    if (splatOf(sharpness) !== undefined) return true;
    const { dims } = sharpness.type;
    if (dims.length !== 3 || !dims.slice(1).every((d) => isOne(d, facts))) return because("the sharpness differs between tokens or centres", sharpness);
    return c.type.dtype === "f32" || because("only f32 is certain to keep the digits", c);
  },
  put: (o, { x, c, y, found, sharpness, length }) => {
    const norms = o.reduce("reduceSum", o.mul(c, c), [2], true);
    // The nearest have the largest 2 x·c - |c|².
    const near = o.sub(products(o, x, o.mul(c, o.scalar(c.type.dtype, 2)), name), o.transpose(norms, [0, 2, 1]));
    const best = o.topk(near, found.attrs.count as Dim, 2);
    const shares = o.softmax(o.mul(o.item(best, 0), sharpness), 2);
    const all = length.op === "reduceL2" ? o.div(shares, o.reduce("reduceL2", shares, [2], true)) : shares;
    return product(o, all, y, o.item(best, 1));
  },
});

/** x[B, N, C] · c[B, K, C]ᵀ */
function products(o: Build, x: Node, c: Node, target: TargetTable["name"]): Node {
  return target === "portable" ? o.matmul(x, o.transpose(c, [0, 2, 1])) : o.fusedMatmul(x, c, { transA: false, transB: true, alpha: 1 });
}

/** What `blended` finds. */
function product(o: Build, weights: Node, y: Node, places: Node): Node {
  const [batch, count, near] = weights.type.dims as [Dim, Dim, Dim];
  return o.matmul(o.reshape(weights, [batch, count, 1, near]), o.take(y, places, 1));
}

// 2. few channels: a product with a matrix that holds each token's weights in their places
const scattered = ({ blend }: TargetTable): Rule => rule("product with scattered weights", ["root", "row", "weights", "y", "found"], {
  find: (o, { root, row, weights, y, found }) =>
    // The places are those that `topk` found: no two of a row are the same.
    o.as(root, o.matmul(o.as(row, o.reshape(weights)), o.take(y, o.item(o.as(found, o.op("topk")), 1)))),
  when: ({ row, weights, y, found }, { facts }) => {
    const [, , channels] = y.type.dims;
    if (y.type.dims.length !== 3 || weights.type.dims.length !== 3 || found.attrs.axis !== 2 || !isRowOf(row, weights, facts)) return because("the weights are not one row a token", row);
    const width = facts.number(channels as Dim);
    if (width === undefined) return because("the number of channels is not known", y);
    return width <= blend.scatterUpTo || because(`rows of ${width} channels are gathered instead`, y);
  },
  put: (o, { root, weights, y, found }) => {
    const [batch, count] = weights.type.dims as [Dim, Dim];
    const empty = o.fill(weights.type.dtype, [batch, count, y.type.dims[1] as Dim], 0);
    return o.reshape(o.matmul(o.put(empty, o.item(found, 1), weights, 2, "set"), y), root.type.dims);
  },
});

/** [B, N, 1, J] from [B, N, J] */
function isRowOf(row: Node, weights: Node, facts: Facts): boolean {
  const [batch, count, one, near] = row.type.dims;
  const [b, n, j] = weights.type.dims as [Dim, Dim, Dim];
  return row.type.dims.length === 4 && facts.equal(batch as Dim, b) && facts.equal(count as Dim, n) && isOne(one as Dim, facts) && facts.equal(near as Dim, j);
}

export default pass("blends", {
  needs: "tensor", leaves: "fused", exact: true,
  rules: (target) => [weights(target), scattered(target), ...movement],
});
