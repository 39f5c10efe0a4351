// Names that someone may have meant: those within a third of their length of edits, nearest first. One letter is near its other case only.

export function nearest(name: string, candidates: readonly string[]): string[] {
  const most = name.length === 1 ? 0 : Math.max(1, Math.floor(name.length / 3));
  return candidates
    .map((candidate) => ({ candidate, edits: edits(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ edits: n }) => n <= most)
    .sort((a, b) => a.edits - b.edits)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** Insertions, deletions and replacements between two words, one row of the table at a time. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, letter] of [...a].entries()) {
    const above = row;
    row = [i + 1];
    for (const [j, other] of [...b].entries()) {
      row.push(Math.min((row[j] ?? 0) + 1, (above[j + 1] ?? 0) + 1, (above[j] ?? 0) + (letter === other ? 0 : 1)));
    }
  }
  return row[b.length] ?? 0;
}
