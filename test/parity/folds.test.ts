/** Every published fold in whole small models, our own and imported, against PyTorch: `folds/` holds the models, the folds written from their pages, and what they gave. */
import test from "ava";
import type { Compiled } from "../../compiler/compile.ts";
import type { Value } from "../../compiler/host.ts";
import { f32, numbers } from "../support/evaluate.ts";
import { difference, expectedOf, readSafetensors } from "../support/golden.ts";
import { compiled, output, run, SPELLINGS } from "../support/program.ts";

/** Of the largest value: the oracle in f32 is within 1e-6 of itself in f64 and decides alike (`folds/decisions.py`); attention that is fused sums in another order. */
const TOLERANCE = 1e-5;
/** What the oracle keeps of the tokens of a record. */
const STRIDE = 5;

const file = readSafetensors(new URL("folds/expected.safetensors", import.meta.url).pathname);
const numbersOf = (name: string): number[] => Array.from(expectedOf(file, name).data, Number);
const whole = (name: string): Value => f32(expectedOf(file, name).dims, numbersOf(name));

/** Records of tokens as the oracle keeps them: as many as each record has, of these every fifth value. */
function kept(found: Value, counts: readonly number[]): number[] {
  const [, rows = 0, width = 0] = found.dims;
  const all = numbers(found);
  return counts.flatMap((count, record) => all.slice(record * rows * width, (record * rows + count) * width).filter((_, i) => i % STRIDE === 0));
}

const FOLDER = "../test/parity/folds";

/** Weights that folds are trained with, in one file. */
const TRAINED = {
  use: "use folds.pyra (Modulations)\nuse folds.token_shuffle (TokenShuffle)\nuse folds.reweave (Reconstruction)\nuse folds.mrt5 (DeleteGate)",
  model: `
layer Trained() {
  use modulations = Modulations(r: [5, 4], width: 24) named "pyra"
  use shuffle = TokenShuffle(grid: (6, 6), width: 24, hidden: 48) named "shuffle"
  use reconstruction = Reconstruction(taps: 2, width: 24) named "reconstruction"
  use gate = DeleteGate(width: 24) named "gate"
  param newline: f32[C = 24] named "newline"
}
model trained = Trained() from "${FOLDER}/trained"`,
};

interface Case {
  /** In the expected file. */
  readonly name: string;
  /** File of the fold and its name in it. */
  readonly use: string;
  /** What stands in the `compress`. */
  readonly lines: readonly string[];
  /** The type of the result; where it counts 37 tokens, all of them come back. */
  readonly tokens?: string;
}

const ALL = "f32[N = 37, C]";
const SOME = "f32[some N <= 37, C]";

const ON_PICTURES: readonly Case[] = [
  { name: "hiprune", use: "hiprune (hiprune)", lines: ["protect 1 across blocks[2..] with hiprune(budget: 14, width: 6, alpha: 0.7, object: blocks[0].probs, deep: blocks[1].probs) up none"] },
  { name: "todre", use: "todre (todre)", lines: ["protect 1 across blocks[2..] with todre(k: 12, attention: blocks[1].probs) up none"] },
  { name: "todre-k-center", use: "todre (todre)", lines: ["protect 1 in each blocks[1] after output with todre(k: 12, mode: k_center)"] },
  { name: "relevance-gate", use: "todre (relevance_gate)", lines: ["in each blocks[2] after input with relevance_gate(system: 1, vision: 20, attention: blocks[1].probs, tau: 0.55)"] },
  {
    name: "vflowopt", use: "vflowopt (vflowopt)",
    lines: ["protect 1 in each blocks[0] after output with vflowopt(keep: 0.7, grid: (6, 6), t: 1.0, m: 2.3)", "protect 1 in each blocks[2] after output with vflowopt(keep: 0.6, first_stage: false)"],
  },
  { name: "aim-merge", use: "aim (aim_merge)", lines: ["protect 1 across blocks[1..] with aim_merge([2, 4]) up none"] },
  { name: "aim-merge-back", use: "aim (aim_merge)", lines: ["protect 1 across blocks[1..3] with aim_merge([2, 4])"], tokens: ALL },
  { name: "token-correlation", use: "token_correlation (token_correlation)", lines: ["protect 1 in each blocks[1] after output with token_correlation(low: blocks[0].probs, tau: 0.6)"] },
  {
    name: "pyra", use: "pyra (pyra)",
    lines: ["protect 1 in each blocks[1] after attended with pyra(r: 5, modulation: trained.modulations.blocks[0])", "protect 1 in each blocks[2] after attended with pyra(r: 4, modulation: trained.modulations.blocks[1])"],
  },
  { name: "token-shuffle", use: "token_shuffle (token_shuffle)", lines: ["protect 1 across blocks[1..3] with token_shuffle(from: (6, 6), through: trained.shuffle)"], tokens: ALL },
  { name: "reweave", use: "reweave (reweave)", lines: ["in each blocks[3] after input with reweave(taps: blocks[0..2].output, alpha: 0.3, gamma: 4.0)"], tokens: ALL },
  { name: "reweave-mapped", use: "reweave (reweave)", lines: ["in each blocks[3] after input with reweave(taps: blocks[0..2].output, alpha: 0.4, lambda: 0.5, through: trained.reconstruction)"], tokens: ALL },
  { name: "mrt5", use: "mrt5 (mrt5)", lines: ["protect 1 across blocks[2..] with mrt5(gate: trained.gate) up none"] },
  { name: "mrt5-soft", use: "mrt5 (mrt5)", lines: ["protect 1 across blocks[2..] with mrt5(gate: trained.gate, soft: true)"] },
];

