// A problem as text for a terminal, as JSON, and as annotations of a build log. `sarif.ts` holds the form for code scanning.
import { position, type Source, type Span } from "../../grammar/source.ts";
import { type Cell, cells, printableText, widthOf } from "./columns.ts";
import type { Problem } from "./define.ts";

export type Sources = ReadonlyMap<string, Source>;

/** Parts of a report that may have a colour. */
export type Role = "error" | "warning" | "title" | "place" | "gutter" | "label" | "next";
/** Colours come from the host: terminal codes are not the compiler's business. */
export type Paint = (role: Role, text: string) => string;
const plain: Paint = (_, text) => text;

interface RenderOptions {
  readonly paint?: Paint;
  /** Width of the terminal; longer source lines are cut around the place. */
  readonly columns?: number;
}

const COLUMNS = 100;
/** Where the place stands on the first line, when the title leaves room for it. */
const PLACE_COLUMN = 62;

/** `pipelines/scenes.kiri:21:11`, one-based, the column in UTF-16 units as editors count. */
export function placeOf(span: Span, sources: Sources): string {
  const from = sources.get(span.file);
  if (!from) return printableText(span.file);
  const { line, column } = position(from, span.start);
  return `${printableText(span.file)}:${line}:${column}`;
}

// ── text ──
/** The whole report of one problem, ending in a line end. */
export function render(problem: Problem, sources: Sources, options: RenderOptions = {}): string {
  const { paint = plain, columns = COLUMNS } = options;
  const word = problem.severity === "warning" ? ` ${paint("warning", "warning")}` : "";
  const head = `${problem.code}${problem.severity === "warning" ? " warning" : ""}  ${problem.title}`;
  const place = problem.span ? placeOf(problem.span, sources) : "";
  const gap = place ? " ".repeat(Math.max(2, PLACE_COLUMN - widthOf(head))) : "";
  const lines = [`${paint(problem.severity, problem.code)}${word}  ${paint("title", problem.title)}${gap}${paint("place", place)}`.trimEnd()];
  lines.push(...frame(problem, sources, { paint, columns }));
  lines.push(...marked(printableText(problem.says)));
  const [next, more] = [problem.next ? printableText(problem.next) : "", `More: kiri explain ${problem.code}`];
  if (next && widthOf(next) + 3 + more.length > columns) lines.push(paint("next", next), paint("gutter", more));
  else lines.push(next ? `${paint("next", next)}   ${paint("gutter", more)}` : paint("gutter", more));
  return `${lines.join("\n")}\n`;
}

/** The lines of a problem's places with their marks: what stands between the head of a report and its sentences. */
export function frame(problem: Problem, sources: Sources, { paint = plain, columns = COLUMNS }: RenderOptions = {}): string[] {
  const lines: string[] = [];
  const gutter = Math.max(2, ...[problem.span, ...problem.labels.map((l) => l.span)].map((s) => `${s ? lastLine(s, sources) : 0}`.length));
  const by = { sources, paint, columns, gutter };
  if (problem.span) lines.push(...excerpt(problem.span, "^", problem.severity, "", by));
  let above = problem.span;
  for (const label of problem.labels) {
    const isElsewhere = label.span.file !== (above ?? problem.span)?.file || !sources.has(label.span.file);
    if (isElsewhere) lines.push(paint("gutter", `${" ".repeat(gutter + 3)}in ${placeOf(label.span, sources)}`));
    const shown = excerpt(label.span, "-", "label", printableText(label.says), by);
    // A second place on the line that stands right above needs the line no second time.
    const isSameLine = above !== undefined && !isElsewhere && onLine(above, sources) !== undefined && onLine(above, sources) === onLine(label.span, sources);
    lines.push(...(shown.length ? shown.slice(isSameLine ? 1 : 0) : [`${" ".repeat(gutter + 3)}${paint("label", printableText(label.says))}`]));
    above = label.span;
  }
  return lines;
}

interface Excerpts {
  readonly sources: Sources;
  readonly paint: Paint;
  readonly columns: number;
  /** Digits of the largest line number. */
  readonly gutter: number;
}

/** The line of a span that lies on one; undefined for longer ones. */
function onLine(span: Span, sources: Sources): number | undefined {
  const from = sources.get(span.file);
  const first = from ? position(from, span.start).line : undefined;
  return first === lastLine(span, sources) ? first : undefined;
}

