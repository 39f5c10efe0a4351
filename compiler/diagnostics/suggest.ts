// Near names for messages: by edit distance, at most four. One letter is near its other case only: every letter is one edit from it.

/** Optimal string alignment distance, case-insensitive. */
function distance(a: string, b: string): number {
  const [x, y] = [a.toLowerCase(), b.toLowerCase()];
  let before: number[] = [];
  let row = Array.from({ length: y.length + 1 }, (_, j) => j);
  for (let i = 1; i <= x.length; i++) {
    const next = [i];
    for (let j = 1; j <= y.length; j++) {
      const cost = x[i - 1] === y[j - 1] ? 0 : 1;
      let best = Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && x[i - 1] === y[j - 2] && x[i - 2] === y[j - 1]) best = Math.min(best, (before[j - 2] ?? 0) + 1);
      next.push(best);
    }
    before = row;
    row = next;
  }
  return row[y.length] ?? 0;
}

export function nearest(name: string, candidates: Iterable<string>, most = 4): string[] {
  const limit = name.length === 1 ? 0 : Math.max(1, Math.floor(name.length / 3));
  const ranked: { name: string; distance: number }[] = [];
  for (const candidate of new Set(candidates)) {
    const d = distance(name, candidate);
    const contains = name.length >= 3 && (candidate.includes(name) || name.includes(candidate)) && candidate.length >= 3;
    if (d <= limit || contains) ranked.push({ name: candidate, distance: contains ? Math.min(d, limit) : d });
  }
  ranked.sort((p, q) => p.distance - q.distance || (p.name < q.name ? -1 : 1));
  return ranked.slice(0, most).map((r) => r.name);
}
