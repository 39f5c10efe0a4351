// What is repeated is computed before it is repeated; one value is cast once, and cut once along an axis.
import test from "ava";
import { type Node, topological } from "../../../compiler/graph/node.ts";
import lateExpand from "../../../compiler/passes/late-expand.ts";
import sharedCut from "../../../compiler/passes/shared-cut.ts";
import sharedCast from "../../../compiler/passes/shared-cast.ts";
import simplify from "../../../compiler/passes/simplify.ts";
import { B, C, N, number, passCase, tokens } from "../../support/pass-case.ts";

const count = (graph: { readonly outputs: readonly { readonly node: Node }[] }, op: string): number => topological(graph.outputs.map((o) => o.node)).filter((n) => n.op === op).length;

test("the mean over tokens that a mask shows repeats no mask", async (t) => {
  const { after } = await passCase(t, {
    golden: "late-expand/masked mean", passes: [lateExpand],
    make: (b) => {
      const mask = b.cast(b.expand(b.reshape(b.input("mask", "i64", [B, N]), [B, N, 1]), [B, N, C]), "f32");
      return b.div(b.reduce("reduceSum", b.mul(tokens(b), mask), [1], false), b.make("clip", [b.reduce("reduceSum", mask, [1], false)], { least: 0.5, most: 1e9 }));
    },
  });
  t.is(count(after, "expand"), 0);
});

test("a sum of what is repeated counts how often", async (t) => {
  const { after } = await passCase(t, { golden: "late-expand/summed itself", passes: [lateExpand], make: (b) => b.reduce("reduceSum", b.expand(b.input("narrow", "f32", [B, N, 1]), [B, N, C]), [2], false) });
  t.is(count(after, "expand"), 1);
});

test("a mask of two readers is cast once", async (t) => {
  const { after } = await passCase(t, {
    golden: "late-expand/cast once", passes: [simplify, sharedCast],
    make: (b) => { const mask = b.input("mask", "i64", [B, N]); return [b.mul(b.cast(b.reshape(mask, [B, 1, 1, N]), "f32"), number(b, 3)), b.mul(tokens(b), b.cast(b.reshape(mask, [B, N, 1]), "f32"))]; },
  });
  t.is(count(after, "cast"), 1);
});

test("one reader leaves the cast where it is", async (t) => {
  const { record } = await passCase(t, { golden: "late-expand/one reader", passes: [sharedCast], make: (b) => b.mul(tokens(b), b.cast(b.reshape(b.input("mask", "i64", [B, N]), [B, N, 1]), "f32")) });
  t.is(record.steps.length, 0);
});

test("two halves without their first token: the token goes first", async (t) => {
  const { after } = await passCase(t, { golden: "late-expand/cut once", passes: [sharedCut], make: (b) => [0, 6].map((from) => b.unary("abs", b.slice(b.slice(tokens(b), 2, from, from + 6), 1, 1, N))) });
  t.is(count(after, "slice"), 3);
});

test("halves that are cut in different ways stay", async (t) => {
  const { record } = await passCase(t, { golden: "late-expand/cut differently", passes: [sharedCut], make: (b) => [0, 6].map((from) => b.unary("abs", b.slice(b.slice(tokens(b), 2, from, from + 6), 1, from === 0 ? 1 : 2, N))) });
  t.is(record.steps.length, 0);
});
