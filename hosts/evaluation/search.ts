// Which variants are tried, in which order: a search over points of a grid that knows nothing of models. The same answers give the same order.

/** For each open value the place among its levels. */
export type Point = readonly number[];

export interface Result {
  /** What is to be small. */
  readonly cost: number;
  /** How far inside the budget, by its tightest bound; negative: outside. */
  readonly slack: number;
}

export interface Space {
  /** How many levels each open value has. */
  readonly sizes: readonly number[];
  /** What a point costs as far as that is known before it is tried; undefined: there is no such variant. */
  price(point: Point): Promise<number | undefined>;
  /** False where only a trial tells the cost: then nothing is left out because of its price. */
  readonly isPriced: boolean;
  /** Tries a point on a share of the data; undefined: it cannot be measured. */
  measure(point: Point, share: number): Promise<Result | undefined>;
  /** Whether another trial is allowed. */
  more(): boolean;
}

interface SearchOptions {
  readonly seed: number;
  /** As many trials as are allowed altogether. */
  readonly trials: number;
  /** The first look at a point, where many are tried; 1: all of the data at once. */
  readonly firstShare: number;
}

/** Where all points can be tried they are ordered by price and narrowed down; else a population is bred. Ends when nothing better can be found or `more` says no. */
export async function search(space: Space, options: SearchOptions): Promise<void> {
  const points = space.sizes.reduce((a, b) => a * b, 1);
  if (space.sizes.some((s) => s === 0)) return;
  if (space.sizes.length === 1 || points <= options.trials) await narrow(space, await priced(space, allPoints(space.sizes)));
  else await breed(space, options);
}

interface Priced {
  readonly point: Point;
  readonly price: number;
}

function allPoints(sizes: readonly number[]): Point[] {
  return sizes.reduce<Point[]>((points, size) => points.flatMap((p) => Array.from({ length: size }, (_, i) => [...p, i])), [[]]);
}

async function priced(space: Space, points: readonly Point[]): Promise<Priced[]> {
  const found: Priced[] = [];
  for (const point of points) {
    const price = await space.price(point);
    if (price !== undefined) found.push({ point, price });
  }
  return found.sort((a, b) => a.price - b.price);
}

/**
 * Bisects for the cheapest point inside the budget, as if quality rose with the price; then tries what is cheaper than the best, the nearest
 * first, since quality may rise and fall. With enough trials this finds what trying everything finds.
 */
async function narrow(space: Space, ordered: readonly Priced[]): Promise<void> {
  const results = new Map<number, Result | undefined>();
  const tried = async (i: number): Promise<Result | undefined> => {
    if (!results.has(i)) results.set(i, await space.measure((ordered[i] as Priced).point, 1));
    return results.get(i);
  };
  let [low, high] = [0, ordered.length - 1];
  while (low < high && space.more()) {
    const middle = (low + high) >> 1;
    if (((await tried(middle))?.slack ?? -1) >= 0) high = middle;
    else low = middle + 1;
  }
  if (ordered.length > 0 && space.more()) await tried(low);
  const best = (): number => Math.min(...[...results.values()].map((r) => (r && r.slack >= 0 ? r.cost : Number.POSITIVE_INFINITY)));
  for (let i = ordered.length - 1; i >= 0 && space.more(); i--) {
    // What costs as much as the best may still be better in quality, and is tried too.
    if (!results.has(i) && (!space.isPriced || (ordered[i] as Priced).price <= best())) await tried(i);
  }
}

/** Points of the first population, and of each generation behind it. */
const POPULATION = 12;
const GENERATION = 6;
/** Draws for a new point before a generation is left smaller. */
const DRAWS = 60;

interface Tried extends Priced {
  readonly result: Result;
}

/** Within the budget the cheaper first, behind them what is nearest to it. */
function better(a: Tried, b: Tried): number {
  const [inA, inB] = [a.result.slack >= 0, b.result.slack >= 0];
  if (inA !== inB) return inA ? -1 : 1;
  return inA ? a.result.cost - b.result.cost || b.result.slack - a.result.slack : b.result.slack - a.result.slack || a.result.cost - b.result.cost;
}

/** Evolution with successive halving: each generation is looked at on a share of the data, and its better half on all of it. */
async function breed(space: Space, { seed, trials, firstShare }: SearchOptions): Promise<void> {
  const random = randomOf(seed);
  const known = new Set<string>();
  const full: Tried[] = [];
  const look = async (points: readonly Priced[], share: number): Promise<Tried[]> => {
    const tried: Tried[] = [];
    for (const p of points) {
      if (!space.more()) break;
      const result = await space.measure(p.point, share);
      if (result) tried.push({ ...p, result });
    }
    return tried.sort(better);
  };
  const round = async (points: readonly Priced[]): Promise<void> => {
    if (firstShare >= 1) return void full.push(...(await look(points, 1)));
    const first = await look(points, firstShare);
    full.push(...(await look(first.slice(0, Math.max(1, Math.ceil(first.length / 2))), 1)));
  };
  await round(await start(space, Math.max(4, Math.min(POPULATION, trials >> 2)), random, known));
  while (space.more()) {
    full.sort(better);
    const children = await generation(space, full, random, known);
    if (children.length === 0) return;
    await round(children);
  }
}

