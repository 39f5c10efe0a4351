// What Visual Studio Code gives to an extension, as far as this one and its language client ask for it: a folder, one open file, panels, questions with answers.
import { createRequire, Module } from "node:module";
import { pathToFileURL, fileURLToPath } from "node:url";
import { readFileSync } from "node:fs";

interface Disposable {
  dispose(): void;
}
type Listener = (value: unknown) => unknown;

const nothing = (): Disposable => ({ dispose: () => undefined });

class Uri {
  readonly scheme = "file";
  readonly fsPath: string;
  constructor(fsPath: string) {
    this.fsPath = fsPath;
  }
  static file(path: string): Uri {
    return new Uri(path);
  }
  static parse(text: string): Uri {
    return new Uri(fileURLToPath(text));
  }
  toString(): string {
    return pathToFileURL(this.fsPath).href;
  }
}

/** A class that anybody may extend, and an enumeration whose every member is a number. */
const anything = (): unknown => new Proxy(class {}, { get: (own, key) => (key in own ? (own as unknown as Record<PropertyKey, unknown>)[key] : typeof key === "string" ? 0 : undefined) });

/** Whatever is not listed is a function that does nothing and can be disposed of. */
const space = (own: object): unknown => new Proxy(own, { get: (known, key) => (key in known ? (known as Record<PropertyKey, unknown>)[key] : nothing) });

export interface Panel {
  readonly type: string;
  title: string;
  readonly webview: { html: string };
  close(): void;
}

export class Editor {
  /** What the user picks and types next, in order. */
  readonly answers: unknown[] = [];
  readonly panels: Panel[] = [];
  /** Errors, warnings and information that were shown. */
  readonly said: string[] = [];
  /** What the log tells. */
  readonly log: string[] = [];
  readonly commands = new Map<string, (...args: unknown[]) => unknown>();
  readonly settings = new Map<string, unknown>();
  readonly subscriptions: Disposable[] = [];
  readonly #listeners = new Map<string, Set<Listener>>();
  /** What stands in the status bar. */
  status: { text?: string; detail?: string; severity?: number } = {};
  isTrusted = true;
  readonly document: { readonly uri: Uri; readonly languageId: string; readonly version: number; readonly isDirty: boolean; getText(): string; save(): Promise<boolean> };
  readonly folder: string;

  constructor(folder: string, file: string) {
    this.folder = folder;
    this.document = { uri: new Uri(file), languageId: "kiri", version: 1, isDirty: false, getText: () => readFileSync(file, "utf8"), save: async () => true };
  }

  /** Tells those who listen; resolves when they are done. */
  async fire(event: string, value: unknown): Promise<void> {
    for (const listener of this.#listeners.get(event) ?? []) await listener(value);
  }

  run(command: string): unknown {
    return this.commands.get(command)?.();
  }

  /** Loads a bundle that asks for the module `vscode`. */
  load(bundle: string): { activate(context: object): Promise<void>; deactivate(): Promise<void> } {
    const loader = Module as unknown as { _load(request: string, ...rest: unknown[]): unknown };
    const before = loader._load;
    const api = this.#api();
    loader._load = (request, ...rest) => (request === "vscode" ? api : before.call(loader, request, ...rest));
    try {
      const require = createRequire(import.meta.url);
      // Each editor loads it anew.
      delete require.cache[require.resolve(bundle)];
      return require(bundle) as { activate(context: object): Promise<void>; deactivate(): Promise<void> };
    } finally {
      loader._load = before;
    }
  }

  #on(event: string): (listener: Listener) => Disposable {
    return (listener) => {
      const all = this.#listeners.get(event) ?? new Set();
      this.#listeners.set(event, all.add(listener));
      return { dispose: () => all.delete(listener) };
    };
  }