/** The same weights as a folder of the hub and as an ONNX file that PyTorch exported. */
const VITS = { "own model": ["use model.vit", `vit.Encoder from "${FOLDER}/vit"`], "imported file": ["", `import "${FOLDER}/vit.onnx"`] } as const;

const onPictures = ([library, model]: readonly [string, string], { use, lines, tokens = SOME }: Omit<Case, "name">): string => `
${library}
${use ? `use folds.${use}` : ""}
${lines.join().includes("trained.") ? TRAINED.use : ""}
model m = ${model}
${lines.join().includes("trained.") ? TRAINED.model : ""}
compress m as folded { ${lines.map((line) => `fold tokens ${line}`).join("\n")} }
pipeline probe(pixels: f32[Channels = 1, Y = 24, X = 24]) -> { tokens: ${tokens} } { { tokens: m(pixels) } }`;

for (const [kind, model] of Object.entries(VITS)) {
  test(`the plain ViT, ${kind}`, async (t) => {
    const found = await run(compiled(onPictures(model, { use: "", lines: [] })), { pixels: whole("pixels") });
    t.true(difference(kept(found.tokens as Value, numbersOf("plain.counts")), numbersOf("plain.tokens")).relative <= TOLERANCE);
  });
  for (const case_ of ON_PICTURES)
    test(`${case_.name}, ${kind}`, async (t) => {
      const folded = compiled(onPictures(model, case_), { variant: "folded" });
      const counts = numbersOf(`${case_.name}.counts`);
      for (const spelling of SPELLINGS) {
        const { tokens } = await run(folded, { pixels: whole("pixels") }, spelling);
        t.is(tokens?.dims[1], Math.max(...counts));
        const off = difference(kept(tokens as Value, counts), numbersOf(`${case_.name}.tokens`)).relative;
        t.true(off <= TOLERANCE, `${spelling}: ${off}`);
      }
    });
}

// ── behind an encoder, or between its parts ──

/** What the last block of the ViT knows: features that enter it, its queries and keys [B, H, N, D], and what leaves the model. */
const LAST = `
use model.vit
model m = vit.Encoder from "${FOLDER}/vit"
fn last(pixels: f32[B, Channels, Y, X]) -> { entering: f32[B, N, C], queries: f32[B, H, N, D], keys: f32[B, H, N, D], leaving: f32[B, N, C] } {
  let entering = m.blocks[0..3](m.embeddings(pixels)) as [B, N, C]
  let normed = m.blocks[3].norm1(entering)
  let queries = m.blocks[3].attention.query(normed) as [B, N, C]
  let keys = m.blocks[3].attention.key(normed) as [B, N, C]
  {
    entering: entering, queries: permute(split(queries; C into (H = 3, D)); (B, H, N, D)), keys: permute(split(keys; C into (H = 3, D)); (B, H, N, D)),
    leaving: m.norm(m.blocks[3](entering)) as [B, N, C]
  }
}
fn wide(x: f32[B, H, N, D]) -> f32[B, N, C] { join(permute(x; (B, N, H, D)); (H, D) into C) }`;

