/** Folds of the library and where each may stand in a small ViT with random weights: 64 patches and a class token, 6 blocks. */
import { f32 } from "./evaluate.ts";

/** Where a fold is placed. */
export interface Spot {
  /** The block; the layers before it may be read. */
  readonly at: number;
  /** Tokens that come there, the class token counted in. */
  readonly tokens: number;
  /** The side of the grid that they still lie on, where they do. */
  readonly side: number | undefined;
  /** A number in [0, 1) for its setting. */
  readonly drawn: number;
}
interface Placed {
  readonly line: string;
  /** Tokens that leave, and the side of their grid; undefined where the data decide. */
  readonly tokens: number | undefined;
  readonly side?: number | undefined;
}
interface Fold {
  readonly use: string;
  /** Undefined where it does not fit: it wants a grid, and there is none. */
  readonly place: (spot: Spot) => Placed | undefined;
  /** With a setting that reduces nothing, for those that have one. */
  readonly same?: (spot: Spot) => string | undefined;
}

export const between = (drawn: number, from: number, to: number): number => from + Math.floor(drawn * (to - from + 1));
const half = ({ side }: Spot): number | undefined => (side !== undefined && side % 2 === 0 ? side / 2 : undefined);
const across = (at: number, fold: string, up = ""): string => `protect 1 across blocks[${at}..] with ${fold}${up}`;
const each = (at: number, site: string, fold: string): string => `protect 1 in each blocks[${at}] after ${site} with ${fold}`;
const probs = (at: number): string => `blocks[${at - 1}].probs`;

/** Folds that go from one grid to a coarser one. */
function coarser(use: string, call: (from: number, to: number) => string, same: boolean): Fold {
  return {
    use,
    place: (s) => {
      const to = half(s);
      return to === undefined || s.side === undefined ? undefined : { line: across(s.at, call(s.side, to), " up none"), tokens: 1 + to * to, side: to };
    },
    ...(same ? { same: (s) => (s.side === undefined ? undefined : across(s.at, call(s.side, s.side), " up none")) } : {}),
  };
}
/** Folds that keep a number of tokens that their author names, in any order. */
const keeping = (use: string, call: (keep: number, spot: Spot) => string, up = ""): Fold => ({
  use,
  place: (s) => {
    const keep = between(s.drawn, Math.ceil(s.tokens / 3), s.tokens - 3);
    return { line: across(s.at, call(keep, s), up), tokens: 1 + keep };
  },
  same: (s) => across(s.at, call(s.tokens - 1, s), up),
});

