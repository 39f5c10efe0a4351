/**
 * What one waits for in an editor: `npx tsx bench/lsp.ts` (after `npm run build`; 20 s). From a keystroke in a file of 500 lines to its problems, asked of the
 * real `kiri lsp`, for each place where one types; and a cold `kiri check` of a program with a model. Fails above the bounds.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createProtocolConnection, type Diagnostic, StreamMessageReader, StreamMessageWriter } from "vscode-languageserver-protocol/node";
import { TextDocument } from "vscode-languageserver-textdocument";
import { quantile } from "../hosts/evaluation/speed.ts";

/** Milliseconds, medians. */
const BOUND = 50;
const LINES = 500;
/** Keystrokes at each place, behind those that warm up. */
const STROKES = 40;
const WARM = 25;
/** Between two keystrokes of somebody quick, in milliseconds. */
const PAUSE = 80;
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MAIN = join(ROOT, "dist/hosts/cli/main.js");

/** Folds of the library in one file, which uses what they use, up to 500 lines. */
function longFile(): string {
  const texts = ["razor", "aim", "actqkv", "follow_flow"].map((name) => readFileSync(join(ROOT, `stdlib/folds/${name}.kiri`), "utf8").split("\n"));
  const uses = [...new Set(texts.flat().filter((line) => line.startsWith("use ")))];
  const lines = [...uses, ...texts.flat().filter((line) => !line.startsWith("use "))];
  for (let i = 0; lines.length < LINES; i++) lines.push(`/// Filler ${i}.`, `fn spread${i}(x: f32[B, N, C]) -> f32[B, N] { sqrt(mean((x - mean(x; over: C)) ^ 2; over: C) + 1e-6) }`);
  return lines.join("\n");
}

/** Where one types: the text in front of the cursor, and what is typed there. */
const PLACES = [
  { where: "in the body of the last function", behind: /fn spread\d+\(x: f32\[B, N, C\]\) -> f32\[B, N\] \{ sqrt\((?![\s\S]*sqrt\()/, types: "x" },
  { where: "a parameter of the first fold", behind: /^fold \w+\(/m, types: "q: Int, " },
  { where: "in a comment at the top", behind: /^\/\/\//m, types: "a" },
  { where: "a new line at the top", behind: /^(?=use )/m, types: "\n" },
  { where: "a bracket that is not closed yet", behind: /^fold \w+\(/m, types: "(" },
] as const;

async function keystrokes(): Promise<void> {
  const child = spawn(process.execPath, [MAIN, "lsp"], { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
  const connection = createProtocolConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin));
  const uri = pathToFileURL(join(ROOT, "pipelines/four-folds.kiri")).href;
  let told: ((d: readonly Diagnostic[]) => void) | undefined;
  connection.onNotification("textDocument/publishDiagnostics", (p: { uri: string; diagnostics: Diagnostic[] }) => {
    if (p.uri === uri) told?.(p.diagnostics);
  });
  connection.listen();
  await connection.sendRequest("initialize", { processId: process.pid, rootUri: pathToFileURL(ROOT).href, capabilities: {} });
  void connection.sendNotification("initialized", {});
  const answered = (): Promise<readonly Diagnostic[]> => new Promise((resolve) => (told = resolve));
  let version = 1;
  let text = longFile();
  const started = performance.now();
  const opened = answered();
  void connection.sendNotification("textDocument/didOpen", { textDocument: { uri, languageId: "kiri", version, text } });
  const wrong = (await opened).filter((d) => d.severity === 1);
  if (wrong.length > 0) throw new Error(`the file is not sound: ${JSON.stringify(wrong[0])}`);
  console.log(`${text.split("\n").length} lines opened, the library read and checked: ${(performance.now() - started).toFixed(0)} ms`);

  /** Replaces a stretch, and waits for what is said of it. */
  const edit = async (start: number, end: number, by: string): Promise<number> => {
    const document = TextDocument.create(uri, "kiri", version, text);
    const range = { start: document.positionAt(start), end: document.positionAt(end) };
    text = text.slice(0, start) + by + text.slice(end);
    const answer = answered();
    const at = performance.now();
    void connection.sendNotification("textDocument/didChange", { textDocument: { uri, version: ++version }, contentChanges: [{ range, text: by }] });
    await answer;
    const took = performance.now() - at;
    await wait(PAUSE);
    return took;
  };
  for (const { where, behind, types } of PLACES) {
    const found = behind.exec(text);
    if (!found) throw new Error(`the file has no place for ${where}`);
    const at = found.index + found[0].length;
    const times: number[] = [];
    // Typed and taken back, both count.
    for (let i = 0; times.length < WARM + STROKES; i++) times.push(await (i % 2 === 0 ? edit(at, at, types) : edit(at, at + types.length, "")));
    row(`keystroke, ${where}`, times.slice(WARM), BOUND);
  }
  child.kill();
  connection.dispose();
}

function coldCheck(): void {
  const program = "pipelines/digits.kiri";
  const times = Array.from({ length: 7 }, () => {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, [MAIN, "check", program], { cwd: ROOT, encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    return performance.now() - start;
  });
  row(`kiri check ${program}, a new process`, times.slice(1), undefined);
}

function row(what: string, times: readonly number[], bound: number | undefined): void {
  const median = quantile(times, 0.5);
  console.log(`${what}: ${median.toFixed(0)} ms (nine of ten within ${quantile(times, 0.9).toFixed(0)}, ${times.length} times)${bound === undefined ? "" : `, bound ${bound}`}`);
  if (bound !== undefined && median > bound) process.exitCode = 1;
}

if (!existsSync(MAIN)) throw new Error("npm run build first: what users start is measured");
await keystrokes();
coldCheck();
