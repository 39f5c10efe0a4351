// The one way to lay a file out: spaces and line breaks change, the tree never. Breaks that an author chose inside brackets and blocks stay.
import type { CstElement, CstNode, IToken } from "chevrotain";
import { blankline, choice, type Doc, group, hardline, indent, line, print, softline, suffix } from "./doc.ts";
import { type Comment, endOf } from "./layout.ts";
import { LARGEST, parse, parsePieces, type Pieces } from "./parse.ts";
import type { SyntaxProblem } from "./problem.ts";
import type { Source } from "./source.ts";
import { token } from "./tokens.ts";

export { source } from "./source.ts";

export const WIDTH = 140;
const STEP = "  ";

export interface Formatted {
  readonly text: string;
  readonly problems: readonly SyntaxProblem[];
}

/** A file with problems is left as it is. */
export function format(from: Source): Formatted {
  const { problems } = parse(from);
  if (problems.length > 0 || from.text.length > LARGEST) return { text: from.text, problems };
  const printed = print(new Formatter(from, parsePieces(from)).module(), WIDTH, STEP);
  const text = printed.trim() === "" ? "" : `${printed.trim()}\n`;
  return { text: from.text.includes("\r\n") ? text.replaceAll("\n", "\r\n") : text, problems };
}

const LISTS = new Set(["inputs", "call", "slice", "axes", "group", "list", "tupleType", "names"]);
/** Braces whose items take commas on one line; other ones take `;`. */
const COMMA_BRACES = new Set(["recordLiteral", "recordType", "recordDeclaration", "siteList"]);
const MEMBERS = new Set(["statement", "recordMember", "layerMember", "foldMember", "rewriteMember", "decodeMember", "tokenizerMember", "compressItem", "site", "field", "entry"]);
const OPENING = new Set(["ParenHere", "FreshParen", "SquareHere", "FreshSquare"]);

const isNode = (e: CstElement): e is CstNode => "children" in e;
const startOf = (e: CstElement): number => (isNode(e) ? (e.location?.startOffset ?? Number.NaN) : e.startOffset);
const stopOf = (e: CstElement): number => (isNode(e) ? (e.location?.endOffset ?? Number.NaN) + 1 : endOf(e));
const nameOf = (e: CstElement): string => (isNode(e) ? e.name : e.tokenType.name);
const isSeparator = (e: CstElement): boolean => !isNode(e) && (e.tokenType === token("Comma") || e.tokenType === token("Semicolon"));

class Formatter {
  readonly #text: string;
  readonly #pieces: Pieces;
  readonly #tokens: readonly IToken[];
  /** Place of each token in the file, by its offset. */
  readonly #places = new Map<number, number>();
  /** Comments behind a token on its line, by the token's end; and on lines of their own, by the next token's start. */
  readonly #behind = new Map<number, Comment[]>();
  readonly #before = new Map<number, Comment[]>();
  readonly #atEnd: Comment[] = [];
  #brokenHeader = false;