  #api(): unknown {
    const tell = async (text: string): Promise<unknown> => {
      this.said.push(text);
      return this.answers.shift();
    };
    const log = (text: unknown): unknown => this.log.push(String(text));
    const pick = async (): Promise<unknown> => this.answers.shift();
    const folder = { uri: new Uri(this.folder), name: "project", index: 0 };
    const editor = this;
    const known: Record<string, unknown> = {
      Uri, version: "1.100.0",
      // As the client reads them.
      ViewColumn: { Beside: -2 }, ProgressLocation: { Window: 10, Notification: 15 }, LanguageStatusSeverity: { Information: 0, Warning: 1, Error: 2 }, LogLevel: { Trace: 1, Debug: 2, Info: 3, Warning: 4, Error: 5 },
      EventEmitter: class {
        readonly #own = new Set<Listener>();
        readonly event = (listener: Listener): Disposable => {
          this.#own.add(listener);
          return { dispose: () => this.#own.delete(listener) };
        };
        fire(value: unknown): void {
          for (const listener of this.#own) listener(value);
        }
        dispose(): void {}
      },
      CancellationTokenSource: class {
        readonly token = { isCancellationRequested: false, onCancellationRequested: nothing };
        cancel(): void {}
        dispose(): void {}
      },
      CodeActionKind: class Kind {
        static readonly Empty = new Kind();
        append(): Kind {
          return this;
        }
      },
      CancellationError: class extends Error {},
      Disposable: class {
        readonly dispose: () => void;
        constructor(dispose: () => void) {
          this.dispose = dispose;
        }
      },
      env: { appName: "editor", language: "en", appRoot: "/" },
      commands: space({
        registerCommand: (name: string, body: () => unknown) => {
          this.commands.set(name, body);
          return { dispose: () => this.commands.delete(name) };
        },
      }),
      languages: space({ createDiagnosticCollection: () => space({}), match: (_selector: unknown, { languageId }: { languageId: string }) => (languageId === "kiri" ? 10 : 0), createLanguageStatusItem: () => (this.status = { ...this.status, ...nothing() }) }),
      window: space({
        activeTextEditor: { document: this.document }, visibleTextEditors: [], tabGroups: { all: [], onDidChangeTabs: nothing, onDidChangeTabGroups: nothing },
        createOutputChannel: (name: string) => space({ name, logLevel: 3, error: log, warn: log, info: log }),
        showErrorMessage: tell, showWarningMessage: tell, showInformationMessage: tell, showQuickPick: pick, showInputBox: pick, showOpenDialog: pick,
        withProgress: (_options: unknown, body: (progress: object, token: object) => unknown) => body({ report: nothing }, { isCancellationRequested: false, onCancellationRequested: nothing }),
        createWebviewPanel: (type: string, title: string) => {
          const closed = new Set<Listener>();
          const onDidDispose = (listener: Listener): Disposable => {
            closed.add(listener);
            return nothing();
          };
          const panel = { type, title, webview: { html: "" }, onDidDispose, close: () => closed.forEach((l) => void l(undefined)) };
          this.panels.push(panel);
          return panel;
        },
      }),
      workspace: space({
        get isTrusted() {
          return editor.isTrusted;
        },
        workspaceFolders: [folder], textDocuments: [this.document], notebookDocuments: [], getWorkspaceFolder: () => folder,
        getConfiguration: (section?: string) => ({ get: (key: string, otherwise: unknown) => this.settings.get(section ? `${section}.${key}` : key) ?? otherwise, has: () => false }),
        onDidSaveTextDocument: this.#on("saved"), onDidChangeConfiguration: this.#on("configured"), onDidGrantWorkspaceTrust: this.#on("trusted"),
        createFileSystemWatcher: () => space({}),
      }),
    };
    const made = (key: string): unknown => {
      known[key] ??= /^[A-Z]/.test(key) ? anything() : space({});
      return known[key];
    };
    return new Proxy(known, { get: (_own, key) => (typeof key === "string" ? made(key) : undefined), has: () => true });
  }
}