test("recoverable compression behind the ViT", async (t) => {
  const model = compiled(`use folds.recoverable (class_attention, divided, likeness, recovered)${LAST}
pipeline probe(pixels: f32[Channels = 1, Y = 24, X = 24], question: f32[E = 24]) -> { tokens: f32[some K <= 73, C], seen: Int, back: Int, centres: Int } {
  let at = last(pixels)
  let attention = class_attention(wide(at.queries), wide(at.keys)) as [B, N]
  let parts = divided(attention, likeness(question, at.leaving[N: 1..] as [B, N, E]) as [B, N]; width: 24, near: [5, 5, 4])
  let (tokens, valid) = recovered(at.entering[N: 1..], wide(at.keys)[N: 1..] as [B, N, D], attention, parts.likeness, parts.main, parts.centres; cluster: 8)
  { tokens: tokens, seen: parts.seen, back: parts.back, centres: parts.centres }
}`);
  const counts = numbersOf("recoverable.counts");
  for (const spelling of SPELLINGS) {
    const found = await run(model, { pixels: whole("pixels"), question: whole("question") }, spelling);
    t.deepEqual(["seen", "back", "centres"].map((name) => output(found, name)), [0, 1, 2].map((part) => [0, 1, 2].map((b) => numbersOf("recoverable.parts")[b * 3 + part] as number)));
    t.is(found.tokens?.dims[1], Math.max(...counts));
    t.true(difference(kept(found.tokens as Value, counts), numbersOf("recoverable.tokens")).relative <= TOLERANCE, spelling);
  }
});

test("GlobalCom² behind the ViT, a thumbnail and four crops", async (t) => {
  const model = compiled(`use folds.globalcom2 (Mosaic, compressed)
${TRAINED.use}${LAST}${TRAINED.model}
pipeline probe(views: f32[V = 5, Channels = 1, Y = 24, X = 24]) -> { tokens: f32[some K <= 192, C] } {
  let at = last(join(views; (B, V) into B))
  let scores = mean(dot(at.queries[N: 0], at.keys; over: D) / sqrt(8.0); over: H)[N: 1..]
  let (tokens, seen) = (split(at.leaving[N: 1..]; B into (B, V = 5)), split(scores; B into (B, V = 5)))
  { tokens: compressed(tokens[V: 0], tokens[V: 1..] as [B, P, N, C], trained.newline as [C], seen[V: 0], seen[V: 1..] as [B, P, N]; mosaic: Mosaic { side: 6, pw: 2, ph: 2, image_w: 50, image_h: 40 }, base: 0.35)[0] }
}`);
  const counts = numbersOf("globalcom2.counts");
  for (const spelling of SPELLINGS) {
    const { tokens } = await run(model, { views: whole("views") }, spelling);
    t.is(tokens?.dims[1], Math.max(...counts));
    t.true(difference(kept(tokens as Value, counts), numbersOf("globalcom2.tokens")).relative <= TOLERANCE, spelling);
  }
});

test("CapRecover's protection: what is sent between two parts of the ViT, and that the second part does not notice", async (t) => {
  const parts = `use model.vit
use folds.sealed_features (open, seal)
model m = vit.Encoder from "${FOLDER}/vit"
pipeline device(pixels: f32[Channels = 1, Y = 24, X = 24], noise: f32[N = 37, C = 24]) -> { sent: f32[N, C] } { { sent: seal(m.blocks[0..2](m.embeddings(pixels)) as [B, N, C], noise; scale: 4.0) } }
pipeline server(sent: f32[N = 37, C = 24], noise: f32[N = 37, C = 24]) -> { tokens: f32[N, C] } { { tokens: m.norm(m.blocks[2..](open(sent, noise; scale: 4.0))) } }`;
  const [device, server] = ["device", "server"].map((pipeline) => compiled(parts, { pipeline }));
  const counts = numbersOf("sealed.counts");
  for (const spelling of SPELLINGS) {
    const { sent } = await run(device as Compiled, { pixels: whole("pixels"), noise: whole("noise") }, spelling);
    t.true(difference(kept(sent as Value, counts), numbersOf("sealed.tokens")).relative <= TOLERANCE, spelling);
    const { tokens } = await run(server as Compiled, { sent: sent as Value, noise: whole("noise") }, spelling);
    t.true(difference(kept(tokens as Value, counts), numbersOf("plain.tokens")).relative <= TOLERANCE, spelling);
  }
});