export const FOLDS: Readonly<Record<string, Fold>> = {
  tome: { use: "folds.tome (tome)", place: (s) => merged(s, "tome"), same: (s) => each(s.at, "attended", "tome(r: 0)") },
  pyra: { use: "folds.pyra (pyra)", place: (s) => merged(s, "pyra"), same: (s) => each(s.at, "attended", "pyra(r: 0)") },
  expedite: coarser("folds.expedite (expedite)", (from, to) => `expedite(from: (${from}, ${from}), to: (${to}, ${to}), near: 4, window: 3)`, false),
  uniform: coarser("folds.control (uniform)", (from, to) => `uniform(from: (${from}, ${from}), to: (${to}, ${to}))`, true),
  random_drop: coarser("folds.control (random_drop)", (from, to) => `random_drop(from: (${from}, ${from}), to: (${to}, ${to}))`, false),
  token_shuffle: {
    use: "folds.token_shuffle (TokenShuffle, token_shuffle)",
    place: (s) => (half(s) === undefined ? undefined : { line: across(s.at, `token_shuffle(from: (${s.side}, ${s.side}), through: shuffle${s.side})`, " up none"), tokens: 1 + (half(s) ?? 0) ** 2, side: half(s) }),
    same: (s) => (s.side === undefined ? undefined : across(s.at, `token_shuffle(from: (${s.side}, ${s.side}), s: 1)`, " up none")),
  },
  random_keep: keeping("folds.control (random_keep)", (keep) => `random_keep(keep: ${keep})`, " up none"),
  todre: keeping("folds.todre (todre)", (keep, s) => `todre(k: ${keep}, attention: ${probs(s.at)})`),
  hiprune: {
    use: "folds.hiprune (hiprune)",
    place: (s) => (s.side === undefined ? undefined : { line: across(s.at, hiprune(between(s.drawn, 12, s.tokens - 3), s)), tokens: 1 + between(s.drawn, 12, s.tokens - 3) }),
    same: (s) => (s.side === undefined ? undefined : across(s.at, hiprune(s.tokens - 1, s))),
  },
  aim_merge: {
    use: "folds.aim (aim_merge)",
    place: (s) => ({ line: across(s.at, "aim_merge([2])", " up none"), tokens: 1 + Math.ceil((s.tokens - 1) / 2) }),
    same: (s) => across(s.at, "aim_merge([])", " up none"),
  },
  reweave: {
    use: "folds.reweave (reweave)",
    place: (s) => ({ line: `in each blocks[${s.at}] after input with reweave(taps: blocks[${s.at - 1}].output, alpha: ${(0.1 + s.drawn / 2).toFixed(3)})`, tokens: s.tokens, side: s.side }),
    same: (s) => `in each blocks[${s.at}] after input with reweave(taps: blocks[${s.at - 1}].output, alpha: 0.0)`,
  },
  relevance_mask: {
    use: "folds.todre (relevance_mask)",
    place: (s) => ({ line: `in each blocks[${s.at}] after input with relevance_mask(system: 1, vision: 5, attention: ${probs(s.at)}, tau: 2.0)`, tokens: s.tokens, side: s.side }),
    same: (s) => `in each blocks[${s.at}] after input with relevance_mask(system: 1, vision: 5, attention: ${probs(s.at)}, tau: 0.0)`,
  },
  relevance_gate: {
    use: "folds.todre (relevance_gate)",
    place: (s) => ({ line: `in each blocks[${s.at}] after input with relevance_gate(system: 1, vision: 5, attention: ${probs(s.at)}, tau: ${s.drawn.toFixed(3)})`, tokens: undefined }),
    same: (s) => `in each blocks[${s.at}] after input with relevance_gate(system: 1, vision: 5, attention: ${probs(s.at)}, tau: 0.0)`,
  },
  without_vision: {
    use: "folds.todre (without_vision)",
    place: (s) => ({ line: `across blocks[${s.at}..] with without_vision(system: 1, vision: ${between(s.drawn, 1, 6)}) up none`, tokens: s.tokens - between(s.drawn, 1, 6) }),
  },
  mrt5: { use: "folds.mrt5 (DeleteGate, mrt5)", place: (s) => ({ line: across(s.at, "mrt5(gate: centred, threshold: 0.0)"), tokens: undefined }), same: (s) => across(s.at, "mrt5(gate: gate, threshold: -30.0)") },
  vflowopt: {
    use: "folds.vflowopt (vflowopt)",
    place: (s) => (s.side === undefined ? undefined : { line: each(s.at, "output", `vflowopt(keep: ${(0.4 + s.drawn / 2).toFixed(3)}, grid: (${s.side}, ${s.side}), t: 1.0, m: 2.0)`), tokens: undefined }),
    same: (s) => (s.side === undefined ? undefined : each(s.at, "output", `vflowopt(keep: 1.0, grid: (${s.side}, ${s.side}), t: 1.0, m: ${s.side + 1}.0)`)),
  },
  token_correlation: {
    use: "folds.token_correlation (token_correlation)",
    place: (s) => ({ line: each(s.at, "output", `token_correlation(low: blocks[${s.at - 1}].probs, share: ${(0.2 + s.drawn / 2).toFixed(3)})`), tokens: undefined }),
  },
};
function merged({ at, tokens, drawn }: Spot, name: string): Placed {
  const r = between(drawn, 1, Math.floor((tokens - 1) / 2) - 1);
  return { line: each(at, "attended", `${name}(r: ${r})`), tokens: tokens - r };
}
const hiprune = (budget: number, { at, side }: Spot): string => `hiprune(budget: ${budget}, width: ${side}, object: ${probs(at - 1)}, deep: ${probs(at)})`;

export const [SIDE, TOKENS] = [8, 65];
const LIBRARY = {
  use: "use model.vit (Classifier, Config)",
  line: "model transformer = Classifier(config: Config { hidden_size: 32, num_hidden_layers: 6, num_attention_heads: 2, intermediate_size: 64, image_size: 32, patch_size: 4, num_channels: 1, id2label: [0, 1, 2] }) from random(seed: 1)",
};
/** The program with these lines; `model`: what stands there instead of the library's. */
export const placed = (names: readonly string[], lines: readonly string[], model: { readonly use: string; readonly line: string } = LIBRARY): string => {
  const uses = new Set(names.map((name) => FOLDS[name]?.use ?? ""));
  // Two names of one file are asked for at once.
  const files = new Map<string, Set<string>>();
  for (const use of uses) {
    const [, file = "", items = ""] = /^(\S+) \((.*)\)$/.exec(use) ?? [];
    files.set(file, new Set([...(files.get(file) ?? []), ...items.split(", ")]));
  }
  const gates = names.includes("mrt5") ? "model gate = DeleteGate(width: 32) from random(seed: 9)\nfn centred(x: f32[B, N, C]) -> f32[B, N] { gate(x) - mean(gate(x); over: N) }" : "";
  const shuffles = names.includes("token_shuffle") ? [8, 4].filter((side) => lines.some((l) => l.includes(`shuffle${side}`))).map((side) => `model shuffle${side} = TokenShuffle(grid: (${side}, ${side}), width: 32) from random(seed: 5)`).join("\n") : "";
  return `
${model.use}
${[...files].map(([file, items]) => `use ${file} (${[...items].filter((i) => i !== "TokenShuffle" || shuffles !== "").join(", ")})`).join("\n")}
${model.line}
${gates}
${shuffles}
compress transformer as folded {
${lines.map((line) => `  fold tokens ${line}`).join("\n")}
}
pipeline probe(pixels: f32[Channels = 1, Y = 32, X = 32]) -> { scores: f32[Classes] } { { scores: transformer(pixels) } }
`;
};
export const PIXELS = { pixels: f32([2, 1, 32, 32], Array.from({ length: 2 * 1024 }, (_, i) => Math.sin(0.37 * i + Math.cos(1.7 * (i % 32))))) };
