// Which pieces of syntax stand at a place of the text.
import type * as Ast from "../../grammar/ast.ts";

interface Spanned {
  readonly span: Ast.Ident["span"];
}

/** From the module down to the smallest node that the offset touches. */
export function nodesAt(root: Ast.Module, offset: number): Spanned[] {
  const found: Spanned[] = [];
  let open: unknown[] = [root];
  while (open.length > 0) {
    let inner: unknown[] = [];
    for (const node of open) {
      if (typeof node !== "object" || node === null) continue;
      const { span } = node as Partial<Spanned>;
      if (span && (span.start > offset || span.end < offset)) continue;
      if (span) found.push(node as Spanned);
      inner = inner.concat(Object.entries(node).flatMap(([key, value]) => (key === "span" || typeof value !== "object" ? [] : [value])));
    }
    open = inner;
  }
  return found;
}

export const nodeOf = <K extends string>(nodes: readonly Spanned[], kind: K): Extract<AnyNode, { readonly kind: K }> | undefined =>
  nodes.findLast((n) => (n as { kind?: unknown }).kind === kind) as Extract<AnyNode, { readonly kind: K }> | undefined;

type AnyNode = Ast.Declaration | Ast.Expr | Ast.CompressItem | Ast.Statement | Ast.LayerMember | Ast.FoldMember | Ast.TypeExpr | Ast.Use;
