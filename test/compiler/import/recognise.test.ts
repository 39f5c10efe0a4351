/** Blocks and their places in what both exporters of PyTorch write: how many, which axes, and that a site holds what PyTorch has there. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import proto, { type onnx as Onnx } from "onnx-proto";
import { planConstants, streamConstants } from "../../../compiler/emit/constants.ts";
import { emitModel } from "../../../compiler/emit/onnx.ts";
import type { Graph, Node } from "../../../compiler/graph/node.ts";
import { type Imported, importModel } from "../../../compiler/import/onnx-graph.ts";
import { type Recognition, recognise } from "../../../compiler/import/recognise/recognise.ts";
import { runPasses } from "../../../compiler/passes/order.ts";
import { printType } from "../../../compiler/types/tensor.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { f32, i64, numbers, runModel } from "../../support/evaluate.ts";
import { difference, expectedOf, readSafetensors } from "../../support/golden.ts";
import { port, tensorProto } from "../../support/onnx-model.ts";
import { temporaryFolder } from "../../support/safetensors-file.ts";
import { tolerance } from "../../support/tolerance.ts";

const { onnx } = proto;
const FOLDER = new URL("exports/", import.meta.url).pathname;
interface There {
  readonly name: string;
  readonly exporter: string;
  readonly stacks: readonly { readonly blocks: number; readonly heads: number; readonly hidden: number }[];
}
const THERE = Object.values(JSON.parse(readFileSync(join(FOLDER, "there.json"), "utf8")) as Record<string, There>);

interface Opened {
  readonly host: NodeHost;
  readonly imported: Imported;
  readonly found: Recognition;
}

function open(name: string): Opened {
  const host = new NodeHost({ root: FOLDER });
  const { value, problems } = importModel(host, `${name}.onnx`);
  if (!value) throw new Error(problems.map((p) => p.says).join());
  return { host, imported: value, found: recognise(value.graph) };
}

/** What the graph has at some nodes, computed by ONNX Runtime. */
async function valuesAt({ host, imported }: Opened, nodes: Readonly<Record<string, Node>>, inputs: Parameters<typeof runModel>[1]): ReturnType<typeof runModel> {
  const graph: Graph<"tensor"> = { ...imported.graph, outputs: Object.entries(nodes).map(([name, node]) => ({ name, node, axes: node.type.dims.map(() => "") })) };
  const plain = runPasses(graph, "cpu", { order: [] });
  const { value: plan } = await planConstants(plain, host, { unchecked: true, file: "sites.data" });
  const folder = temporaryFolder();
  const chunks: Uint8Array[] = [];
  for await (const chunk of streamConstants(plan, host)) chunks.push(chunk.slice());
  writeFileSync(join(folder, "sites.data"), Buffer.concat(chunks));
  writeFileSync(join(folder, "sites.onnx"), emitModel(plain, { target: "cpu", name: "sites", initializers: plan.initializers }).model);
  return runModel(join(folder, "sites.onnx"), inputs);
}

/** `input.1`: what enters the second block. */
function siteAt({ blocks }: Recognition, key: string): Node {
  const [site, index] = key.split(".") as [string, string];
  const found = blocks[Number(index)]?.sites.get(site);
  if (!found) throw new Error(`there is no ${key}`);
  return found.node;
}

for (const { name, exporter, stacks } of THERE) {
  const file = `${name}.${exporter}`;
  test(`${file}: every block is found, and what enters it and what it pays attention to is what PyTorch has there`, async (t) => {
    const opened = open(file);
    const { found } = opened;
    const [stack] = stacks;
    t.deepEqual(found.stacks.map((s) => s.blocks.length), stacks.map((s) => s.blocks));
    t.is(found.heads, stack?.heads);
    t.is(found.hidden, stack?.hidden);
    t.deepEqual(found.attempts.flatMap((a) => a.missing ?? []), []);
    const expected = readSafetensors(join(FOLDER, `${file}.safetensors`));
    const inputs = Object.fromEntries([...expected].filter(([key]) => key.startsWith("in.")).map(([key, { dtype, dims, data }]) => [key.slice(3), dtype === "i64" ? i64(dims, [...data].map(Number)) : f32(dims, [...data].map(Number))]));
    const places = Object.fromEntries([...expected.keys()].filter((key) => !key.startsWith("in.")).map((key) => [key, siteAt(found, key)]));
    const made = await valuesAt(opened, places, inputs);
    for (const [key, value] of Object.entries(made)) {
      const wanted = expectedOf(expected, key);
      t.deepEqual(value.dims, wanted.dims, key);
      const { absolute } = difference(numbers(value), wanted.data);
      t.true(absolute <= tolerance("f32", "approximated"), `${key} differs by ${absolute}`);
    }
    t.true(Object.keys(made).length >= 2);
  });
}

const axesOf = (found: Recognition, site: string): string => {
  const at = found.blocks[0]?.sites.get(site);
  return `[${at?.axes.join(", ")}] ${at ? printType(at.node.type) : ""}`;
};

test("sites have the axes of the contract, in the order that the file has", (t) => {
  const { found } = open("llama.dynamo");
  t.deepEqual(Object.fromEntries(["input", "queries", "keys", "values", "scores", "probs", "context", "attended", "mlp_input", "hidden", "output"].map((site) => [site, axesOf(found, site)])), {
    input: "[B, N, C] f32[s21, s22, 16]", queries: "[B, H, N', D] f32[s21, 2, s22, 8]", keys: "[B, H, N, D] f32[s21, 2, s22, 8]", values: "[B, H, N, D] f32[s21, 2, s22, 8]",
    scores: "[B, H, N', N] f32[s21, 2, s22, s22]", probs: "[B, H, N', N] f32[s21, 2, s22, s22]", context: "[B, N, C] f32[s21, s22, 16]", attended: "[B, N, C] f32[s21, s22, 16]",
    mlp_input: "[B, N, C] f32[s21, s22, 16]", hidden: "[B, N, F] f32[s21, s22, 32]", output: "[B, N, C] f32[s21, s22, 16]",
  });
  t.deepEqual([found.tokenAxis?.axis, found.tokenAxis?.size.key], [1, "s22"]);
  // Keys before they are turned for the product.
  t.is(axesOf(open("bert.script").found, "keys"), "[B, N, H, D] f32[batch, sequence, 2, 8]");
});

