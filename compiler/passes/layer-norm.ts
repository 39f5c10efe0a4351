// Layer norm over the last axis, in the ways people write it; gain and bias join one after the other.
import { type Rule, because, rule } from "../rewrite/rule.ts";
import { splatOf } from "../rewrite/splat.ts";
import { constant } from "../types/dim.ts";
import { asVector, isRow } from "./broadcast.ts";
import { deviation, meanOf, ones, overLast, quotients, squareOf } from "./deviation.ts";
import { pass } from "./pass.ts";

// 1. d / sqrt(mean(d²) + ε) with d = x - mean(x); d² as d·d, d^2, or of d centred once more; 1/sqrt(…) multiplied
const centred: Rule = rule("centred over its deviation", ["root", "x", "d", "mean", "variance", "eps"], {
  find: (o, { root, x, d, mean, variance, eps }) => {
    const square = o.any(squareOf(o, d), squareOf(o, o.sub(d, meanOf(o, d))));
    return o.as(root, o.any(...quotients(o, o.as(d, o.sub(x, o.as(mean, meanOf(o, x)))), deviation(o, o.as(variance, meanOf(o, square)), eps))));
  },
  when: ({ x, mean, variance, eps }, { facts }) => overLast([mean, variance], x, eps, facts),
  put: (o, { x, eps }) => o.layerNorm(x, ones(o, x), undefined, splatOf(eps) as number),
});

// 2. · gain
const gained: Rule = rule("gain", ["normed", "x", "one", "gain"], {
  find: (o, { normed, x, one, gain }) => o.mul(o.as(normed, o.sole(o.op("layerNorm", [x, o.as(one, o.number(1))]))), gain),
  when: ({ gain, one }, { facts }) => (isRow(gain, facts) && facts.equal(gain.type.dims.at(-1) ?? constant(1), one.type.dims[0] ?? constant(1))) || because("the gain is not one value a channel", gain),
  put: (o, { normed, x, gain }) => o.layerNorm(x, asVector(o, gain), undefined, normed.attrs.eps as number),
});

// 3. + bias
const biased: Rule = rule("bias", ["normed", "x", "gain", "bias"], {
  find: (o, { normed, x, gain, bias }) => o.add(o.as(normed, o.sole(o.op("layerNorm", [x, gain]))), bias),
  when: ({ gain, bias }, { facts }) => (isRow(bias, facts) && facts.equal(bias.type.dims.at(-1) ?? constant(1), gain.type.dims[0] ?? constant(1))) || because("the bias is not one value a channel", bias),
  put: (o, { normed, x, gain, bias }) => o.layerNorm(x, gain, asVector(o, bias), normed.attrs.eps as number),
});

export default pass("layer norm", { needs: "fused", leaves: "fused", exact: true, makes: ["layerNorm"], rules: [centred, gained, biased] });
