// Between the compiler's names of files and the editor's: paths and URIs.
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Location } from "vscode-languageserver/node";
import type { Source, Span } from "../../grammar/source.ts";
import { packageRoot } from "../node-host.ts";
import { realPath } from "./editor-host.ts";
import { rangeOf } from "./ranges.ts";

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

export const locationOf = (root: string, source: Source, span: Span): Location => ({ uri: uriOf(fileOf(root, span.file)), range: rangeOf(source, span) });
