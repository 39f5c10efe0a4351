// The connection to the language server: started, watched, started again, and told of.
import { commands, type ExtensionContext, languages, LanguageStatusSeverity, type LanguageStatusItem, window, workspace } from "vscode";
import { CloseAction, type ErrorHandler, ErrorAction, LanguageClient, type LanguageClientOptions, type ServerOptions, State, TransportKind } from "vscode-languageclient/node";
import { Restarts } from "./restarts.ts";
import { serverPlace, type ServerPlace } from "./server-place.ts";

const ID = "kirigami";

export class Server {
  readonly #context: ExtensionContext;
  readonly #log = window.createOutputChannel("kirigami", { log: true });
  readonly #status: LanguageStatusItem = languages.createLanguageStatusItem("kirigami.server", { language: "kiri" });
  readonly #restarts = new Restarts();
  #client: LanguageClient | undefined;
  #place: ServerPlace | undefined;

  constructor(context: ExtensionContext) {
    this.#context = context;
    this.#status.name = "kirigami";
    this.#status.command = { command: "kirigami.showLog", title: "log" };
    context.subscriptions.push(this.#log, this.#status);
  }

  /** The kirigami in use; undefined where none could be started. */
  get place(): ServerPlace | undefined {
    return this.#place;
  }

  /** Asks; undefined where the server is down. */
  async ask<R>(method: string, params: object): Promise<R | undefined> {
    const client = this.#client;
    return client?.isRunning() ? client.sendRequest<R>(method, params) : undefined;
  }

  async start(): Promise<void> {
    const file = window.activeTextEditor?.document.uri;
    const folders = (workspace.workspaceFolders ?? []).map((f) => f.uri);
    const own = file && workspace.getWorkspaceFolder(file)?.uri;
    const place = serverPlace({
      setting: workspace.getConfiguration("kirigami", file).get<string>("server.path", ""), isTrusted: workspace.isTrusted, extension: this.#context.extensionPath,
      folders: [...new Set([...(own ? [own] : []), ...folders].map((uri) => uri.fsPath))],
    });
    if ("missing" in place) {
      this.#place = undefined;
      this.#tell(LanguageStatusSeverity.Error, "not started", place.missing);
      void window.showErrorMessage(`kirigami.server.path names ${place.missing}, and there is nothing.`, "Open settings").then((chosen) => {
        if (chosen !== undefined) void commands.executeCommand("workbench.action.openSettings", "kirigami.server.path");
      });
      return;
    }
    this.#place = place;
    const client = new LanguageClient(ID, "kirigami", serverOptions(place), this.#options());
    this.#client = client;
    // It may be started again at any time.
    client.onDidChangeState(({ newState }) => {
      if (newState === State.Starting) this.#tell(LanguageStatusSeverity.Information, "starting", place.says);
      if (newState === State.Running) this.#tell(LanguageStatusSeverity.Information, `kirigami ${client.initializeResult?.serverInfo?.version ?? ""}`.trim(), place.says);
    });
    try {
      await client.start();
    } catch (error) {
      // The client has told it already.
      this.#tell(LanguageStatusSeverity.Error, "not started", place.path);
      this.#log.error(error instanceof Error ? error : String(error));
    }
  }

  async restart(): Promise<void> {
    this.#restarts.forgive();
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    // A server that is down already has nothing to stop.
    if (client?.needsStop()) await client.stop().catch((error: unknown) => this.#log.warn(String(error)));
    await client?.dispose().catch((error: unknown) => this.#log.warn(String(error)));
  }

  showLog(): void {
    this.#log.show();
  }

  #options(): LanguageClientOptions {
    return {
      // What has not been saved yet is looked at too.
      documentSelector: [{ scheme: "file", language: "kiri" }, { scheme: "untitled", language: "kiri" }],
      outputChannel: this.#log, errorHandler: this.#errors(),
      // They are contributed, so they are there while the server is not.
      initializationOptions: { snippets: false },
      initializationFailedHandler: () => false,
    };
  }

  #errors(): ErrorHandler {
    return {
      // One message that cannot be read is no reason to lose what the server knows; three are.
      error: (_error, _message, count) => ({ action: count !== undefined && count <= 3 ? ErrorAction.Continue : ErrorAction.Shutdown, handled: true }),
      closed: () => {
        if (this.#restarts.ended(Date.now())) {
          this.#log.warn("The language server has ended and is started again.");
          return { action: CloseAction.Restart, handled: true };
        }
        this.#tell(LanguageStatusSeverity.Error, "ended", this.#place?.path ?? "");
        void this.#givenUp();
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    };
  }

  async #givenUp(): Promise<void> {
    const chosen = await window.showErrorMessage("The language server of kirigami has ended five times within three minutes.", "Start it again", "Show log");
    if (chosen === "Start it again") await this.restart();
    else if (chosen === "Show log") this.showLog();
  }

  #tell(severity: LanguageStatusSeverity, text: string, detail: string): void {
    Object.assign(this.#status, { severity, text, detail, busy: text === "starting" });
  }
}

/** The editor's own Node runs modules, so that none needs to be installed. */
function serverOptions({ kind, path }: ServerPlace): ServerOptions {
  return kind === "module" ? { module: path, args: ["lsp"], transport: TransportKind.stdio } : { command: path, args: ["lsp"], transport: TransportKind.stdio };
}