  constructor(from: Source, pieces: Pieces) {
    this.#text = from.text;
    this.#pieces = pieces;
    this.#tokens = pieces.layout.chunks.flat();
    for (const [i, t] of this.#tokens.entries()) this.#places.set(t.startOffset, i);
    let next = 0;
    for (const comment of pieces.layout.comments) {
      while ((this.#tokens[next]?.startOffset ?? Number.POSITIVE_INFINITY) < comment.start) next++;
      const [previous, following] = [this.#tokens[next - 1], this.#tokens[next]];
      if (!comment.ownLine && previous) push(this.#behind, endOf(previous), comment);
      else if (following) push(this.#before, following.startOffset, comment);
      else this.#atEnd.push(comment);
    }
  }

  module(): Doc {
    const docs = this.#lines(this.#pieces.pieces.map((p) => p.tree), () => "", () => []);
    return [...docs, ...this.#ownLines(this.#atEnd, docs.length > 0)];
  }

  // ── comments and empty lines ──
  #broke(from: number, to: number): boolean {
    return this.#text.slice(from, to).includes("\n");
  }

  #isEmptyBefore(offset: number): boolean {
    let newlines = 0;
    for (let i = offset - 1; i >= 0 && /\s/.test(this.#text.charAt(i)); i--) if (this.#text.charAt(i) === "\n") newlines++;
    return newlines > 1;
  }

  /** Comments on lines of their own, each behind a line break; the last one is followed by none. */
  #ownLines(comments: readonly Comment[], follows: boolean): Doc[] {
    return comments.flatMap((c, i) => (i === 0 && !follows ? [c.text.trimEnd()] : [this.#isEmptyBefore(c.start) ? blankline : hardline, c.text.trimEnd()]));
  }

  /** Takes the comments before an item, so that its first token does not print them. */
  #take(start: number): readonly Comment[] {
    const found = this.#before.get(start) ?? [];
    this.#before.delete(start);
    return found;
  }

  #token(t: IToken): Doc {
    return [...this.#take(t.startOffset).map((c) => suffix(c.text.trimEnd())), t.image, ...this.#suffixes(t)];
  }

  #suffixes(t: IToken): Doc[] {
    return (this.#behind.get(endOf(t)) ?? []).map((c) => suffix(c.text.trimEnd()));
  }

  /** Items on lines of their own, with the comments and empty lines before them; `between` parts two that share a line, `after` is what else stands behind one. */
  #lines(items: readonly CstElement[], between: (item: CstElement, next: CstElement) => string, after: (item: CstElement, next: CstElement | undefined) => Doc[]): Doc[] {
    return items.flatMap((item, i) => {
      const start = startOf(item);
      const own = this.#take(start);
      const first = own[0]?.start ?? start;
      const previous = items[i - 1];
      const joint = previous ? between(previous, item) : "";
      const shares = previous && joint !== "" && !this.#broke(stopOf(previous), start);
      const gap: Doc = !previous ? "" : shares ? joint : this.#isEmptyBefore(first) ? blankline : hardline;
      const comments = this.#ownLines(own, false);
      return [gap, ...comments, ...(own.length ? [this.#isEmptyBefore(start) ? blankline : hardline] : []), this.#element(item), ...after(item, items[i + 1])];
    });
  }

  // ── trees ──
  #children(node: CstNode): CstElement[] {
    const all = Object.values(node.children).flat().filter((e) => Number.isFinite(startOf(e)));
    return all.sort((a, b) => startOf(a) - startOf(b));
  }

  #element(e: CstElement): Doc {
    return isNode(e) ? this.#node(e) : this.#token(e);
  }

  #node(node: CstNode): Doc {
    if (LISTS.has(node.name)) return this.#list(this.#children(node), node.name);
    if (node.name === "expression") return this.#row(node);
    if (node.name === "ifExpression") return group(this.#children(node).map((e, i, all) => [i > 0 ? this.#gap(node, all[i - 1] as CstElement, e) : "", isNode(e) && e.name === "block" ? this.#braced(this.#children(e), e.name) : this.#element(e)]));
    const all = this.#children(node);
    const open = all.findIndex((e) => nameOf(e) === "BraceHere" || nameOf(e) === "FreshBrace");
    if (open >= 0) return this.#withBody(node, all.slice(0, open), all.slice(open));
    if (node.name === "useDeclaration") return this.#use(node, all);
    const last = all[all.length - 1];
    if (last && nameOf(last) === "block" && all.length > 1) return this.#withBlock(node, all.slice(0, -1), last as CstNode);
    return this.#plain(node, all);
  }

  #plain(node: CstNode, all: readonly CstElement[]): Doc {
    return all.map((e, i) => {
      const previous = all[i - 1];
      if (nameOf(e) === "whereClauses") return this.#clause(this.#element(e));
      if (nameOf(e) === "outputs" && startsWithWhere(e)) return this.#element(e);
      return [previous ? this.#gap(node, previous, e) : "", this.#element(e)];
    });
  }

  /** `where …` and `offers …` stand on the line of the head, or on lines of their own. */
  #clause(doc: Doc): Doc {
    return indent([this.#brokenHeader ? hardline : line, doc]);
  }

  #use(node: CstNode, all: readonly CstElement[]): Doc {
    const open = all.findIndex((e) => nameOf(e) === "ParenHere");
    if (open < 0) return this.#plain(node, all);
    const close = all.findIndex((e) => nameOf(e) === "RightParen");
    return [this.#plain(node, all.slice(0, open)), " ", this.#list(all.slice(open, close + 1), "names"), ...all.slice(close + 1).map((e): Doc => [" ", this.#element(e)])];
  }

  // ── heads and bodies ──
  #head(node: CstNode, head: readonly CstElement[], bodyStart: number): { doc: Doc; joint: Doc } {
    const outer = this.#brokenHeader;
    const clauses = this.#clauses(startOf(node), bodyStart);
    this.#brokenHeader = clauses.some((c) => c.breaks);
    const parts: Doc[] = [];
    for (const [i, e] of head.entries()) {
      const previous = head[i - 1];
      if (nameOf(e) === "Offers") {
        const rest = head.slice(i).filter((x) => nameOf(x) !== "whereClauses");
        parts.push(this.#clause(this.#plain(node, rest)));
        const where = head.find((x) => nameOf(x) === "whereClauses");
        if (where) parts.push(this.#clause(this.#element(where)));
        break;
      }
      if (nameOf(e) === "whereClauses") parts.push(this.#clause(this.#element(e)));
      else parts.push([previous && !startsWithWhere(e) ? this.#gap(node, previous, e) : "", this.#element(e)]);
    }
    const joint = this.#brokenHeader ? hardline : clauses.length ? line : " ";
    this.#brokenHeader = outer;
    return { doc: parts, joint: head.length ? joint : "" };
  }

  /** The `where` and `offers` of a head, outside of its brackets. */
  #clauses(start: number, end: number): { breaks: boolean }[] {
    const found: { breaks: boolean }[] = [];
    let depth = 0;
    for (let i = this.#places.get(start) ?? 0; i < this.#tokens.length; i++) {
      const t = this.#tokens[i];
      if (!t || t.startOffset >= end) break;
      if (/^(Paren|Square|Brace)Here$|^Fresh(Paren|Square|Brace)$/.test(t.tokenType.name)) depth++;
      else if (t.tokenType.name.startsWith("Right")) depth--;
      else if (depth === 0 && (t.tokenType === token("Where") || t.tokenType === token("Offers"))) found.push({ breaks: this.#broke(endOf(this.#tokens[i - 1] ?? t), t.startOffset) });
    }
    return found;
  }

  #withBlock(node: CstNode, head: readonly CstElement[], block: CstNode): Doc {
    const { doc, joint } = this.#head(node, head, startOf(block));
    return [group([doc, joint]), group(this.#braced(this.#children(block), "block"))];
  }

  #withBody(node: CstNode, head: readonly CstElement[], body: readonly CstElement[]): Doc {
    const { doc, joint } = this.#head(node, head, startOf(body[0] as CstElement));
    return [group([doc, joint]), group(this.#braced(body, node.name))];
  }

  /** `{ … }`: on one line where the author wrote it so and it fits. */
  #braced(all: readonly CstElement[], name: string): Doc {
    const [open] = all;
    const close = all[all.length - 1];
    if (!open || !close || isNode(open) || isNode(close)) return all.map((e) => this.#element(e));
    const items = all.slice(1, -1).filter((e) => MEMBERS.has(nameOf(e)));
    const separators = all.slice(1, -1).filter(isSeparator) as IToken[];
    const end = this.#take(close.startOffset);
    const first = items[0];
    if (!first) return [this.#token(open), ...(end.length ? [indent([hardline, ...this.#ownLines(end, false)]), hardline] : separators.flatMap((s) => this.#suffixes(s))), this.#token(close)];
    const hasComments = end.length > 0 || items.some((i) => this.#before.has(startOf(i)));
    const breaks = hasComments || this.#broke(endOf(open), startOf(first)) || items.some((item, i) => i > 0 && this.#broke(stopOf(items[i - 1] as CstElement), startOf(item)));
    const mark = COMMA_BRACES.has(name) ? "," : ";";
    const dropped = (item: CstElement, next: CstElement | undefined): Doc[] => separators.filter((s) => s.startOffset >= stopOf(item) && s.startOffset < (next ? startOf(next) : close.startOffset)).flatMap((s) => this.#suffixes(s));
    if (!breaks) {
      const inner = items.flatMap((item, i): Doc[] => [this.#element(item), ...dropped(item, items[i + 1]), ...(i < items.length - 1 ? [choice("", mark), line] : [])]);
      return [this.#token(open), indent([line, inner]), line, this.#token(close)];
    }
    const lines = this.#lines(items, () => `${mark} `, dropped);
    const comments = this.#ownLines(end, true);
    return [this.#token(open), indent([hardline, ...lines, ...comments]), hardline, this.#token(close)];
  }

  // ── lists and rows ──
  #list(all: readonly CstElement[], name: string): Doc {
    const [open] = all;
    const close = all[all.length - 1];
    if (!open || !close || isNode(open) || isNode(close)) return all.map((e) => this.#element(e));
    const inner = all.slice(1, -1);
    const parts = this.#parts(inner, name);
    const end = this.#take(close.startOffset);
    const starts = parts.map((p) => startOf(p.elements[0] as CstElement));
    const breaksFirst = parts.length > 0 && (this.#broke(endOf(open), starts[0] ?? 0) || this.#before.has(starts[0] ?? -1));
    const breaksAny = breaksFirst || end.length > 0 || parts.some((_, i) => i > 0 && this.#broke((parts[i - 1] as Part).end, starts[i] ?? 0));
    const docs = parts.map((p) => p.elements.map((e, i): Doc => [i > 0 ? " " : "", i === 0 && breaksAny ? this.#withComments(e) : this.#element(e)]).concat(p.marks));
    if (parts.length === 0) return [this.#token(open), ...inner.filter(isSeparator).flatMap((s) => this.#suffixes(s as IToken)), ...end.map((c) => suffix(c.text)), this.#token(close)];
    if (!breaksAny) {
      const items = docs.map((d, i): Doc => (i > 0 ? [line, d] : d));
      const [left, right] = [this.#token(open), this.#token(close)];
      const rows = docs.map((d, i): Doc => (i > 0 ? group([line, d]) : d));
      return group(choice([left, indent([softline, rows]), softline, right], [left, items, right]));
    }
    const rest = docs.map((d, i): Doc => (i === 0 ? d : this.#broke((parts[i - 1] as Part).end, starts[i] ?? 0) ? [this.#isEmptyBefore(starts[i] ?? 0) ? blankline : hardline, d] : group([line, d])));
    const closing = breaksFirst || end.length > 0 ? hardline : "";
    return [this.#token(open), indent([breaksFirst ? hardline : "", ...rest, ...this.#ownLines(end, true)]), closing, this.#token(close)];
  }

  #withComments(e: CstElement): Doc {
    const own = this.#take(startOf(e));
    return [...this.#ownLines(own, false), ...(own.length ? [hardline] : []), this.#element(e)];
  }

  /** Items with the separators behind them. The last one goes without, but in a tuple of one. */
  #parts(inner: readonly CstElement[], name: string): Part[] {
    const parts: Part[] = [];
    const isPlain = !inner.some((e) => nameOf(e) === "For");
    for (const e of inner) {
      const last = parts[parts.length - 1];
      if (isSeparator(e)) {
        const hasMore = inner.some((x) => !isSeparator(x) && startOf(x) > startOf(e));
        const next = inner.find((x) => startOf(x) > startOf(e));
        const isKept = hasMore ? !(nameOf(e) === "Comma" && next && nameOf(next) === "Semicolon") : name === "group" && parts.length === 1 && nameOf(e) === "Comma";
        const doc = isKept ? this.#token(e as IToken) : this.#suffixes(e as IToken);
        if (last) {
          last.marks.push(doc);
          last.end = stopOf(e);
        } else parts.push({ elements: [e], marks: [], end: stopOf(e) });
      } else if (isPlain || nameOf(e) === "expression" || nameOf(e) === "For" || !last) parts.push({ elements: [e], marks: [], end: stopOf(e) });
      else {
        last.elements.push(e);
        last.end = stopOf(e);
      }
    }
    return parts;
  }

  /** Operands and operators; a row breaks behind an operator. */
  #row(node: CstNode): Doc {
    const all = this.#children(node);
    const [first, ...rest] = all;
    if (!first || rest.length === 0) return first ? this.#element(first) : "";
    const tail: Doc[] = [];
    for (let i = 0; i < rest.length; i += 2) {
      const [operator, operand] = [rest[i], rest[i + 1]];
      if (!operator || !operand) continue;
      const breaks = this.#broke(stopOf(i === 0 ? first : (rest[i - 1] as CstElement)), startOf(operand));
      tail.push([" ", this.#element(operator), breaks ? [indent(hardline), this.#withComments(operand)] : group([indent(line), this.#element(operand)])]);
    }
    return [this.#element(first), ...tail];
  }

  // ── spaces ──
  /** What stands between two neighbours on one line. */
  #gap(node: CstNode, before: CstElement, after: CstElement): Doc {
    const previous = this.#tokens[this.#lastToken(before)];
    const next = this.#tokens[this.#places.get(startOf(after)) ?? -1];
    if (!previous || !next) return " ";
    const [p, n] = [previous.tokenType.name, next.tokenType.name];
    if (OPENING.has(p) || p === "Dot" || n === "Comma" || n === "Semicolon" || n === "RightParen" || n === "RightSquare" || n === "Dot") return "";
    if (n === "Colon") return node.name === "foldDeclaration" ? " " : "";
    if (n === "DotDot") return "";
    if (p === "DotDot") return n === "Step" ? " " : "";
    if (node.name === "operand" && nameOf(before) === "PrefixSign") return "";
    if (node.name === "operand" && !isNode(before) && (p === "Minus" || p === "FreshMinus")) return "";
    if (!OPENING.has(n)) return " ";
    if (node.name === "dataDeclaration" || node.name === "letStatement" || node.name === "useDeclaration" || ((node.name === "trailer" || node.name === "site") && p === "As")) return " ";
    return isNode(after) ? (["signature", "inputs", "trailer", "axes"].includes(after.name) ? "" : " ") : "";
  }

  #lastToken(e: CstElement): number {
    if (!isNode(e)) return this.#places.get(e.startOffset) ?? -1;
    let [low, high] = [0, this.#tokens.length - 1];
    const stop = stopOf(e);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#tokens[middle]?.startOffset ?? Number.POSITIVE_INFINITY) < stop) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

interface Part {
  readonly elements: CstElement[];
  readonly marks: Doc[];
  end: number;
}

function startsWithWhere(e: CstElement): boolean {
  return isNode(e) && e.name === "outputs" && !("Arrow" in e.children);
}

function push(map: Map<number, Comment[]>, key: number, comment: Comment): void {
  const known = map.get(key);
  if (known) known.push(comment);
  else map.set(key, [comment]);
}
