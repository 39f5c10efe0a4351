// What the parser's complaint says as data: what was found where, and what could have stood there.
import type { IRecognitionException, IToken } from "chevrotain";
import { endOf, isVirtual } from "./layout.ts";
import type { SyntaxProblem } from "./problem.ts";
import { type Source, span } from "./source.ts";
import { DECLARATION_WORDS, isReserved, rowOf, token, type Row } from "./tokens.ts";

const rowNamed = (name: string): Row | undefined => rowOf(token(name));
const sign = (text: string): string => `\`${text}\``;

/** What may stand where a rule of the grammar offers alternatives. */
const ALTERNATIVES: Readonly<Record<string, readonly string[]>> = {
  declaration: ["a declaration"],
  type: ["a type"],
  layerMember: ["use", "param", "let", "fn", "("].map(sign),
  foldMember: ["down", "up", "at", "carry", "fn", "let"].map(sign),
  rewriteMember: ["at", "fn", "let"].map(sign),
  decodeMember: ["fn", "let", "carry"].map(sign),
  tokenizerMember: [sign("let"), "a method"],
  recordMember: ["a field", sign("let"), sign("fn")],
  compressItem: ["fold", "rewrite", "require", "report", "expect", "precision"].map(sign),
  placeFold: ["across", "in each", "at"].map(sign),
  unfold: ["after", "none"].map(sign),
  requirement: ["require", "report"].map(sign),
  down: [sign("("), "the name of a companion"],
  letStatement: ["a name", sign("(")],
  statement: ["a statement"],
  tokenizerDeclaration: ["=", "(", "{"].map(sign),
};

/** What may stand before the closing bracket that was expected. */
const BEFORE_CLOSING: Readonly<Record<string, readonly string[]>> = {
  call: [sign(","), sign(";")], inputs: [sign(","), sign(";")], group: [sign(",")], list: [sign(","), sign("for")], slice: [sign(",")], axes: [sign(",")], names: [sign(",")],
  tupleType: [sign(",")], useDeclaration: [sign(",")], block: ["a statement"], recordLiteral: ["a field"], recordType: ["a field"], recordDeclaration: ["a field", sign("let"), sign("fn")], siteList: ["a site"],
  layerDeclaration: ALTERNATIVES.layerMember ?? [], foldDeclaration: ALTERNATIVES.foldMember ?? [], rewriteDeclaration: ALTERNATIVES.rewriteMember ?? [],
  decodeDeclaration: ALTERNATIVES.decodeMember ?? [], tokenizerDeclaration: ALTERNATIVES.tokenizerMember ?? [], compressDeclaration: ALTERNATIVES.compressItem ?? [],
};

const VALUE_RULES = new Set(["expression", "operand", "place", "argument", "equation"]);
const BODY_RULES = new Set(["block", "statement", "letStatement", "ifExpression"]);

export function complaint(from: Source, error: IRecognitionException): SyntaxProblem | undefined {
  if (isVirtual(error.token)) return undefined;
  const rule = error.context.ruleStack[error.context.ruleStack.length - 1] ?? "declaration";
  const names = error.message.split(" ").filter((n) => n !== "");
  const { at, found } = placeOf(from, error);
  if (error.name === "NotAllInputParsedException") return leftOver(error.token, at, found);
  if (error.name !== "MismatchedTokenException") {
    if (VALUE_RULES.has(rule)) return isReserved(error.token.tokenType) && at.end > at.start ? { kind: "reserved-word", word: error.token.image, span: at } : { kind: "value-missing", found, span: at };
    if (names.some((n) => n === "Word" || n === "AnyWord") && at.end > at.start && isReserved(error.token.tokenType)) return { kind: "reserved-word", word: error.token.image, span: at };
    return { kind: "unexpected", found, expected: ALTERNATIVES[rule] ?? shown(names), span: at };
  }
  const [name] = names;
  if ((name === "Word" || name === "AnyWord") && at.end > at.start && isReserved(error.token.tokenType)) return { kind: "reserved-word", word: error.token.image, span: at };
  if (error.token.tokenType === token("Equals") && BODY_RULES.has(rule)) return { kind: "equals-in-expression", span: at };
  return { kind: "unexpected", found, expected: name?.startsWith("Right") ? [...(BEFORE_CLOSING[rule] ?? []), ...shown(names)] : shown(names), span: at };
}

const shown = (names: readonly string[]): string[] => [...new Set(names.flatMap((n) => rowNamed(n)?.shown ?? []))];

/** The blamed place: the token, or the end of the one before where the wish stands on an earlier line or the declaration ends. */
function placeOf(from: Source, error: IRecognitionException): { at: ReturnType<typeof span>; found: string } {
  const previous = (error as { previousToken?: IToken }).previousToken;
  const { startOffset } = error.token;
  const previousEnd = previous && Number.isFinite(previous.startOffset) ? endOf(previous) : undefined;
  if (!Number.isFinite(startOffset)) {
    const end = previousEnd ?? from.text.length;
    return { at: span(from.path, end, end), found: /\S/.test(from.text.slice(end)) ? "the end of the declaration" : "the end of the file" };
  }
  const newline = previousEnd !== undefined && error.name === "MismatchedTokenException" && from.text.slice(previousEnd, startOffset).includes("\n");
  if (newline && previousEnd !== undefined) return { at: span(from.path, previousEnd, previousEnd), found: "the end of the line" };
  return { at: span(from.path, startOffset, endOf(error.token)), found: describe(error.token) };
}

function leftOver(found: IToken, at: ReturnType<typeof span>, text: string): SyntaxProblem {
  const declares = DECLARATION_WORDS.some((w) => w === found.image);
  if (declares) return { kind: "same-line", what: "declaration", before: at, span: at };
  if (found.tokenType === token("Equals")) return { kind: "equals-in-expression", span: at };
  return { kind: "declaration-expected", found: text, words: [...DECLARATION_WORDS, "use"], span: at };
}

/** A token as a message names it. */
export function describe(t: IToken): string {
  const image = t.image.length > 40 ? `${t.image.slice(0, 39)}…` : t.image;
  return t.tokenType === token("StringText") ? image : `\`${image}\``;
}
