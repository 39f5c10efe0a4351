// S: syntax. What the grammar reports as data becomes a coded diagnostic here.
import type { SyntaxProblem } from "../../grammar/problem.ts";
import { define, error, type Problem, report } from "./define.ts";
import { respelt } from "./fix.ts";
import { nearest } from "./suggest.ts";

const choice = (words: readonly string[]): string => (words.length < 2 ? (words[0] ?? "something else") : `${words.slice(0, -1).join(", ")} or ${words[words.length - 1]}`);

/** What people write who come from other languages. */
const SPELLINGS: Readonly<Record<string, string>> = {
  "&": "Write `and`.", "|": "Write `or`.", "!": "Write `not`.", "'": "Texts stand in double quotes: \"…\". A prime belongs directly behind a name: N'.", "`": "Texts stand in double quotes: \"…\".",
  "#": "Comments begin with `//`.", "?": "Write `if condition { a } else { b }`.", "@": "A product of matrices is `dot(a, b; over: …)`.",
  "\u201c": "Use plain double quotes: \"…\".", "\u201d": "Use plain double quotes: \"…\".", "\u2212": "Use the plain sign `-`.", "\u00d7": "Use `*`.", "\u2264": "Write `<=`.", "\u2265": "Write `>=`.", "\u2192": "Write `->`.",
};

export const syntax = define({
  S101: error("This does not belong here", {
    says: (h: { found: string; expected: readonly string[] }) => `Found ${h.found}; expected ${choice(h.expected)}.`,
    next: (h) => `Put ${choice(h.expected)} here, or take ${h.found} away.`,
  }),
  S102: error("This bracket is never closed", {
    says: (h: { bracket: string; wanted: string }) => `\`${h.bracket}\` is opened here and \`${h.wanted}\` is missing.`,
    next: (h) => `Add \`${h.wanted}\` where it should end.`,
  }),
  S103: error("This bracket closes nothing", {
    says: (h: { bracket: string; opened: string | undefined }) => `\`${h.bracket}\` has no partner${h.opened === undefined ? "" : `; the innermost open bracket is \`${h.opened}\``}.`,
    next: (h) => `Delete \`${h.bracket}\`, or open it further up.`,
  }),
  S104: error("This text is never closed", {
    says: (_: unknown) => "A text ends with `\"` on the line on which it begins.",
    next: () => "Add the closing `\"`; write a line break inside a text as \\n.",
  }),
  S105: error("There is no such escape", {
    says: (h: { escape: string }) => `${h.escape} means nothing in a text; there are \\n \\r \\t \\b \\f \\" \\/ \\\\ and \\u{…}.`,
    next: () => "Write \\\\ for a backslash.",
  }),
  S106: error("This character has no meaning", {
    says: (h: { character: string }) => `${JSON.stringify(h.character)} (U+${(h.character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}) stands outside of texts and comments.`,
    next: (h) => SPELLINGS[[...h.character][0] ?? ""] ?? "Delete it.",
  }),
  S107: error("A compile-time parameter stands before `;`", {
    says: (h: { name: string; type: string }) => `${h.name} is of type ${h.type}, known at compile time; before \`;\` stand tensors.`,
    next: (h) => `Move ${h.name} behind the \`;\`.`,
  }),
  S108: error("A tensor stands after `;`", {
    says: (h: { name: string; type: string }) => `${h.name} is a tensor of ${h.type}; after \`;\` stands what is known at compile time.`,
    next: (h) => `Move ${h.name} before the \`;\`.`,
  }),
  S109: error("A declaration is expected here", {
    says: (h: { found: string; near: readonly string[] }) => `${h.found} begins no declaration.`,
    next: (h) => (h.near.length ? `Did you mean ${choice(h.near)}?` : "A file consists of `use`, fn, let, record, sites, layer, fold, rewrite, tokenizer, decode, model, compress, data, pipeline and check."),
    fixes: (h) => respelt(h.found.replaceAll("`", ""), h.near.map((w) => w.replaceAll("`", ""))),
  }),
  S110: error("Two of them stand on one line", {
    says: (h: { what: string }) => `${/^[aeiou]/.test(h.what) ? "An" : "A"} ${h.what} ends at the line's end, and another ${h.what} follows on the same line.`,
    next: (h) => (h.what === "statement" ? "Begin a new line, or put `;` between them." : h.what === "field" || h.what === "site" || h.what === "member" ? "Begin a new line, or put `,` between them where the kind of list allows it." : "Begin a new line."),
  }),
  S111: error("This is nested too deeply", {
    says: (h: { limit: number }) => `More than ${h.limit} levels or links are more than I follow.`,
    next: () => "Give parts of it names with `let`.",
  }),
  S112: error("This file is too large", {
    says: (h: { size: number; limit: number }) => `It has ${h.size} characters; ${h.limit} is the most.`,
    next: () => "Split it into modules, and keep numbers in data files.",
  }),
  S113: error("A line begins with an operator", {
    says: (h: { operator: string }) => `A statement ends at the line's end, so \`${h.operator}\` has no left side.`,
    next: (h) => `Put \`${h.operator}\` at the end of the line before, or put the whole in brackets.`,
  }),
  S114: error("This is no number", {
    says: (h: { text: string; why: string }) => `I read ${h.text}, and ${h.why}.`,
    next: () => "Numbers look like 12, 1_000, 0.5 and 1e-6; a name does not begin with a digit.",
  }),
  S115: error("A call is expected here", {
    says: (h: { found: string }) => `${h.found === "" ? "This" : h.found} is not called.`,
    next: (h) => `Write \`${h.found === "" ? "name" : h.found}(…)\`, with empty brackets where it takes nothing.`,
  }),
  S116: error("Only a carried value can be set", {
    says: (h: { found: string }) => `Left of \`:=\` stands ${h.found}; a carried value is set by its name.`,
    next: () => "Use `let name = …` for a new value.",
  }),
  S117: error("This word cannot be a name", {
    says: (h: { word: string }) => `\`${h.word}\` is a word of the language; it is a name only behind a \`.\` and before a \`:\`.`,
    next: (h) => `Choose another name, like ${h.word}_.`,
  }),
  S118: error("There is a second `;`", {
    says: (_: unknown) => "One `;` parts tensors from compile-time values.",
    next: () => "Put `,` here.",
  }),
  S119: error("This `if` has no `else`", {
    says: (_: unknown) => "`if` is a value, so both sides must give one.",
    next: () => "Add `else { … }`.",
  }),
  S120: error("This `use` comes late", {
    says: (_: unknown) => "Imports stand at the top of a file.",
    next: () => "Move it above the first declaration.",
  }),
  S121: error("This requirement has no bound", {
    says: (_: unknown) => "`require` compares a measure with a bound.",
    next: () => "Write `require measure >= bound on data`, or `report measure on data` where there is none.",
  }),
  S122: error("There is no such element type", {
    says: (h: { name: string; near: readonly string[]; known: readonly string[] }) => `${h.name} is followed by axes, and is none of ${h.known.join(", ")}.`,
    next: (h) => (h.near.length ? `Did you mean ${choice(h.near)}?` : "Only tensors have axes; a list is written [Int]."),
    fixes: (h) => respelt(h.name, h.near),
  }),
  S123: error("`=` neither compares nor assigns here", {
    says: (_: unknown) => "`=` stands in `let`, in `where` and between a parameter and its default.",
    next: () => "Compare with `==`, name a value with `let name = …`, set a carried value with `:=`.",
  }),
  S124: error("A value is missing", {
    says: (h: { found: string }) => `Here I expected a value and found ${h.found}.`,
    next: () => "Write the value, or take the sign before it away.",
  }),
  S125: error("This axis name stands nowhere", {
    says: (h: { name: string }) => `\`as ${h.name}\` names an axis that a call makes, at the end of an argument: \`count: 4 as ${h.name}\`.`,
    next: (h) => `Write \`as [${h.name}]\` to rename the axes of a tensor.`,
  }),
  S126: error("This function has no body", {
    says: (h: { name: string }) => `${h.name} is declared, and not said.`,
    next: (h) => `Add \`{ … }\` behind the signature of ${h.name}.`,
  }),
  S127: error("A primitive has no body", {
    says: (h: { name: string }) => `${h.name} is \`extern\`: the compiler knows what it does.`,
    next: () => "Delete the body, or the word `extern`.",
  }),
  S128: error("This layer has two unnamed functions", {
    says: (h: { layer: string }) => `${h.layer} is called like a function, and that function is given above.`,
    next: () => "Give the second one a name: `fn name(…) -> … { … }`.",
  }),
});

