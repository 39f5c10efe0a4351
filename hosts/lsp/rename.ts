// Renaming: only what is the user's, only to what is a name, and only where the program has no more errors afterwards.
import type { Range, WorkspaceEdit } from "vscode-languageserver/node";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import { openProgram } from "../../compiler/program.ts";
import { ModuleCache } from "../../compiler/resolve/cache.ts";
import type { Span } from "../../grammar/source.ts";
import { TABLE } from "../../grammar/tokens.ts";
import { EditorHost } from "./editor-host.ts";
import { sameMeaning } from "./meaning.ts";
import { nameAt, namesOf } from "./names.ts";
import { fileOf, uriOf } from "./places.ts";
import { rangeOf } from "./ranges.ts";
import { type Reference, referencesTo } from "./references.ts";
import type { Analysis } from "./analysis.ts";
import type { Workspace } from "./workspace.ts";

/** A reason for people why something cannot be renamed. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

const identifier = TABLE.find((r) => r.name === "Identifier")?.pattern;
const NAME = new RegExp(`^(?:${identifier instanceof RegExp ? identifier.source : ""})$`, "u");
const RESERVED = new Set(TABLE.filter((r) => r.role === "reserved").map((r) => r.pattern));
/** Names that the language gives. */
const GIVEN = new Set(["input", "output", "down", "up", "none", "self"]);

/** The range that would be renamed, and the name in it. */
export function prepareRename(analysis: Analysis, offset: number): { readonly range: Range; readonly placeholder: string } {
  const found = nameAt(analysis, offset);
  if (!found) throw new Refusal("There is no name here that could be renamed.");
  if (found.means.file.includes("/stdlib/") && found.means.at.file.startsWith("std:")) throw new Refusal(`${found.means.name} belongs to the library.`);
  if (found.means.kind === "module") throw new Refusal("A module has the name of its file: rename the file.");
  if (analysis.sources.get(found.means.at.file)?.text.charAt(found.means.at.start) === '"') throw new Refusal(`${found.means.name} has its name of the file that is imported.`);
  const text = analysis.module.source.text.slice(found.span.start, found.span.end);
  if (GIVEN.has(text)) throw new Refusal(`${text} is a word of the language.`);
  return { range: rangeOf(analysis.module.source, found.span), placeholder: text };
}

export function rename(workspace: Workspace, analysis: Analysis, offset: number, to: string): WorkspaceEdit {
  const { placeholder } = prepareRename(analysis, offset);
  if (!NAME.test(to)) throw new Refusal(`${JSON.stringify(to)} is no name: letters, digits and _ are, a digit does not come first, primes may stand at the end.`);
  if (RESERVED.has(to) || GIVEN.has(to)) throw new Refusal(`${to} is a word of the language.`);
  const found = referencesTo(workspace, analysis, offset);
  if (!found) throw new Refusal("There is no name here that could be renamed.");
  // A name that an import gave in passing stands for itself: only what is spelled so is changed.
  const spelled = found.all.filter(({ analysis: a, span }) => a.sources.get(span.file)?.text.slice(span.start, span.end) === placeholder);
  const texts = edited(spelled, to);
  refuseNewErrors(analysis, spelled, texts, placeholder, to);
  const changes: Record<string, { range: Range; newText: string }[]> = {};
  for (const { analysis: a, span } of spelled) {
    const source = a.sources.get(span.file);
    if (!source) continue;
    const uri = uriOf(fileOf(a.root, span.file));
    changes[uri] = [...(changes[uri] ?? []), { range: rangeOf(source, span), newText: to }];
  }
  return { changes };
}

/** The files as they would be, by absolute path. */
function edited(references: readonly Reference[], to: string): Map<string, string> {
  const byFile = new Map<string, { text: string; spans: Span[] }>();
  for (const { analysis, span } of references) {
    const file = fileOf(analysis.root, span.file);
    const entry = byFile.get(file) ?? { text: analysis.sources.get(span.file)?.text ?? "", spans: [] };
    entry.spans.push(span);
    byFile.set(file, entry);
  }
  return new Map([...byFile].map(([file, { text, spans }]) => [file, [...spans].sort((a, b) => b.start - a.start).reduce((t, s) => t.slice(0, s.start) + to + t.slice(s.end), text)]));
}

/** The compiler judges: what clashes, is caught by another name or is no longer found shows as an error that was not there. */
function refuseNewErrors(analysis: Analysis, references: readonly Reference[], texts: ReadonlyMap<string, string>, placeholder: string, to: string): void {
  const host = new EditorHost(analysis.root, (path) => texts.get(path) ?? openText(analysis, path));
  const files = new Map(references.map((r) => [r.analysis.module.path, r.analysis]));
  for (const [path, before] of files) {
    const after = openProgram(host, path, texts.get(fileOf(analysis.root, path)), new ModuleCache());
    const [fresh] = fewer(after.problems, before.problems);
    if (fresh) throw new Refusal(`${to} cannot stand here. ${fresh.title}: ${fresh.says}`);
    if (!after.value) continue;
    // A name that is caught by another makes no error where the types agree.
    const own = references.filter((r) => r.span.file === path).map((r) => r.span.start).sort((a, b) => a - b);
    const moved = own.map((start, i) => start + i * (to.length - placeholder.length));
    const now = namesOf({ ...before, program: after.value, module: after.value.main, sources: after.sources, host, problems: after.problems }, true);
    const first = now.find((o) => o.span.start === moved[0] && o.span.end === o.span.start + to.length);
    const same = first ? now.filter((o) => sameMeaning(o.means, first.means)) : [];
    if (same.length !== moved.length || !same.every((o) => moved.includes(o.span.start))) throw new Refusal(`${to} already means something else here.`);
  }
}

const openText = ({ host }: Analysis, path: string): string | undefined => (path.endsWith(".kiri") && host.stat(path) ? new TextDecoder().decode(host.read(path)) : undefined);

function fewer(after: readonly Problem[], before: readonly Problem[]): Problem[] {
  const left = before.map((p) => p.code);
  return after.filter((p) => {
    const at = left.indexOf(p.code);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}
