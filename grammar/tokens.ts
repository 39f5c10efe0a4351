// The words and signs of the language: one table, read by the lexer, the parser and the highlighter.
import { createToken, Lexer, type TokenType } from "chevrotain";

/** How an editor colours a token: the TextMate scopes of `highlight.ts`. */
export type Highlight = "none" | "number" | "string" | "operator" | "punctuation" | "control" | "declaration" | "modifier" | "constant" | "name" | "comment" | "doc";

/** Where a word may stand: a `reserved` one is no name but after `.` and as a field; a `soft` one is a name wherever its own place is not. */
type Role = "sign" | "reserved" | "soft" | "literal" | "hidden" | "class";

export interface Row {
  readonly name: string;
  /** The text itself, or what it looks like; undefined for classes of tokens. */
  readonly pattern: string | RegExp | undefined;
  readonly highlight: Highlight;
  readonly role: Role;
  /** Classes that the token belongs to. */
  readonly in: readonly string[];
  /** How messages call it. */
  readonly shown: string;
}

const row = (name: string, pattern: string | RegExp | undefined, highlight: Highlight, role: Role, classes: readonly string[] = [], shown?: string): Row => ({
  name, pattern, highlight, role, in: classes, shown: shown ?? (typeof pattern === "string" ? `\`${pattern}\`` : name),
});
const sign = (name: string, pattern: string, highlight: Highlight, classes: readonly string[] = []): Row => row(name, pattern, highlight, "sign", classes);
const capitalised = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);
const words = (role: "reserved" | "soft", highlight: Highlight, list: string): Row[] =>
  list.split(" ").map((word) => row(capitalised(word), word, highlight, role, [role === "soft" ? "Word" : "AnyWord"]));

/** The declarations of a file. All but `fn`, `let` and `use` are soft: a parameter may be called `model`. */
export const DECLARATION_WORDS = ["fn", "extern", "let", "record", "sites", "layer", "fold", "rewrite", "tokenizer", "decode", "model", "compress", "data", "pipeline", "check"] as const;

/** The longest first: `into` before `in`. */
const WORDS: readonly Row[] = [
  ...words("reserved", "control", "if else repeat for in where"),
  ...words("reserved", "declaration", "fn let use extern"),
  ...words("reserved", "modifier", "as import"),
  row("And", "and", "operator", "reserved", ["AnyWord", "BinarySign"]),
  row("Or", "or", "operator", "reserved", ["AnyWord", "BinarySign"]),
  row("Not", "not", "operator", "reserved", ["AnyWord", "PrefixSign"]),
  row("True", "true", "constant", "reserved", ["BoolWord"]),
  row("False", "false", "constant", "reserved", ["BoolWord"]),
  ...words("soft", "declaration", "record sites layer fold rewrite tokenizer decode model compress data pipeline check param carry"),
  ...words("soft", "modifier", "from into offers named when reads down up by at across each after with protect drop of on require report expect fused some step precision"),
  row("None", "none", "constant", "soft", ["Word"]),
].sort((a, b) => String(b.pattern).length - String(a.pattern).length);

