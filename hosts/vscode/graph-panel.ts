// The compiled graph beside the file: the page of `kiri view`, made by the server of what is open.
import { ProgressLocation, type TextDocument, type Uri, ViewColumn, type WebviewPanel, window, workspace } from "vscode";
import type { Choices, GraphAnswer } from "../lsp/graph-page.ts";
import type { Server } from "./client.ts";
import { messagePage } from "./message-page.ts";

/** JSON-RPC's code for a request that the server does not know. */
const METHOD_NOT_FOUND = -32601;

interface Shown {
  readonly uri: Uri;
  readonly variant: string | undefined;
  readonly pipeline: string | undefined;
}

export class GraphPanels {
  readonly #server: Server;
  readonly #open = new Map<string, { readonly panel: WebviewPanel; shown: Shown }>();

  constructor(server: Server) {
    this.#server = server;
  }

  /** Asks what of the file is meant where there is a choice, and shows it. */
  async show(document: TextDocument): Promise<void> {
    const choices = await this.#asked<Choices>("kirigami/choices", { textDocument: { uri: document.uri.toString() } });
    if (!choices) return;
    const pipeline = choices.pipelines.length > 1 ? await window.showQuickPick([...choices.pipelines], { title: "Which pipeline?" }) : choices.pipelines[0];
    if (pipeline === undefined) return void (choices.pipelines.length === 0 && window.showInformationMessage("This file has no pipeline; there is nothing to compile."));
    const plain = { label: "plain", description: "without folds", variant: undefined };
    const picked = choices.variants.length === 0 ? plain : await window.showQuickPick([...choices.variants.map((v) => ({ label: v, description: "beside the plain model", variant: v })), plain], { title: "Which variant?" });
    if (!picked) return;
    const key = document.uri.toString();
    const shown: Shown = { uri: document.uri, variant: picked.variant, pipeline: choices.pipelines.length > 1 ? pipeline : undefined };
    const known = this.#open.get(key);
    if (known) known.shown = shown;
    else {
      // The page loads nothing and says so itself: its own rule allows its one script.
      const panel = window.createWebviewPanel("kirigami.graph", "graph", { viewColumn: ViewColumn.Beside, preserveFocus: true }, { enableScripts: true, localResourceRoots: [], retainContextWhenHidden: true });
      panel.onDidDispose(() => this.#open.delete(key));
      this.#open.set(key, { panel, shown });
    }
    await this.#draw(key);
  }

  /** A file that has been saved is drawn again where it is shown. */
  async saved(document: TextDocument): Promise<void> {
    await this.#draw(document.uri.toString());
  }

  async #draw(key: string): Promise<void> {
    const known = this.#open.get(key);
    if (!known) return;
    const { panel, shown } = known;
    const answer = await window.withProgress({ location: ProgressLocation.Window, title: "kirigami compiles" }, () =>
      this.#asked<GraphAnswer>("kirigami/graph", { textDocument: { uri: key }, ...(shown.variant === undefined ? {} : { variant: shown.variant }), ...(shown.pipeline === undefined ? {} : { pipeline: shown.pipeline }) }));
    // It may have been closed, or asked for something else, meanwhile.
    if (!answer || this.#open.get(key)?.shown !== shown) return;
    panel.title = answer.title;
    panel.webview.html = answer.page ?? messagePage(answer.title, "There is no graph, because the file has an error:", answer.why ?? "");
  }

  async #asked<R>(method: string, params: object): Promise<R | undefined> {
    try {
      const answer = await this.#server.ask<R | null>(method, params);
      if (answer === undefined) void window.showWarningMessage("The language server of kirigami is not running.");
      else if (answer === null) void window.showWarningMessage(`kirigami cannot read this file${workspace.isTrusted ? "" : " in a folder that is not trusted"}.`);
      return answer ?? undefined;
    } catch (error) {
      const isOld = (error as { code?: unknown }).code === METHOD_NOT_FOUND;
      void window.showErrorMessage(isOld ? `The kirigami ${this.#server.place?.says ?? ""} is older than this extension and draws no graphs; update it.` : `kirigami: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }
}
