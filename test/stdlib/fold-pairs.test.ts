/**
 * Any two folds whose types fit stand in one `compress`: pairs, their places and their settings are drawn at random, the same for the same seed
 * (`FOLD_PAIRS_SEED`), on a small ViT of the library with random weights. A pair that leaves a number of tokens that is known leaves just that many.
 */
import test from "ava";
import type { Dim } from "../../compiler/types/dim.ts";
import { between, FOLDS, PIXELS, placed, SIDE, type Spot, TOKENS } from "../support/placed-folds.ts";
import { difference } from "../support/golden.ts";
import { attempted, compiled, output, run, told } from "../support/program.ts";

const SEED = Number(process.env.FOLD_PAIRS_SEED ?? 20);
const PAIRS = 20;
const SAME_PAIRS = 8;

/** Numbers in [0, 1): mulberry32. */
function drawing(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Pair {
  readonly names: readonly [string, string];
  readonly lines: readonly [string, string];
  /** Behind each; undefined where the data decide. */
  readonly tokens: readonly [number | undefined, number | undefined];
  /** Blocks in which the folds stand. */
  readonly at: readonly [number, number];
}

/** Two folds at places behind each other; undefined where the second does not fit behind the first. */
function pairOf(first: string, second: string, draw: () => number): Pair | undefined {
  const [a, b] = [FOLDS[first], FOLDS[second]];
  if (!a || !b) return undefined;
  const at = [2, between(draw(), 4, 5)] as const;
  const one = a.place({ at: at[0], tokens: TOKENS, side: SIDE, drawn: draw() });
  const two = one && b.place({ at: at[1], tokens: one.tokens ?? TOKENS, side: one.tokens === undefined ? undefined : one.side, drawn: draw() });
  if (!one || !two) return undefined;
  return { names: [first, second], lines: [one.line, two.line], tokens: [one.tokens, one.tokens === undefined ? undefined : two.tokens], at };
}

function shuffled<T>(items: readonly T[], draw: () => number): T[] {
  return items.map((item) => [draw(), item] as const).sort(([a], [b]) => a - b).map(([, item]) => item);
}

const NAMES = Object.keys(FOLDS);
const ALL = NAMES.flatMap((a) => NAMES.map((b) => [a, b] as const));

test(`pairs of folds, drawn with the seed ${SEED}: as many tokens as they say, finite results`, async (t) => {
  const draw = drawing(SEED);
  const pairs = shuffled(ALL, draw).flatMap(([a, b]) => pairOf(a, b, draw) ?? []);
  // Every fold stands in one of them, first and second, where it fits.
  const some = [...pairs.slice(0, PAIRS), ...NAMES.flatMap((n) => (pairs.slice(0, PAIRS).some((p) => p.names.includes(n)) ? [] : (pairs.find((p) => p.names.includes(n)) ?? [])))];
  t.true(some.length >= PAIRS);
  let ran = 0;
  for (const { names, lines, tokens, at } of some) {
    const what = lines.join("; ");
    const { value, problems } = attempted(placed(names, lines), { variant: "folded" });
    if (!value) {
      // Rows that keep counts of their own are more than some folds can take; then the compiler says so, by a code.
      t.true(tokens[0] === undefined && problems.some((p) => /^[FT]\d{3}$/.test(p.code)), `${what}\n${told(problems).join("\n")}`);
      continue;
    }
    ran++;
    const { sites, arena } = value.elaboration;
    const leaving = (block: number): number | undefined => arena.facts.number(sites.get(`transformer.blocks[${block}].output`)?.tensor.node.type.dims[1] as Dim);
    if (tokens[0] !== undefined) t.is(leaving(at[0]), tokens[0], what);
    if (tokens[1] !== undefined) t.is(leaving(at[1]), tokens[1], what);
    const scores = output(await run(value, PIXELS), "scores");
    t.is(scores.length, 6, what);
    t.true(scores.every(Number.isFinite), what);
  }
  t.true(ran >= (PAIRS * 2) / 3, `${ran} of ${some.length} fit`);
});

test(`pairs of folds that reduce nothing, drawn with the seed ${SEED}, change nothing`, async (t) => {
  const draw = drawing(SEED + 1);
  const spot = (at: number): Spot => ({ at, tokens: TOKENS, side: SIDE, drawn: 0.5 });
  const pairs = shuffled(ALL, draw).flatMap(([a, b]) => {
    const lines = [FOLDS[a]?.same?.(spot(2)), FOLDS[b]?.same?.(spot(4))];
    return lines.every((l) => l !== undefined) ? [{ names: [a, b], lines: lines as string[] }] : [];
  });
  let plain: number[] | undefined;
  let ran = 0;
  for (const { names, lines } of pairs) {
    if (ran === SAME_PAIRS) break;
    const text = placed(names, lines);
    const { value, problems } = attempted(text, { variant: "folded" });
    if (!value) {
      t.true(problems.some((p) => /^[FT]\d{3}$/.test(p.code)), told(problems).join("\n"));
      continue;
    }
    ran++;
    plain ??= output(await run(compiled(text), PIXELS), "scores");
    t.true(difference(output(await run(value, PIXELS), "scores"), plain).relative <= 1e-5, lines.join("; "));
  }
  t.is(ran, SAME_PAIRS);
});
