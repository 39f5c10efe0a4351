// A declaration as one reads it in a hover or a list: its head, without the body, and what its doc comment says.
import type { Value } from "../../compiler/elaborate/value.ts";
import { describe, showTensor } from "../../compiler/elaborate/value.ts";
import type * as Ast from "../../grammar/ast.ts";
import type { Source } from "../../grammar/source.ts";
import type { Meaning } from "./meaning.ts";
import type { Analysis } from "./analysis.ts";

export const fenced = (code: string): string => `\`\`\`kiri\n${code}\n\`\`\``;

/** The text of a declaration up to its body. */
export function headOf(d: Ast.Declaration, source: Source | undefined): string {
  const text = source?.text.slice(d.span.start, d.span.end) ?? "";
  const body = bodyOf(d);
  const end = body === undefined ? text.length : body - d.span.start;
  const head = text.slice(0, end).replace(/\s*\{?\s*$/, "").replace(/\s*\n\s*/g, " ");
  return head.length > 400 ? `${head.slice(0, 400)}…` : head;
}

function bodyOf(d: Ast.Declaration): number | undefined {
  switch (d.kind) {
    case "fn": return d.body?.span.start;
    case "pipeline": case "check": return d.body.span.start;
    case "layer": return Math.min(...[...d.members, ...d.methods].map((m) => m.span.start), d.forward?.signature.span.start ?? d.span.end);
    case "fold": case "rewrite": case "decode": return d.members[0]?.span.start;
    case "tokenizer": return [...d.lets, ...d.methods].map((m) => m.span.start).sort((a, b) => a - b)[0];
    case "compress": return d.items[0]?.span.start;
    default: return undefined;
  }
}

/** What a doc comment says, with links to the papers that it names. */
export function prose(doc: Ast.Doc): string {
  return (doc ?? "")
    .replace(/\barXiv[: ](\d{4}\.\d{4,5})\b/g, "[arXiv $1](https://arxiv.org/abs/$1)")
    .replace(/\bdoi[: ](10\.\S+[^\s.,;])/g, "[doi $1](https://doi.org/$1)")
    .replaceAll("\n", "  \n");
}

/** The paper that a module is of: its first lines, where they name one. */
export const paperOf = (module: Ast.Module): string => (/arXiv|doi/.test(module.doc ?? "") ? prose(module.doc) : "");

/** How a value is shown where its name is known. */
export const valueText = (value: Value): string => (value.kind === "tensor" ? showTensor(value) : describe(value));

/** The source that a meaning is in. */
export const sourceOf = (analysis: Analysis, means: Meaning): Source | undefined => analysis.sources.get(means.at.file) ?? means.module?.source;
