// Which records go through the graph together: those of like lengths, because padding is computed like words.

/** What one more run of the graph costs beside its tokens, in tokens: weights are read again. Measured on a CPU with 6 to 24 layers of 384 to 768 (`bench/embed.ts`). */
const RUN = 8;
/** Tokens of a run, for each thread: more gain nothing, and leave the caches. */
const TOKENS = 256;

/** Numbers of the records by group, each group from its longest down. A group ends where its padding would cost more than a run of its own, and where it is large enough. */
export function likeLengths(lengths: readonly number[], threads: number): readonly (readonly number[])[] {
  const groups: number[][] = [];
  let group: number[] = [];
  let [longest, padding] = [0, 0];
  for (const { record, length } of lengths.map((length, record) => ({ record, length })).sort((a, b) => b.length - a.length)) {
    padding += longest - length;
    if (group.length === 0 || padding > RUN || (group.length + 1) * longest > TOKENS * threads) {
      group = [];
      groups.push(group);
      [longest, padding] = [length, 0];
    }
    group.push(record);
  }
  return groups;
}
