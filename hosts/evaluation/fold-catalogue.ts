// Every fold of the library that leaves fewer tokens in a block, as it is placed on any transformer: its free parameter from the setting that leaves most work to the one that leaves least.

/** The blocks of a model, as far as placing a fold asks about them. */
export interface Blocks {
  /** What a selector calls the list: `blocks`. */
  readonly list: string;
  readonly count: number;
  /** Tokens that enter. */
  readonly tokens: number;
  /** Those in front that are of no patch (class token, registers); they are protected. */
  readonly lead: number;
  /** Rows and columns of the others, where they lie on a grid. */
  readonly grid: { readonly h: number; readonly w: number } | undefined;
  /** What follows needs every token: a segmenter. */
  readonly needsAll: boolean;
}

/** A fold that can be placed. */
export interface Listed {
  /** Of its row: the fold, and what distinguishes this use of it. */
  readonly name: string;
  /** File of the library, below `folds`. */
  readonly file: string;
  /** Fold lines of a `compress`, by the call of the file's names (`call("tome(r: 3)")`), from much work to little; none where the model has nothing that it needs. */
  settings(blocks: Blocks, call: (text: string) => string): readonly (readonly string[])[];
  /** Why there are none. */
  readonly wants?: string;
  /** The data decide how many tokens stay: work is counted on what stayed in runs. */
  readonly runDecides?: boolean;
  /** Its quality is the mean of three draws, `seed` 1 to 3 in its lines. */
  readonly isDrawn?: boolean;
}

/** Folds of the library that are not placed, and why: a new one belongs into one of the two lists, which the test of `sideBySide` sees to. */
export const UNLISTED: readonly { readonly name: string; readonly why: string }[] = Object.entries({
  "its weights are trained with the model (without them it is tome)": ["pyra"],
  "its weights are trained with the model": ["token_shuffle"],
  "its gate is trained with the model": ["mrt5", "mrt5_text", "mrt5_padded"],
  "it needs the units of a program's text": ["code_units"],
  "it needs a text beside the picture": ["relevance_gate", "relevance_mask", "without_vision"],
  "no token leaves": ["reweave", "prepend"],
  "it folds a vocabulary, not tokens": ["pils"],
  "it is random_keep on a grid": ["random_drop"],
}).flatMap(([why, names]) => names.map((name) => ({ name, why })));

const range = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
const falling = (from: number, to: number): number[] => range(to, from + 1).reverse();

const own = (b: Blocks): number => b.tokens - b.lead;
/** Folds that stand at one place stand before this block: a third of the model has seen all tokens. */
const firstOf = (b: Blocks): number => Math.max(1, Math.floor(b.count / 3));
const protect = (b: Blocks): string => (b.lead > 0 ? `protect ${b.lead} ` : "");
/** Where tokens are not needed again they are not put back. */
const across = (b: Blocks, fold: string): string => `${protect(b)}across ${b.list}[${firstOf(b)}..] with ${fold}${b.needsAll ? "" : " up none"}`;
const probs = (b: Blocks, block: number): string => `${b.list}[${block}].probs`;

/** Merging in each block, as many altogether as the setting's number; where they cannot be dealt out evenly the first blocks merge one more. */
const merging = (more: string) => (b: Blocks, call: (text: string) => string): readonly (readonly string[])[] =>
  range(1, Math.floor(own(b) * MOST_MERGED) + 1).map((total) => {
    const [each, rest] = [Math.floor(total / b.count), total % b.count];
    const r = rest === 0 ? `${each}` : `[${range(0, b.count).map((i) => (i < rest ? each + 1 : each)).join(", ")}][index]`;
    return [`${protect(b)}in each ${b.list}[*] after attended with ${call(`tome(r: ${r}${more})`)}`];
  });
/** Merges of all blocks that type-check: each halves what is left at most, and none is clipped here. */
const MOST_MERGED = 0.95;

/** Grids smaller than the picture's, by their area, of about its proportions. */
function smaller({ h, w }: NonNullable<Blocks["grid"]>): readonly { readonly h: number; readonly w: number }[] {
  const sides = range(2, Math.max(h, w)).flatMap((side) => [[side, side], [side, side - 1], [side, side - 2]].map(([height = 0, width = 0]) => ({ h: Math.round((height * h) / Math.max(h, w)), w: Math.round((width * w) / Math.max(h, w)) })));
  const fitting = sides.filter((s) => s.h >= 1 && s.w >= 1 && s.h * s.w >= 4 && s.h * s.w < h * w);
  return [...new Map(fitting.map((s) => [s.h * s.w, s])).values()].sort((a, c) => c.h * c.w - a.h * a.w);
}