function lastLine(span: Span, sources: Sources): number {
  const from = sources.get(span.file);
  return from ? position(from, Math.max(span.start, span.end - 1)).line : 0;
}

/** The lines of a span with its marks beneath; of a long span the first two and the last. */
function excerpt(span: Span, mark: string, role: Role, says: string, by: Excerpts): string[] {
  const from = by.sources.get(span.file);
  if (!from) return [];
  const [first, last] = [position(from, span.start).line, lastLine(span, by.sources)];
  const shown = last - first < 4 ? Array.from({ length: last - first + 1 }, (_, i) => first + i) : [first, first + 1, undefined, last];
  const out: string[] = [];
  for (const line of shown) {
    if (line === undefined) {
      out.push(by.paint("gutter", `  ${" ".repeat(by.gutter - 1)}⋮ |`));
      continue;
    }
    const { text, under } = markedLine(from, line, span, mark, by.columns - by.gutter - 5);
    out.push(`${by.paint("gutter", `  ${`${line}`.padStart(by.gutter)} |`)} ${text}`.trimEnd());
    const note = line === last && says ? ` ${says}` : "";
    if (under || note) out.push(`${by.paint("gutter", `  ${" ".repeat(by.gutter)} |`)} ${indentOf(under)}${by.paint(role, under.trimStart() + note)}`);
  }
  return out;
}

const indentOf = (text: string): string => text.slice(0, text.length - text.trimStart().length);

/** One line of the source, cut to `room` columns around the marks, and the line of marks. */
function markedLine(from: Source, line: number, span: Span, mark: string, room: number): { text: string; under: string } {
  const start = from.lineStarts[line - 1] ?? 0;
  const raw = from.text.slice(start, from.lineStarts[line] ?? from.text.length).replace(/\r?\n$/, "");
  const all = cells(raw);
  const blank = raw.length - raw.trimStart().length;
  // Marks cover the part of the span on this line, without the indentation; an empty span at a line's end gets one.
  const low = Math.max(span.start - start, span.start < start ? blank : 0);
  const high = Math.max(Math.min(span.end - start, raw.trimEnd().length), low + (span.start >= start ? 1 : 0));
  const before = columns(all.filter((c) => c.offset < low)) + Math.max(0, low - raw.length);
  const wide = Math.max(high > low ? 1 : 0, columns(all.filter((c) => c.offset >= low && c.offset < high)));
  if (columns(all) <= room) return { text: shownOf(all), under: wide ? " ".repeat(before) + mark.repeat(wide) : "" };
  return cut(all, before, wide, mark, Math.max(room, 20));
}

/** A window of a line that is too long: the marks in it, some of what stands before them, `…` where something is left out. */
function cut(all: readonly Cell[], before: number, wide: number, mark: string, room: number): { text: string; under: string } {
  const from = before + wide + 1 <= room ? 0 : Math.max(0, before - Math.floor(room / 4));
  const window: Cell[] = [];
  let column = 0;
  let skipped = 0;
  for (const cell of all) {
    if (column < from) skipped = column + cell.width;
    else if (column + cell.width <= from + room - 2) window.push(cell);
    column += cell.width;
  }
  const lead = from > 0 ? "…" : "";
  const isWhole = column <= from + room - 2;
  const offset = before - (from > 0 ? skipped : 0) + lead.length;
  const end = Math.min(offset + wide, lead.length + columns(window));
  return { text: `${lead}${shownOf(window)}${isWhole ? "" : "…"}`, under: " ".repeat(Math.max(0, offset)) + mark.repeat(Math.max(1, end - offset)) };
}

const columns = (some: readonly Cell[]): number => some.reduce((sum, c) => sum + c.width, 0);
const shownOf = (some: readonly Cell[]): string => some.map((c) => c.shown).join("");

const FOUND = /^( *found +)(.*)$/;
const WANTED = /^ *wanted +(.*)$/;

/** Under a found type, what differs from the wanted one. */
function marked(says: string): string[] {
  const lines = says.split("\n");
  return lines.flatMap((line, i) => {
    const found = FOUND.exec(line);
    const wanted = WANTED.exec(lines[i + 1] ?? "");
    const marks = found && wanted ? differences(found[2] ?? "", wanted[1] ?? "") : "";
    return marks ? [line, " ".repeat(found?.[1]?.length ?? 0) + marks] : [line];
  });
}

