/** Published folds in the blocks of small transformers: they compile, run, leave as many tokens as they say, and folding nothing changes nothing. */
import test from "ava";
import type { Value } from "../../compiler/host.ts";
import { topological } from "../../compiler/graph/node.ts";
import type { Dim } from "../../compiler/types/dim.ts";
import { f32, i64 } from "../support/evaluate.ts";
import { difference } from "../support/golden.ts";
import { compiled, output, run, SPELLINGS } from "../support/program.ts";

interface Model {
  readonly name: string;
  readonly layer: string;
  readonly side: number;
  readonly result: string;
}
/** 49 patches and a class token, 6 blocks. */
const DIGITS: Model = { name: "tiny-vit-mnist", layer: "Classifier", side: 28, result: "f32[Classes]" };

/** 256 patches and a class token, 8 blocks, a label for each pixel: every token must come back. */
const SCENES: Model = { name: "digit-scenes-segmenter", layer: "Segmenter", side: 64, result: "f32[Classes, Y, X]" };

interface Placed {
  /** File and names in it. */
  readonly use: string;
  readonly model: Model;
  /** More of the program. */
  readonly more?: string;
  /** One or several, `;` between them. */
  readonly lines: string;
  /** Tokens that leave each block; behind the last one they may have come back. */
  readonly tokens: readonly number[];
  /** The same place with nothing folded, where the fold has such a setting. */
  readonly same?: string;
}

const PLACED: readonly Placed[] = [
  {
    use: "hiprune (hiprune)", model: DIGITS, tokens: [50, 50, 50, 50, 17, 17],
    lines: "protect 1 across blocks[4..] with hiprune(budget: 16, width: 7, alpha: 0.3, object: blocks[2].probs, deep: blocks[3].probs)",
    same: "protect 1 across blocks[4..] with hiprune(budget: 49, width: 7, object: blocks[2].probs, deep: blocks[3].probs)",
  },
  {
    use: "todre (todre)", model: DIGITS, tokens: [50, 50, 50, 13, 13, 13],
    lines: "protect 1 across blocks[3..] with todre(k: 12, attention: blocks[2].probs)",
    same: "protect 1 across blocks[3..] with todre(k: 49, attention: blocks[2].probs)",
  },
  {
    use: "todre (relevance_mask)", model: DIGITS, tokens: [50, 50, 50, 50, 50, 50],
    lines: "in each blocks[4] after input with relevance_mask(system: 1, vision: 30, attention: blocks[3].probs, tau: 2.0)",
    same: "in each blocks[4] after input with relevance_mask(system: 1, vision: 30, attention: blocks[3].probs, tau: 0.0)",
  },
  { use: "todre (without_vision)", model: DIGITS, tokens: [50, 50, 50, 50, 20, 20], lines: "across blocks[4..] with without_vision(system: 1, vision: 30)" },
  {
    use: "reweave (reweave)", model: DIGITS, tokens: [50, 50, 50, 50, 50, 50],
    lines: "in each blocks[4] after input with reweave(taps: blocks[1..4 step 2].output, alpha: 0.3, gamma: 4.0)",
    same: "in each blocks[4] after input with reweave(taps: blocks[1..4 step 2].output, alpha: 0.0)",
  },
  {
    use: "token_shuffle (TokenShuffle, token_shuffle)", model: SCENES, tokens: [257, 257, 65, 65, 65, 65, 65, 257],
    more: "model weights = TokenShuffle(grid: (16, 16), width: 96) from random(seed: 1)",
    lines: "protect 1 across blocks[2..] with token_shuffle(from: (16, 16), through: weights)",
    same: "protect 1 across blocks[2..] with token_shuffle(from: (16, 16), s: 1)",
  },
  {
    use: "pyra (Modulations, pyra)", model: DIGITS, tokens: [50, 50, 46, 43, 43, 43],
    more: "model weights = Modulations(r: [4, 3], width: 96) from random(seed: 1)",
    lines: "protect 1 in each blocks[2] after attended with pyra(r: 4, modulation: weights.blocks[0]); protect 1 in each blocks[3] after attended with pyra(r: 3, modulation: weights.blocks[1])",
    same: "protect 1 in each blocks[2..] after attended with pyra(r: 0)",
  },
  {
    use: "aim (aim_merge)", model: SCENES, tokens: [257, 257, 65, 65, 65, 65, 65, 257],
    lines: "protect 1 across blocks[2..] with aim_merge([2, 4])", same: "protect 1 across blocks[2..] with aim_merge([])",
  },
];

