// Sums in front of layer norms stay apart from them, in the file and in what the runtime makes of it.
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { emitModel } from "../../../compiler/emit/onnx.ts";
import type { Build } from "../../../compiler/graph/build.ts";
import { type Graph, type Node, topological } from "../../../compiler/graph/node.ts";
import sumsApart from "../../../compiler/passes/sums-apart.ts";
import { f32, runModel } from "../../support/evaluate.ts";
import { readModel } from "../../support/onnx.ts";
import { B, C, N, passCase, tokens, weight } from "../../support/pass-case.ts";

const normed = (b: Build, x: Node, seed = 7): Node => b.layerNorm(x, weight(b, [C], seed), weight(b, [C], seed + 1), 1e-5);
const other = (b: Build): Node => b.input("other", "f32", [B, N, C]);
const apart = (graph: Graph): number => topological(graph.outputs.map((o) => o.node)).filter((n) => n.attrs.apart === true).length;

const FORMS: Readonly<Record<string, (b: Build) => Node | Node[]>> = {
  "a sum that nothing else reads": (b) => normed(b, b.add(tokens(b), other(b))),
  "a sum that goes on": (b) => { const sum = b.add(tokens(b), other(b)); return b.add(sum, b.exp(normed(b, sum))); },
  "a sum with two norms": (b) => { const sum = b.add(tokens(b), other(b)); return [normed(b, sum), normed(b, sum, 20)]; },
  "a sum that is spread out": (b) => normed(b, b.add(tokens(b), b.input("row", "f32", [1, N, C]))),
};

for (const [name, make] of Object.entries(FORMS))
  test(name, async (t) => {
    const { after } = await passCase(t, { golden: `sums-apart/${name}`, passes: [sumsApart], make, level: "fused" });
    t.is(apart(after), 1);
  });

test("a sum without a norm stays, and so does every sum for other targets", async (t) => {
  t.is(apart((await passCase(t, { golden: "sums-apart/none", passes: [sumsApart], level: "fused", make: (b) => b.exp(b.add(tokens(b), other(b))) })).after), 0);
  t.is(apart((await passCase(t, { golden: "sums-apart/cuda", passes: [sumsApart], level: "fused", target: "cuda", make: FORMS["a sum that goes on"] as (b: Build) => Node })).after), 0);
});

/** Operators of a graph after the runtime's own passes. */
async function kept(graph: Graph): Promise<string[]> {
  const optimizedModelFilePath = join(mkdtempSync(join(tmpdir(), "kirigami-")), "kept.onnx");
  const x = f32([2, 3, C], Array.from({ length: 6 * C }, (_, i) => Math.sin(i)));
  await runModel(emitModel({ ...graph, level: "fused" } as Graph<"fused">, { target: "cpu", name: "test" }).model, { x, other: x }, { optimizedModelFilePath });
  return readModel(readFileSync(optimizedModelFilePath)).nodes.map((n) => n.opType).sort();
}

test("ONNX Runtime joins a sum and its norm, and leaves them apart where they are to be", async (t) => {
  const make = FORMS["a sum that nothing else reads"] as (b: Build) => Node;
  const { after } = await passCase(t, { golden: "sums-apart/kept", passes: [sumsApart], level: "fused", make });
  const { after: joined } = await passCase(t, { golden: "sums-apart/joined", passes: [], level: "fused", make });
  t.deepEqual(await kept(after), ["LayerNormalization", "Sum"]);
  t.deepEqual(await kept(joined), ["SkipLayerNormalization"]);
});
