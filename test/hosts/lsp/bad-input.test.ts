/** What must not end the language server, nor keep it busy: every kind of file that somebody may have open. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import test from "ava";
import type { Diagnostic, DocumentSymbol, Hover } from "vscode-languageserver-protocol/node";
import { LspClient } from "../../support/lsp-client.ts";
import { ROOT } from "../../support/program.ts";
import { temporaryFolder } from "../../support/safetensors-file.ts";

let client: LspClient;
test.before(async () => {
  client = await LspClient.start();
});
test.after.always(() => void client?.process.kill());
test.afterEach((t) => {
  t.is(client.process.exitCode, null, "the server lives");
  t.deepEqual(client.messages.filter((m) => m.includes("kirigami failed") || m.includes("goes on after")), []);
});

const uriOf = (path: string): string => pathToFileURL(join(ROOT, "pipelines", path)).href;
const codes = (d: readonly Diagnostic[]): (string | number | undefined)[] => d.map((x) => x.code);

/** Opens a text, waits for what is said of it, and closes it. */
async function said(name: string, text: string): Promise<readonly Diagnostic[]> {
  const uri = uriOf(name);
  const told = client.told(uri);
  client.open(uri, text);
  const found = await told;
  client.close(uri);
  await client.ask("textDocument/documentSymbol", { textDocument: { uri } });
  return found;
}

test.serial("half-typed files: every feature answers at every stage", async (t) => {
  const text = readFileSync(join(ROOT, "pipelines/digits.kiri"), "utf8");
  const uri = uriOf("half.kiri");
  client.open(uri, "");
  for (let end = 40; end < text.length; end += 131) {
    client.change(uri, [{ text: text.slice(0, end) }]);
    const lines = text.slice(0, end).split("\n");
    const at = { textDocument: { uri }, position: { line: lines.length - 1, character: lines[lines.length - 1]?.length ?? 0 } };
    const answers = await Promise.all([
      client.ask("textDocument/completion", at), client.ask("textDocument/signatureHelp", at), client.ask("textDocument/hover", at), client.ask("textDocument/definition", at),
      client.ask("textDocument/semanticTokens/full", at), client.ask("textDocument/foldingRange", at), client.ask("textDocument/documentSymbol", at),
    ]);
    t.is(answers.length, 7);
    t.true(Array.isArray(answers[6]));
  }
  client.close(uri);
});

test.serial("10 MB are refused at once", async (t) => {
  const started = performance.now();
  t.deepEqual(codes(await said("large.kiri", "fn f(x: f32[N]) -> f32[N] { x }\n".repeat(330_000))), ["S112"]);
  t.true(performance.now() - started < 10_000);
});

test.serial("deep nesting is told as that", async (t) => {
  const found = await said("deep.kiri", `fn f(x: f32[N]) -> f32[N] { ${"(".repeat(20_000)}x${")".repeat(20_000)} }`);
  t.true(found.length > 0);
  t.true((await said("chain.kiri", `fn f(x: f32[N]) -> f32[N] { ${"x + ".repeat(20_000)}x }`)).length > 0);
});

test.serial("CRLF, tabs and a byte-order mark move no place", async (t) => {
  for (const [name, text, line, character] of [
    ["crlf.kiri", "fn f(x: f32[N]) -> f32[N] {\r\n  y\r\n}\r\n", 1, 2],
    ["tabs.kiri", "fn f(x: f32[N]) -> f32[N] {\n\t\ty\n}\n", 1, 2],
    ["mark.kiri", "\uFEFFfn f(x: f32[N]) -> f32[N] { y }\n", 0, 29],
  ] as const) {
    const [found] = await said(name, text);
    t.is(found?.code, "N205", name);
    t.deepEqual(found?.range.start, { line, character }, name);
  }
});

test.serial("what is not UTF-8 is told where it is used", async (t) => {
  const root = temporaryFolder();
  writeFileSync(join(root, "package.json"), "{}");
  writeFileSync(join(root, "part.kiri"), Uint8Array.from([0x66, 0x6e, 0xff, 0xfe]));
  const uri = pathToFileURL(join(root, "main.kiri")).href;
  const told = client.told(uri);
  client.open(uri, "use part (half)\nfn f(x: f32[N]) -> f32[N] { half(x) }\n");
  const found = await told;
  t.deepEqual(codes(found), ["N207"]);
  t.is(found[0]?.range.start.line, 0);
  client.close(uri);
});

