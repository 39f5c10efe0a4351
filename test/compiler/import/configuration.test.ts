/** `config.json` against the layers that read it: wrong fields, hostile ones, and what a layer cannot do is refused and never ignored. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { attempted, ROOT, told } from "../../support/program.ts";
import { temporaryFolder } from "../../support/safetensors-file.ts";

type Fields = Readonly<Record<string, unknown>>;

const PROGRAMS = {
  "tiny-vit-mnist": `
use model.vit
use image
model transformer = vit.Classifier from "model"
pipeline probe(picture: image) -> { logits: f32[Classes] } { { logits: transformer(image.prepare(picture; transformer.processor)) } }`,
  "tiny-llama-shakespeare": `
use model.llama
model decoder = llama.Decoder from "model"
pipeline probe(ids: i64[N]) -> { logits: f32[N, V] } { { logits: decoder(ids) } }`,
  "tiny-random-minilm": `
use model.bert
model encoder = bert.Encoder from "model"
pipeline probe(ids: i64[N], mask: i64[N]) -> { hidden: f32[N, C] } { { hidden: encoder(ids, mask, ids * 0) } }`,
} as const;

/** What is said of a copy of the model with these fields instead, or with this text for its configuration. */
function said(model: keyof typeof PROGRAMS, change: Fields | string | undefined): string[] {
  const from = join(ROOT, "pipelines/models", model);
  const root = temporaryFolder();
  mkdirSync(join(root, "model"));
  for (const file of ["model.safetensors", ...(model === "tiny-vit-mnist" ? ["preprocessor_config.json"] : [])]) copyFileSync(join(from, file), join(root, "model", file));
  const config = readFileSync(join(from, "config.json"), "utf8");
  if (change !== undefined) writeFileSync(join(root, "model", "config.json"), typeof change === "string" ? change : JSON.stringify({ ...(JSON.parse(config) as Fields), ...change }));
  return told(attempted(PROGRAMS[model], { root, file: "test.kiri" }).problems).map((line) => line.replaceAll(/\s+/g, " "));
}
const errors = (lines: readonly string[]): string[] => lines.filter((line) => !line.startsWith("W409"));

test("the models as they are have nothing to say", (t) => {
  for (const model of Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[]) t.deepEqual(errors(said(model, {})), [], model);
});

test("a folder without config.json", (t) => {
  t.regex(said("tiny-vit-mnist", undefined)[0] ?? "", /^N207 .*model\/config\.json.*the layer wants its configuration/);
});

for (const [text, found] of [["null", "null"], ["[1, 2]", "[1,2]"], ['"x"', '"x"'], ["7", "7"]] as const)
  test(`a configuration that is ${text}`, (t) => {
    t.deepEqual(said("tiny-vit-mnist", text), [`T316 config.json: the whole is ${found}, wanted an object.`]);
  });

for (const [field, value, wanted] of [
  ["hidden_size", "96", "Int"], ["hidden_size", 96.5, "Int"], ["hidden_size", -96, "Int"], ["hidden_size", 1e308, "Int"], ["hidden_size", {}, "Int"], ["hidden_size", true, "Int"],
  ["layer_norm_eps", "1e-6", "Float"], ["qkv_bias", "yes", "Bool"], ["hidden_act", 3, "Str"], ["image_size", [28, 28], "Int"],
] as const)
  test(`a field of another kind: ${field} ${JSON.stringify(value)}`, (t) => {
    t.deepEqual(said("tiny-vit-mnist", { [field]: value }), [`T316 config.json: ${field} is ${JSON.stringify(value)}, wanted ${wanted}.`]);
  });

test("a field that is missing, or null", (t) => {
  t.deepEqual(said("tiny-vit-mnist", "{}"), ["T316 config.json: hidden_size is missing, wanted Int."]);
  t.deepEqual(said("tiny-vit-mnist", { hidden_size: null }), ["T316 config.json: hidden_size is missing, wanted Int."]);
});

test("sizes that belong to another model: a few weights are told, the rest is counted", (t) => {
  const lines = said("tiny-vit-mnist", { hidden_size: 48 });
  t.regex(lines[0] ?? "", /^W410 `vit\.embeddings\.patch_embeddings\.projection\.weight` does not fit\. found \[96, 1, 4, 4\] wanted \[48, 1, 4, 4\]/);
  t.is(lines.length, 6);
  t.regex(lines[5] ?? "", /^W416 Of \d+ weights that the layer wants, model lacks 0 and has \d+ in another shape/);
});

test("one block more than there are weights for", (t) => {
  const lines = said("tiny-vit-mnist", { num_hidden_layers: 7 });
  t.regex(lines[0] ?? "", /^W408 model holds no `vit\.encoder\.layer\.6\.layernorm_before\.weight` of shape \[96\]/);
  t.regex(lines[5] ?? "", /^W416 .* lacks 16 and has 0 in another shape/);
});

test("numbers that would take all memory or time are refused at once", (t) => {
  const began = Date.now();
  for (const count of [1e9, 2 ** 53 - 1]) t.deepEqual(said("tiny-vit-mnist", { num_hidden_layers: count }), [`B324 These are ${count} layers; at most 10000 are taken.`]);
  for (const fields of [{ hidden_size: 1e9 }, { image_size: 1e7 }, { num_channels: 1e6 }, { patch_size: 0 }, { num_attention_heads: 0 }, { num_attention_heads: 5 }]) t.true(said("tiny-vit-mnist", fields).length > 0, JSON.stringify(fields));
  t.true(Date.now() - began < 20_000);
});

test("names that JavaScript knows are names like others", (t) => {
  const config = readFileSync(join(ROOT, "pipelines/models/tiny-vit-mnist/config.json"), "utf8").trimEnd().replace(/\}$/, ',"__proto__":{"hidden_size":3},"constructor":5,"toString":null}');
  t.deepEqual(said("tiny-vit-mnist", config), []);
});

test("an activation that nobody knows is refused, and each known name is taken", (t) => {
  t.regex(said("tiny-vit-mnist", { hidden_act: "gleu" })[0] ?? "", /^T308 activate wants /);
  for (const name of ["gelu", "gelu_new", "gelu_pytorch_tanh", "quick_gelu", "silu", "swish", "relu", "tanh"]) t.deepEqual(said("tiny-vit-mnist", { hidden_act: name }), [], name);
});

test("what a layer cannot do is refused", (t) => {
  t.regex(errors(said("tiny-random-minilm", { position_embedding_type: "relative_key" }))[0] ?? "", /^T308 Encoder wants config\.position_embedding_type == /);
  t.regex(errors(said("tiny-llama-shakespeare", { rope_scaling: { rope_type: "llama3", factor: 8 } }))[0] ?? "", /^T308 Decoder wants config\.rope_scaling == none/);
  t.regex(errors(said("tiny-llama-shakespeare", { attention_bias: true }))[0] ?? "", /^W408 model holds no `model\.layers\.0\.self_attn\.q_proj\.bias`/);
  t.regex(errors(said("tiny-llama-shakespeare", { hidden_act: "gelu_10" }))[0] ?? "", /^T308 activate wants /);
});
