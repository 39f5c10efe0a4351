// Everywhere a name is meant: in every file of the project that mentions it.
import { join, relative, sep } from "node:path";
import type { Location } from "vscode-languageserver/node";
import { HostError } from "../../compiler/host.ts";
import type { Span } from "../../grammar/source.ts";
import { fileOf, locationOf } from "./places.ts";
import { type Meaning, sameMeaning } from "./meaning.ts";
import { nameAt, namesOf } from "./names.ts";
import type { Analysis } from "./analysis.ts";
import type { Workspace } from "./workspace.ts";

/** Files of a project that are looked through. */
const MOST_FILES = 500;
const SKIPPED = new Set(["node_modules", "build", "dist", ".git"]);

export interface Reference {
  readonly analysis: Analysis;
  readonly span: Span;
  readonly isBinding: boolean;
}

/** Local names stay in their declaration; those of declarations and their parts may be meant anywhere. */
export function referencesTo(workspace: Workspace, analysis: Analysis, offset: number): { readonly means: Meaning; readonly all: readonly Reference[] } | undefined {
  const found = nameAt(analysis, offset);
  if (!found) return undefined;
  const { means } = found;
  const isLocal = (means.kind === "value" || means.kind === "axis") && means.file === analysis.file;
  const files = isLocal ? [analysis] : filesMentioning(workspace, analysis, means.name);
  const all = files.flatMap((one) => namesOf(one, true).filter((o) => sameMeaning(o.means, means)).map((o) => ({ analysis: one, span: o.span, isBinding: isSame(one, o.span, means) })));
  // The binding itself, where its file is not among them: one of the library.
  return { means, all: once(all) };
}

const isSame = ({ root }: Analysis, span: Span, means: Meaning): boolean => fileOf(root, span.file) === means.file && span.start === means.at.start;

export const locations = (references: readonly Reference[], withBinding: boolean): Location[] =>
  references.filter((r) => withBinding || !r.isBinding).flatMap(({ analysis, span }) => {
    const source = analysis.sources.get(span.file);
    return source ? [locationOf(analysis.root, source, span)] : [];
  });

function once(all: readonly Reference[]): Reference[] {
  return [...new Map(all.map((r) => [`${fileOf(r.analysis.root, r.span.file)} ${r.span.start} ${r.span.end}`, r])).values()];
}

/** The file itself, and those of its project whose text holds the name. */
function filesMentioning(workspace: Workspace, analysis: Analysis, name: string): Analysis[] {
  const others = [...new Set([...sourceFiles(analysis.host, analysis.root), ...workspace.openIn(analysis.root)])].sort().filter((path) => path !== analysis.file).flatMap((path) => {
    const text = attempt(() => new TextDecoder().decode(analysis.host.read(path)));
    const file = relative(analysis.root, path).split(sep).join("/");
    return text?.includes(name) ? (workspace.analysisOf(analysis.root, file) ?? []) : [];
  });
  return [analysis, ...others];
}

function sourceFiles(host: Analysis["host"], root: string): string[] {
  const found: string[] = [];
  const open = [root];
  for (let folder = open.pop(); folder !== undefined && found.length < MOST_FILES; folder = open.pop())
    for (const name of attempt(() => host.list(folder)) ?? []) {
      const path = join(folder, name);
      if (name.endsWith(".kiri")) found.push(path);
      else if (!name.includes(".") && !SKIPPED.has(name) && attempt(() => host.stat(path))?.isDirectory) open.push(path);
    }
  return found.sort();
}

function attempt<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    if (error instanceof HostError) return undefined;
    throw error;
  }
}
