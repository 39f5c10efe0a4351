// What is repeated is computed before it is repeated.
import test from "ava";
import lateExpand from "../../../compiler/passes/late-expand.ts";
import { B, C, N, opsOf, passCase, tokens } from "../../support/pass-case.ts";

test("the mean over tokens that a mask shows repeats no mask", async (t) => {
  const { after } = await passCase(t, {
    golden: "late-expand/masked mean", passes: [lateExpand],
    make: (b) => {
      const mask = b.cast(b.expand(b.reshape(b.input("mask", "i64", [B, N]), [B, N, 1]), [B, N, C]), "f32");
      return b.div(b.reduce("reduceSum", b.mul(tokens(b), mask), [1], false), b.make("clip", [b.reduce("reduceSum", mask, [1], false)], { least: 0.5, most: 1e9 }));
    },
  });
  t.is(opsOf(after).filter((op) => op === "expand").length, 0);
});

test("a sum of what is repeated counts how often", async (t) => {
  const { after } = await passCase(t, { golden: "late-expand/summed itself", passes: [lateExpand], make: (b) => b.reduce("reduceSum", b.expand(b.input("narrow", "f32", [B, N, 1]), [B, N, C]), [2], false) });
  t.is(opsOf(after).filter((op) => op === "expand").length, 1);
});
