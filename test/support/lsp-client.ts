// Speaks LSP to the real `kiri lsp`: one process for many questions.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createProtocolConnection, type Diagnostic, type DidChangeWatchedFilesRegistrationOptions, type ProtocolConnection, type RegistrationParams, StreamMessageReader, StreamMessageWriter } from "vscode-languageserver-protocol/node";
import { ROOT } from "./program.ts";

export class LspClient {
  readonly process: ChildProcessWithoutNullStreams;
  readonly connection: ProtocolConnection;
  /** What was told last of each document, and how often anything was. */
  readonly diagnostics = new Map<string, { readonly diagnostics: readonly Diagnostic[]; readonly times: number }>();
  readonly messages: string[] = [];
  /** What the server asked to be told of: the patterns of files. */
  readonly watched: string[] = [];
  readonly #waiting: { readonly uri: string; readonly holds: (d: readonly Diagnostic[]) => boolean; readonly done: (d: readonly Diagnostic[]) => void }[] = [];
  #version = 0;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.process = child;
    this.connection = createProtocolConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin));
    this.connection.onNotification("textDocument/publishDiagnostics", ({ uri, diagnostics }: { uri: string; diagnostics: Diagnostic[] }) => {
      this.diagnostics.set(uri, { diagnostics, times: (this.diagnostics.get(uri)?.times ?? 0) + 1 });
      for (const w of [...this.#waiting]) if (w.uri === uri && w.holds(diagnostics)) w.done(diagnostics);
    });
    this.connection.onNotification("window/logMessage", ({ message }: { message: string }) => void this.messages.push(message));
    this.connection.onNotification("window/showMessage", ({ message }: { message: string }) => void this.messages.push(message));
    this.connection.onRequest("client/registerCapability", ({ registrations }: RegistrationParams) => {
      for (const { method, registerOptions } of registrations) if (method === "workspace/didChangeWatchedFiles") this.watched.push(...(registerOptions as DidChangeWatchedFilesRegistrationOptions).watchers.map((w) => String(w.globPattern)));
    });
    this.connection.listen();
  }

  static async start(cwd: string = ROOT): Promise<LspClient> {
    const client = new LspClient(spawn(process.execPath, ["--import=tsx", join(ROOT, "hosts/cli/main.ts"), "lsp"], { cwd: ROOT, stdio: ["pipe", "pipe", "pipe"] }));
    client.process.stderr.on("data", (text: Buffer) => client.messages.push(text.toString()));
    await client.ask("initialize", { processId: process.pid, rootUri: pathToFileURL(cwd).href, capabilities: { workspace: { didChangeWatchedFiles: { dynamicRegistration: true } }, textDocument: { codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: [] } } } } } });
    client.tell("initialized", {});
    return client;
  }

  ask<T>(method: string, params: object): Promise<T> {
    return this.connection.sendRequest(method, params) as Promise<T>;
  }

  tell(method: string, params: object): void {
    void this.connection.sendNotification(method, params);
  }

  open(uri: string, text: string): void {
    this.tell("textDocument/didOpen", { textDocument: { uri, languageId: "kiri", version: ++this.#version, text } });
  }

  change(uri: string, contentChanges: readonly object[]): void {
    this.tell("textDocument/didChange", { textDocument: { uri, version: ++this.#version }, contentChanges });
  }

  close(uri: string): void {
    this.tell("textDocument/didClose", { textDocument: { uri } });
  }

  /** The next diagnostics of a document for which `holds` is true. */
  told(uri: string, holds: (d: readonly Diagnostic[]) => boolean = () => true, milliseconds = 60_000): Promise<readonly Diagnostic[]> {
    return new Promise((resolve, reject) => {
      const entry = { uri, holds, done: (d: readonly Diagnostic[]): void => {
        clearTimeout(timer);
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        resolve(d);
      } };
      const timer = setTimeout(() => reject(new Error(`nothing of the kind was told of ${uri}: ${JSON.stringify(this.diagnostics.get(uri)?.diagnostics)}\n${this.messages.join("\n")}`)), milliseconds);
      this.#waiting.push(entry);
    });
  }

  async stop(): Promise<number | null> {
    const ended = new Promise<number | null>((resolve) => this.process.once("exit", resolve));
    await this.ask("shutdown", {});
    this.tell("exit", {});
    return ended;
  }
}
