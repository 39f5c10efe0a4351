// Text to syntax tree. Total: every text gives a tree, perhaps partial, and its problems; nothing throws.
import type { CstNode, IToken } from "chevrotain";
import type * as Ast from "./ast.ts";
import type * as Cst from "./cst.d.ts";
import { complaint, describe } from "./expected.ts";
import { Expressions } from "./expressions.ts";
import { type Comment, endOf, type Layout, layout } from "./layout.ts";
import { parser } from "./parser.ts";
import type { SyntaxProblem } from "./problem.ts";
import { position, type Source, span } from "./source.ts";
import { Declarations } from "./to-ast.ts";
import { DECLARATION_WORDS, token } from "./tokens.ts";
import type { Unchanged } from "./unchanged.ts";

/** Characters that a file may have. */
export const LARGEST = 250_000;
/** Problems reported of one file; more are of no use to anybody. */
const MOST = 100;

interface Parsed {
  readonly ast: Ast.Module;
  readonly comments: readonly Comment[];
  readonly problems: readonly SyntaxProblem[];
}

/** One declaration or `use` with its concrete tree. */
interface Piece {
  readonly tokens: readonly IToken[];
  readonly tree: CstNode;
}

export interface Pieces {
  readonly pieces: readonly Piece[];
  readonly layout: Layout;
  readonly problems: readonly SyntaxProblem[];
}

/** `unchanged`: what an earlier parse of the file left; it is brought up to date. */
export function parse(from: Source, unchanged?: Unchanged): Parsed {
  const whole = span(from.path, 0, from.text.length);
  if (from.text.length > LARGEST) {
    const problem: SyntaxProblem = { kind: "too-large", size: from.text.length, limit: LARGEST, span: span(from.path, 0, 0) };
    return { ast: { kind: "module", path: from.path, doc: undefined, uses: [], declarations: [], span: whole }, comments: [], problems: [problem] };
  }
  const laid = layout(from);
  const { docs, moduleDoc } = docsOf(from, laid);
  unchanged?.turn();
  const expressions = new Expressions(from.path, docs, laid.lineStarts);
  const build = new Declarations(expressions);
  const uses: Ast.Use[] = [];
  const declarations: Ast.Declaration[] = [];
  const problems: SyntaxProblem[] = [];
  for (const tokens of laid.chunks) {
    const [first] = tokens;
    const key = unchanged && keyOf(from, laid, docs, tokens);
    const found = problems.length + expressions.problems.length;
    let made = key === undefined || !first ? undefined : unchanged?.take(key, first.startOffset);
    if (!made) {
      const piece = parsePiece(from, laid, tokens, problems);
      if (!piece) continue;
      made = piece.tree.name === "useDeclaration" ? build.use(piece.tree as Cst.UseDeclarationCstNode) : build.declaration(piece.tree as Cst.DeclarationCstNode);
      if (made && first && key !== undefined && found === problems.length + expressions.problems.length) unchanged?.keep(key, first.startOffset, made);
    }
    if (made?.kind === "use") {
      if (declarations.length) expressions.problems.push({ kind: "use-late", span: made.span });
      uses.push(made);
    } else if (made) declarations.push(made);
  }
  return { ast: { kind: "module", path: from.path, doc: moduleDoc, uses, declarations, span: whole }, comments: laid.comments, problems: firstOfLines(from, laid.problems, problems, expressions.problems) };
}

/** Concrete trees of all declarations; a mistake in one leaves the others whole. */
export function parsePieces(from: Source): Pieces {
  const laid = layout(from);
  const problems: SyntaxProblem[] = [];
  const pieces = laid.chunks.flatMap((tokens) => parsePiece(from, laid, tokens, problems) ?? []);
  return { pieces, layout: laid, problems };
}

function parsePiece(from: Source, laid: Layout, tokens: readonly IToken[], problems: SyntaxProblem[]): Piece | undefined {
  const [first] = tokens;
  const last = tokens[tokens.length - 1];
  if (!first || !last || laid.cuts.some((c) => c >= first.startOffset && c < endOf(last))) return undefined;
  if (!begins(first)) {
    problems.push({ kind: "declaration-expected", found: describe(first), words: [...DECLARATION_WORDS, "use"], span: span(from.path, first.startOffset, endOf(first)) });
    return undefined;
  }
  const tree = parseChunk(from, tokens, problems);
  return tree && { tokens, tree };
}

