// Colours by meaning: words from the one table of tokens, names by what they stand for. Nothing is elaborated.
import { SemanticTokensBuilder, type SemanticTokens, type SemanticTokensLegend } from "vscode-languageserver/node";
import { endOf, isVirtual, layout } from "../../grammar/layout.ts";
import { type Highlight, rowOf } from "../../grammar/tokens.ts";
import type { Meaning } from "./meaning.ts";
import { namesOf } from "./names.ts";
import { rangeOf } from "./ranges.ts";
import { readable } from "./readable.ts";
import type { Analysis } from "./analysis.ts";

const TYPES = ["keyword", "number", "string", "comment", "operator", "function", "class", "interface", "namespace", "variable", "parameter", "property", "typeParameter", "method", "struct", "enumMember"] as const;
const MODIFIERS = ["documentation", "declaration", "defaultLibrary"] as const;
type Type = (typeof TYPES)[number];

export const legend: SemanticTokensLegend = { tokenTypes: [...TYPES], tokenModifiers: [...MODIFIERS] };

const WORDS: Readonly<Record<Highlight, Type | undefined>> = {
  none: undefined, number: "number", string: "string", operator: "operator", punctuation: undefined, control: "keyword", declaration: "keyword", modifier: "keyword", constant: "keyword", name: undefined, comment: "comment", doc: "comment",
};

function typeOf({ kind, declaration, module }: Meaning): Type {
  if (module && !declaration) return "namespace";
  switch (declaration?.kind) {
    case "fn": case "pipeline": return "function";
    case "layer": case "fold": case "rewrite": case "tokenizer": case "decode": return "class";
    case "record": return "struct";
    case "sites": return "interface";
    default: break;
  }
  if (declaration) return "variable";
  const kinds: Readonly<Record<Meaning["kind"], Type>> = { declaration: "variable", parameter: "parameter", value: "variable", axis: "typeParameter", field: "property", method: "method", part: "property", weight: "property", site: "enumMember", module: "namespace", variant: "class", carry: "property" };
  return kinds[kind];
}

export function semanticTokens(analysis: Analysis): SemanticTokens {
  const { source } = analysis.module;
  const build = new SemanticTokensBuilder();
  if (!readable(source)) return build.build();
  const { chunks, comments } = layout(source);
  const names = new Map(namesOf(analysis, false).map((o) => [o.span.start, o]));
  const all: { start: number; end: number; type: Type; modifiers: number }[] = comments.map((c) => ({ start: c.start, end: c.end, type: "comment", modifiers: c.isDoc ? 1 : 0 }));
  for (const token of chunks.flat()) {
    if (isVirtual(token)) continue;
    const name = names.get(token.startOffset);
    const isName = name && name.span.end === endOf(token);
    const type = isName ? typeOf(name.means) : WORDS[rowOf(token.tokenType)?.highlight ?? "none"];
    const modifiers = isName ? (name.means.at.start === token.startOffset && name.means.at.file === source.path ? 2 : 0) | (name.means.at.file.startsWith("std:") ? 4 : 0) : 0;
    if (type) all.push({ start: token.startOffset, end: endOf(token), type, modifiers });
  }
  for (const { start, end, type, modifiers } of all.sort((a, b) => a.start - b.start)) {
    const range = rangeOf(source, { start, end });
    if (range.start.line === range.end.line) build.push(range.start.line, range.start.character, end - start, TYPES.indexOf(type), modifiers);
  }
  return build.build();
}
