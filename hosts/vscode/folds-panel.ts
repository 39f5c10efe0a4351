// The fold picture beside the file: `kiri run --show folds` of a variant, by the folder's own kirigami, which has the runtime.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { ProgressLocation, type TextDocument, ViewColumn, type WebviewPanel, window } from "vscode";
import type { Choices } from "../lsp/graph-page.ts";
import type { Server } from "./client.ts";
import { messagePage } from "./message-page.ts";
import type { ServerPlace } from "./server-place.ts";

const run = promisify(execFile);
const PICTURES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tiff"];
/** Bytes of text that a run may say. */
const MOST_TEXT = 4_000_000;

export class FoldPanels {
  readonly #server: Server;
  readonly #open = new Map<string, WebviewPanel>();

  constructor(server: Server) {
    this.#server = server;
  }

  async show(document: TextDocument): Promise<void> {
    const { place } = this.#server;
    if (!place?.runs) return void window.showInformationMessage("To run a pipeline its folder needs kirigami and its runtime: npm install kirigami onnxruntime-node");
    const choices = await this.#server.ask<Choices | null>("kirigami/choices", { textDocument: { uri: document.uri.toString() } });
    if (!choices || choices.variants.length === 0) return void window.showInformationMessage("This file compresses nothing, so nothing is folded.");
    const variant = choices.variants.length > 1 ? await window.showQuickPick([...choices.variants], { title: "Which variant?" }) : choices.variants[0];
    const input = variant === undefined ? undefined : await asked();
    if (variant === undefined || input === undefined) return;
    // What runs is what lies on the disk.
    if (document.isDirty && !(await document.save())) return;
    const key = `${document.uri.toString()} ${variant}`;
    const page = await window.withProgress({ location: ProgressLocation.Notification, title: `kirigami runs ${variant}`, cancellable: true }, (_progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      return foldsPage(place, document.uri.fsPath, variant, input, abort.signal);
    });
    const panel = this.#open.get(key) ?? window.createWebviewPanel("kirigami.folds", `folds of ${variant}`, { viewColumn: ViewColumn.Beside, preserveFocus: true }, { localResourceRoots: [] });
    this.#open.set(key, panel);
    panel.onDidDispose(() => this.#open.delete(key));
    panel.webview.html = page;
  }
}

/** A picture or a text file, or a text that is typed. */
async function asked(): Promise<string | undefined> {
  const how = await window.showQuickPick([{ label: "a picture or a file…", isFile: true }, { label: "a text…", isFile: false }], { title: "What should it run on?" });
  if (!how) return undefined;
  if (!how.isFile) return window.showInputBox({ title: "The text that is folded" });
  const [file] = (await window.showOpenDialog({ title: "What should it run on?", filters: { pictures: PICTURES, "texts and records": ["txt", "json", "jsonl"], "all files": ["*"] } })) ?? [];
  return file?.fsPath;
}

/** Its own words where the run fails; nothing is left on the disk. */
async function foldsPage({ kind, path }: ServerPlace, file: string, variant: string, input: string, signal: AbortSignal): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "kirigami-"));
  const picture = join(folder, "folds.png");
  const args = ["run", file, "--variant", variant, "--show", "folds", "--picture", picture, "--", input];
  const title = `folds of ${variant}`;
  try {
    // The editor's own Node runs modules.
    const [program, first, env] = kind === "module" ? [process.execPath, [path], { ...process.env, ELECTRON_RUN_AS_NODE: "1" }] : [path, [], process.env];
    const { stdout } = await run(program, [...first, ...args], { cwd: dirname(file), env: { ...env, NO_COLOR: "1" }, signal, maxBuffer: MOST_TEXT });
    const drawn = await readFile(picture).catch(() => undefined);
    return messagePage(title, `${title} on ${input}`, stdout, drawn && `data:image/png;base64,${drawn.toString("base64")}`);
  } catch (error) {
    if (signal.aborted) return messagePage(title, "The run was stopped.", "");
    const { stderr, message } = error as { stderr?: string; message: string };
    return messagePage(title, "The run failed:", stderr === undefined || stderr === "" ? message : stderr);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
