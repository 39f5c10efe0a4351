// Chains of reshapes and transpositions become as few as move the same.
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import type { Graph, Node } from "../../../compiler/graph/node.ts";
import { multiply } from "../../../compiler/types/dim.ts";
import regroup from "../../../compiler/passes/regroup.ts";
import { B, C, N, opsOf, passCase, tokens } from "../../support/pass-case.ts";

const passes = [regroup];
/** What moves. */
const steps = (graph: Graph): string[] => opsOf(graph).filter((op) => op !== "input");
/** x[B, N, C] with its axes taken apart, moved, and put together elsewhere. */
const apart = (b: Build): Node => b.reshape(tokens(b), [B, N, 3, 2, 2]);

test("heads that are split and joined where they were leave one transposition", async (t) => {
  const { after } = await passCase(t, { golden: "regroup/one transposition", passes, make: (b) => b.reshape(b.transpose(b.transpose(apart(b), [2, 0, 3, 1, 4]), [3, 1, 0, 2, 4]), [N, B, C]) });
  t.deepEqual(steps(after), ["transpose"]);
});

test("what comes back in its order is a reshape", async (t) => {
  const { after } = await passCase(t, { golden: "regroup/one reshape", passes, make: (b) => b.reshape(b.transpose(b.reshape(b.transpose(apart(b), [0, 2, 3, 4, 1]), [B, 12, N]), [0, 2, 1]), [multiply(B, N), C]) });
  t.deepEqual(steps(after), ["reshape"]);
});

test("a shape in between that cuts through what was moved is kept in factors", async (t) => {
  const { after } = await passCase(t, {
    golden: "regroup/three of five", passes,
    make: (b) => b.transpose(b.reshape(b.transpose(b.reshape(b.transpose(apart(b), [0, 1, 3, 2, 4]), [B, N, 2, 6]), [0, 2, 3, 1]), [B, 2, 3, 2, N]), [0, 4, 2, 1, 3]),
  });
  t.true(steps(after).length <= 2);
});

test("what others read too is not moved again", async (t) => {
  const { record } = await passCase(t, { golden: "regroup/read elsewhere", passes, make: (b) => { const x = b.transpose(apart(b), [0, 2, 1, 3, 4]); return [b.reshape(b.transpose(x, [0, 2, 1, 4, 3]), [B, N, C]), b.unary("abs", x)]; } });
  t.is(record.steps.length, 0);
});

test("sizes that do not divide each other are left alone", async (t) => {
  const { record } = await passCase(t, { golden: "regroup/no divisor", passes, make: (b) => b.reshape(b.transpose(b.reshape(b.transpose(tokens(b), [0, 2, 1]), [B, 4, N, 3]), [0, 2, 1, 3]), [B, N, C]) });
  t.is(record.steps.length, 0);
});
