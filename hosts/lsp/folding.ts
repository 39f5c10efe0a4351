// Folding ranges: whatever stands in brackets over several lines, runs of comments, and the `use` lines.
import { type FoldingRange, FoldingRangeKind } from "vscode-languageserver/node";
import type { Source } from "../../grammar/source.ts";
import { position } from "../../grammar/source.ts";
import { layout } from "../../grammar/layout.ts";
import { readable } from "./readable.ts";

const OPENS: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

export function foldingRanges(from: Source): FoldingRange[] {
  if (!readable(from)) return [];
  const { chunks, comments } = layout(from);
  const line = (offset: number): number => position(from, offset).line - 1;
  const found: FoldingRange[] = [];
  const fold = (start: number, end: number, kind?: FoldingRangeKind): void => {
    if (end > start) found.push({ startLine: start, endLine: end, ...(kind === undefined ? {} : { kind }) });
  };
  const open: { readonly closes: string; readonly line: number }[] = [];
  for (const token of chunks.flat()) {
    const closes = OPENS[token.image];
    if (closes) open.push({ closes, line: line(token.startOffset) });
    else if (open[open.length - 1]?.closes === token.image) {
      const { line: start } = open.pop() as { line: number };
      // The line of the closing bracket stays to be seen.
      fold(start, line(token.startOffset) - 1);
    }
  }
  const uses = chunks.filter(([first]) => first?.image === "use").flatMap((c) => c.map((t) => line(t.startOffset)));
  if (uses.length > 0) fold(Math.min(...uses), Math.max(...uses), FoldingRangeKind.Imports);
  let run: { start: number; end: number } | undefined;
  for (const comment of comments.filter((c) => c.ownLine)) {
    const at = line(comment.start);
    if (run && at === run.end + 1) run.end = at;
    else {
      if (run) fold(run.start, run.end, FoldingRangeKind.Comment);
      run = { start: at, end: at };
    }
  }
  if (run) fold(run.start, run.end, FoldingRangeKind.Comment);
  return found.sort((a, b) => a.startLine - b.startLine || b.endLine - a.endLine);
}
