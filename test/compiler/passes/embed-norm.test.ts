// Rows of tables, their sum and its norm, where the target has one operator for all of it; ONNX Runtime has it on a CPU too, so it is run here.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import type { Build } from "../../../compiler/graph/build.ts";
import { type Node, topological } from "../../../compiler/graph/node.ts";
import type { Value } from "../../../compiler/host.ts";
import embeddings, { embeddingsApart } from "../../../compiler/passes/embed-norm.ts";
import layerNorm from "../../../compiler/passes/layer-norm.ts";
import { optimise } from "../../../hosts/optimise.ts";
import { i64, numbers, runModel } from "../../support/evaluate.ts";
import { readModel } from "../../support/onnx.ts";
import { B, C, N, passCase, sameNumbers, weight } from "../../support/pass-case.ts";

const passes = [layerNorm, embeddings];
const ids = (b: Build, name: string): Node => b.input(name, "i64", [B, N]);
const words = (b: Build): Node => b.gather(weight(b, [31, C], 1), ids(b, "words"), 0);
const kinds = (b: Build): Node => b.gather(weight(b, [9, C], 2), ids(b, "kinds"), 0);
const inOrder = (b: Build): Node => b.slice(b.reshape(weight(b, [30, C], 3), [1, 30, C]), 1, 0, N);
const placed = (b: Build): Node => b.gather(weight(b, [30, C], 3), ids(b, "places"), 0);
const normed = (b: Build, x: Node): Node => b.layerNorm(x, weight(b, [C], 7), weight(b, [C], 8), 1e-5);

const FORMS: Readonly<Record<string, { readonly make: (b: Build) => Node; readonly inputs: number }>> = {
  "words and places in order": { make: (b) => normed(b, b.add(words(b), inOrder(b))), inputs: 5 },
  "words, places in order and kinds": { make: (b) => normed(b, b.add(b.add(words(b), kinds(b)), inOrder(b))), inputs: 7 },
  "words, and places that are looked up": { make: (b) => normed(b, b.add(placed(b), words(b))), inputs: 6 },
  "words, kinds, and places that are looked up": { make: (b) => normed(b, b.add(words(b), b.add(placed(b), kinds(b)))), inputs: 8 },
  "a norm without a bias": { make: (b) => b.layerNorm(b.add(words(b), inOrder(b)), weight(b, [C], 7), undefined, 1e-12), inputs: 5 },
};

for (const [name, { make, inputs }] of Object.entries(FORMS))
  test(name, async (t) => {
    const { after, record } = await passCase(t, { golden: `embed-norm/${name}`, passes, make, target: "cuda", level: "fused" });
    t.is(record.fused.get("embed_norm"), 1);
    const order = topological(after.outputs.map((o) => o.node));
    t.is(order.find((n) => n.op === "embedNorm")?.inputs.length, inputs);
    t.false(order.some((n) => n.op === "gather" || n.op === "layerNorm"));
    await sameNumbers(t, embeddingsApart(after), after, "cuda");
  });

test("a sum that goes on, a single table, and rows of a batch that a run gives stay as they are", async (t) => {
  const { record } = await passCase(t, {
    golden: "embed-norm/other", passes, target: "cuda", level: "fused",
    make: (b) => { const sum = b.add(words(b), inOrder(b)); return [normed(b, sum), b.exp(sum), normed(b, placed(b)), normed(b, b.add(kinds(b), b.input("x", "f32", [B, N, C])))]; },
  });
  t.is(record.fused.get("embed_norm"), 0);
});

test("an exported BERT has one for cuda, not for a CPU, where it is slower, and not in 16 bits", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "kirigami-embed-norm-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const made = async (name: string, options: Pick<Parameters<typeof optimise>[0], "target" | "precision">): Promise<{ readonly path: string; readonly operators: readonly string[] }> => {
    const path = join(folder, `${name}.onnx`);
    await optimise({ input: "test/compiler/import/exports/bert.script.onnx", out: path, ...options });
    return { path, operators: readModel(readFileSync(path)).nodes.map((n) => n.opType) };
  };
  const [cuda, cpu, half] = [await made("cuda", { target: "cuda" }), await made("cpu", {}), await made("half", { target: "cuda", precision: "f16" })];
  t.deepEqual([cuda, cpu, half].map((m) => m.operators.filter((op) => op === "EmbedLayerNormalization").length), [1, 0, 0]);
  t.false(cuda.operators.includes("Gather"));
  const inputs = { input_ids: i64([2, 9], Array.from({ length: 18 }, (_, i) => (i * 7) % 20)), attention_mask: i64([2, 9], Array.from({ length: 18 }, () => 1)) };
  const [one, other] = [await runModel(cuda.path, inputs), await runModel(cpu.path, inputs)].map((out) => numbers(Object.values(out)[0] as Value)) as [number[], number[]];
  t.is(one.length, other.length);
  t.true(one.every((x, i) => Math.abs(x - (other[i] as number)) < 1e-5));
});
