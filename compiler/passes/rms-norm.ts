// RMS norm over the last axis: as layer norm, but without taking the mean away.
import { type Rule, because, rule } from "../rewrite/rule.ts";
import { splatOf } from "../rewrite/splat.ts";
import { constant } from "../types/dim.ts";
import { asVector, isRow } from "./broadcast.ts";
import { deviation, meanOf, ones, overLast, quotients, squareOf } from "./deviation.ts";
import { pass } from "./pass.ts";

// 1. x / sqrt(mean(x²) + ε)
const scaled: Rule = rule("x over its root mean square", ["root", "x", "mean", "eps"], {
  find: (o, { root, x, mean, eps }) => o.as(root, o.any(...quotients(o, x, deviation(o, o.as(mean, meanOf(o, squareOf(o, x))), eps)))),
  when: ({ x, mean, eps }, { facts }) => overLast([mean], x, eps, facts),
  put: (o, { x, eps }) => o.rmsNorm(x, ones(o, x), splatOf(eps) as number),
});

// 2. · gain
const gained: Rule = rule("gain", ["normed", "x", "one", "gain"], {
  find: (o, { normed, x, one, gain }) => o.mul(o.as(normed, o.sole(o.op("rmsNorm", [x, o.as(one, o.number(1))]))), gain),
  when: ({ gain, one }, { facts }) => (isRow(gain, facts) && facts.equal(gain.type.dims.at(-1) ?? constant(1), one.type.dims[0] ?? constant(1))) || because("the gain is not one value a channel", gain),
  put: (o, { normed, x, gain }) => o.rmsNorm(x, asVector(o, gain), normed.attrs.eps as number),
});

export default pass("rms norm", { needs: "fused", leaves: "fused", exact: true, makes: ["rmsNorm"], rules: [scaled, gained] });
