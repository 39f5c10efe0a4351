// When problems are looked for: those of declarations at once, those of pipelines and variants, which need models, when nobody types.
import type { Connection, Diagnostic } from "vscode-languageserver/node";
import { problemsOneByOne } from "../../compiler/compile.ts";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import { distinct, news } from "../../compiler/diagnostics/merge.ts";
import { diagnosticsOf } from "./diagnostics.ts";
import type { Analysis } from "./analysis.ts";
import { pause } from "./pause.ts";
import { NOWHERE } from "./ranges.ts";
import type { Workspace } from "./workspace.ts";

/** After a keystroke, until declarations are checked. */
const SOON = 15;
/** After the last keystroke, until models are opened. */
const IDLE = 350;

export class Checking {
  readonly #connection: Connection;
  readonly #workspace: Workspace;
  readonly #open: () => readonly string[];
  /** What each open document was told, by the document that it stands in. */
  readonly #told = new Map<string, ReadonlyMap<string, readonly Diagnostic[]>>();
  #soon: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** Counts changes: who finds another number has been overtaken. */
  #state = 0;

  constructor(connection: Connection, workspace: Workspace, open: () => readonly string[]) {
    this.#connection = connection;
    this.#workspace = workspace;
    this.#open = open;
  }

  /** Something has changed: everything open is looked at again; what has not changed is remembered by the compiler. */
  request(): void {
    this.#state++;
    clearTimeout(this.#soon);
    clearTimeout(this.#idle);
    this.#soon = setTimeout(() => this.#declarations(), SOON);
    this.#idle = setTimeout(() => void this.#pipelines(this.#state), IDLE);
  }

  closed(uri: string): void {
    const before = this.#told.get(uri);
    this.#told.delete(uri);
    for (const other of new Set([uri, ...(before?.keys() ?? [])])) this.#publish(other);
    this.request();
  }

  #declarations(): void {
    for (const uri of this.#open()) this.#safely(uri, () => this.#tell(uri, undefined));
  }

  #tell(uri: string, deeper: readonly Problem[] | undefined): void {
    const analysis = this.#workspace.analysis(uri);
    if (!analysis) {
      const trouble = this.#workspace.trouble(uri);
      this.#remember(uri, new Map([[uri, trouble ? [{ range: NOWHERE, severity: 1, code: trouble.code, source: "kirigami", message: `${trouble.title}: ${trouble.says}` }] : []]]));
      return;
    }
    this.#remember(uri, diagnosticsOf(analysis, deeper ? distinct([...analysis.problems, ...news(deeper, analysis.problems)]) : analysis.problems));
  }

  async #pipelines(state: number): Promise<void> {
    for (const uri of this.#open()) {
      const analysis = this.#workspace.analysis(uri);
      if (!analysis || !isRead(analysis)) continue;
      const found: Problem[] = [];
      try {
        for (const problems of problemsOneByOne(analysis.program, "cpu")) {
          found.push(...problems);
          await pause();
          if (state !== this.#state) return;
        }
      } catch (error) {
        this.#failed(uri, error);
        continue;
      }
      this.#safely(uri, () => this.#tell(uri, found));
    }
  }

  #safely(uri: string, body: () => void): void {
    try {
      body();
    } catch (error) {
      this.#failed(uri, error);
    }
  }

  /** A bug of ours costs the problems of one file, not the server. */
  #failed(uri: string, error: unknown): void {
    this.#connection.console.error(`kirigami failed on ${uri}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }

  #remember(uri: string, found: ReadonlyMap<string, readonly Diagnostic[]>): void {
    const before = this.#told.get(uri);
    this.#told.set(uri, found);
    for (const other of new Set([...(before?.keys() ?? []), ...found.keys()])) this.#publish(other);
  }

  /** What all open documents say of one, each thing once. */
  #publish(uri: string): void {
    const all = [...this.#told.values()].flatMap((told) => told.get(uri) ?? []);
    const diagnostics = [...new Map(all.map((d) => [`${d.code}|${JSON.stringify(d.range)}|${d.message}`, d])).values()];
    void this.#connection.sendDiagnostics({ uri, diagnostics });
  }
}

/** A file that could not be read to its end would only be told what follows from that. */
const isRead = ({ problems }: Analysis): boolean => !problems.some((p) => p.code.startsWith("S") && p.severity === "error");
