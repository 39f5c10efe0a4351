// The colours of the language for editors: a TextMate grammar made from the table of tokens.
import { DECLARATION_WORDS, type Highlight, type Row, TABLE } from "./tokens.ts";

export interface TextMateRule {
  readonly name?: string;
  readonly match?: string;
  readonly begin?: string;
  readonly end?: string;
  readonly captures?: Readonly<Record<string, { readonly name: string }>>;
  readonly patterns?: readonly TextMateRule[];
}

interface TextMateGrammar {
  readonly name: string;
  readonly scopeName: string;
  readonly fileTypes: readonly string[];
  readonly patterns: readonly TextMateRule[];
}

const SCOPES: Readonly<Record<Highlight, string>> = {
  none: "", number: "constant.numeric.kiri", string: "string.quoted.double.kiri", operator: "keyword.operator.kiri", punctuation: "punctuation.kiri", control: "keyword.control.kiri",
  declaration: "storage.type.kiri", modifier: "storage.modifier.kiri", constant: "constant.language.kiri", name: "variable.other.kiri", comment: "comment.line.double-slash.kiri",
  doc: "comment.line.documentation.kiri",
};

const WORD = "[\\p{L}_][\\p{L}\\p{N}_]*'*";
const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
const rowsOf = (role: Row["role"]): readonly Row[] => TABLE.filter((r) => r.role === role);

/** The words of one colour in one rule; behind a `.` and before a `:` they are names. */
function wordRules(role: "reserved" | "soft"): TextMateRule[] {
  const rows = rowsOf(role);
  return [...new Set(rows.map((r) => r.highlight))].map((highlight) => ({
    name: SCOPES[highlight],
    match: `(?<![\\p{L}\\p{N}_.])(?:${rows.filter((r) => r.highlight === highlight).map((r) => String(r.pattern)).join("|")})(?![\\p{L}\\p{N}_'])(?!\\s*:)`,
  }));
}

function signRules(): TextMateRule[] {
  const rows = [...rowsOf("sign")].sort((a, b) => String(b.pattern).length - String(a.pattern).length);
  return [...new Set(rows.map((r) => r.highlight))].map((highlight) => ({ name: SCOPES[highlight], match: rows.filter((r) => r.highlight === highlight).map((r) => quoted(String(r.pattern))).join("|") }));
}

const sourceOf = (name: string): string => {
  const pattern = TABLE.find((r) => r.name === name)?.pattern;
  return pattern instanceof RegExp ? pattern.source : "";
};

export const textMate: TextMateGrammar = {
  name: "kirigami",
  scopeName: "source.kiri",
  fileTypes: ["kiri"],
  patterns: [
    { name: SCOPES.doc, match: sourceOf("Doc") },
    { name: SCOPES.comment, match: sourceOf("Comment") },
    { name: SCOPES.string, begin: '"', end: '"|$', patterns: [{ name: "constant.character.escape.kiri", match: "\\\\(?:u\\{[0-9a-fA-F]{1,6}\\}|u[0-9a-fA-F]{4}|[\"\\\\/bfnrt])" }, { name: "invalid.illegal.kiri", match: "\\\\." }] },
    { match: `^\\s*(?:(extern)\\s+)?(${DECLARATION_WORDS.filter((w) => w !== "extern").join("|")})\\s+(${WORD})`, captures: { 1: { name: SCOPES.declaration }, 2: { name: SCOPES.declaration }, 3: { name: "entity.name.kiri" } } },
    { name: "support.type.kiri", match: "(?<![\\p{L}\\p{N}_.])(?:f64|f32|f16|bf16|i64|i32|i16|i8|u16|u8|i4|u4|bool|text|image|audio|tokens)(?![\\p{L}\\p{N}_'])" },
    { match: "^\\s*(precision)\\s*:", captures: { 1: { name: SCOPES.modifier } } },
    { name: SCOPES.number, match: `(?<![\\p{L}_])${sourceOf("NumberText")}` },
    ...wordRules("reserved"),
    ...wordRules("soft"),
    { match: `(${WORD})(?=\\()`, captures: { 1: { name: "entity.name.function.kiri" } } },
    { name: SCOPES.name, match: WORD },
    ...signRules(),
  ],
};
