// Quick fixes: what a problem's own data say would mend it, as edits of the text; and laying the file out.
import { type CodeAction, CodeActionKind, type Diagnostic, type TextEdit } from "vscode-languageserver/node";
import type { Fix } from "../../compiler/diagnostics/fix.ts";
import type * as Ast from "../../grammar/ast.ts";
import type { Source } from "../../grammar/source.ts";
import { formatting } from "./formatting.ts";
import { named } from "./layers.ts";
import { observed } from "./observed.ts";
import { fileOf, uriOf } from "./places.ts";
import { offsetAt, rangeOf } from "./ranges.ts";
import { nodeOf, nodesAt } from "./syntax.ts";
import type { Analysis } from "./analysis.ts";

export function codeActions(analysis: Analysis, diagnostics: readonly Diagnostic[], only: readonly string[] | undefined): CodeAction[] {
  const wants = (kind: string): boolean => only === undefined || only.some((o) => kind === o || kind.startsWith(`${o}.`));
  const fixes = wants(CodeActionKind.QuickFix) ? diagnostics.flatMap((d) => (Array.isArray(d.data) ? (d.data as Fix[]) : []).flatMap((fix, i) => actions(analysis, d, fix, i === 0))) : [];
  return [...fixes, ...(wants(CodeActionKind.Source) ? layOut(analysis) : [])];
}

function layOut({ uri, module }: Analysis): CodeAction[] {
  const edits = formatting(module.path, module.source.text);
  return edits && edits.length > 0 ? [{ title: "Lay this file out (kiri fmt)", kind: `${CodeActionKind.Source}.fixAll.kiri`, edit: { changes: { [uri]: edits } } }] : [];
}

function actions(analysis: Analysis, diagnostic: Diagnostic, fix: Fix, isPreferred: boolean): CodeAction[] {
  const quick = (title: string, changes: Record<string, TextEdit[]> | undefined): CodeAction[] => (changes ? [{ title, kind: CodeActionKind.QuickFix, diagnostics: [diagnostic], isPreferred, edit: { changes } }] : []);
  switch (fix.kind) {
    case "replace": {
      const at = wordIn(analysis, diagnostic, fix.what);
      return quick(`Change ${fix.what} to ${fix.by}`, at && { [analysis.uri]: [{ range: at, newText: fix.by }] });
    }
    case "delete": {
      const edit = deletion(analysis, diagnostic);
      return quick("Delete what is never used", edit && { [analysis.uri]: [edit] });
    }
    case "companion": return rules(analysis, diagnostic).flatMap(({ fold, source, rule }) => quick(`Let ${fold.name.name} fold it along: down ${fix.name} by ${rule}`, insertion(analysis, source, fold, `down ${fix.name} by ${rule}`, false)));
    case "up": {
      const placed = placedFold(analysis, diagnostic);
      const none = upNone(analysis, diagnostic);
      if (none) return quick("Let the tokens come back: without up none", { [analysis.uri]: [none] });
      return placed && !placed.fold.members.some((m) => m.kind === "up") ? quick(`Give ${fix.fold} a way back: the nearest kept token`, insertion(analysis, placed.source, placed.fold, wayBack(placed.fold), true)) : [];
    }
  }
}

/** Where a word stands within what is marked, whole. */
function wordIn({ module: { source } }: Analysis, { range }: Diagnostic, word: string): Diagnostic["range"] | undefined {
  const [start, end] = [offsetAt(source, range.start), offsetAt(source, range.end)];
  const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const found = new RegExp(`(?<![\\p{L}\\p{N}_])${escaped}(?![\\p{L}\\p{N}_'])`, "u").exec(source.text.slice(start, end));
  return found ? rangeOf(source, { start: start + found.index, end: start + found.index + word.length }) : undefined;
}

/** A name of a `use`, with its comma; the whole line where it is the only one. A `let` with its line. */
function deletion({ module: { source, ast } }: Analysis, { range }: Diagnostic): TextEdit | undefined {
  const at = offsetAt(source, range.start);
  const nodes = nodesAt(ast, at);
  const use = nodeOf(nodes, "use");
  if (use?.names && use.names.length > 1) {
    const i = use.names.findIndex((n) => n.span.start === at);
    const [own, next, before] = [use.names[i], use.names[i + 1], use.names[i - 1]];
    if (!own) return undefined;
    const span = next ? { start: own.span.start, end: next.span.start } : { start: before?.span.end ?? own.span.start, end: own.span.end };
    return { range: rangeOf(source, span), newText: "" };
  }
  const whole = use ?? nodeOf(nodes, "let");
  if (!whole) return undefined;
  const start = source.text.lastIndexOf("\n", whole.span.start - 1) + 1;
  const isAlone = source.text.slice(start, whole.span.start).trim() === "" && /^[ \t\r]*(?:\n|$)/.test(source.text.slice(whole.span.end));
  const lineEnd = source.text.indexOf("\n", whole.span.end);
  return { range: rangeOf(source, isAlone ? { start, end: lineEnd < 0 ? source.text.length : lineEnd + 1 } : whole.span), newText: "" };
}

