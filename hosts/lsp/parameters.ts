// What a declaration takes.
import type * as Ast from "../../grammar/ast.ts";

/** What a call of a declaration can be given. */
export function paramsOf(d: Ast.Declaration): readonly Ast.Param[] {
  switch (d.kind) {
    case "fn": case "pipeline": return [...d.signature.params, ...d.signature.statics];
    case "layer": case "fold": case "rewrite": case "tokenizer": case "decode": return d.params;
    case "record": return d.fields;
    default: return [];
  }
}