/** All that decides the tree of a declaration; undefined where its characters or brackets are wrong. */
function keyOf(from: Source, laid: Layout, docs: ReadonlyMap<number, string>, tokens: readonly IToken[]): string | undefined {
  const [first, last] = [tokens[0], tokens[tokens.length - 1]];
  if (!first || !last) return undefined;
  const [start, end] = [first.startOffset, endOf(last)];
  if (laid.problems.some((p) => p.span.end >= start && p.span.start <= end)) return undefined;
  return `${docs.get(start) ?? ""}\0${from.text.slice(start, end)}`;
}

const beginnings = new Set([...DECLARATION_WORDS, "use"]);
const begins = (t: IToken): boolean => beginnings.has(t.image as (typeof DECLARATION_WORDS)[number]);

function parseChunk(from: Source, tokens: readonly IToken[], problems: SyntaxProblem[]): CstNode | undefined {
  parser.input = [...tokens];
  const tree = tokens[0]?.tokenType === token("Use") ? parser.useDeclaration() : parser.declaration();
  for (const error of parser.errors) {
    const problem = complaint(from, error);
    if (problem) problems.push(problem);
  }
  return tree;
}

/**
 * One mistake makes many complaints. What characters and brackets say is certain, one of a kind a line; of what the parser says,
 * and then of what the tree says, the first one of a line stays, unless something surer stands there.
 */
function firstOfLines(from: Source, certain: readonly SyntaxProblem[], parsed: readonly SyntaxProblem[], derived: readonly SyntaxProblem[]): SyntaxProblem[] {
  const lineOf = (problem: SyntaxProblem): number => position(from, problem.span.start).line;
  const kept = new Map<string, SyntaxProblem>();
  const lines = new Set<number>();
  const texts = new Set(certain.filter((p) => p.kind === "string-unclosed").map(lineOf));
  for (const problem of certain) {
    const line = lineOf(problem);
    // A text without end swallows the brackets behind it.
    if (problem.kind === "bracket-unclosed" && texts.has(line)) continue;
    lines.add(line);
    const key = `${line} ${problem.kind}`;
    if (!kept.has(key)) kept.set(key, problem);
  }
  for (const problem of [...[...parsed].sort(byPlace), ...[...derived].sort(byPlace)]) {
    const line = lineOf(problem);
    if (!lines.has(line)) kept.set(`${line}`, problem);
    lines.add(line);
  }
  return [...kept.values()].sort(byPlace).slice(0, MOST);
}

const byPlace = (a: SyntaxProblem, b: SyntaxProblem): number => a.span.start - b.span.start || a.span.end - b.span.end;

/** Which token each `///` stands before. What stands at the top, apart from the first declaration or before a `use`, is the module's. */
function docsOf(from: Source, laid: Layout): { docs: Map<number, string>; moduleDoc: string | undefined } {
  const docs = new Map<number, string>();
  const comments = laid.comments.filter((c) => c.isDoc);
  let moduleDoc: string | undefined;
  let next = 0;
  let isFirst = true;
  for (const tokens of laid.chunks) for (const t of tokens) {
    const before: Comment[] = [];
    for (let c = comments[next]; c && c.end <= t.startOffset; c = comments[++next]) before.push(c);
    const isTop = isFirst;
    isFirst = false;
    if (before.length === 0) continue;
    const own = isTop ? before.length - moduleLines(from, before, t) : before.length;
    const module = before.slice(0, before.length - own);
    if (module.length) moduleDoc = textOf(module);
    if (own) docs.set(t.startOffset, textOf(before.slice(before.length - own)));
  }
  if (isFirst && comments.length) moduleDoc = textOf(comments);
  return { docs, moduleDoc };
}

const textOf = (comments: readonly Comment[]): string => comments.map((c) => c.text.slice(3).trim()).join("\n");

/** How many of the first lines are the module's: all before a `use`, else those before the last empty line. */
function moduleLines(from: Source, before: readonly Comment[], first: IToken): number {
  if (first.tokenType === token("Use")) return before.length;
  for (let i = before.length; i > 0; i--) {
    const gap = from.text.slice(before[i - 1]?.end, before[i]?.start ?? first.startOffset);
    if (/\n[ \t\r]*\n/.test(gap)) return i;
  }
  return 0;
}