/** The middle, both corners, and points that take each level of each value about as often. */
async function start(space: Space, count: number, random: () => number, known: Set<string>): Promise<Priced[]> {
  const { sizes } = space;
  const spread = sizes.map((size) => shuffled(Array.from({ length: count }, (_, i) => Math.floor(((i + random()) * size) / count)), random));
  const points: Point[] = [sizes.map((s) => s >> 1), sizes.map(() => 0), sizes.map((s) => s - 1), ...Array.from({ length: count }, (_, i) => spread.map((levels) => levels[i] as number))];
  const found: Priced[] = [];
  for (const point of points) if (found.length < count) found.push(...(await fresh(space, point, known)));
  return found;
}

/** The point with its price, where it is new and there is such a variant. */
async function fresh(space: Space, point: Point, known: Set<string>): Promise<Priced[]> {
  const key = point.join();
  if (known.has(key)) return [];
  known.add(key);
  const price = await space.price(point);
  return price === undefined ? [] : [{ point, price }];
}

/** The neighbours of the best that could be better first, then children of the few best. */
async function generation(space: Space, sorted: readonly Tried[], random: () => number, known: Set<string>): Promise<Priced[]> {
  const [best] = sorted;
  const limit = best && best.result.slack >= 0 && space.isPriced ? best.price : Number.POSITIVE_INFINITY;
  const children: Priced[] = [];
  const add = async (point: Point): Promise<void> => void children.push(...(await fresh(space, point, known)).filter((c) => c.price <= limit));
  const elite = sorted.slice(0, 4);
  const near = best ? shuffled(neighbours(best.point, space.sizes), random) : [];
  // What one value gives away another may take: as cheap, and perhaps further inside the budget.
  const swaps = best ? shuffled(near.flatMap((p) => neighbours(p, space.sizes)), random) : [];
  for (const p of [...near, ...swaps]) if (children.length < GENERATION - 1) await add(p);
  for (let draw = 0; draw < DRAWS && children.length < GENERATION; draw++) {
    const parent = elite[Math.floor(random() * elite.length)];
    await add(parent ? child(parent.point, elite, space.sizes, random) : anywhere(space.sizes, random));
  }
  return children;
}

const anywhere = (sizes: readonly number[], random: () => number): Point => sizes.map((s) => Math.floor(random() * s));

function neighbours(point: Point, sizes: readonly number[]): Point[] {
  return point.flatMap((level, i) => [level - 1, level + 1].filter((l) => l >= 0 && l < (sizes[i] ?? 0)).map((l) => point.map((own, at) => (at === i ? l : own))));
}

/** One or two values moved by a step that is mostly short, or a mixture with another of the best. */
function child(parent: Point, elite: readonly Tried[], sizes: readonly number[], random: () => number): Point {
  const kind = random();
  if (kind < 0.1) return anywhere(sizes, random);
  const other = elite[Math.floor(random() * elite.length)]?.point ?? parent;
  const mixed = kind < 0.35 ? parent.map((own, i) => (random() < 0.5 ? own : (other[i] ?? own))) : [...parent];
  for (let moves = random() < 0.6 ? 1 : 2; moves > 0; moves--) {
    const at = Math.floor(random() * sizes.length);
    const size = sizes[at] ?? 1;
    const step = 1 + Math.floor(-Math.log(1 - random()) * (size / 6));
    mixed[at] = Math.max(0, Math.min(size - 1, (mixed[at] ?? 0) + (random() < 0.5 ? -step : step)));
  }
  return mixed;
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}

/** Numbers from 0 to 1, the same for the same seed: the 32-bit generator mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Those than which no other is both cheaper and better; of several that are equal in both, the first. */
export function front<T>(items: readonly T[], cost: (item: T) => number, quality: (item: T) => number): T[] {
  const sorted = [...items].filter((i) => Number.isFinite(cost(i)) && Number.isFinite(quality(i))).sort((a, b) => cost(a) - cost(b) || quality(b) - quality(a));
  let best = Number.NEGATIVE_INFINITY;
  return sorted.filter((item) => {
    if (quality(item) <= best) return false;
    best = quality(item);
    return true;
  });
}
