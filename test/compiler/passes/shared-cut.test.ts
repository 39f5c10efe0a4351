// What is cut along two axes is cut once along the one that all parts share.
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import type { Node } from "../../../compiler/graph/node.ts";
import sharedCut from "../../../compiler/passes/shared-cut.ts";
import { N, opsOf, passCase, tokens } from "../../support/pass-case.ts";

const passes = [sharedCut];
const half = (b: Build, from: number): Node => b.slice(tokens(b), 2, from, from + 6);

test("two halves without their first token: the token goes first", async (t) => {
  const { after } = await passCase(t, { golden: "shared-cut/halves", passes, make: (b) => [0, 6].map((from) => b.unary("abs", b.slice(half(b, from), 1, 1, N))) });
  t.is(opsOf(after).filter((op) => op === "slice").length, 3);
});

test("halves that are cut in different ways stay", async (t) => {
  const { record } = await passCase(t, { golden: "shared-cut/differently", passes, make: (b) => [0, 6].map((from) => b.unary("abs", b.slice(half(b, from), 1, from === 0 ? 1 : 2, N))) });
  t.is(record.steps.length, 0);
});

test("a half that something else reads whole stays, and then so does the other", async (t) => {
  const { record } = await passCase(t, { golden: "shared-cut/read whole", passes, make: (b) => [...[0, 6].map((from) => b.unary("abs", b.slice(half(b, from), 1, 1, N))), b.unary("tanh", half(b, 0))] });
  t.is(record.steps.length, 0);
});