/** The grammar's data as a diagnostic. */
export function syntaxProblem(p: SyntaxProblem): Problem {
  switch (p.kind) {
    case "unexpected": return report(syntax.S101, p.span, p);
    case "value-missing": return report(syntax.S124, p.span, p);
    case "declaration-expected": return report(syntax.S109, p.span, { found: p.found, near: nearest(p.found.replaceAll("`", ""), p.words).map((w) => `\`${w}\``) });
    case "reserved-word": return report(syntax.S117, p.span, p);
    case "bracket-unclosed": return report(syntax.S102, p.span, p, [{ span: p.until, says: `\`${p.wanted}\` is missing before this` }]);
    case "bracket-unopened": return report(syntax.S103, p.span, { bracket: p.bracket, opened: p.opened?.bracket }, p.opened ? [{ span: p.opened.span, says: "opened here" }] : []);
    case "string-unclosed": return report(syntax.S104, p.span, p);
    case "escape-unknown": return report(syntax.S105, p.span, p);
    case "character-unknown": return report(syntax.S106, p.span, p);
    case "number-malformed": return report(syntax.S114, p.span, p);
    case "same-line": return report(syntax.S110, p.span, p, [{ span: p.before, says: "the first one" }]);
    case "operator-first": return report(syntax.S113, p.span, p);
    case "static-before-semicolon": return report(syntax.S107, p.span, p, [{ span: p.semicolon, says: "compile-time values follow this" }]);
    case "tensor-after-semicolon": return report(syntax.S108, p.span, p, [{ span: p.semicolon, says: "tensors stand before this" }]);
    case "semicolon-again": return report(syntax.S118, p.span, p, [{ span: p.first, says: "the first one" }]);
    case "else-missing": return report(syntax.S119, p.span, p);
    case "call-expected": return report(syntax.S115, p.span, p);
    case "target-not-name": return report(syntax.S116, p.span, p);
    case "equals-in-expression": return report(syntax.S123, p.span, p);
    case "axis-name-misplaced": return report(syntax.S125, p.span, p);
    case "element-type-unknown": return report(syntax.S122, p.span, { name: p.name, known: p.known, near: nearest(p.name, p.known) });
    case "use-late": return report(syntax.S120, p.span, p);
    case "bound-missing": return report(syntax.S121, p.span, p);
    case "body-missing": return report(syntax.S126, p.span, p);
    case "body-surplus": return report(syntax.S127, p.span, p);
    case "forward-again": return report(syntax.S128, p.span, p, [{ span: p.first, says: "the first one" }]);
    case "too-deep": return report(syntax.S111, p.span, p);
    case "too-large": return report(syntax.S112, p.span, p);
  }
}
