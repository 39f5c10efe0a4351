/** Published folds on the blocks of whole small models, our own and imported, against PyTorch: `folds/` holds the models, the folds written from their pages, and what they gave. */
import test from "ava";
import type { Value } from "../../compiler/host.ts";
import { difference } from "../support/golden.ts";
import { compiled } from "../support/program.ts";
import { agrees, FOLDER, numbersOf, TRAINED, whole } from "./support/fold-oracle.ts";

const FUSED = ["fused"] as const;

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
    name: "token-correlation-twice", use: "token_correlation (token_correlation)",
    lines: [0, 2].map((i) => `protect 1 in each blocks[${i}] after output with token_correlation(low: blocks[${Math.max(i - 1, 0)}].probs, tau: 0.6)`),
  },
  {
    name: "pyra", use: "pyra (pyra)",
    lines: ["protect 1 in each blocks[1] after attended with pyra(r: 5, modulation: trained.modulations.blocks[0])", "protect 1 in each blocks[2] after attended with pyra(r: 4, modulation: trained.modulations.blocks[1])"],
  },
  { name: "token-shuffle", use: "token_shuffle (token_shuffle)", lines: ["protect 1 across blocks[1..3] with token_shuffle(from: (6, 6), through: trained.shuffle)"], tokens: ALL },
  { name: "reweave", use: "reweave (reweave)", lines: ["in each blocks[3] after input with reweave(taps: blocks[0..2].output, alpha: 0.3, gamma: 4.0)"], tokens: ALL },
  { name: "reweave-mapped", use: "reweave (reweave)", lines: ["in each blocks[3] after input with reweave(taps: blocks[0..2].output, alpha: 0.4, lambda: 0.5, through: trained.reconstruction)"], tokens: ALL },
  { name: "mrt5", use: "mrt5 (mrt5)", lines: ["protect 1 across blocks[2..] with mrt5(gate: trained.gate) up none"] },
  {
    name: "pyra-todre", use: "pyra (pyra)\nuse folds.todre (todre)",
    lines: ["protect 1 in each blocks[1] after attended with pyra(r: 5, modulation: trained.modulations.blocks[0])", "protect 1 across blocks[3..] with todre(k: 12, attention: blocks[2].probs) up none"],
  },
  {
    name: "pyra-mrt5", use: "pyra (pyra)\nuse folds.mrt5 (mrt5)",
    lines: ["protect 1 in each blocks[1] after attended with pyra(r: 5, modulation: trained.modulations.blocks[0])", "protect 1 across blocks[3..] with mrt5(gate: trained.gate) up none"],
  },
  { name: "mrt5-soft", use: "mrt5 (mrt5)", lines: ["protect 1 across blocks[2..] with mrt5(gate: trained.gate, soft: true)"] },
];

const ON_TEXTS: readonly Case[] = [
  { name: "prepend", use: "prepend (prepend)", lines: ["in each blocks[1..3] after input with prepend(placeholder: 39, ids: IDS)"] },
  {
    name: "aim-prune", use: "aim (aim_prune)",
    lines: ["in each blocks[1] after output with aim_prune(system: 2, vision: 8, keep: 5)", "in each blocks[2] after output with aim_prune(system: 2, vision: 5, keep: 2)"],
  },
  { name: "decoder-aim-merge", use: "aim (aim_merge)", lines: ["across blocks[1..3] with aim_merge([2])"] },
  { name: "decoder-relevance-gate", use: "todre (relevance_gate)", lines: ["in each blocks[2] after input with relevance_gate(system: 2, vision: 8, attention: blocks[1].probs, tau: 0.55)"] },
  { name: "decoder-reweave", use: "reweave (reweave)", lines: ["in each blocks[3] after input with reweave(taps: blocks[0..2].output, alpha: 0.4, lambda: 0.5, gamma: 4.0, through: trained.reconstruction)"] },
];
const CHOSEN: Case = { name: "text-todre", use: "todre (todre)", lines: ["across blocks[1..] with todre(k: 7, attention: blocks[0].probs) up none"] };
/** The mask of our own blocks is what they add to their scores; a file knows it as it enters. */
const DELETED = { use: "mrt5 (mrt5_text)", lines: ["across blocks[1..] with mrt5_text(gate: trained.text_gate, threshold: -3.0) up none"] };
const PADDED = (there: string): Omit<Case, "name"> => ({ use: "mrt5 (mrt5_padded)", lines: [`across blocks[1..] with mrt5_padded(gate: trained.text_gate, there: ${there}, threshold: -3.0) up none`] });

