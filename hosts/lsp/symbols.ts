// The outline of a file: its declarations, and what each is made of.
import { type DocumentSymbol, SymbolKind } from "vscode-languageserver/node";
import type * as Ast from "../../grammar/ast.ts";
import type { Source } from "../../grammar/source.ts";
import { showSelector } from "../../compiler/compress/selector.ts";
import { rangeOf } from "./ranges.ts";

export function documentSymbols(from: Source, { declarations }: Ast.Module): DocumentSymbol[] {
  const of = (node: { readonly span: Ast.Ident["span"] }, name: Ast.Ident, kind: SymbolKind, detail = "", children: DocumentSymbol[] = []): DocumentSymbol[] =>
    name.name === "" ? [] : [{ name: name.name, detail, kind, range: rangeOf(from, node.span), selectionRange: rangeOf(from, name.span), children }];
  const params = (list: readonly Ast.Param[], kind: SymbolKind): DocumentSymbol[] => list.flatMap((p) => of(p, p.name, kind));
  const methods = (list: readonly Ast.FnDecl[]): DocumentSymbol[] => list.flatMap((m) => of(m, m.name, SymbolKind.Method));
  const lets = (list: readonly Ast.Let[]): DocumentSymbol[] => list.flatMap((l) => l.names.flatMap((n) => of(l, n, SymbolKind.Variable)));
  const sites = (body: Ast.Block): DocumentSymbol[] => lets(body.statements.filter((s) => s.kind === "let"));
  const part = (node: { readonly span: Ast.Ident["span"] }, name: string, children: DocumentSymbol[]): DocumentSymbol => {
    const start = node.span.start;
    return { name, kind: SymbolKind.Method, range: rangeOf(from, node.span), selectionRange: rangeOf(from, { start, end: Math.min(node.span.end, start + name.length) }), children };
  };

  const member = (m: Ast.LayerMember | Ast.FoldMember): DocumentSymbol[] => {
    switch (m.kind) {
      case "sub-layer": return of(m, m.name, SymbolKind.Property, "part");
      case "param": return of(m, m.name, SymbolKind.Field, "weight");
      case "let": return lets([m]);
      case "fn": return methods([m]);
      case "carry": return of(m, m.name, SymbolKind.Field, "carry");
      case "companion": return of(m, m.name, SymbolKind.Field, "companion");
      case "hook": return of(m, m.site, SymbolKind.Event, "hook");
      case "down": return [part(m, "down", sites(m.body))];
      case "up": return [part(m, "up", sites(m.body))];
    }
  };
  const item = (i: Ast.CompressItem): DocumentSymbol[] => {
    const text = i.kind === "place-fold" || i.kind === "place-rewrite" ? `${i.kind === "place-fold" ? "fold" : "rewrite"} ${showSelector(i.region)}` : i.kind;
    return [{ name: text, kind: SymbolKind.Operator, range: rangeOf(from, i.span), selectionRange: rangeOf(from, i.span), children: [] }];
  };
  const declaration = (d: Ast.Declaration): DocumentSymbol[] => {
    switch (d.kind) {
      case "fn": return of(d, d.name, SymbolKind.Function, "fn");
      case "pipeline": return of(d, d.name, SymbolKind.Function, "pipeline", [...params(d.signature.params, SymbolKind.Variable), ...sites(d.body)]);
      case "record": return of(d, d.name, SymbolKind.Struct, "record", [...params(d.fields, SymbolKind.Field), ...lets(d.lets), ...methods(d.methods)]);
      case "const": return of(d, d.name, SymbolKind.Constant, "let");
      case "sites": return of(d, d.name, SymbolKind.Interface, "sites", d.sites.flatMap((s) => of(s.name, s.name, SymbolKind.Property)));
      case "layer": return of(d, d.name, SymbolKind.Class, "layer", [...d.members.flatMap(member), ...(d.forward ? sites(d.forward.body) : []), ...methods(d.methods)]);
      case "fold": return of(d, d.name, SymbolKind.Class, "fold", d.members.flatMap(member));
      case "rewrite": return of(d, d.name, SymbolKind.Class, "rewrite", d.members.flatMap(member));
      case "decode": return of(d, d.name, SymbolKind.Class, "decode", d.members.flatMap(member));
      case "tokenizer": return of(d, d.name, SymbolKind.Class, "tokenizer", methods(d.methods));
      case "model": return of(d, d.name, SymbolKind.Object, "model");
      case "data": return of(d, d.name, SymbolKind.Array, "data", params(d.fields, SymbolKind.Field));
      case "compress": return of(d, d.as ?? d.target, SymbolKind.Module, `compress ${d.target.name}`, d.items.flatMap(item));
      case "check": return [{ name: `check ${JSON.stringify(d.title)}`, kind: SymbolKind.Boolean, range: rangeOf(from, d.span), selectionRange: rangeOf(from, { start: d.span.start, end: Math.min(d.span.end, d.span.start + 5) }), children: [] }];
    }
  };
  return declarations.flatMap(declaration);
}
