// Blends of the few rows that are nearest: weights without the part that cancels, and the product that runs fastest.
import type { Node } from "../graph/node.ts";
import { type Rule, because, rule } from "../rewrite/rule.ts";
import { splatOf } from "../rewrite/splat.ts";
import type { TargetTable } from "../targets/target.ts";
import { type Dim, type Facts, constant, subtract } from "../types/dim.ts";
import { isOne } from "./broadcast.ts";
import { distances } from "./distance.ts";
import { movement } from "./movement.ts";
import { productTurned, withOnes } from "./one-product.ts";
import { pass } from "./pass.ts";

// 1. exp(-t·(d - smallest d)) of the nearest c over its length or sum, d = |x|² + |c|² - 2 x·c: |x|² cancels, and so does the smallest
const weights = ({ name }: TargetTable): Rule => rule("weights of the nearest", ["x", "c", "d", "found", "reach", "sharpness", "length"], {
  find: (o, { x, c, d, found, reach, sharpness, length }) => {
    const measured = o.as(d, o.max(distances(o, x, c), o.number(0)));
    const last = o.as(reach, o.slice(o.item(o.as(found, o.op("topk", [d], { axis: 2, largest: false })), 0)));
    const closeness = o.where(o.binary("le", measured, last), o.exp(o.mul(o.sub(o.reduce("reduceMin", d, [2], true), d), sharpness)), o.number(0));
    return o.div(closeness, o.as(length, o.any(o.reduce("reduceL2", closeness, [2], true), o.reduce("reduceSum", closeness, [2], true))));
  },
  when: ({ x, found, reach, sharpness }, { facts }) => {
    if (x.type.dtype !== "f32") return because(`in ${x.type.dtype} the product would lose digits that the distances keep`, x);
    const { axis, from, to } = reach.attrs as { axis: number; from: Dim; to: Dim };
    const count = found.attrs.count as Dim;
    if (axis !== 2 || !facts.equal(to, count) || !facts.equal(from, subtract(count, constant(1)))) return because("the farthest of the nearest is not the limit", reach);
    if (!isPositive(sharpness)) return because("the sharpness may not be positive", sharpness);
    if (splatOf(sharpness) !== undefined) return true;
    const { dims } = sharpness.type;
    return (dims.length === 3 && dims.slice(1).every((size) => isOne(size, facts))) || because("the sharpness differs between tokens or centres", sharpness);
  },
  put: (o, { x, c, found, sharpness, length }) => {
    const { dtype } = x.type;
    const count = found.attrs.count as Dim;
    const [scale, two] = [splatOf(sharpness) === undefined ? sharpness : o.scalar(dtype, splatOf(sharpness) as number), o.scalar(dtype, 2)];
    // The nearest have the largest t·(2 x·c - |c|²): one product of [x | 1] and [2t·c | -t·|c|²].
    const norms = o.reduce("reduceSum", o.mul(c, c), [2], true);
    const near = productTurned(o, withOnes(o, x), o.concat([o.mul(c, o.mul(scale, two)), o.neg(o.mul(norms, scale))], 2), name);
    const last = o.slice(o.item(o.topk(near, count, 2), 0), 2, subtract(count, constant(1)), count);
    const shares = o.softmax(o.where(o.binary("ge", near, last), near, o.scalar(dtype, -1e30)), 2);
    return length.op === "reduceL2" ? o.div(shares, o.reduce("reduceL2", shares, [2], true)) : shares;
  },
});

/** Whether a number, or what is made of numbers, is positive whatever the run gives. */
function isPositive(node: Node): boolean {
  const value = splatOf(node);
  if (value !== undefined) return value > 0;
  const each = (): boolean => node.inputs.every(isPositive);
  switch (node.op) {
    case "reshape": case "expand": case "div": case "mul": case "add": case "min": return each();
    case "max": return node.inputs.some(isPositive);
    default: return false;
  }
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