/** `---` under the element type and axes of `found` that are not those of `wanted`; nothing where they cannot be compared in pairs. */
function differences(found: string, wanted: string): string {
  const [a, b] = [typeParts(found), typeParts(wanted)];
  if (!a || !b || a.length !== b.length) return "";
  let [out, any] = ["", false];
  a.forEach((part, i) => {
    const differs = part.text !== b[i]?.text;
    any ||= differs;
    out = out.padEnd(part.at) + (differs ? "-" : " ").repeat(part.text.length);
  });
  return any && a.some((part, i) => part.text === b[i]?.text) ? out.trimEnd() : "";
}

/** The element type and the axes of `f32[B, N, C = 192]`, with where they stand. */
function typeParts(text: string): { at: number; text: string }[] | undefined {
  const shape = /^([a-z]+\d*)?\[(.*)\]$/.exec(text);
  if (!shape) return undefined;
  const [dtype, axes] = [shape[1] ?? "", shape[2] ?? ""];
  const out = dtype ? [{ at: 0, text: dtype }] : [];
  let at = dtype.length + 1;
  for (const axis of axes.split(", ")) {
    out.push({ at, text: axis });
    at += axis.length + 2;
  }
  return out;
}

/** `2 errors, 1 warning`, or an empty text. */
export function tally(problems: readonly Problem[]): string {
  const count = (severity: string, word: string): string => {
    const n = problems.filter((p) => p.severity === severity).length;
    return n === 0 ? "" : `${n} ${word}${n === 1 ? "" : "s"}`;
  };
  return [count("error", "error"), count("warning", "warning")].filter(Boolean).join(", ");
}

/** Errors first where they are of one file; otherwise in the order of files and lines, which is how people read. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  const key = (p: Problem): string => p.span?.file ?? "";
  return [...problems].sort((a, b) => (key(a) === key(b) ? (a.span?.start ?? 0) - (b.span?.start ?? 0) : key(a) < key(b) ? -1 : 1));
}

// ── JSON ──
/** A place as data: lines and columns from 1, columns and offsets in UTF-16 units, ends exclusive. */
interface JsonPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly start: number;
  readonly end: number;
}

/** One problem of `--json`. Fields are only ever added. */
export interface JsonProblem {
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly title: string;
  readonly message: string;
  readonly found: string | null;
  readonly wanted: string | null;
  readonly next: string | null;
  readonly place: JsonPlace | null;
  readonly labels: readonly { readonly message: string; readonly place: JsonPlace | null }[];
}

export function jsonPlace(span: Span, sources: Sources): JsonPlace | null {
  const from = sources.get(span.file);
  if (!from) return null;
  const [first, last] = [position(from, span.start), position(from, span.end)];
  return { file: span.file, line: first.line, column: first.column, endLine: last.line, endColumn: last.column, start: span.start, end: span.end };
}

export function toJson(problem: Problem, sources: Sources): JsonProblem {
  const lines = problem.says.split("\n");
  const found = lines.map((l) => FOUND.exec(l)?.[2]).find((x) => x !== undefined);
  const wanted = lines.map((l) => WANTED.exec(l)?.[1]).find((x) => x !== undefined);
  return {
    code: problem.code, severity: problem.severity, title: problem.title, message: problem.says,
    found: found ?? null, wanted: wanted ?? null, next: problem.next ?? null,
    place: problem.span ? jsonPlace(problem.span, sources) : null,
    labels: problem.labels.map((l) => ({ message: l.says, place: jsonPlace(l.span, sources) })),
  };
}

// ── annotations of a build log ──
/** A workflow command, `::error file=…,line=…::…`, one line. `prefix` leads from the repository to the project. */
export function annotation(problem: Problem, sources: Sources, prefix = ""): string {
  const place = problem.span && !problem.span.file.startsWith("std:") ? jsonPlace(problem.span, sources) : null;
  const properties: [string, string | number][] = place
    ? [["file", `${prefix}${place.file}`], ["line", place.line], ["endLine", place.endLine], ["col", place.column], ["endColumn", place.endColumn]]
    : [];
  properties.push(["title", `${problem.code} ${problem.title}`]);
  const escaped = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const value = (v: string | number): string => escaped(`${v}`).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const message = problem.next ? `${problem.says}\n${problem.next}` : problem.says;
  return `::${problem.severity} ${properties.map(([k, v]) => `${k}=${value(v)}`).join(",")}::${escaped(message)}\n`;
}
