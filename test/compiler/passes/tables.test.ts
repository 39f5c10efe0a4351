// Tables read at known places, and what is added to them.
import test from "ava";
import { type Graph, type Node, topological } from "../../../compiler/graph/node.ts";
import { importModel } from "../../../compiler/import/onnx-graph.ts";
import { runPasses } from "../../../compiler/passes/order.ts";
import tables from "../../../compiler/passes/tables.ts";
import { B, C, N, number, opsOf, passCase, tokens, weight } from "../../support/pass-case.ts";
import type { Build } from "../../../compiler/graph/build.ts";
import { NodeHost } from "../../../hosts/node-host.ts";

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

test("kinds that are read from a list of zeros, at places that only a run knows, are one row", async (t) => {
  const { after } = await passCase(t, {
    golden: "tables/zeros read", passes,
    make: (b) => b.add(tokens(b), b.gather(weight(b, [2, C]), b.gatherElements(b.fill("i64", [B, 40], 0), b.input("places", "i64", [B, N]), 1), 0)),
  });
  t.deepEqual(opsOf(after).filter((op) => op.startsWith("gather")), []);
});

for (const [name, sum] of Object.entries<(b: Build, x: Node, row: Node, found: Node) => Node>({
  before: (b, x, row, found) => b.add(b.add(x, row), found),
  behind: (b, x, row, found) => b.add(b.add(x, found), row),
  beside: (b, x, row, found) => b.add(x, b.add(found, row)),
}))
  test(`a row that is added ${name} the sum with places that a run looks up joins their table`, async (t) => {
    const { after } = await passCase(t, {
      golden: `tables/row ${name}`, passes,
      make: (b) => sum(b, b.gather(b.input("words", "f32", [9, C]), b.input("ids", "i64", [B, N]), 0), b.reshape(weight(b, [C]), [1, 1, C]), b.gather(weight(b, [40, C], 2), b.input("places", "i64", [B, N]), 0)),
    });
    const order = topological(after.outputs.map((o) => o.node));
    t.is(order.filter((n) => n.op === "add" && n.type.dims.length === 3).length, 1);
    t.true(order.some((n) => n.op === "gather" && n.inputs[0]?.op === "add"));
  });

test("a row joins no table of many words, which others may read too", async (t) => {
  const { after } = await passCase(t, {
    golden: "tables/many words", passes,
    make: (b) => b.add(b.add(tokens(b), b.reshape(weight(b, [C]), [1, 1, C])), b.gather(weight(b, [9000, C], 2), b.input("ids", "i64", [B, N]), 0)),
  });
  t.false(topological(after.outputs.map((o) => o.node)).some((n) => n.op === "gather" && n.inputs[0]?.op === "add"));
});

test("an exported BERT whose kinds are left out reads one table of places and kinds", (t) => {
  const { value } = importModel(new NodeHost({ root: "test/compiler/import/exports" }), "bert.script.onnx");
  const fused = runPasses(value?.graph as Graph<"tensor">, "cpu");
  t.deepEqual(opsOf(fused).filter((op) => op.startsWith("gather")), ["gather"]);
});