test("an MLP beside the attention: there is no place between them", (t) => {
  const { found } = open("phi.script");
  t.false(found.blocks[0]?.sites.has("attended"));
  t.is(axesOf(found, "hidden"), "[B, N, F] f32[batch, sequence, 32]");
  t.is(found.blocks[1]?.sites.get("input")?.node, found.blocks[0]?.sites.get("output")?.node);
});

test("a count of tokens that is written into reshapes is no obstacle; windows and tables with a row for each token are, by name", (t) => {
  const dinov2 = open("dinov2.script").found;
  t.deepEqual([dinov2.foldable, dinov2.obstacles, dinov2.tokenAxis?.size.key], [true, [], "17"]);
  const swin = open("swin.script").found;
  t.false(swin.foldable);
  t.deepEqual(swin.obstacles, [{ site: "blocks[0].scores", tensor: "/model/encoder/layers.0/blocks.0/attention/MatMul", why: "the attention is over 16 tokens of [batch, 64, 8]: tokens are cut into windows, whose grid another count has not" }]);
  const table = open("table.script").found;
  t.deepEqual(table.obstacles, [{ site: "blocks[0].scores", tensor: "model.blocks.0.table", why: "a table for 9 tokens: f32[1, 2, 9, 9]" }]);
  t.false(table.foldable);
});

test("tokens may come before the batch, and queries, keys and values from one product", (t) => {
  const { found } = open("packed.script");
  t.deepEqual([found.tokenAxis?.axis, found.tokenAxis?.size.key, found.foldable], [0, "9", true]);
  t.is(axesOf(found, "input"), "[N, B, C] f32[9, batch, 16]");
  t.is(axesOf(found, "keys"), "[B, H, N, D] f32[batch, 2, 9, 8]");
});

/** The file with its nodes moved to somewhere else: `to` gets them, and gives the graph that stands in their place. */
function moved(name: string, to: (graph: Onnx.IGraphProto, model: Onnx.IModelProto) => Onnx.IGraphProto): Recognition & { readonly carried: readonly string[] } {
  const model = onnx.ModelProto.decode(readFileSync(join(FOLDER, `${name}.onnx`)));
  model.graph = onnx.GraphProto.create(to(model.graph as Onnx.IGraphProto, model));
  const folder = temporaryFolder();
  writeFileSync(join(folder, "m.onnx"), onnx.ModelProto.encode(model).finish());
  const { value, problems } = importModel(new NodeHost({ root: folder }), "m.onnx");
  if (!value) throw new Error(problems.map((p) => p.says).join());
  return { ...recognise(value.graph), carried: [...value.carried.keys()] };
}

const namesOf = (list: readonly { readonly name?: string | null }[] | null | undefined): string[] => (list ?? []).map((i) => i.name ?? "");

test("blocks in a function of the file, and in a branch that is decided, are found like others", (t) => {
  const inFunction = moved("packed.script", (graph, model) => {
    const [inputs, outputs] = [[...namesOf(graph.input), ...namesOf(graph.initializer)], namesOf(graph.output)];
    model.functions = [{ name: "Whole", domain: "mine", input: inputs, output: outputs, node: graph.node, opsetImport: model.opsetImport } as Onnx.IFunctionProto];
    model.opsetImport = [...(model.opsetImport ?? []), { domain: "mine", version: 1 } as Onnx.IOperatorSetIdProto];
    return { ...graph, node: [{ opType: "Whole", domain: "mine", name: "call", input: inputs, output: outputs }] };
  });
  t.deepEqual([inFunction.blocks.length, inFunction.heads, inFunction.hidden, inFunction.foldable], [2, 2, 16, true]);
  const decided = moved("packed.script", (graph) => inBranch(graph, [{ opType: "Constant", name: "always", output: ["c"], attribute: [{ name: "value", type: 4, t: tensorProto("", "bool", [], [1]) }] }]));
  t.deepEqual([decided.blocks.length, decided.heads, decided.hidden, decided.foldable], [2, 2, 16, true]);
});

/** Both branches of an If are the graph's nodes; what comes before gives the condition `c`. */
function inBranch(graph: Onnx.IGraphProto, before: Onnx.INodeProto[]): Onnx.IGraphProto {
  const branch: Onnx.IGraphProto = { name: "inside", node: graph.node ?? [], output: graph.output ?? [] };
  return { ...graph, node: [...before, { opType: "If", name: "maybe", input: ["c"], output: namesOf(graph.output), attribute: ["then_branch", "else_branch"].map((name) => ({ name, type: 5, g: branch })) }] };
}

test("blocks in a branch that only a run decides are not found, and it is said where they are", (t) => {
  const found = moved("packed.script", (graph) => inBranch({ ...graph, input: [...(graph.input ?? []), port("c", "bool", [])] }, []));
  t.deepEqual([found.blocks.length, found.foldable, found.carried], [0, false, ["If"]]);
  t.deepEqual(found.obstacles, [{ site: "scores", tensor: "maybe", why: "If decides while the model runs what of its own graphs is computed, so nothing inside of them can be named" }]);
});
