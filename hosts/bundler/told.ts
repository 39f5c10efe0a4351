// A compiler's problem in the words of each bundler.
import type { FramedProblem } from "../framed-problem.ts";

/** What Rollup, Rolldown and Vite take: they show message, id with line and column, and the frame. Columns from 0. */
interface RollupLog {
  readonly message: string;
  readonly code?: string;
  readonly id?: string;
  readonly loc?: { readonly file: string; readonly line: number; readonly column: number };
  readonly frame?: string;
}

export function rollupLog(problem: FramedProblem, id: string, others: readonly FramedProblem[] = []): RollupLog {
  const { place, frame, code } = problem;
  const more = others.map((o) => `\n\n${withPlace(o)}`).join("");
  return {
    message: `${problem.message}${more}`, id: place?.file ?? id,
    ...(code === "" ? {} : { code }),
    ...(place ? { loc: { file: place.file, line: place.line, column: place.column - 1 } } : {}),
    ...(frame === "" ? {} : { frame }),
  };
}

/** For bundlers that show a text only: the place and the frame stand in it. */
export function withPlace({ place, frame, message }: FramedProblem): string {
  const at = place ? `${place.shown}:${place.line}:${place.column}\n` : "";
  return `${at}${frame === "" ? "" : `${frame}\n`}${message}`;
}

/** esbuild cuts its frame itself, out of the line's text. Columns in bytes from 0. */
interface EsbuildMessage {
  readonly text: string;
  readonly location: { readonly file: string; readonly line: number; readonly column: number; readonly length: number; readonly lineText: string } | null;
}

export function esbuildMessage({ place, message }: FramedProblem): EsbuildMessage {
  if (!place) return { text: message, location: null };
  const { file, line, column, endLine, endColumn, lineText } = place;
  const before = lineText.slice(0, column - 1);
  const inside = lineText.slice(column - 1, endLine === line ? endColumn - 1 : undefined);
  return { text: message, location: { file, line, column: Buffer.byteLength(before), length: Buffer.byteLength(inside), lineText } };
}
