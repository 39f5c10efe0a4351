// Means of the tokens of a text: rows summed by the weights that a mask gives them.
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import type { Node } from "../../../compiler/graph/node.ts";
import settle from "../../../compiler/passes/settle.ts";
import weightedSums from "../../../compiler/passes/weighted-sum.ts";
import { B, C, N, number, opsOf, passCase, tokens } from "../../support/pass-case.ts";

const passes = [settle, weightedSums];
const mask = (b: Build): Node => b.cast(b.reshape(b.input("mask", "i64", [B, N]), [B, N, 1]), "f32");

for (const target of ["cpu", "portable"] as const)
  test(`the mean of the tokens that a mask shows, for ${target}`, async (t) => {
    const { after } = await passCase(t, {
      golden: `weighted-sum/mean ${target}`, passes, target,
      make: (b) => b.div(b.reduce("reduceSum", b.mul(tokens(b), mask(b)), [1], false), b.clip(b.reduce("reduceSum", mask(b), [1], false), 1e-9, 3.4e38)),
    });
    t.deepEqual(opsOf(after).filter((op) => op === "weightedSum" || op === "reshape" || op === "mul"), ["weightedSum"]);
  });

test("weights that are computed as a column", async (t) => {
  const { after } = await passCase(t, { golden: "weighted-sum/column", passes, make: (b) => b.reduce("reduceSum", b.mul(b.unary("exp", b.input("w", "f32", [B, N, 1])), tokens(b)), [1], false) });
  t.true(opsOf(after).includes("weightedSum"));
});

test("a weight for each value, one list of weights for all texts, and sums over other axes stay as they are", async (t) => {
  const { after } = await passCase(t, {
    golden: "weighted-sum/other", passes,
    make: (b) => [
      b.reduce("reduceSum", b.mul(tokens(b), b.input("each", "f32", [B, N, C])), [1], false), b.reduce("reduceSum", b.mul(tokens(b), b.input("all", "f32", [1, N, 1])), [1], false),
      b.reduce("reduceSum", b.mul(tokens(b), mask(b)), [2], false), b.reduce("reduceSum", b.mul(tokens(b), number(b, 2)), [1], false),
    ],
  });
  t.false(opsOf(after).includes("weightedSum"));
});

test("a product that something else reads is not computed twice", async (t) => {
  const { after } = await passCase(t, { golden: "weighted-sum/read", passes, make: (b) => { const x = b.mul(tokens(b), mask(b)); return [b.reduce("reduceSum", x, [1], false), b.exp(x)]; } });
  t.false(opsOf(after).includes("weightedSum"));
});