const program = ({ use, model, more = "" }: Pick<Placed, "use" | "model" | "more">, lines: string): string => `
use model.vit
use folds.${use}
model transformer = vit.${model.layer} from "models/${model.name}"
${more}
compress transformer as folded { ${lines.split(";").map((line) => `fold tokens ${line.trim()}`).join("\n")} }
pipeline probe(pixels: f32[Channels = 1, Y = ${model.side}, X = ${model.side}]) -> { scores: ${model.result} } { { scores: transformer(pixels) } }
`;

/** Two pictures of waves: no two tokens are alike. */
const pictures = (side: number): { pixels: ReturnType<typeof f32> } =>
  ({ pixels: f32([2, 1, side, side], Array.from({ length: 2 * side * side }, (_, i) => Math.sin(0.37 * i + Math.cos(1.7 * (i % side))))) });

async function scores(of: Pick<Placed, "use" | "model" | "more">, lines: string, variant?: string): Promise<number[]> {
  return output(await run(compiled(program(of, lines), { variant }), pictures(of.model.side)), "scores");
}

for (const placed of PLACED) {
  const { use, model, lines, tokens, same } = placed;
  test(`${use} leaves ${tokens.join(", ")} tokens in the blocks of ${model.name}`, async (t) => {
    const folded = compiled(program(placed, lines), { variant: "folded" });
    const { sites, arena } = folded.elaboration;
    t.deepEqual(tokens.map((_, i) => arena.facts.number(sites.get(`transformer.blocks[${i}].output`)?.tensor.node.type.dims[1] as Dim)), [...tokens]);
    const [fused = [], woven = []] = await Promise.all(SPELLINGS.map(async (spelling) => output(await run(folded, pictures(model.side), spelling), "scores")));
    t.true(fused.every(Number.isFinite));
    t.true(difference(fused, woven).relative <= 1e-4);
    // It does something.
    t.true(difference(fused, await scores(placed, lines)).relative > 1e-3);
  });

  if (same)
    test(`${use} that folds nothing changes nothing`, async (t) => {
      t.true(difference(await scores(placed, same, "folded"), await scores(placed, same)).relative <= 1e-5);
    });
}

test("ToDRE: a picture that text does not look at is gone, in each record by itself", async (t) => {
  const placed = (fold: string, tau: number): Promise<number[]> =>
    scores({ use: `todre (${fold})`, model: DIGITS }, `in each blocks[4] after input with ${fold}(system: 1, vision: 30, attention: blocks[3].probs, tau: ${tau.toFixed(4)})`, "folded");
  const without = "across blocks[4..] with without_vision(system: 1, vision: 30)";
  const [gone, plain] = [await scores({ use: "todre (without_vision)", model: DIGITS }, without, "folded"), await scores({ use: "todre (without_vision)", model: DIGITS }, without)];
  const same = (a: readonly number[], b: readonly number[]): boolean => difference(a, b).relative <= 1e-5;
  /** Of each of the two records: whether it lost the picture, as one with it or one without it says. */
  const lost = (found: readonly number[]): boolean[] => [0, 10].map((from) => {
    const [own, with_, without_] = [found, plain, gone].map((x) => x.slice(from, from + 10)) as [number[], number[], number[]];
    t.true(same(own, with_) !== same(own, without_));
    return same(own, without_);
  });
  t.deepEqual(lost(await placed("relevance_gate", 2)), [true, true]);
  t.deepEqual(lost(await placed("relevance_gate", 0)), [false, false]);
  // A threshold between the shares of the two.
  let [low, high, tau] = [0, 2, 1];
  for (let i = 0; i < 12; i++) {
    const [first, second] = lost(await placed("relevance_gate", tau));
    if (first !== second) break;
    [low, high] = first ? [low, tau] : [tau, high];
    tau = (low + high) / 2;
  }
  const one = lost(await placed("relevance_gate", tau));
  t.deepEqual([...one].sort(), [false, true]);
  t.deepEqual(lost(await placed("relevance_mask", tau)), one);
});

