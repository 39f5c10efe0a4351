// Raising of norms and activations: spelled out, for the passes to find them in one form.
import type { Node } from "../graph/node.ts";
import { type Raise, only, single } from "./onnx-raising.ts";
import type { Use } from "./onnx-use.ts";

const last = (x: Node): number => x.type.dims.length - 1;

export function layerNormed(u: Use, x: Node, gain: Node, bias: Node | undefined, eps: number): Node {
  only(gain.type.dims.length === 1 && (bias === undefined || bias.type.dims.length === 1), "not one gain a channel");
  const { o } = u;
  const d = o.sub(x, o.reduce("reduceMean", x, [last(x)], true));
  const variance = o.reduce("reduceMean", o.mul(d, d), [last(x)], true);
  const normed = o.mul(o.div(d, o.sqrt(o.add(variance, o.scalar("f32", eps)))), u.lifted(gain, x.type.dims.length));
  return bias ? o.add(normed, u.lifted(bias, x.type.dims.length)) : normed;
}

const layerNorm: Raise = (u) => {
  const x = single(u.x(0));
  only(u.axis(u.int("axis", -1), x.type.dims.length) === last(x) && !u.wanted(1) && !u.wanted(2), "more than the norm of the last axis");
  return layerNormed(u, x, single(u.x(1)), u.has(2) ? single(u.x(2)) : undefined, u.float("epsilon", 1e-5));
};

/** x + skip, which may be the same for all rows of the batch, + a bias. */
function summed(u: Use, x: Node, skip: Node, bias: Node | undefined): Node {
  only(!u.wanted(1) && !u.wanted(2) && skip.type.dims.length <= x.type.dims.length, "more than the norm and the sum");
  const both = u.o.add(x, u.lifted(skip, x.type.dims.length));
  return bias ? u.o.add(both, u.lifted(bias, x.type.dims.length)) : both;
}

const skipLayerNorm: Raise = (u) => {
  const [x, skip] = [single(u.x(0)), single(u.x(1))];
  const sum = summed(u, x, skip, u.has(4) ? u.x(4) : undefined);
  const normed = layerNormed(u, sum, single(u.x(2)), u.has(3) ? single(u.x(3)) : undefined, u.float("epsilon", 1e-12));
  return [normed, normed, normed, sum];
};

const rmsNorm: Raise = (u) => {
  const x = single(u.x(0));
  only(u.axis(u.int("axis", -1), x.type.dims.length) === last(x) && !u.wanted(1), "more than the norm of the last axis");
  return rmsNormed(u, x, single(u.x(1)), u.float("epsilon", 1e-5));
};

function rmsNormed(u: Use, x: Node, gain: Node, eps: number): Node {
  only(gain.type.dims.length === 1, "not one gain a channel");
  const { o } = u;
  const square = o.reduce("reduceMean", o.mul(x, x), [last(x)], true);
  return o.mul(o.div(x, o.sqrt(o.add(square, o.scalar("f32", eps)))), u.lifted(gain, x.type.dims.length));
}

const skipRmsNorm: Raise = (u) => {
  const sum = summed(u, single(u.x(0)), single(u.x(1)), u.has(3) ? single(u.x(3)) : undefined);
  const normed = rmsNormed(u, sum, single(u.x(2)), u.float("epsilon", 1e-12));
  return [normed, normed, normed, sum];
};

const gelu = (by: (u: Use) => "erf" | "tanh"): Raise => (u) => {
  const { o } = u;
  const bare = single(u.x(0));
  const x = u.has(1) ? o.add(bare, u.lifted(single(u.x(1)), bare.type.dims.length)) : bare;
  const number = (value: number): Node => o.scalar("f32", value);
  const inner = by(u) === "erf"
    ? o.erf(o.div(x, number(Math.SQRT2)))
    : o.tanh(o.mul(o.add(x, o.mul(o.mul(o.mul(x, x), x), number(0.044715))), number(Math.sqrt(2 / Math.PI))));
  return o.mul(o.mul(x, o.add(inner, number(1))), number(0.5));
};

const quickGelu: Raise = (u) => {
  const x = single(u.x(0));
  const alpha = u.float("alpha", 1.702);
  return u.o.mul(x, u.o.sigmoid(alpha === 1 ? x : u.o.mul(x, u.o.scalar("f32", alpha))));
};

export const norms: readonly (readonly [string, Raise])[] = [
  ["LayerNormalization", layerNorm], ["SimplifiedLayerNormalization", rmsNorm], ["RMSNormalization", rmsNorm], ["com.microsoft.SkipLayerNormalization", skipLayerNorm], ["com.microsoft.SkipSimplifiedLayerNormalization", skipRmsNorm],
  ["Gelu", gelu((u) => (u.text("approximate", "none") === "tanh" ? "tanh" : "erf"))], ["com.microsoft.Gelu", gelu(() => "erf")], ["com.microsoft.BiasGelu", gelu(() => "erf")], ["com.microsoft.FastGelu", gelu(() => "tanh")], ["com.microsoft.QuickGelu", quickGelu],
];
