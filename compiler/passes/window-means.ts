// Soft k-means within windows of a grid: a round of it as one op, and pooling onto the grid as two small products.
import type { Grid } from "../ops/grid.ts";
import type { Node } from "../graph/node.ts";
import { isOne } from "./broadcast.ts";
import { distances } from "./distance.ts";
import { movement } from "./movement.ts";
import { pass } from "./pass.ts";
import { type Rule, because, rule } from "../rewrite/rule.ts";
import { splatOf } from "../rewrite/splat.ts";
import { type Dim, constant, multiply } from "../types/dim.ts";

// 1. softmax over centres of -t·distance + window mask, and the weighted means   2. the mean over cells of a grid
const rules: readonly Rule[] = [
  rule("round of soft k-means", ["x", "c", "share", "sharpness", "mask"], {
    find: (o, { x, c, share, sharpness, mask }) => {
      const shares = o.softmax(o.add(o.mul(distances(o, x, c), sharpness), o.reshape(o.as(mask, o.op("windowMask", [])))), 2);
      const weights = o.reshape(o.reduce("reduceSum", share, [1], false));
      return o.div(o.matmul(o.transpose(o.as(share, shares), [0, 2, 1]), x), o.max(weights, o.number(1e-16)));
    },
    when: ({ x, sharpness }, { facts }) => {
      if (x.type.dtype !== "f32") return because(`tokens of ${x.type.dtype} have no such op`, x);
      if (splatOf(sharpness) !== undefined) return true;
      const { dims } = sharpness.type;
      return (dims.length === 3 && dims.slice(1).every((d) => isOne(d, facts))) || because("the sharpness differs between tokens or centres", sharpness);
    },
    put: (o, { x, c, sharpness, mask }) => {
      const { from, to, window } = mask.attrs as unknown as { from: Grid; to: Grid; window: number };
      const t = splatOf(sharpness);
      return t === undefined
        ? o.windowMeans(x, c, { from, to, window, t: 1 }, sharpness.op === "neg" ? (sharpness.inputs[0] as Node) : o.neg(sharpness))
        : o.windowMeans(x, c, { from, to, window, t: -t });
    },
  }),
  rule("mean over cells", ["x", "matrix"], {
    find: (o, { x, matrix }) => o.matmul(o.reshape(o.as(matrix, o.op("poolMatrix", []))), x),
    when: ({ x, matrix }) => {
      const { from } = matrix.attrs as unknown as { from: Grid };
      if (x.type.dims.length !== 3) return because("the tokens stand in more than one axis", x);
      return (from[0] > 1 && from[1] > 1) || because(`a grid of ${from.join("×")} has one direction only`, matrix);
    },
    put: (o, { x, matrix }) => {
      const { from, to } = matrix.attrs as unknown as { from: Grid; to: Grid };
      const [batch, , width] = x.type.dims as [Dim, Dim, Dim];
      const [height, rows, columns, across] = [from[0], to[0], to[1], from[1]];
      // A cell's weight is that of its rows times that of its columns.
      const down = o.reshape(o.poolMatrix([height, 1], [rows, 1]), [1, rows, height]);
      const along = o.reshape(o.poolMatrix([1, across], [1, columns]), [1, 1, columns, across]);
      const lines = o.reshape(x, [batch, height, multiply(width, constant(across))]);
      const fewer = o.reshape(o.matmul(down, lines), [batch, rows, across, width]);
      return o.reshape(o.matmul(along, fewer), [batch, rows * columns, width]);
    },
  }),
];

export default pass("window means", { needs: "tensor", leaves: "fused", exact: true, makes: ["windowMeans"], rules: [...movement, ...rules] });
