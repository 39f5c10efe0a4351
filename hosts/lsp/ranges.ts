// Between offsets of the compiler and the editor's lines and characters.
import { TextDocument } from "vscode-languageserver-textdocument";
import type { Range } from "vscode-languageserver/node";
import type { Source, Span } from "../../grammar/source.ts";

const documents = new WeakMap<Source, TextDocument>();

/** A source as a document, which knows how the editor counts lines. */
function documentOf(source: Source): TextDocument {
  const known = documents.get(source);
  if (known) return known;
  const made = TextDocument.create(source.path, "kiri", 0, source.text);
  documents.set(source, made);
  return made;
}

export function rangeOf(source: Source, span: Pick<Span, "start" | "end">): Range {
  const document = documentOf(source);
  return { start: document.positionAt(span.start), end: document.positionAt(span.end) };
}

export const offsetAt = (source: Source, position: Range["start"]): number => documentOf(source).offsetAt(position);

export const NOWHERE: Range = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
