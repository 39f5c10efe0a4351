// Formatting: the whole file in the one way; a file with errors is left alone.
import type { TextEdit } from "vscode-languageserver/node";
import { format } from "../../grammar/format.ts";
import { type Source, source } from "../../grammar/source.ts";
import { rangeOf } from "./ranges.ts";

/** The one edit that lays a file out; none where it is laid out already; undefined where it cannot be read. */
export function formatting(path: string, text: string): TextEdit[] | undefined {
  const from: Source = source(path, text);
  const { text: laid, problems } = format(from);
  if (problems.length > 0) return undefined;
  return laid === text ? [] : [{ range: rangeOf(from, { start: 0, end: text.length }), newText: laid }];
}
