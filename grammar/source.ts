// A text with a name, and places in it. Everything that is ever reported points into a Source.

/** Half-open range of UTF-16 offsets in the file `file` (a path as users know it, relative to the project root or `std:...`). */
export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

export interface Source {
  /** How the file is shown to people and keyed in tables: `pipelines/scenes.kiri`, `std:folds/tome.kiri`. */
  readonly path: string;
  readonly text: string;
  /** Offset of the first character of each line. */
  readonly lineStarts: readonly number[];
}

export function source(path: string, text: string): Source {
  const lineStarts = [0];
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === 10) lineStarts.push(i + 1);
  return { path, text, lineStarts };
}

/** One-based line and column of an offset. */
export function position(from: Source, offset: number): { line: number; column: number } {
  let low = 0;
  let high = from.lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((from.lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (from.lineStarts[low] ?? 0) + 1 };
}

export function span(file: string, start: number, end: number): Span {
  return { file, start, end };
}
