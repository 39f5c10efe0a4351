// The equations that layer norm and RMS norm have in common, as patterns.
import type { Build } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import type { OpPattern, Pattern, PatternBuild } from "../rewrite/pattern.ts";
import { type Because, because } from "../rewrite/rule.ts";
import type { Dim, Facts } from "../types/dim.ts";

export const meanOf = (o: PatternBuild, x: Pattern): OpPattern => o.reduce("reduceMean", x, undefined, true);

export const squareOf = (o: PatternBuild, x: Pattern): Pattern => o.any(o.mul(x, x), o.pow(x, o.number(2)));

/** variance + ε; its root is what is divided by. */
export const deviation = (o: PatternBuild, variance: Pattern, eps: Pattern & { readonly kind: "hole" }): OpPattern => o.add(variance, o.as(eps, o.splat()));

/** x over the root of u, in the ways people write it. */
export function quotients(o: PatternBuild, x: Pattern, u: Pattern): Pattern[] {
  const root = o.any(o.sqrt(u), o.pow(u, o.number(0.5)));
  return [o.div(x, root), o.mul(x, o.any(o.div(o.number(1), root), o.pow(u, o.number(-0.5)), o.pow(root, o.number(-1))))];
}

/** Whether all means are over the last axis alone, and ε is an ordinary number. */
export function overLast(means: readonly Node[], x: Node, eps: Node, facts: Facts): true | Because {
  const last = x.type.dims.length - 1;
  for (const mean of means) {
    const axes = mean.attrs.axes as readonly number[];
    if (axes.length !== 1 || axes[0] !== last) return because("the norm is not over the last axis alone", mean);
  }
  const stretched = eps.type.dims.some((d) => facts.number(d) !== 1);
  return !stretched || because("ε is a whole tensor", eps);
}

/** A gain that changes nothing. */
export const ones = (o: Build, x: Node): Node => o.fill(x.type.dtype, [x.type.dims.at(-1) as Dim], 1);
