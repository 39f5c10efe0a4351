// What a file says of itself (its producer, doc strings, entries of metadata) is kept on the way there and back.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Long from "long";
import test from "ava";
import proto from "onnx-proto";
import { concatenated, entryField, field } from "../../../compiler/emit/wire.ts";
import { kiri } from "../../support/command-line.ts";
import { folderOf, node, port, tensorProto } from "../../support/onnx-model.ts";
import { readModel } from "../../support/onnx.ts";

const { onnx } = proto;
const entries = (number: number, said: Readonly<Record<string, string>>): Uint8Array[] => Object.entries(said).map(([key, value]) => entryField(number, key, value));

/** A map with a bias in two nodes, a Relu, an operator that is carried through; sub-graphs say something too. */
function model(): Uint8Array {
  const said = (n: Parameters<typeof onnx.NodeProto.encode>[0], doc: string, metadata: Readonly<Record<string, string>>): Uint8Array => field(1, concatenated([onnx.NodeProto.encode({ ...n, docString: doc }).finish(), ...entries(9, metadata)]));
  const branch = (by: string): Parameters<typeof onnx.GraphProto.encode>[0] => ({ name: by, docString: `branch ${by}`, node: [node("Celu", ["s"], [by], {}, { docString: `inside ${by}` })], output: [port(by, "f32")] });
  const graph = concatenated([
    said(node("MatMul", ["x", "w"], ["m"]), "line 1", { place: "model.py", layer: "first", "kirigami.path": "of an earlier time" }),
    said(node("Add", ["m", "b"], ["a"]), "line 2", { place: "model.py", layer: "second" }),
    said(node("Relu", ["a"], ["r"]), "line 3", { layer: "third" }),
    said(node("Selu", ["r"], ["s"]), "line 4", { layer: "fourth" }),
    said(node("If", ["flag"], ["y"], { then_branch: { graph: branch("t") }, else_branch: { graph: branch("e") } }), "line 5", { layer: "fifth" }),
    onnx.GraphProto.encode({
      name: "g", docString: "what the graph is for", input: [port("x", "f32", ["n", 4]), port("flag", "bool", [])], output: [{ ...port("y", "f32", ["n", 4]), docString: "an output" }],
      initializer: [tensorProto("w", "f32", [4, 4], Array.from({ length: 16 }, (_, i) => i / 8)), tensorProto("b", "f32", [4], [1, 2, 3, 4])],
    }).finish(),
    ...entries(16, { task: "a test" }),
  ]);
  const head = onnx.ModelProto.encode({ irVersion: 10, producerName: "somebody", producerVersion: "3.1", domain: "org.example", modelVersion: Long.fromNumber(7), docString: "a model", opsetImport: [{ domain: "", version: 20 }], metadataProps: [{ key: "labels", value: "a,b" }] }).finish();
  return concatenated([head, field(7, graph)]);
}

test("producer, doc strings and metadata are there after optimising, twice", async (t) => {
  const cwd = folderOf({ "m.onnx": model() });
  for (const [from, to] of [["m.onnx", "once.onnx"], ["once.onnx", "twice.onnx"]] as const) {
    const ran = await kiri({ cwd }, "optimise", from, "-o", to);
    t.is(ran.code, 0, ran.err);
    const bytes = readFileSync(join(cwd, to));
    const { said, nodes } = readModel(bytes);
    t.deepEqual(said, { producer: ["somebody", "3.1", "org.example"], version: 7, doc: "a model", metadata: { labels: "a,b" }, graphDoc: "what the graph is for", graphMetadata: { task: "a test" } });
    const by = (opType: string): { readonly doc: string; readonly metadata: Readonly<Record<string, string>> } | undefined => nodes.find((n) => n.opType === opType);
    t.deepEqual([by("Relu")?.doc, by("Relu")?.metadata.layer], ["line 3", "third"]);
    t.deepEqual([by("Selu")?.doc, by("Selu")?.metadata.layer], ["line 4", "fourth"]);
    t.deepEqual([by("If")?.doc, by("If")?.metadata.layer], ["line 5", "fifth"]);
    // Made of two nodes: what both say stays, and their names are told.
    const map = nodes.find((n) => n.opType === "Gemm");
    t.deepEqual([map?.doc, map?.metadata.place, map?.metadata.layer], ["", "model.py", undefined]);
    if (from === "m.onnx") t.deepEqual(map?.metadata["kirigami.path"]?.split(";").sort(), ["Add_a", "MatMul_m"]);
    else t.notRegex(map?.metadata["kirigami.path"] ?? "", /earlier/);
    const inner = onnx.ModelProto.decode(bytes).graph?.node?.find((n) => n.opType === "If")?.attribute ?? [];
    t.deepEqual(inner.map((a) => [a.g?.docString, a.g?.node?.[0]?.docString]).sort(), [["branch e", "inside e"], ["branch t", "inside t"]]);
    t.is(onnx.ModelProto.decode(bytes).graph?.output?.[0]?.docString, "an output");
  }
});