/** The same weights as a folder of the hub and as an ONNX file that PyTorch exported, and what they are asked. */
interface Model {
  readonly kind: string;
  readonly library: string;
  readonly model: string;
  readonly pipeline: (tokens: string) => string;
  readonly inputs: (name: string) => Record<string, Value>;
  readonly plain: string;
  readonly cases: readonly Case[];
}
const SEEN: Pick<Model, "pipeline" | "inputs" | "plain" | "cases"> = {
  pipeline: (tokens) => `pipeline probe(pixels: f32[Channels = 1, Y = 24, X = 24]) -> { tokens: ${tokens} } { { tokens: m(pixels) } }`,
  inputs: () => ({ pixels: whole("pixels") }), plain: "plain", cases: ON_PICTURES,
};
const READ: typeof SEEN = {
  pipeline: () => "pipeline probe(ids: i64[N = 16]) -> { tokens: f32[some N <= 16, V] } { { tokens: m(ids) } }",
  inputs: (name) => ({ ids: whole(name === "prepend" ? "marked" : "ids") }), plain: "decoder", cases: ON_TEXTS,
};
const ENCODED: typeof SEEN = {
  pipeline: () => "pipeline probe(ids: i64[N = 11], mask: i64[N = 11], kinds: i64[N = 11]) -> { tokens: f32[some N <= 11, C] } { { tokens: m(ids, mask, kinds) } }",
  inputs: () => ({ ids: whole("words"), mask: whole("mask"), kinds: whole("kinds") }), plain: "text-plain", cases: [],
};
const MODELS: readonly Model[] = [
  { kind: "ViT", library: "use model.vit", model: `vit.Encoder from "${FOLDER}/vit"`, ...SEEN },
  { kind: "imported ViT", library: "", model: `import "${FOLDER}/vit.onnx"`, ...SEEN },
  { kind: "decoder", library: "use model.llama", model: `llama.Decoder from "${FOLDER}/decoder"`, ...READ },
  { kind: "imported decoder", library: "", model: `import "${FOLDER}/decoder.onnx"`, ...READ },
  { kind: "BERT", library: "use model.bert", model: 'bert.Encoder from "models/tiny-onnx/bert"', ...ENCODED, cases: [CHOSEN, { name: "text-mrt5", ...DELETED }, { name: "text-mrt5", ...PADDED("embeddings.input") }] },
  { kind: "imported BERT", library: "", model: 'import "models/tiny-onnx/bert-torchscript.onnx"', ...ENCODED, cases: [CHOSEN, { name: "text-mrt5", ...PADDED("attention_mask") }] },
];

function program({ library, model, pipeline }: Model, { use, lines, tokens = SOME }: Omit<Case, "name">): string {
  const folds = lines.map((line) => `fold tokens ${line}`).join("\n").replace("IDS", library ? "embeddings.input" : "ids");
  const learned = folds.includes("trained.");
  return `
${library}
${use ? `use folds.${use}` : ""}
${learned ? TRAINED.use : ""}
model m = ${model}
${learned ? TRAINED.model : ""}
compress m as folded { ${folds} }
${pipeline(tokens)}`;
}

for (const model of MODELS) {
  test(`${model.kind}, nothing folded`, async (t) => {
    await agrees(t, compiled(program(model, { use: "", lines: [] })), model.inputs(model.plain), { tokens: model.plain }, FUSED);
  });
  for (const case_ of model.cases)
    test(`${case_.name} in the ${model.kind}: ${case_.lines.join("; ")}`, async (t) => {
      t.true(difference(numbersOf(`${case_.name}.tokens`), numbersOf(`${model.plain}.tokens`)).relative > 0.01, "the fold does something");
      // Of an imported model only as it is run: what was woven is held to the oracle on our own.
      await agrees(t, compiled(program(model, case_), { variant: "folded" }), model.inputs(case_.name), { tokens: case_.name }, model.library ? undefined : FUSED);
    });
}
