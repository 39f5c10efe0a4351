// Between the compiler's places (a file as users know it, offsets) and the editor's (a URI, lines and characters).
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { TextDocument } from "vscode-languageserver-textdocument";
import type { Location, Range } from "vscode-languageserver/node";
import type { Source, Span } from "../../grammar/source.ts";
import { packageRoot } from "../node-host.ts";
import { realPath } from "./editor-host.ts";

const LIBRARY = "std:";

/** The absolute path of a document, links followed; undefined where it is no file. */
export function pathOf(uri: string): string | undefined {
  try {
    return uri.startsWith("file:") ? realPath(fileURLToPath(uri)) : undefined;
  } catch {
    return undefined;
  }
}

/** The absolute path of a file that the compiler names: `pipelines/a.kiri` below the root, or `std:folds/tome.kiri` in the package. */
export const fileOf = (root: string, path: string): string => (path.startsWith(LIBRARY) ? join(packageRoot(), "stdlib", path.slice(LIBRARY.length)) : join(root, path));

export const uriOf = (path: string): string => pathToFileURL(path).href;

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

export const locationOf = (root: string, source: Source, span: Span): Location => ({ uri: uriOf(fileOf(root, span.file)), range: rangeOf(source, span) });
