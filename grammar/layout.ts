// Text to tokens, with brackets balanced and line starts marked: what the parser is given never runs past a bracket.
import { createTokenInstance, type IToken, Lexer, type TokenType } from "chevrotain";
import type { SyntaxProblem } from "./problem.ts";
import { type Source, span } from "./source.ts";
import { DECLARATION_WORDS, isReserved, isWord, token, TOKENS } from "./tokens.ts";

/** Brackets within brackets; each level costs the parser some twenty frames of the stack. */
const DEEPEST = 64;

/** A `//` or `///` comment. */
export interface Comment {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** `///` on a line of its own. */
  readonly isDoc: boolean;
  /** Nothing but space stands before it on its line. */
  readonly ownLine: boolean;
}

export interface Layout {
  /** The tokens of each declaration and `use`, in order; the first may begin with something else. */
  readonly chunks: readonly (readonly IToken[])[];
  readonly comments: readonly Comment[];
  /** Offsets of tokens that are the first on their line. */
  readonly lineStarts: ReadonlySet<number>;
  readonly problems: readonly SyntaxProblem[];
  /** Places where something deeper than `DEEPEST` was left out. */
  readonly cuts: readonly number[];
}

const lexer = new Lexer([...TOKENS], { positionTracking: "onlyOffset", ensureOptimizations: true, skipValidations: true, recoveryEnabled: true });

const closers = new Map<TokenType, TokenType>([[token("ParenHere"), token("RightParen")], [token("SquareHere"), token("RightSquare")], [token("BraceHere"), token("RightBrace")]]);
const closing = new Set(closers.values());
const freshKinds = new Map<TokenType, TokenType>([
  [token("ParenHere"), token("FreshParen")], [token("SquareHere"), token("FreshSquare")], [token("BraceHere"), token("FreshBrace")], [token("Minus"), token("FreshMinus")],
]);
const binarySign = token("BinarySign");
const declarationTypes = new Set([...DECLARATION_WORDS, "use"].map((w) => token(w.slice(0, 1).toUpperCase() + w.slice(1))));
/** Words that cannot stand inside `(…)` or `[…]`. */
const outsideOnly = new Set([token("Let"), token("Fn"), token("Use")]);

export const endOf = (t: IToken): number => (t.endOffset ?? t.startOffset) + 1;
export const isVirtual = (t: IToken): boolean => t.endOffset !== undefined && t.endOffset < t.startOffset;

interface Open {
  readonly token: IToken;
  readonly closer: TokenType;
  /** Column of the first token of the line on which it opens. */
  readonly indent: number;
}

export function layout(from: Source): Layout {
  const lexed = lexer.tokenize(from.text);
  const problems: SyntaxProblem[] = lexed.errors.map((e) => unknownCharacter(from, e.offset, e.length));
  const { tokens, lineStarts } = lineStartsOf(from.text, lexed.tokens);
  const balanced = new Balance(from, lineStarts).run(tokens);
  problems.push(...balanced.problems, ...literalProblems(from, balanced.tokens));
  const comments = (lexed.groups.comments ?? []).map((t) => comment(from.text, t));
  return { chunks: chunksOf(balanced.tokens, lineStarts), comments, lineStarts, problems, cuts: balanced.cuts };
}

