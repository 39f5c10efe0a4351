// The order of trials, on spaces whose best point is known by trying all of them.
import test from "ava";
import { front, type Point, randomOf, type Result, search, type Space } from "../../../hosts/evaluation/search.ts";

interface Made {
  readonly space: Space;
  readonly log: { readonly point: Point; readonly share: number }[];
  /** The cheapest inside the budget of what was tried on all of the data. */
  best(): number;
}

function made(sizes: readonly number[], trials: number, result: (p: Point) => Result, price: (p: Point) => number | undefined = (p) => result(p).cost, isPriced = true): Made {
  const log: { point: Point; share: number }[] = [];
  return {
    log,
    space: {
      sizes, isPriced, price: async (p) => price(p), more: () => log.length < trials,
      measure: async (point, share) => {
        log.push({ point, share });
        return result(point);
      },
    },
    best: () => Math.min(...log.filter((l) => l.share === 1 && result(l.point).slack >= 0).map((l) => result(l.point).cost)),
  };
}

const everything = (sizes: readonly number[]): Point[] => sizes.reduce<Point[]>((all, s) => all.flatMap((p) => Array.from({ length: s }, (_, i) => [...p, i])), [[]]);
const cheapest = (sizes: readonly number[], result: (p: Point) => Result): number => Math.min(...everything(sizes).map(result).filter((r) => r.slack >= 0).map((r) => r.cost));

test("one value: where quality falls with the price, bisection finds the best in the logarithm of the levels, and what is cheaper is tried as long as trials are left", async (t) => {
  const result = ([r = 0]: Point): Result => ({ cost: 100 - r, slack: 40.5 - r });
  const quick = made([100], 8, result);
  await search(quick.space, { seed: 1, trials: 8, firstShare: 1 });
  t.is(quick.best(), cheapest([100], result));
  const long = made([100], 500, result);
  await search(long.space, { seed: 1, trials: 500, firstShare: 1 });
  t.is(long.best(), 60);
  t.is(new Set(long.log.map((l) => l.point.join())).size, long.log.length, "no point twice");
  t.true(long.log.length < 100, "what is dearer than the best is left alone");
});

test("one value: where quality rises and falls, what everything tried finds is found", async (t) => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = randomOf(seed);
    const slack = Array.from({ length: 15 }, () => random() - 0.6);
    const result = ([r = 0]: Point): Result => ({ cost: 15 - r, slack: slack[r] ?? -1 });
    const m = made([15], 15, result);
    await search(m.space, { seed, trials: 15, firstShare: 1 });
    t.is(m.best(), cheapest([15], result), `seed ${seed}`);
  }
});

test("levels that are no variant are left out; none inside the budget ends with all tried; an empty space ends at once", async (t) => {
  const result = ([r = 0]: Point): Result => ({ cost: 10 - r, slack: -1 });
  const m = made([10], 99, result, (p) => ((p[0] ?? 0) > 6 ? undefined : result(p).cost));
  await search(m.space, { seed: 1, trials: 99, firstShare: 1 });
  t.deepEqual(m.log.map((l) => l.point[0]).sort(), [0, 1, 2, 3, 4, 5, 6]);
  const none = made([0, 4], 9, result);
  await search(none.space, { seed: 1, trials: 9, firstShare: 1 });
  t.deepEqual(none.log, []);
});

test("where only a trial tells the cost, nothing is left out for its price", async (t) => {
  const result = ([r = 0]: Point): Result => ({ cost: Math.abs(r - 2), slack: 1 });
  const m = made([8], 20, result, () => 1, false);
  await search(m.space, { seed: 1, trials: 20, firstShare: 1 });
  t.is(m.best(), 0);
  t.is(m.log.length, 8);
});

/** Six layers, each with 13 levels; later layers cost less quality, and a seventh value shifts all of it. */
const LAYERS = [13, 13, 13, 13, 13, 13, 2];
function layered(p: Point): Result {
  const spent = p.slice(0, 6).reduce((s, r, i) => s + r ** 1.5 * (6 - i), 0) * (p[6] === 1 ? 0.7 : 1);
  return { cost: 1 - p.slice(0, 6).reduce((s, r) => s + r, 0) / 78, slack: 300 - spent };
}

test("several values: near the best of all points, better than as many drawn at random, and the same for the same seed", async (t) => {
  // Of all 13⁶·2 points: 3, 5, 8, 12, 12, 12 with the second choice.
  const best = layered([3, 5, 8, 12, 12, 12, 1]);
  t.true(best.slack >= 0);
  for (let seed = 1; seed <= 8; seed++) {
    const m = made(LAYERS, 120, layered);
    await search(m.space, { seed, trials: 120, firstShare: 1 });
    const again = made(LAYERS, 120, layered);
    await search(again.space, { seed, trials: 120, firstShare: 1 });
    t.deepEqual(again.log, m.log);
    const random = randomOf(seed);
    const drawn = Array.from({ length: 120 }, () => layered(LAYERS.map((s) => Math.floor(random() * s)))).filter((r) => r.slack >= 0);
    t.true(m.best() < Math.min(...drawn.map((r) => r.cost)), `seed ${seed}`);
    t.true(m.best() - best.cost < 0.04, `seed ${seed}: ${m.best()}`);
  }
});

test("a first look at a part of the data leaves half of a generation", async (t) => {
  const m = made(LAYERS, 60, layered);
  await search(m.space, { seed: 1, trials: 60, firstShare: 0.25 });
  // Generations one after the other: some points on a part, then the better half of them on all.
  const order = m.log.map((l) => (l.share === 1 ? "F" : "p")).join("");
  t.regex(order, /^p{12}F{6}(p{6}F{3})+/);
  const [first, kept] = [m.log.slice(0, 12), m.log.slice(12, 18)];
  const left = first.filter((l) => !kept.some((k) => k.point.join() === l.point.join()));
  t.is(left.length, 6);
  const worst = Math.min(...kept.map((l) => layered(l.point).slack));
  t.true(left.every((l) => layered(l.point).slack < 0 || worst >= 0));
});

test("a search that is cut short and begun again with what is known ends where the whole one does", async (t) => {
  const whole = made(LAYERS, 60, layered);
  await search(whole.space, { seed: 3, trials: 60, firstShare: 1 });
  const part = made(LAYERS, 25, layered);
  await search({ ...part.space }, { seed: 3, trials: 60, firstShare: 1 });
  t.deepEqual(part.log, whole.log.slice(0, 25));
});

test("the front: neither cheaper and better than another, sorted by cost", (t) => {
  const items = [[3, 5], [1, 1], [2, 4], [2, 3], [4, 5], [Number.NaN, 9], [5, 6]] as const;
  t.deepEqual(front(items, (i) => i[0], (i) => i[1]), [[1, 1], [2, 4], [3, 5], [5, 6]]);
});
