// RMS norm: the ways to write it that are found, and what is left alone.
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import type { Node } from "../../../compiler/graph/node.ts";
import layerNorm from "../../../compiler/passes/layer-norm.ts";
import rmsNorm from "../../../compiler/passes/rms-norm.ts";
import settle from "../../../compiler/passes/settle.ts";
import { C, number, passCase, tokens, weight } from "../../support/pass-case.ts";

const gain = (b: Build): Node => b.reshape(weight(b, [C]), [1, 1, C]);
const meanSquare = (b: Build, square: Node): Node => b.add(b.reduce("reduceMean", square, [2], true), number(b, 1e-5));

const FORMS: Readonly<Record<string, (b: Build) => Node>> = {
  "with gain": (b) => { const x = tokens(b); return b.mul(b.div(x, b.sqrt(meanSquare(b, b.mul(x, x)))), gain(b)); },
  "without gain": (b) => { const x = tokens(b); return b.div(x, b.sqrt(meanSquare(b, b.mul(x, x)))); },
  "times a power": (b) => { const x = tokens(b); return b.mul(gain(b), b.mul(x, b.pow(meanSquare(b, b.pow(x, number(b, 2))), number(b, -0.5)))); },
};

for (const [name, make] of Object.entries(FORMS))
  for (const target of ["cpu", "portable"] as const)
    test(`${name}, for ${target}`, async (t) => {
      const { record } = await passCase(t, { golden: `rms-norm/${name}`, passes: [layerNorm, rmsNorm, settle], make, target });
      t.is(record.fused.get("rms_norm"), 1);
      t.is(record.fused.get("layer_norm"), 0);
    });

test("over two axes it is none, and the record says why", async (t) => {
  const { record } = await passCase(t, {
    golden: "rms-norm/two axes", passes: [rmsNorm],
    make: (b) => { const x = tokens(b); return b.div(x, b.sqrt(b.add(b.reduce("reduceMean", b.mul(x, x), [1, 2], true), number(b, 1e-5)))); },
  });
  t.is(record.fused.get("rms_norm"), 0);
  t.true(record.nearest().some((m) => m.says === "the norm is not over the last axis alone"));
});
