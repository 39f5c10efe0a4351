// Sums and the norms of them, where the target has one operator for both.
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import { type Node, topological } from "../../../compiler/graph/node.ts";
import layerNorm from "../../../compiler/passes/layer-norm.ts";
import linear from "../../../compiler/passes/linear.ts";
import skipNorm from "../../../compiler/passes/skip-norm.ts";
import { B, C, N, passCase, tokens, weight } from "../../support/pass-case.ts";
import { mapped } from "../../support/heads.ts";

const normed = (b: Build, x: Node, seed = 7): Node => b.layerNorm(x, weight(b, [C], seed), weight(b, [C], seed + 1), 1e-5);
const other = (b: Build): Node => b.input("other", "f32", [B, N, C]);

/** The norm is made by hand here, so the graphs are of level "fused" from the start. */
const passes = [layerNorm, linear, skipNorm];

const FORMS: Readonly<Record<string, { readonly make: (b: Build) => Node | Node[]; readonly inputs: number; readonly sums: number }>> = {
  "a sum that nothing else reads": { make: (b) => normed(b, b.add(tokens(b), other(b))), inputs: 4, sums: 0 },
  "a sum that goes on": { make: (b) => { const sum = b.add(tokens(b), other(b)); return b.add(sum, b.exp(normed(b, sum))); }, inputs: 4, sums: 1 },
  "a sum with two norms": { make: (b) => { const sum = b.add(tokens(b), other(b)); return [normed(b, sum), normed(b, sum, 20)]; }, inputs: 4, sums: 0 },
  "a map with a bias": { make: (b) => normed(b, b.add(tokens(b), mapped(b, other(b), 1))), inputs: 5, sums: 0 },
  "a map with a bias on the left": { make: (b) => normed(b, b.add(mapped(b, other(b), 1), tokens(b))), inputs: 5, sums: 0 },
};

for (const [name, { make, inputs, sums }] of Object.entries(FORMS))
  test(name, async (t) => {
    const { after, record } = await passCase(t, { golden: `skip-norm/${name}`, passes, make, target: "cuda", level: "fused" });
    const order = topological(after.outputs.map((o) => o.node));
    t.is(record.fused.get("skip_layer_norm"), 1);
    t.is(order.find((n) => n.op === "skipLayerNorm")?.inputs.length, inputs);
    t.is(order.filter((n) => n.op === "add").length, sums);
  });

test("a sum that is spread out stays", async (t) => {
  const { record } = await passCase(t, { golden: "skip-norm/spread", passes, target: "cuda", level: "fused", make: (b) => normed(b, b.add(tokens(b), b.input("row", "f32", [1, N, C]))) });
  t.is(record.fused.get("skip_layer_norm"), 0);
});

test("on a CPU two operators are faster than one", async (t) => {
  const { record } = await passCase(t, { golden: "skip-norm/cpu", passes, level: "fused", make: (b) => normed(b, b.add(tokens(b), other(b))) });
  t.false(record.fused.has("skip_layer_norm"));
});
