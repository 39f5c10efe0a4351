// What is open in the editor, and what the compiler knows of it: read again only after something has changed.
import { statSync } from "node:fs";
import { relative, sep } from "node:path";
import type { TextDocument } from "vscode-languageserver-textdocument";
import { type Problem, report } from "../../compiler/diagnostics/define.ts";
import { names } from "../../compiler/diagnostics/names.ts";
import { HostError } from "../../compiler/host.ts";
import { openProgram } from "../../compiler/program.ts";
import { ModuleCache } from "../../compiler/resolve/cache.ts";
import { source } from "../../grammar/source.ts";
import { rootOf } from "../project-root.ts";
import type { Analysis } from "./analysis.ts";
import { EditorHost } from "./editor-host.ts";
import { fileOf, pathOf } from "./places.ts";

interface Project {
  readonly host: EditorHost;
  readonly cache: ModuleCache;
}

/** The standard library is read and checked once, whatever the projects. */
const LIBRARY = new ModuleCache();

export class Workspace {
  readonly #documents: { get(uri: string): TextDocument | undefined; all(): TextDocument[] };
  readonly #projects = new Map<string, Project>();
  readonly #known = new Map<string, Analysis>();
  #open = new Map<string, TextDocument>();

  constructor(documents: { get(uri: string): TextDocument | undefined; all(): TextDocument[] }) {
    this.#documents = documents;
  }

  /** Something has changed: a text, a file on the disk, what is open. */
  changed(): void {
    this.#known.clear();
    this.#open = new Map(this.#documents.all().flatMap((d): [string, TextDocument][] => {
      const path = pathOf(d.uri);
      return path === undefined ? [] : [[path, d]];
    }));
  }

  /** Files of the disk have changed, models and data perhaps among them. */
  changedOnDisk(): void {
    for (const { host } of this.#projects.values()) host.close();
    this.#projects.clear();
    this.changed();
  }

  /** Undefined where the document is not open, or its project cannot be read. */
  analysis(uri: string): Analysis | undefined {
    const known = this.#known.get(uri);
    if (known) return known;
    const document = this.#documents.get(uri);
    const made = document && this.#read(uri, document.getText());
    if (made && "program" in made) this.#known.set(uri, made);
    return made && "program" in made ? made : undefined;
  }

  /** A file of the project that need not be open. */
  analysisOf(root: string, file: string): Analysis | undefined {
    const project = this.#project(root);
    if (!project || "problem" in project) return undefined;
    return this.#checked(`${root}${sep}${file}`, `${root}${sep}${file}`, root, file, undefined, project);
  }

  /** Absolute paths of what is open in a project. */
  openIn(root: string): string[] {
    return [...this.#open.keys()].filter((path) => path.startsWith(`${root}${sep}`));
  }

  /** Why a document cannot be looked at, where that is so. */
  trouble(uri: string): Problem | undefined {
    const document = this.#documents.get(uri);
    const made = document && this.#read(uri, document.getText());
    return made && "problem" in made ? made.problem : undefined;
  }

  #read(uri: string, text: string): Analysis | { readonly problem: Problem } | undefined {
    // What has not been saved yet has the project of where the server was started.
    const path = pathOf(uri) ?? `${process.cwd()}${sep}untitled.kiri`;
    const root = rootOf(process.cwd(), path);
    const project = this.#project(root);
    if (!project || "problem" in project) return project;
    return this.#checked(uri, path, project.host.root, relative(root, path).split(sep).join("/"), text, project);
  }

  #checked(uri: string, file: string, root: string, path: string, text: string | undefined, { host, cache }: Project): Analysis | undefined {
    const { value: program, problems, sources } = openProgram(host, path, text, cache);
    return program && { uri, file, root, host, program, fileOf: (name) => fileOf(root, name), stateOf, module: program.main, problems, sources: new Map([...sources, ...(text === undefined || sources.has(path) ? [] : [[path, source(path, text)] as const])]) };
  }

  #project(root: string): Project | { readonly problem: Problem } | undefined {
    const known = this.#projects.get(root);
    if (known) return known;
    try {
      const made: Project = { host: new EditorHost(root, (path) => this.#open.get(path)?.getText()), cache: new ModuleCache(LIBRARY) };
      this.#projects.set(root, made);
      return made;
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      return { problem: report(names.N207, undefined, { path: root, why: error.reason }) };
    }
  }
}

/** What changes when a file is written, replaced or moved. */
function stateOf(path: string): string | undefined {
  const facts = statSync(path, { throwIfNoEntry: false });
  return facts && [facts.dev, facts.ino, facts.size, facts.mtimeMs, facts.ctimeMs].join(" ");
}