test("PYRA before its training is ToMe", async (t) => {
  const [pyra] = PLACED.filter((p) => p.use.startsWith("pyra"));
  if (!pyra) throw new Error("PYRA is not placed");
  const tome = "protect 1 in each blocks[2] after attended with tome(r: 4); protect 1 in each blocks[3] after attended with tome(r: 3)";
  t.true(difference(await scores(pyra, pyra.lines, "folded"), await scores({ use: "tome (tome)", model: DIGITS }, tome, "folded")).relative <= 1e-5);
});

/** A decoder of 6 blocks: logits of every token. */
const decoder = (line: string): string => `
use model.llama
use folds.reweave (reweave, Reconstruction)
model transformer = llama.Decoder from "models/tiny-llama-shakespeare"
model maps = Reconstruction(taps: 2, width: 128) from random(seed: 1)
compress transformer as folded { fold tokens in each blocks[4] after input with ${line} }
pipeline probe(ids: i64[N]) -> { logits: f32[N, V] } { { logits: transformer(ids) } }
`;
const logits = async (line: string, ids: readonly number[], variant?: string): Promise<number[]> =>
  output(await run(compiled(decoder(line), { variant }), { ids: i64([1, ids.length], ids) }), "logits");
const IDS = [5, 99, 340, 12, 7, 801, 33, 450];

test("a decoder with rewoven states still sees nothing of later tokens", async (t) => {
  for (const line of ["reweave(taps: blocks[0..3 step 2].output, alpha: 0.4, lambda: 0.5, gamma: 4.0)", "reweave(taps: blocks[0..3 step 2].output, alpha: 0.4, lambda: 0.5, through: maps)"]) {
    const [all, some] = [await logits(line, IDS, "folded"), await logits(line, IDS.slice(0, 5), "folded")];
    t.true(difference(all.slice(0, some.length), some).relative <= 1e-4);
    t.true(difference(all, await logits(line, IDS)).relative > 1e-3);
  }
});

test("what is blended in with alpha 0 leaves nothing in the graph", (t) => {
  const text = program({ use: "reweave (reweave)", model: DIGITS }, "in each blocks[4] after input with reweave(taps: blocks[0..3 step 2].output, alpha: 0.0)");
  const size = (variant: string | undefined): number => topological(compiled(text, { variant }).fused.outputs.map((o) => o.node)).length;
  t.is(size("folded"), size(undefined));
});

/** What a decoder says comes behind 2 tokens of a system, 8 of a picture and 6 of a text, in which the picture's become fewer. */
const captioned = (lines: readonly string[]): string => `
use model.llama
use folds.aim (aim_prune, importance)
use folds.keep (largest)
model transformer = llama.Decoder from "models/tiny-llama-shakespeare"
/// The authors' way: what \`aim_prune\` takes out stays and is seen by nobody.
fold aim_hide(keep: Int) : N -> K where K = N {
  carry hidden: f32[B, N] = 0 down by max
  down positions by same
  at scores(s: f32[B, H, N', N]) { s + hidden }
  down(x: f32[B, N, C]) reads ranks = scores: f32[B, H, N', N] -> f32[B, K, C] {
    let at = iota(N as N)
    let kept = largest(select(at >= 2 and at < 10, importance(ranks), 2.0); count: N - 8 + keep)
    hidden := put(full(-1e30; like: x, except: C), kept, full(0.0; like: kept, dtype: f32); over: N, how: set)
    x as [B, K, C]
  }
  up(y: f32[B, K, C]) -> f32[B, N, C] { y as [B, N, C] }
  fn same(v: f32[B, N, C]) -> f32[B, K, C] { v as [B, K, C] }
}
compress transformer as folded { ${lines.map((line) => `fold tokens in each ${line}`).join("\n")} }
pipeline probe(ids: i64[N]) -> { next: f32[V] } { { next: transformer(ids)[N: -1] } }
`;
const next = async (lines: readonly string[], variant?: string): Promise<number[]> => output(await run(compiled(captioned(lines), { variant }), { ids: i64([1, 16], [...IDS, ...IDS.map((id) => id + 3)]) }), "next");