const onGrid = (fold: (from: string, to: string, area: number) => string) => (b: Blocks, call: (text: string) => string): readonly (readonly string[])[] => {
  const { grid } = b;
  return grid ? smaller(grid).map(({ h, w }) => [across(b, call(fold(`(${grid.h}, ${grid.w})`, `(${h}, ${w})`, h * w)))]) : [];
};

const clustering = (more: string) => onGrid((from, to, area) => `expedite(from: ${from}, to: ${to}, near: ${Math.min(20, area)}${more})`);

const keeping = (fold: (keep: number, b: Blocks) => string) => (b: Blocks, call: (text: string) => string): readonly (readonly string[])[] =>
  falling(own(b) - 1, 1).map((keep) => [across(b, call(fold(keep, b)))]);

/** Divisors of one or two rounds, by how many of n tokens they leave. */
function inRounds(n: number): readonly (readonly number[])[] {
  const left = (divisors: readonly number[]): number => divisors.reduce((k, d) => k - Math.min(Math.floor(n / d), Math.floor(k / 2)), n);
  const all = [...range(2, n).map((d) => [d]), ...[2, 3, 4].flatMap((first) => range(first, n).map((d) => [first, d]))];
  return [...new Map(all.map((divisors) => [left(divisors), divisors])).entries()].sort(([a], [b]) => b - a).map(([, divisors]) => divisors);
}

const SHARES: readonly number[] = falling(39, 1).map((i) => i / 40);
const GRID = "the tokens lie on no grid";

export const LISTED: readonly Listed[] = [
  { name: "tome", file: "tome", settings: merging("") },
  { name: "tome_features", file: "tome", settings: merging(", metric: mlp_input") },
  { name: "tome_features_residual", file: "tome", wants: "no token comes back", settings: (b, call) => (b.needsAll ? merging(", metric: mlp_input, residual: true")(b, call) : []) },
  { name: "expedite", file: "expedite", wants: GRID, settings: clustering("") },
  { name: "expedite_residual", file: "expedite", wants: "no token comes back, or they lie on no grid", settings: (b, call) => (b.needsAll ? clustering(", norm: l1, residual: true")(b, call) : []) },
  {
    name: "hiprune", file: "hiprune", wants: GRID,
    settings: (b, call) => (b.grid ? keeping((keep) => `hiprune(budget: ${keep}, width: ${b.grid?.w ?? 1}, object: ${probs(b, Math.floor((firstOf(b) - 1) / 2))}, deep: ${probs(b, firstOf(b) - 1)})`)(b, call) : []),
  },
  { name: "todre", file: "todre", settings: keeping((keep, b) => `todre(k: ${keep}, attention: ${probs(b, firstOf(b) - 1)})`) },
  { name: "aim_merge", file: "aim", settings: (b, call) => inRounds(own(b)).map((divisors) => [across(b, call(`aim_merge([${divisors.join(", ")}])`))]) },
  {
    // Fewer stay from block to block; how many leave each is what is free.
    name: "aim_prune", file: "aim",
    settings: (b, call) => range(1, Math.floor((own(b) - 1) / (b.count - firstOf(b))) + 1).map((less) => range(firstOf(b) - 1, b.count - 1).map((block, i) =>
      `in each ${b.list}[${block}] after output with ${call(`aim_prune(system: ${b.lead}, vision: ${own(b) - i * less}, keep: ${own(b) - (i + 1) * less})`)}`)),
  },
  {
    name: "vflowopt", file: "vflowopt", runDecides: true, wants: GRID,
    settings: (b, call) => (b.grid ? SHARES.map((keep) => [`${protect(b)}in each ${b.list}[${firstOf(b) - 1}] after output with ${call(`vflowopt(keep: ${keep}, grid: (${b.grid?.h}, ${b.grid?.w}), t: 1.0, m: ${(Math.max(b.grid?.h ?? 1, b.grid?.w ?? 1) / 3).toFixed(2)})`)}`]) : []),
  },
  {
    name: "token_correlation", file: "token_correlation", runDecides: true, wants: "no class token",
    settings: (b, call) => (b.lead > 0 ? SHARES.map((tau) => [`${protect(b)}in each ${b.list}[${firstOf(b) - 1}] after output with ${call(`token_correlation(low: ${probs(b, 0)}, tau: ${tau})`)}`]) : []),
  },
  { name: "uniform", file: "control", wants: GRID, settings: onGrid((from, to) => `uniform(from: ${from}, to: ${to})`) },
  { name: "random_keep", file: "control", isDrawn: true, settings: keeping((keep) => `random_keep(keep: ${keep}, seed: 1)`) },
];
