// Inlay hints: the axes of what `let` binds, and behind each line of a `compress` how many tokens and how much work it leaves.
import { type InlayHint, InlayHintKind, type Range } from "vscode-languageserver/node";
import type * as Ast from "../../grammar/ast.ts";
import { showTensor } from "../../compiler/elaborate/value.ts";
import { observed } from "./observed.ts";
import { offsetAt, rangeOf } from "./ranges.ts";
import { percent, placements, plainOf, type Wish, wovenOf } from "./variants.ts";
import type { Analysis } from "./analysis.ts";

export async function inlayHints(analysis: Analysis, range: Range, wish: Wish): Promise<InlayHint[]> {
  const { source, ast } = analysis.module;
  const [start, end] = [offsetAt(source, range.start), offsetAt(source, range.end)];
  const hints: InlayHint[] = [];
  for (const d of ast.declarations) {
    if (wish.isCancellationRequested) return [];
    if (d.span.end < start || d.span.start > end) continue;
    if (d.kind === "compress") hints.push(...(await afterLines(analysis, d, wish)));
    else if (d.kind !== "check") hints.push(...axesOf(analysis, d));
  }
  return hints;
}

function axesOf(analysis: Analysis, d: Ast.Declaration): InlayHint[] {
  const { source } = analysis.module;
  const typed = new Set<Ast.Ident>();
  const open: unknown[] = [d];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== "object" || node === null) continue;
    const l = node as Ast.Let;
    // What its author wrote down is not told again.
    if (l.kind === "let" && (l.type || l.value.kind === "as-axes")) for (const name of l.names) typed.add(name);
    for (const [key, value] of Object.entries(node)) if (key !== "span" && typeof value === "object") open.push(value);
  }
  return [...observed(analysis, d).bound].flatMap(([name, value]): InlayHint[] =>
    value.kind === "tensor" && !typed.has(name) ? [{ position: rangeOf(source, name.span).end, label: `: ${showTensor(value)}`, kind: InlayHintKind.Type }] : []);
}

async function afterLines(analysis: Analysis, d: Ast.CompressDecl, wish: Wish): Promise<InlayHint[]> {
  const plain = await plainOf(analysis, d.target.name, wish);
  if (!plain) return [];
  const hints: InlayHint[] = [];
  for (const [i, item] of placements(d).entries()) {
    const woven = await wovenOf(analysis, d, i + 1, wish);
    if (!woven) return hints;
    const left = woven.cost.tokens?.leaving;
    const share = percent(woven.cost.total / plain.cost.total);
    hints.push({ position: rangeOf(analysis.module.source, item.span).end, label: `${left === undefined || item.kind === "place-rewrite" ? "" : `${left} tokens, `}${share} of the work`, kind: InlayHintKind.Type, paddingLeft: true });
  }
  return hints;
}
