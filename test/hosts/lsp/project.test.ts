/** What an editor tells and asks beside the text: files that change on the disk, the graph as a page. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import test from "ava";
import type { Hover, Range } from "vscode-languageserver-protocol/node";
import type { Choices, GraphAnswer } from "../../../hosts/lsp/graph-page.ts";
import { literal } from "../../../compiler/graph/build.ts";
import { LspClient } from "../../support/lsp-client.ts";
import { writeSafetensors } from "../../support/safetensors-file.ts";
import { smallProject } from "../../support/small-project.ts";

let client: LspClient;
test.before(async () => {
  client = await LspClient.start();
});
test.after.always(() => void client?.process.kill());

const positionOf = (text: string, word: string): Range["start"] => {
  const before = text.slice(0, text.indexOf(word)).split("\n");
  return { line: before.length - 1, character: before[before.length - 1]?.length ?? 0 };
};

test.serial("the server asks to be told of programs, models and reports", async (t) => {
  // Whatever it says when it begins has been said before this is answered.
  await client.ask("textDocument/documentSymbol", { textDocument: { uri: "untitled:none" } });
  for (const of of [".kiri", "onnx", "safetensors", "config", "report"]) t.true(client.watched.some((pattern) => pattern.includes(of)), of);
});

test.serial("another file of the project that changes on the disk, and a model that does, are looked at again", async (t) => {
  const root = smallProject(`use half (half)\n${readFileSync(join(smallProject(), "main.kiri"), "utf8").replace("let scores = small(x)", "let scores = half(small(x))")}`);
  const part = join(root, "half.kiri");
  writeFileSync(part, "fn half(x: f32[N]) -> f32[N] { x / 2.0 }\n");
  const text = readFileSync(join(root, "main.kiri"), "utf8");
  const uri = pathToFileURL(join(root, "main.kiri")).href;
  const clean = client.told(uri, (d) => d.length === 0);
  client.open(uri, text);
  await clean;
  writeFileSync(part, "fn half(x: f32[N]) -> f32[N] { y / 2.0 }\n");
  const wrong = client.told(pathToFileURL(part).href, (d) => d.length > 0);
  client.tell("workspace/didChangeWatchedFiles", { changes: [{ uri: pathToFileURL(part).href, type: 2 }] });
  t.deepEqual((await wrong).map((d) => d.code), ["N205"]);
  writeFileSync(part, "fn half(x: f32[N]) -> f32[N] { x / 2.0 }\n");
  const mended = client.told(pathToFileURL(part).href, (d) => d.length === 0);
  client.tell("workspace/didChangeWatchedFiles", { changes: [{ uri: pathToFileURL(part).href, type: 2 }] });
  await mended;
  const weights = join(root, "models/small/model.safetensors");
  // One row more than the program says.
  writeSafetensors(weights, { weight: { dtype: "f32", shape: [4, 4], bytes: literal("f32", new Array(16).fill(0)).bytes }, bias: { dtype: "f32", shape: [4], bytes: literal("f32", [0, 0, 0, 0]).bytes } });
  const unfit = client.told(uri, (d) => d.some((x) => String(x.code).startsWith("W")));
  client.tell("workspace/didChangeWatchedFiles", { changes: [{ uri: pathToFileURL(weights).href, type: 2 }] });
  t.regex(String((await unfit)[0]?.message), /weight/);
  client.close(uri);
});

test.serial("the graph of what is open, saved or not, is the page of `kiri view`; a file with errors has a reason instead", async (t) => {
  const root = smallProject();
  const text = readFileSync(join(root, "main.kiri"), "utf8").replace("pipeline classify", "pipeline unsaved");
  const uri = pathToFileURL(join(root, "main.kiri")).href;
  const textDocument = { uri };
  client.open(uri, text);
  t.deepEqual(await client.ask<Choices>("kirigami/choices", { textDocument }), { pipelines: ["unsaved"], variants: ["kept", "strict", "undropped", "fast", "fused"] });
  const plain = await client.ask<GraphAnswer>("kirigami/graph", { textDocument });
  t.regex(plain.page ?? "", /^<!doctype html>/);
  const drawings = (page: string | undefined): { title: string; nodes: unknown[] }[] => JSON.parse(/<script type="application\/json" id="drawings">(.*?)<\/script>/.exec(page ?? "")?.[1] ?? "[]") as { title: string; nodes: unknown[] }[];
  t.deepEqual(drawings(plain.page).map((d) => d.title), ["unsaved, plain"]);
  t.true((drawings(plain.page)[0]?.nodes.length ?? 0) > 2);
  const variant = await client.ask<GraphAnswer>("kirigami/graph", { textDocument, variant: "kept" });
  t.deepEqual(drawings(variant.page).map((d) => d.title), ["unsaved, plain", "unsaved as kept"]);
  t.regex((await client.ask<GraphAnswer>("kirigami/graph", { textDocument, variant: "keptt" })).why ?? "", /kept/);
  client.change(uri, [{ text: text.replace("small(x)", "smal(x)") }]);
  t.regex((await client.ask<GraphAnswer>("kirigami/graph", { textDocument })).why ?? "", /^N205/);
  t.truthy(await client.ask<Hover | null>("textDocument/hover", { textDocument, position: positionOf(text, "label:") }));
  client.close(uri);
});
