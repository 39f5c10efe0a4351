// Rows of length 1, as similarities want them: one operator where the target norms rows.
import { type Rule, because, rule } from "../rewrite/rule.ts";
import type { TargetTable } from "../targets/target.ts";
import type { Dim } from "../types/dim.ts";
import { isStored } from "./constant.ts";
import { pass } from "./pass.ts";

// 1. x / |x|, which is x over its root mean square, times 1/√C; the same in rows of zeros, which become no number either way
const unit = ({ unitRows }: TargetTable): Rule => rule("rows of length 1", ["x", "length"], {
  find: (o, { x, length }) => o.div(x, o.as(length, o.sole(o.op("reduceL2", [x])))),
  when: ({ x, length }, { facts }) => {
    const { axes, keep } = length.attrs as { axes: readonly number[]; keep: boolean };
    const width = facts.number(x.type.dims.at(-1) as Dim);
    if (keep !== true || axes.length !== 1 || axes[0] !== x.type.dims.length - 1) return because("the length is not that of rows", length);
    if (x.type.dtype !== "f32" || isStored(x)) return because("only rows of 32 bits that a run makes", x);
    return (width !== undefined && width <= unitRows) || because("longer rows are summed faster by themselves", length);
  },
  put: (o, { x }) => {
    const width = x.type.dims.at(-1) as Dim;
    return o.rmsNorm(x, o.fill("f32", [width], 1 / Math.sqrt(o.arena.facts.number(width) as number)), 0);
  },
});

export default pass("unit rows", { needs: "fused", leaves: "fused", exact: true, for: (target) => target.unitRows > 0, rules: (target) => [unit(target)] });
