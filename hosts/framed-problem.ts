// A problem as build tools show one: a message, a file with line and column, and a frame of the source around the place.
import { join } from "node:path";
import type { Problem, Severity } from "../compiler/diagnostics/define.ts";
import { frame, inOrder, jsonPlace, type Sources } from "../compiler/diagnostics/render.ts";

export interface FramedProblem {
  readonly code: string;
  readonly severity: Severity;
  /** Title, what was found and wanted, the way out; without place and source. */
  readonly message: string;
  readonly place: FramedPlace | undefined;
  /** Source lines with marks; empty where no line is to blame. */
  readonly frame: string;
}

interface FramedPlace {
  /** Absolute; a module of the library as `std:folds/tome`. */
  readonly file: string;
  /** Relative to the project, with `/`. */
  readonly shown: string;
  /** Lines and columns from 1, columns in UTF-16 units; the end is exclusive. */
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly lineText: string;
}

/** In the order of files and lines. */
export const framed = (problems: readonly Problem[], sources: Sources, root: string): FramedProblem[] => inOrder(problems).map((p) => one(p, sources, root));

function one(problem: Problem, sources: Sources, root: string): FramedProblem {
  const { code, severity, title, says, next, span } = problem;
  const place = span ? jsonPlace(span, sources) : null;
  const source = span ? sources.get(span.file) : undefined;
  return {
    code, severity,
    message: [`${code} ${title}`, says, ...(next === undefined ? [] : [next]), `More: kiri explain ${code}`].join("\n"),
    frame: frame(problem, sources).join("\n"),
    place: place && source ? { ...place, shown: place.file, file: place.file.startsWith("std:") ? place.file : join(root, place.file), lineText: source.text.split(/\r?\n/)[place.line - 1] ?? "" } : undefined,
  };
}
