// Choosing what a condition holds for: the one op whose result has a size that the data decides.
import type { Node } from "../graph/node.ts";
import { asSymbol, constant, type Dim } from "../types/dim.ts";
import type { Op } from "./op.ts";

const choose: Op = {
  name: "choose",
  infer(call) {
    call.count(1);
    const { dims } = call.ofType(0, "bool", "the condition");
    if (dims.length === 0) throw call.misfit("wants a tensor with axes", "a scalar", "a condition along an axis");
    const least = call.number("least");
    if (least !== 0 && least !== 1) throw call.misfit("at least 0 or 1 can be asked for", String(least), "0 or 1");
    const some = call.dim("some");
    if (asSymbol(some) === undefined) throw new Error(`op choose was made with the size ${some.key}, which is no symbol`);
    const shape = [...dims.slice(0, -1), some];
    return [{ dtype: "i64", dims: shape }, { dtype: "bool", dims: shape }];
  },
  lower(node, o) {
    const mask = node.inputs[0] as Node;
    const { dims } = mask.type;
    const last = dims.length - 1;
    const ones = o.node("Cast", [o.value(mask)], { to: 7 });
    const found = o.node("ReduceSum", [ones, o.ints([last])], { keepdims: true });
    const counts = node.attrs.least === 1 ? o.node("Max", [found, o.ints([1])]) : found;
    const most = last === 0 ? counts : o.node("Reshape", [o.node("ReduceMax", [counts, o.ints(dims.map((_, i) => i))], { keepdims: true }), o.ints([1])]);
    // Of equals TopK takes the first ones: what is chosen stands in order, and a row without any begins with position 0.
    const [held, places] = o.several("TopK", [ones, most], { axis: last, largest: true, sorted: true }, "", [true, true]) as [string, string];
    const slots = o.node("Range", [o.scalar("i64", 0), o.node("Squeeze", [most, o.ints([0])]), o.scalar("i64", 1)]);
    return [o.node("Mul", [places, held]), o.node("Less", [slots, counts])];
  },
};

export default [choose];

/** The most that a size can be which a `choose` makes: the size of the axis it chooses along. */
export function mostOf(maker: Node): Dim {
  return maker.inputs[0]?.type.dims.at(-1) ?? constant(0);
}
