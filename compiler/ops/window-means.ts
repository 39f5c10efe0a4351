// One step of soft k-means within windows of a grid, written out densely. Where tiles pay, a pass has taken it apart before.
import { literal } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { type Dim, constant } from "../types/dim.ts";
import { type Grid, windowMask } from "./grid.ts";
import type { Lowering, Op } from "./op.ts";
import { scaledProduct } from "./product.ts";

interface Means {
  readonly from: Grid;
  readonly to: Grid;
  readonly window: number;
  readonly t: number;
}

const windowMeans: Op = {
  name: "windowMeans",
  infer(call) {
    const count = call.count(2, 3);
    call.number("window");
    call.number("t");
    call.ofType(0, "f32", "the tokens");
    call.ofType(1, "f32", "the centres");
    const [batch, , width] = call.rank(0, 3, "the tokens").dims as [Dim, Dim, Dim];
    const centres = call.rank(1, 3, "the centres");
    call.size(0, 1, cells(call.numbers("from")), "the tokens are not those of the grid");
    call.shape(1, [batch, cells(call.numbers("to")), width], "the centres do not fit the tokens and the grid");
    if (count === 3) {
      call.ofType(2, "f32", "the sharpness");
      const [each] = call.rank(2, 3, "the sharpness").dims as [Dim, Dim, Dim];
      call.shape(2, [call.isOne(each) ? each : batch, constant(1), constant(1)], "the sharpness is not one value a picture");
    }
    return [centres];
  },
  lower(node, o) {
    const [x, c, sharpness] = node.inputs.map((i) => o.value(i)) as [string, string, string | undefined];
    const { t } = node.attrs as unknown as Means;
    // |x|² is the same for all centres and falls out of the softmax.
    const reach = scaledProduct(o, [x, c], [3, 3], { transA: false, transB: true, alpha: 2 * t, dtype: "f32" });
    const norms = o.node("ReduceSumSquare", [c, o.ints([2])], { keepdims: false });
    const near = o.node("Add", [reach, o.node("Unsqueeze", [o.node("Mul", [norms, o.scalar("f32", -t)]), o.ints([1])])]);
    const sharp = sharpness === undefined ? near : o.node("Mul", [near, sharpness]);
    const share = o.node("Softmax", [o.node("Add", [sharp, mask(node, o)])], { axis: -1 });
    const sums = scaledProduct(o, [share, x], [3, 3], { transA: true, transB: false, alpha: 1, dtype: "f32" });
    const weights = o.node("Unsqueeze", [o.node("ReduceSum", [share, o.ints([1])], { keepdims: false }), o.ints([2])]);
    return o.node("Div", [sums, o.node("Max", [weights, o.scalar("f32", 1e-16)])]);
  },
};

export default [windowMeans];

function mask(node: Node, o: Lowering): string {
  const { from, to, window } = node.attrs as unknown as Means;
  return o.shared(`mask ${from} ${to} ${window}`, () => o.tensor([from[0] * from[1], to[0] * to[1]], literal("f32", windowMask(from, to, window))));
}

const cells = (grid: readonly number[]): Dim => constant((grid[0] ?? 0) * (grid[1] ?? 0));