test.serial("an import circle that is made while editing, and undone", async (t) => {
  const [a, b] = [uriOf("circle_a.kiri"), uriOf("circle_b.kiri")];
  client.open(a, "use circle_b (g)\nfn f(x: f32[N]) -> f32[N] { g(x) }\n");
  const clean = client.told(a, (d) => d.length === 0);
  client.open(b, "fn g(x: f32[N]) -> f32[N] { x }\n");
  await clean;
  const circle = client.told(b, (d) => codes(d).includes("N202"));
  client.change(b, [{ text: "use circle_a (f)\nfn g(x: f32[N]) -> f32[N] { f(x) }\n" }]);
  t.true(codes(await circle).includes("N202"));
  const undone = client.told(b, (d) => d.length === 0);
  client.change(b, [{ text: "fn g(x: f32[N]) -> f32[N] { x }\n" }]);
  t.deepEqual(await undone, []);
  client.close(a);
  client.close(b);
});

test.serial("a project folder that disappears, and one that was never there", async (t) => {
  const root = temporaryFolder();
  const folder = join(root, "project");
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), "{}");
  const uri = pathToFileURL(join(folder, "main.kiri")).href;
  const first = client.told(uri);
  client.open(uri, "fn f(x: f32[N]) -> f32[N] { x }\n");
  t.deepEqual(await first, []);
  rmSync(folder, { recursive: true });
  const after = client.told(uri);
  client.change(uri, [{ text: "fn f(x: f32[N]) -> f32[N] { y }\n" }]);
  t.deepEqual(codes(await after), ["N205"]);
  t.truthy(await client.ask<Hover | null>("textDocument/hover", { textDocument: { uri }, position: { line: 0, character: 5 } }));
  client.close(uri);
  const nowhere = pathToFileURL(join(root, "never/there/main.kiri")).href;
  const told = client.told(nowhere);
  client.open(nowhere, "fn f(x: f32[N]) -> f32[N] { y }\n");
  t.deepEqual(codes(await told).length, 1);
  client.close(nowhere);
});

test.serial("a cancelled request ends, and the next one is answered", async (t) => {
  const uri = uriOf("cancelled.kiri");
  client.open(uri, readFileSync(join(ROOT, "pipelines/scenes.kiri"), "utf8"));
  const { CancellationTokenSource } = await import("vscode-languageserver-protocol/node");
  const source = new CancellationTokenSource();
  const hints = client.connection.sendRequest("textDocument/inlayHint", { textDocument: { uri }, range: { start: { line: 0, character: 0 }, end: { line: 80, character: 0 } } }, source.token);
  source.cancel();
  const error = await t.throwsAsync(hints);
  t.is((error as { code?: number }).code, -32800);
  t.true((await client.ask<DocumentSymbol[]>("textDocument/documentSymbol", { textDocument: { uri } })).length > 10);
  client.close(uri);
});

test.serial("questions about nothing are answered with nothing", async (t) => {
  const textDocument = { uri: uriOf("never-opened.kiri") };
  t.is(await client.ask("textDocument/hover", { textDocument, position: { line: 3, character: 9 } }), null);
  t.is(await client.ask("textDocument/definition", { textDocument: { uri: "untitled:Untitled-1" }, position: { line: 0, character: 0 } }), null);
  const uri = uriOf("short.kiri");
  client.open(uri, "fn f(x: f32[N]) -> f32[N] { x }\n");
  t.notThrows(() => client.ask("textDocument/hover", { textDocument: { uri }, position: { line: 99, character: 9 } }));
  client.close(uri);
});

test.serial("two servers on one project, and an end that is an end", async (t) => {
  const other = await LspClient.start();
  const uri = uriOf("shared.kiri");
  const told = [client.told(uri), other.told(uri)];
  for (const c of [client, other]) c.open(uri, "fn f(x: f32[N]) -> f32[N] { y }\n");
  for (const d of await Promise.all(told)) t.deepEqual(codes(d), ["N205"]);
  client.close(uri);
  t.is(await other.stop(), 0);
});