interface Placed {
  readonly fold: Ast.FoldDecl;
  readonly source: Source;
}

/** The fold that is placed where the problem is, where it belongs to the user. */
function placedFold(analysis: Analysis, { range }: Diagnostic): Placed | undefined {
  const { source, ast, scope } = analysis.module;
  const item = nodeOf(nodesAt(ast, offsetAt(source, range.start)), "place-fold");
  const value = item && named(item.with.callee, scope);
  const own = value?.kind === "fold-type" ? analysis.sources.get(value.decl.span.file) : undefined;
  return value?.kind === "fold-type" && own && !own.path.startsWith("std:") ? { fold: value.decl, source: own } : undefined;
}

/** Functions that could fold a companion: the fold's own, and those of the records that `down` names. */
function rules(analysis: Analysis, diagnostic: Diagnostic): (Placed & { readonly rule: string })[] {
  const placed = placedFold(analysis, diagnostic);
  if (!placed) return [];
  const { fold } = placed;
  const own = fold.members.flatMap((m) => (m.kind === "fn" ? [m.name.name] : []));
  const down = fold.members.find((m) => m.kind === "down");
  const seen = fold.span.file === analysis.module.path ? [...observed(analysis, fold).bound] : [];
  const records = seen.flatMap(([name, value]) => (down && name.span.start >= down.span.start && value.kind === "record" ? (value.type?.decl.methods ?? []) : []));
  const fitting = records.filter((m) => m.signature.params.length === 1 && m.signature.params[0]?.type?.kind === "tensor-type" && m.signature.statics.length === 0).map((m) => m.name.name);
  return [...new Set([...own, ...fitting])].map((rule) => ({ ...placed, rule }));
}

/** ` up none` of the line. */
function upNone({ module: { source, ast } }: Analysis, { range }: Diagnostic): TextEdit | undefined {
  const item = nodeOf(nodesAt(ast, offsetAt(source, range.start)), "place-fold");
  if (item?.up?.kind !== "none") return undefined;
  const text = source.text.slice(item.with.span.end, item.span.end);
  return /^\s*up\s+none\s*$/.test(text) ? { range: rangeOf(source, { start: item.with.span.end, end: item.span.end }), newText: "" } : undefined;
}

/** Each token takes the value of the kept one at its share of the way. */
function wayBack(fold: Ast.FoldDecl): string {
  const down = fold.members.find((m) => m.kind === "down");
  const [x] = down?.kind === "down" ? down.signature.params : [];
  const [n, k] = [fold.from.name, fold.to.name];
  const axes = (to: string): string => (x?.type?.kind === "tensor-type" ? x.type.axes.map((a) => (a.kind === "axis" ? (a.name.name === n ? to : a.name.name) : "...")).join(", ") : `B, ${to}, C`);
  const type = x?.type?.kind === "tensor-type" ? x.type.dtype : "f32";
  return `up(y: ${type}[${axes(k)}]) -> ${type}[${axes(n)}] { gather(y, iota(down.${x?.name.name ?? "x"}.${n} as ${n}) * ${k} / ${n}; over: ${k}) }`;
}

/** A member put into a fold: before its first one, or behind its last one. */
function insertion(analysis: Analysis, source: Source, fold: Ast.FoldDecl, text: string, isLast: boolean): Record<string, TextEdit[]> | undefined {
  const member = isLast ? fold.members[fold.members.length - 1] : fold.members[0];
  if (!member) return undefined;
  const line = source.text.lastIndexOf("\n", member.span.start - 1) + 1;
  const indent = /^[ \t]*/.exec(source.text.slice(line, member.span.start))?.[0] ?? "  ";
  const at = isLast ? member.span.end : member.span.start;
  const edit = { range: rangeOf(source, { start: at, end: at }), newText: isLast ? `\n${indent}${text}` : `${text}\n${indent}` };
  return { [uriOf(fileOf(analysis.root, source.path))]: [edit] };
}