test("AIM takes tokens out of a decoder layer by layer, until none of the picture is left", async (t) => {
  const lines = ["blocks[2] after output with aim_prune(system: 2, vision: 8, keep: 5)", "blocks[3] after output with aim_prune(system: 2, vision: 5, keep: 2)", "blocks[4] after output with aim_prune(system: 2, vision: 2, keep: 0)"];
  const { elaboration: { sites, arena } } = compiled(captioned(lines), { variant: "folded" });
  const of16 = arena.facts.evaluator(() => 16);
  t.deepEqual([0, 1, 2, 3, 4, 5].map((i) => of16(sites.get(`transformer.blocks[${i}].output`)?.tensor.node.type.dims[1] as Dim)), [16, 16, 13, 10, 8, 8]);
  const [pruned, plain] = [await next(lines, "folded"), await next(lines)];
  t.true(pruned.every(Number.isFinite));
  t.true(difference(pruned, plain).relative > 1e-3);
});

test("AIM: tokens that are taken out are as good as hidden, positions kept", async (t) => {
  const pruned = await next(["blocks[2] after output with aim_prune(system: 2, vision: 8, keep: 3)"], "folded");
  const hidden = await next(["blocks[2] after output with aim_hide(keep: 3)"], "folded");
  t.true(difference(pruned, hidden).relative <= 1e-4);
});

test("AIM: a picture that keeps all its tokens changes nothing", async (t) => {
  const lines = ["blocks[2] after output with aim_prune(system: 2, vision: 8, keep: 8)"];
  t.true(difference(await next(lines, "folded"), await next(lines)).relative <= 1e-5);
});

const VFLOWOPT = { use: "vflowopt (vflowopt)", model: DIGITS };
const STAGES = [
  "protect 1 in each blocks[1] after output with vflowopt(keep: 0.7, grid: (7, 7), t: 1.0, m: 2.0)",
  "protect 1 in each blocks[3] after output with vflowopt(keep: 0.6, first_stage: false)",
].join("; ");

test("VFlowOpt that keeps all tokens, in cells larger than the picture, changes nothing", async (t) => {
  const all = "protect 1 in each blocks[1] after output with vflowopt(keep: 1.0, grid: (7, 7), t: 1.0, m: 8.0); protect 1 in each blocks[3] after output with vflowopt(keep: 1.0, first_stage: false)";
  t.true(difference(await scores(VFLOWOPT, all, "folded"), await scores(VFLOWOPT, all)).relative <= 1e-5);
});

test("VFlowOpt in two stages: every picture keeps as many tokens as its cells say, whatever stands beside it in the batch", async (t) => {
  const { bytes } = pictures(28).pixels;
  const one = (i: number): { pixels: Value } => ({ pixels: { dtype: "f32", dims: [1, 1, 28, 28], bytes: bytes.slice((i * bytes.length) / 2, ((i + 1) * bytes.length) / 2) } });
  const folded = compiled(program(VFLOWOPT, STAGES), { variant: "folded" });
  const both = output(await run(folded, pictures(28)), "scores");
  t.true(both.every(Number.isFinite));
  t.true(difference(both, await scores(VFLOWOPT, STAGES)).relative > 1e-3);
  const alone = await Promise.all([0, 1].map(async (i) => output(await run(folded, one(i)), "scores")));
  t.true(difference(alone.flat(), both).relative <= 1e-5);
  // The tokens themselves: the two pictures keep different numbers.
  const encoder = compiled(program({ ...VFLOWOPT, model: { ...DIGITS, layer: "Encoder", result: "f32[some N <= 50, C]" } }, STAGES), { variant: "folded" });
  const kept = await Promise.all([0, 1].map(async (i) => (await run(encoder, one(i))).scores?.dims[1] ?? 0));
  t.true(kept.every((k) => k > 10 && k < 40));
  t.not(kept[0], kept[1]);
});
