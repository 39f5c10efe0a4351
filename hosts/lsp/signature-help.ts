// Signature help: what a call takes, with types and defaults, and which of it is being written.
import type { SignatureHelp } from "vscode-languageserver/node";
import type * as Ast from "../../grammar/ast.ts";
import { activeParameter, callable, callAt } from "./call-at.ts";
import { prose } from "./describe.ts";
import { scopeAt } from "./observed.ts";
import type { Analysis } from "./analysis.ts";

export function signatureHelp(analysis: Analysis, offset: number): SignatureHelp | undefined {
  const call = callAt(analysis.module.source, offset);
  const found = call && callable(call.path, scopeAt(analysis, offset));
  if (!call || !found) return undefined;
  const text = (node: { readonly span: Ast.Ident["span"] }): string => analysis.sources.get(node.span.file)?.text.slice(node.span.start, node.span.end).replace(/\s*\n\s*/g, " ") ?? "";
  let label = `${found.name}(`;
  const parameters = [...found.tensors, ...found.statics].map((p, i): { label: [number, number] } => {
    if (i > 0) label += found.tensors.length > 0 && i === found.tensors.length ? "; " : ", ";
    const start = label.length;
    label += text(p);
    return { label: [start, label.length] };
  });
  label += found.result ? `) -> ${text(found.result)}` : ")";
  const active = activeParameter(call, found);
  return {
    signatures: [{ label, parameters, ...(found.doc === undefined ? {} : { documentation: { kind: "markdown", value: prose(found.doc) } }) }],
    activeSignature: 0,
    ...(active >= 0 && active < parameters.length ? { activeParameter: active } : {}),
  };
}