/** Order matters: of two patterns that match, the first is taken; words give way to longer identifiers. */
export const TABLE: readonly Row[] = [
  row("AnyWord", undefined, "none", "class", [], "a name"),
  row("Word", undefined, "none", "class", ["AnyWord"], "a name"),
  row("BinarySign", undefined, "none", "class", [], "an operator"),
  row("PrefixSign", undefined, "none", "class", [], "`-` or `not`"),
  row("BoolWord", undefined, "none", "class", ["AnyWord"], "`true` or `false`"),
  row("ListSign", undefined, "none", "class", [], "`,`"),
  row("LeftParen", undefined, "none", "class", [], "`(`"),
  row("LeftSquare", undefined, "none", "class", [], "`[`"),
  row("LeftBrace", undefined, "none", "class", [], "`{`"),

  row("Space", /[ \t\r\n\uFEFF]+/, "none", "hidden"),
  row("Doc", /\/\/\/(?!\/)[^\r\n]*/, "doc", "hidden"),
  row("Comment", /\/\/[^\r\n]*/, "comment", "hidden"),

  row("NumberText", /\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][-+]?\d[\d_]*)?/, "number", "literal", [], "a number"),
  row("StringText", /"(?:[^"\\\r\n]|\\[^\r\n])*"/, "string", "literal", [], "a text in quotes"),
  row("OpenString", /"(?:[^"\\\r\n]|\\[^\r\n])*\\?/, "string", "literal", [], "a text in quotes"),

  ...WORDS,
  row("Identifier", /[\p{ID_Start}_][\p{ID_Continue}\p{N}_]*'*/u, "name", "literal", ["Word"], "a name"),

  sign("Ellipsis", "...", "operator"),
  sign("DotDot", "..", "operator"),
  sign("Dot", ".", "punctuation"),
  sign("Arrow", "->", "operator"),
  sign("Assign", ":=", "operator"),
  sign("Equal", "==", "operator", ["BinarySign"]),
  sign("Unequal", "!=", "operator", ["BinarySign"]),
  sign("LessEqual", "<=", "operator", ["BinarySign"]),
  sign("GreaterEqual", ">=", "operator", ["BinarySign"]),
  sign("Nearly", "~=", "operator", ["BinarySign"]),
  sign("Less", "<", "operator", ["BinarySign"]),
  sign("Greater", ">", "operator", ["BinarySign"]),
  sign("Equals", "=", "operator"),
  sign("Plus", "+", "operator", ["BinarySign"]),
  sign("Minus", "-", "operator", ["BinarySign", "PrefixSign"]),
  sign("Star", "*", "operator", ["BinarySign"]),
  sign("Slash", "/", "operator", ["BinarySign"]),
  sign("Percent", "%", "operator", ["BinarySign"]),
  sign("Caret", "^", "operator", ["BinarySign"]),
  sign("ParenHere", "(", "punctuation", ["LeftParen"]),
  sign("RightParen", ")", "punctuation"),
  sign("SquareHere", "[", "punctuation", ["LeftSquare"]),
  sign("RightSquare", "]", "punctuation"),
  sign("BraceHere", "{", "punctuation", ["LeftBrace"]),
  sign("RightBrace", "}", "punctuation"),
  sign("Comma", ",", "punctuation", ["ListSign"]),
  sign("Semicolon", ";", "punctuation", ["ListSign"]),
  sign("Colon", ":", "punctuation"),
  sign("Question", "?", "operator"),

  // The same signs at the start of a line that no bracket holds together: there they begin something new (layout.ts).
  row("FreshParen", undefined, "none", "class", ["LeftParen"], "`(`"),
  row("FreshSquare", undefined, "none", "class", ["LeftSquare"], "`[`"),
  row("FreshBrace", undefined, "none", "class", ["LeftBrace"], "`{`"),
  row("FreshMinus", undefined, "none", "class", ["PrefixSign"], "`-`"),
];

const byName = new Map<string, TokenType>();

/** Characters that may begin an identifier, for the lexer's table; it keeps one slot for every 255 characters past the first 256. */
const identifierStarts = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_", ...Array.from({ length: 128 }, (_, i) => 128 + i).map((c) => String.fromCharCode(c)), ...Array.from({ length: 257 }, (_, i) => String.fromCharCode(Math.min(65535, 256 + i * 255)))];

function make(r: Row): TokenType {
  const categories = r.in.map(token);
  if (r.pattern === undefined) return createToken({ name: r.name, pattern: Lexer.NA, categories, label: r.shown });
  if (r.name === "Identifier") {
    const pattern = new RegExp((r.pattern as RegExp).source, "uy");
    return createToken({
      name: r.name, categories, label: r.shown, line_breaks: false, start_chars_hint: identifierStarts,
      pattern: (text, offset) => {
        pattern.lastIndex = offset;
        return pattern.exec(text);
      },
    });
  }
  const group = r.name === "Space" ? Lexer.SKIPPED : r.role === "hidden" ? "comments" : undefined;
  const config = { name: r.name, pattern: r.pattern, categories, label: r.shown, line_breaks: r.name === "Space", ...(group === undefined ? {} : { group }) };
  return createToken(r.role === "reserved" || r.role === "soft" ? { ...config, longer_alt: token("Identifier") } : config);
}

/** The token type of a row of the table. */
export function token(name: string): TokenType {
  const known = byName.get(name);
  if (known) return known;
  const found = TABLE.find((r) => r.name === name);
  if (!found) throw new Error(`the table of tokens has no ${name}`);
  const made = make(found);
  byName.set(name, made);
  return made;
}

/** All token types, in the order of the table. */
export const TOKENS: readonly TokenType[] = TABLE.map((r) => token(r.name));

const rows = new Map(TABLE.map((r) => [r.name, r]));
export const rowOf = (type: TokenType): Row | undefined => rows.get(type.name);
export const isWord = (type: TokenType): boolean => type === token("Identifier") || rowOf(type)?.role === "soft";
export const isReserved = (type: TokenType): boolean => rowOf(type)?.role === "reserved";
