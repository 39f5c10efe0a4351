// Speed of models against each other: rounds in which each runs once, one after the other, so that whatever slows the machine meets all of them.
import { setImmediate } from "node:timers/promises";

/** Something that runs once and tells its milliseconds. */
type Timed = () => Promise<number>;

export interface Speed {
  /** Milliseconds. */
  readonly median: number;
  /** Half the distance between the quartiles, as a share of the median. */
  readonly spread: number;
  /** Of each round. */
  readonly times: readonly number[];
}

/** Fewer rounds than this give no median worth a gate. */
const FEWEST_ROUNDS = 9;
/** A round of a model takes at least so long: short runs are repeated, or the clock and the scheduler are measured. */
const SHORTEST_TURN = 20;
const MOST_REPEATS = 50;

export interface SpeedOptions {
  readonly rounds?: number;
  readonly signal?: AbortSignal;
  readonly onRound?: (done: number, total: number) => void;
}

/** After a warm-up, medians over interleaved rounds, in the order of `models`. */
export async function interleaved(models: readonly Timed[], { rounds = 15, signal, onRound }: SpeedOptions = {}): Promise<Speed[]> {
  const count = Math.max(rounds, FEWEST_ROUNDS);
  const repeats: number[] = [];
  for (const run of models) {
    signal?.throwIfAborted();
    await run();
    const once = Math.min(await run(), await run());
    repeats.push(Math.min(MOST_REPEATS, Math.max(1, Math.ceil(SHORTEST_TURN / Math.max(once, 1e-3)))));
  }
  const times = models.map((): number[] => []);
  for (let round = 0; round < count; round++) {
    for (const [i, run] of models.entries()) {
      signal?.throwIfAborted();
      const turn: number[] = [];
      for (let r = 0; r < (repeats[i] ?? 1); r++) turn.push(await run());
      times[i]?.push(quantile(turn, 0.5));
    }
    onRound?.(round + 1, count);
    await setImmediate();
  }
  return times.map(speedOf);
}

export function speedOf(times: readonly number[]): Speed {
  const median = quantile(times, 0.5);
  return { median, spread: (quantile(times, 0.75) - quantile(times, 0.25)) / (2 * median), times };
}

/** How many times as fast as `plain`, round by round: what slows a round slows both. */
export const speedupOf = (plain: Speed, own: Speed): Speed => speedOf(plain.times.map((t, round) => t / (own.times[round] ?? Number.NaN)));

/** With linear interpolation between the two nearest. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? low;
  return low + (high - low) * (at - Math.floor(at));
}
