// Layer norm: the ways to write it that are found, and what is left alone.
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import type { Node } from "../../../compiler/graph/node.ts";
import layerNorm from "../../../compiler/passes/layer-norm.ts";
import settle from "../../../compiler/passes/settle.ts";
import { C, N, number, passCase, tokens as x, weight } from "../../support/pass-case.ts";

const row = (b: Build, seed: number): Node => b.reshape(weight(b, [C], seed), [1, 1, C]);
const mean = (b: Build, of: Node, axis = 2): Node => b.reduce("reduceMean", of, [axis], true);
const centred = (b: Build, of: Node = x(b)): Node => b.sub(of, mean(b, of));
const EPS = 1e-3;
const eps = (b: Build, variance: Node): Node => b.add(variance, number(b, EPS));
const over = (b: Build, d: Node, variance: Node): Node => b.div(d, b.sqrt(eps(b, variance)));

const FORMS: Readonly<Record<string, (b: Build) => Node>> = {
  "with bias": (b) => { const d = centred(b); return b.add(b.mul(over(b, d, mean(b, b.mul(d, d))), row(b, 1)), row(b, 2)); },
  "with gain": (b) => { const d = centred(b); return b.mul(row(b, 1), over(b, d, mean(b, b.mul(d, d)))); },
  "without either": (b) => { const d = centred(b); return over(b, d, mean(b, b.mul(d, d))); },
  "square as a power": (b) => { const d = centred(b); return b.mul(over(b, d, mean(b, b.pow(d, number(b, 2)))), row(b, 1)); },
  "centred twice": (b) => { const d = centred(b); const again = centred(b, d); return b.mul(over(b, d, mean(b, b.mul(again, again))), row(b, 1)); },
  "times the reciprocal": (b) => { const d = centred(b); return b.mul(b.mul(d, b.div(number(b, 1), b.sqrt(eps(b, mean(b, b.mul(d, d)))))), row(b, 1)); },
  "times a power": (b) => { const d = centred(b); return b.mul(b.mul(d, b.pow(eps(b, mean(b, b.mul(d, d))), number(b, -0.5))), row(b, 1)); },
};

for (const [name, make] of Object.entries(FORMS))
  test(name, async (t) => {
    const { record } = await passCase(t, { golden: `layer-norm/${name}`, passes: [layerNorm, settle], make });
    t.is(record.fused.get("layer_norm"), 1);
  });

test("over another axis it is no layer norm, and the record says why", async (t) => {
  const { record } = await passCase(t, {
    golden: "layer-norm/another axis", passes: [layerNorm, settle],
    make: (b) => { const d = b.sub(x(b), mean(b, x(b), 1)); return b.div(d, b.sqrt(eps(b, mean(b, b.mul(d, d), 1)))); },
  });
  t.is(record.fused.get("layer_norm"), 0);
  t.true(record.nearest().some((m) => m.says === "the norm is not over the last axis alone"));
});

test("a gain for each token stays a product", async (t) => {
  const { record } = await passCase(t, {
    golden: "layer-norm/gain of tokens", passes: [layerNorm, settle],
    make: (b) => { const d = centred(b); return b.mul(over(b, d, mean(b, b.mul(d, d))), b.input("gain", "f32", [1, N, 1])); },
  });
  t.true(record.nearest().some((m) => m.says === "the gain is not one value a channel"));
});

test("a norm that is read before its gain keeps it apart", async (t) => {
  const { record } = await passCase(t, {
    golden: "layer-norm/read before the gain", passes: [layerNorm, settle],
    make: (b) => { const d = centred(b); const normed = over(b, d, mean(b, b.mul(d, d))); return [b.mul(normed, row(b, 1)), b.exp(normed)]; },
  });
  t.is(record.fused.get("layer_norm"), 1);
});
