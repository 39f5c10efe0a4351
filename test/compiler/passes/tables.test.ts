// Tables read at known places, and what is added to them.
import test from "ava";
import type { Node } from "../../../compiler/graph/node.ts";
import tables from "../../../compiler/passes/tables.ts";
import { B, C, N, number, opsOf, passCase, tokens, weight } from "../../support/pass-case.ts";
import type { Build } from "../../../compiler/graph/build.ts";

const passes = [tables];
const places = (b: Build, from = 0): Node => b.slice(b.tensor("i64", [1, 40], Array.from({ length: 40 }, (_, i) => from + i)), 1, 0, N);

test("kinds and positions of a text are one table", async (t) => {
  const { after } = await passCase(t, {
    golden: "tables/embeddings", passes,
    make: (b) => b.add(b.add(tokens(b), b.gather(weight(b, [2, C]), b.expand(b.slice(b.fill("i64", [1, 40], 0), 1, 0, N), [B, N]), 0)), b.gather(weight(b, [40, C], 2), places(b), 0)),
  });
  t.false(opsOf(after).includes("gather"));
  t.is(opsOf(after).filter((op) => op === "add").length, 2);
  t.is(after.outputs[0]?.node.op, "add");
  t.is(after.outputs[0]?.node.inputs.filter((x) => x.op === "slice").length, 1);
});

test("places that start further behind", async (t) => {
  const { after } = await passCase(t, { golden: "tables/further behind", passes, make: (b) => b.mul(tokens(b), b.gather(weight(b, [50, C], 2), places(b, 2), 0)) });
  t.false(opsOf(after).includes("gather"));
});

test("places that the table may not have, or that are not in order, are looked up", async (t) => {
  const { after } = await passCase(t, { golden: "tables/looked up", passes, make: (b) => [b.mul(tokens(b), b.gather(weight(b, [39, C], 2), places(b), 0)), b.gather(weight(b, [9, C], 3), b.tensor("i64", [3], [0, 2, 1]), 0)] });
  t.is(opsOf(after).filter((op) => op === "gather").length, 2);
});

test("a sum that the run makes stays where it is", async (t) => {
  const { after } = await passCase(t, { golden: "tables/of the run", passes, make: (b) => b.add(b.mul(b.add(tokens(b), b.input("other", "f32", [B, N, C])), number(b, 2)), b.reshape(weight(b, [C]), [1, 1, C])) });
  t.is(opsOf(after).filter((op) => op === "add").length, 2);
});