function unknownCharacter(from: Source, start: number, length: number): SyntaxProblem {
  const wide = (from.text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1;
  const end = Math.min(from.text.length, start + Math.max(length, wide));
  return { kind: "character-unknown", span: span(from.path, start, end), character: from.text.slice(start, end).slice(0, 20) };
}

function comment(text: string, t: IToken): Comment {
  let before = t.startOffset - 1;
  while (before >= 0 && /[ \t\uFEFF]/.test(text.charAt(before))) before--;
  const ownLine = before < 0 || /[\r\n]/.test(text.charAt(before));
  return { text: t.image, start: t.startOffset, end: t.startOffset + t.image.length, isDoc: ownLine && t.tokenType === token("Doc"), ownLine };
}

function lineStartsOf(text: string, tokens: IToken[]): { tokens: IToken[]; lineStarts: Set<number> } {
  const lineStarts = new Set<number>();
  let newline = text.indexOf("\n");
  for (const t of tokens) {
    t.endOffset = t.startOffset + t.image.length - 1;
    if (lineStarts.size > 0 && (newline < 0 || newline > t.startOffset)) continue;
    lineStarts.add(t.startOffset);
    newline = text.indexOf("\n", t.startOffset);
  }
  return { tokens, lineStarts };
}

/** Matches brackets. Where they do not match, indentation and words that only begin a line tell which one lacks its partner. */
class Balance {
  readonly #from: Source;
  readonly #lineStarts: ReadonlySet<number>;
  readonly #problems: SyntaxProblem[] = [];
  readonly #cuts: number[] = [];
  #out: IToken[] = [];
  #open: Open[] = [];
  #indent = 0;
  #fits = true;
  /** Depth below which tokens are left out. */
  #cutting = false;

  constructor(from: Source, lineStarts: ReadonlySet<number>) {
    this.#from = from;
    this.#lineStarts = lineStarts;
  }

  run(tokens: readonly IToken[]): { tokens: IToken[]; problems: SyntaxProblem[]; cuts: number[] } {
    this.#fits = fits(tokens);
    for (let i = 0; i < tokens.length; i++) {
      const t = tokens[i] as IToken;
      if (this.#lineStarts.has(t.startOffset)) this.#startLine(t, tokens[i + 1]);
      const closer = closers.get(t.tokenType);
      if (closer) this.#opening(t, closer);
      else if (closing.has(t.tokenType)) this.#closing(t);
      else this.#keep(t);
    }
    while (this.#open.length) this.#unclosed(this.#from.text.length);
    return { tokens: this.#out, problems: this.#problems, cuts: this.#cuts };
  }

  #keep(t: IToken): void {
    if (!this.#cutting) this.#out.push(t);
  }

  #startLine(t: IToken, next: IToken | undefined): void {
    this.#indent = column(this.#from, t.startOffset);
    if (!this.#fits) {
      if (this.#indent === 0 && beginsDeclaration(t, next, this.#lineStarts)) while (this.#open.length) this.#unclosed(t.startOffset);
      if (outsideOnly.has(t.tokenType)) while (this.#inner() !== undefined && this.#inner()?.closer !== token("RightBrace")) this.#unclosed(t.startOffset);
    }
    const inner = this.#inner();
    if (inner && inner.closer !== token("RightBrace")) return;
    const fresh = freshKinds.get(t.tokenType);
    if (fresh && !this.#cutting && !closing.has(t.tokenType) && this.#out.length > 0) {
      if (!closers.has(t.tokenType)) retype(t, fresh);
    } else if (t.tokenType.categoryMatches?.length === 0 && (t.tokenType.CATEGORIES ?? []).includes(binarySign) && this.#out.length > 0) {
      this.#problems.push({ kind: "operator-first", operator: t.image, span: span(this.#from.path, t.startOffset, endOf(t)) });
    }
  }

  #inner(): Open | undefined {
    return this.#open[this.#open.length - 1];
  }

  #opening(t: IToken, closer: TokenType): void {
    const inner = this.#inner();
    if (this.#open.length === DEEPEST && !this.#cutting) {
      this.#cutting = true;
      this.#cuts.push(t.startOffset);
      if (this.#cuts.length === 1) this.#problems.push({ kind: "too-deep", limit: DEEPEST, span: span(this.#from.path, t.startOffset, endOf(t)) });
    }
    this.#keep(t);
    this.#open.push({ token: t, closer, indent: this.#indent });
    const fresh = this.#lineStarts.has(t.startOffset) && (inner === undefined || inner.closer === token("RightBrace")) ? freshKinds.get(t.tokenType) : undefined;
    if (fresh) retype(t, fresh);
  }

  #closing(t: IToken): void {
    if (!this.#fits && this.#lineStarts.has(t.startOffset)) this.#closeByIndent(t);
    const at = this.#open.findLastIndex((o) => o.closer === t.tokenType);
    if (at < 0) {
      const inner = this.#inner();
      const opened = inner ? { bracket: inner.token.image, span: span(this.#from.path, inner.token.startOffset, endOf(inner.token)) } : undefined;
      this.#problems.push({ kind: "bracket-unopened", bracket: t.image, opened, span: span(this.#from.path, t.startOffset, endOf(t)) });
      return;
    }
    while (this.#open.length - 1 > at) this.#unclosed(t.startOffset);
    this.#close(t);
  }

  /** `}` at the indentation of an outer `{` leaves the ones within unclosed. */
  #closeByIndent(t: IToken): void {
    if (t.tokenType !== token("RightBrace")) return;
    const at = this.#open.findLastIndex((o) => o.closer === t.tokenType && o.indent <= this.#indent);
    const exact = this.#open[at];
    if (exact && exact.indent === this.#indent) while (this.#open.length - 1 > at) this.#unclosed(t.startOffset);
  }

  #close(t: IToken): void {
    this.#open.pop();
    if (this.#cutting && this.#open.length <= DEEPEST) this.#cutting = this.#open.length > DEEPEST;
    this.#keep(t);
  }

  #unclosed(until: number): void {
    const inner = this.#inner();
    if (!inner) return;
    const last = this.#out[this.#out.length - 1] ?? inner.token;
    const end = endOf(last);
    if (!this.#cutting) this.#problems.push({
      kind: "bracket-unclosed", bracket: inner.token.image, wanted: (inner.closer.PATTERN as string) ?? "", span: span(this.#from.path, inner.token.startOffset, endOf(inner.token)),
      until: span(this.#from.path, Math.min(until, this.#from.text.length), Math.min(until + 1, this.#from.text.length)),
    });
    this.#close(createTokenInstance(inner.closer, "", end, end - 1, Number.NaN, Number.NaN, Number.NaN, Number.NaN));
  }
}

function fits(tokens: readonly IToken[]): boolean {
  const open: TokenType[] = [];
  for (const t of tokens) {
    const closer = closers.get(t.tokenType);
    if (closer) open.push(closer);
    else if (closing.has(t.tokenType) && open.pop() !== t.tokenType) return false;
  }
  return open.length === 0;
}

function retype(t: IToken, type: TokenType): void {
  t.tokenType = type;
  t.tokenTypeIdx = type.tokenTypeIdx ?? t.tokenTypeIdx;
}

function column(from: Source, offset: number): number {
  let start = offset;
  while (start > 0 && from.text.charCodeAt(start - 1) !== 10) start--;
  return offset - start;
}

function beginsDeclaration(t: IToken, next: IToken | undefined, lineStarts: ReadonlySet<number>): boolean {
  if (!declarationTypes.has(t.tokenType) || !next || lineStarts.has(next.startOffset)) return false;
  if (t.tokenType === token("Check")) return next.tokenType === token("StringText") || next.tokenType === token("OpenString");
  if (t.tokenType === token("Let") || t.tokenType === token("Use") || t.tokenType === token("Fn") || t.tokenType === token("Extern")) return true;
  return isWord(next.tokenType) || isReserved(next.tokenType);
}

function chunksOf(tokens: readonly IToken[], lineStarts: ReadonlySet<number>): IToken[][] {
  const chunks: IToken[][] = [];
  let depth = 0;
  for (let i = 0; i < tokens.length; i++) {
    const t = tokens[i] as IToken;
    const last = chunks[chunks.length - 1];
    if (last && !(depth === 0 && lineStarts.has(t.startOffset) && !isVirtual(t) && beginsDeclaration(t, tokens[i + 1], lineStarts))) last.push(t);
    else chunks.push([t]);
    if (opens(t.tokenType)) depth++;
    else if (closing.has(t.tokenType)) depth--;
  }
  return chunks;
}

const openTypes = new Set([...closers.keys(), token("FreshParen"), token("FreshSquare"), token("FreshBrace")]);
const opens = (type: TokenType): boolean => openTypes.has(type);

function literalProblems(from: Source, tokens: readonly IToken[]): SyntaxProblem[] {
  const problems: SyntaxProblem[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const t = tokens[i] as IToken;
    const at = span(from.path, t.startOffset, endOf(t));
    if (t.tokenType === token("OpenString")) {
      problems.push({ kind: "string-unclosed", span: at });
      retype(t, token("StringText"));
    } else if (t.tokenType === token("NumberText")) {
      const next = tokens[i + 1];
      const value = Number(t.image.replaceAll("_", ""));
      const why = next && next.startOffset === endOf(t) && (isWord(next.tokenType) || isReserved(next.tokenType)) ? `it runs into \`${next.image.slice(0, 20)}\``
        : !Number.isFinite(value) ? "it is too large" : /^[\d_]+$/.test(t.image) && !Number.isSafeInteger(value) ? "it is too large to be kept exactly" : undefined;
      if (why !== undefined) problems.push({ kind: "number-malformed", text: t.image.slice(0, 40), why, span: at });
    }
  }
  return problems;
}
