// Model folders: what is read, how shards must agree, and how missing weights are told.
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { bindWeights, type OpenedCheckpoint, openCheckpoint } from "../../../compiler/import/checkpoint.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { span } from "../../../grammar/source.ts";
import { safetensors, type StoredTensor, temporaryFolder } from "../../support/safetensors-file.ts";

const stored = (...shape: number[]): StoredTensor => ({ dtype: "f32", shape, bytes: new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)) });
const one = (...names: string[]): Uint8Array => safetensors(Object.fromEntries(names.map((name) => [name, stored(2)])));
const index = (map: unknown): string => JSON.stringify({ metadata: { total_size: 8 }, weight_map: map });

/** Opens `model/` of a project with these files in it. */
function opened(files: Readonly<Record<string, string | Uint8Array>>, prepare: (root: string) => void = () => {}): OpenedCheckpoint & { readonly root: string } {
  const root = join(temporaryFolder(), "project");
  mkdirSync(join(root, "model"), { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(root, "model", name), content);
  prepare(root);
  const host = new NodeHost({ root });
  return { ...openCheckpoint(host, join(host.root, "model"), span("a.kiri", 1, 2)), root: host.root };
}
const told = ({ problems }: OpenedCheckpoint): string[] => problems.map((p) => `${p.code} ${p.says}`);

test("a folder with one weight file: configuration, weights, and the files that were read", (t) => {
  const { value, problems, root } = opened({
    "config.json": '{"hidden_size":96}', "preprocessor_config.json": '{"size":{"height":64}}', "generation_config.json": '{"eos_token_id":2}',
    "tokenizer.json": "{}", "tokenizer_config.json": "{}", "README.md": "", "model.safetensors": one("a", "b"),
  });
  t.deepEqual(problems, []);
  t.is(value?.directory, join(root, "model"));
  t.deepEqual(value?.json("config.json"), { hidden_size: 96 });
  t.deepEqual(value?.json("preprocessor_config.json"), { size: { height: 64 } });
  t.deepEqual(value?.json("generation_config.json"), { eos_token_id: 2 });
  t.is(value?.json("nothing.json"), undefined);
  t.deepEqual([...(value?.weights.keys() ?? [])], ["a", "b"]);
  t.deepEqual(value?.files.map((f) => f.slice(root.length)), ["/model/config.json", "/model/generation_config.json", "/model/model.safetensors", "/model/preprocessor_config.json", "/model/tokenizer_config.json"]);
  t.deepEqual(value?.tokenizerFiles.map((f) => f.slice(root.length)), ["/model/tokenizer.json", "/model/tokenizer_config.json"]);
});

test("shards are one set of weights", (t) => {
  const { value, problems, root } = opened({ "model.safetensors.index.json": index({ a: "s1.safetensors", b: "s2.safetensors", c: "s1.safetensors" }), "s1.safetensors": one("a", "c"), "s2.safetensors": one("b") });
  t.deepEqual(problems, []);
  t.deepEqual([...(value?.weights ?? [])].map(([name, ref]) => `${name} ${ref.file.slice(root.length)}`).sort(), ["a /model/s1.safetensors", "b /model/s2.safetensors", "c /model/s1.safetensors"]);
  t.is(value?.files.length, 3);
});

for (const [what, files, says] of [
  ["a shard that is not there", { "model.safetensors.index.json": index({ a: "s1.safetensors" }) }, "W405 model/model.safetensors.index.json does not match its shards: it names s1.safetensors, which is not there."],
  ["a weight in another shard than promised", { "model.safetensors.index.json": index({ a: "s2.safetensors", b: "s2.safetensors", c: "s1.safetensors" }), "s1.safetensors": one("a", "c"), "s2.safetensors": one("b") }, "W405 model/model.safetensors.index.json does not match its shards: `a` should lie in s2.safetensors and lies in s1.safetensors."],
  ["a weight in no shard", { "model.safetensors.index.json": index({ a: "s1.safetensors", b: "s1.safetensors" }), "s1.safetensors": one("a") }, "W405 model/model.safetensors.index.json does not match its shards: `b` should lie in s1.safetensors, which does not hold it."],
  ["a weight in two shards", { "model.safetensors.index.json": index({ a: "s1.safetensors", b: "s2.safetensors" }), "s1.safetensors": one("a"), "s2.safetensors": one("a", "b") }, "W405 model/model.safetensors.index.json does not match its shards: s1.safetensors and s2.safetensors both hold `a`."],
  ["a weight that the index does not name", { "model.safetensors.index.json": index({ a: "s1.safetensors" }), "s1.safetensors": one("a", "b") }, "W405 model/model.safetensors.index.json does not match its shards: s1.safetensors holds `b`, which the index does not name."],
  ["a shard above the folder", { "model.safetensors.index.json": index({ a: "../secret.safetensors" }) }, 'W413 "../secret.safetensors" leads out of model or out of the project, directly or through a link.'],
  ["a shard by absolute path", { "model.safetensors.index.json": index({ a: "/etc/passwd" }) }, 'W413 "/etc/passwd" leads out of model or out of the project, directly or through a link.'],
  ["a shard that is a number", { "model.safetensors.index.json": index({ a: 7 }) }, "W405 model/model.safetensors.index.json does not match its shards: it gives `a` no file name."],
  ["an index without a map", { "model.safetensors.index.json": "[]" }, "W405 model/model.safetensors.index.json does not match its shards: it has no weight_map."],
  ["an index of nothing", { "model.safetensors.index.json": index({}) }, "W405 model/model.safetensors.index.json does not match its shards: its weight_map is empty."],
  ["an index that is null", { "model.safetensors.index.json": "null" }, "W405 model/model.safetensors.index.json does not match its shards: it has no weight_map."],
  ["weights of another format", { "config.json": "{}", "pytorch_model.bin": "" }, "W407 I find neither model.safetensors nor model.safetensors.index.json in model; there is pytorch_model.bin."],
  ["no weights", { "config.json": "{}" }, "W407 I find neither model.safetensors nor model.safetensors.index.json in model."],
  ["an empty weight file", { "model.safetensors": "" }, "W402 I cannot use model/model.safetensors: it is empty."],
] as const)
  test(`refused: ${what}`, (t) => {
    const result = opened(files);
    t.is(result.value, undefined);
    t.deepEqual(told(result), [says]);
    t.deepEqual(result.problems[0]?.span, span("a.kiri", 1, 2));
  });

test("broken JSON is told with its file", (t) => {
  const result = opened({ "config.json": '{"hidden_size": }', "model.safetensors": one("a") });
  t.is(result.value, undefined);
  t.regex(told(result)[0] ?? "", /^W406 I cannot read model\/config\.json: /);
});

test("links that leave the project are refused, links inside of it are not", (t) => {
  const escaping = opened({ "config.json": "{}" }, (root) => {
    writeFileSync(join(root, "..", "secret.safetensors"), one("a"));
    symlinkSync("../../secret.safetensors", join(root, "model", "model.safetensors"));
  });
  t.deepEqual(told(escaping), ['W413 "model.safetensors" leads out of model or out of the project, directly or through a link.']);
  // As the Hugging Face cache lays its files out.
  const cache = opened({}, (root) => {
    mkdirSync(join(root, "blobs"));
    writeFileSync(join(root, "blobs", "0123"), one("a"));
    symlinkSync("../blobs/0123", join(root, "model", "model.safetensors"));
  });
  t.deepEqual(cache.problems, []);
  t.is(cache.value?.weights.size, 1);
});

test("a folder that is not there", (t) => {
  const root = temporaryFolder();
  const host = new NodeHost({ root });
  t.deepEqual(told(openCheckpoint(host, join(host.root, "none"), undefined)), ["W401 I cannot open none: there is no such folder."]);
});

const at = span("vit.kiri", 10, 20);
const model = span("scenes.kiri", 0, 5);
const checkpoint = () => {
  const { value } = opened({
    "model.safetensors": safetensors({
      "vit.encoder.layer.0.attention.query.weight": stored(4, 4), "vit.encoder.layer.0.attention.query.bias": stored(4), "vit.layernorm.weight": stored(4),
      "vit.pooler.dense.weight": stored(4, 4), "position_ids": { dtype: "i64", shape: [1, 4], bytes: new Uint8Array(32) },
    }),
  });
  if (!value) throw new Error("the checkpoint should open");
  return value;
};

test("weights that all fit leave nothing to say but what is not used", (t) => {
  const c = checkpoint();
  const wanted = [...c.weights.values()].map(({ name, shape }) => ({ name, shape, span: at }));
  t.deepEqual(bindWeights(wanted, c, model), []);
  const [warning] = bindWeights(wanted.slice(0, 3), c, model);
  t.is(warning?.severity, "warning");
  t.is(warning?.says, "The layer takes all it wants from model and leaves 2 weights: `position_ids`, `vit.pooler.dense.weight`.");
  t.deepEqual(warning?.span, model);
});

test("a missing weight is told with the nearest names that nothing else wants", (t) => {
  const c = checkpoint();
  const problems = bindWeights([{ name: "vit.encoder.layer.0.attention.querry.weight", shape: [4, 4], span: at }, { name: "vit.layernorm.weight", shape: [4], span: at }], c, model);
  const [missing] = problems;
  t.is(missing?.code, "W408");
  t.is(missing?.says, "model holds no `vit.encoder.layer.0.attention.querry.weight` of shape [4, 4].");
  t.regex(missing?.next ?? "", /the nearest there are `vit\.encoder\.layer\.0\.attention\.query\.weight`/);
  t.false(missing?.next?.includes("layernorm"));
  t.deepEqual(missing?.span, model);
  t.deepEqual(missing?.labels, [{ span: at, says: "the parameter that takes it" }]);
});

test("a weight of another shape is told with both, once", (t) => {
  const c = checkpoint();
  const wanted = { name: "vit.layernorm.weight", shape: [8], span: at };
  const problems = bindWeights([wanted, wanted], c, model).filter((p) => p.severity === "error");
  t.deepEqual(problems.map((p) => [p.code, p.says]), [["W410", "`vit.layernorm.weight` does not fit.\n  found  [4]\n  wanted [8]"]]);
});

test("many unused weights are counted, five are named", (t) => {
  const { value } = opened({ "model.safetensors": one(...Array.from({ length: 9 }, (_, i) => `w${i}`)) });
  t.is(bindWeights([], value as NonNullable<typeof value>, model)[0]?.says, "The layer takes all it wants from model and leaves 9 weights: `w0`, `w1`, `w2`, `w3`, `w4`, ….");
});

test("a weight in a type that we do not compute with is an error only for who wants it", (t) => {
  const text = '{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}';
  const { value } = opened({ "model.safetensors": Buffer.concat([Buffer.from(BigUint64Array.of(BigInt(text.length)).buffer), Buffer.from(text), Buffer.alloc(4)]) });
  t.deepEqual(bindWeights([], value as NonNullable<typeof value>), []);
  t.deepEqual(bindWeights([{ name: "a", shape: [4], span: at }], value as NonNullable<typeof value>).map((p) => `${p.code} ${p.says}`), ["W414 `a` of model/model.safetensors is stored as F8_E4M3."]);
});

test("JSON that is nested without end is refused, and what a model needs is not", (t) => {
  const nested = (depth: number): string => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  t.deepEqual(told(opened({ "config.json": nested(100_000), "model.safetensors": one("a") })), ["W406 I cannot read model/config.json: it is nested more than 64 levels deep."]);
  t.deepEqual(told(opened({ "config.json": nested(60), "model.safetensors": one("a") })), []);
});

test("JSON of 64 MiB and more is not read", (t) => {
  const result = opened({ "config.json": `"${"x".repeat(2 ** 26)}"`, "model.safetensors": one("a") });
  t.deepEqual(told(result), ["W406 I cannot read model/config.json: it has 67108866 bytes, and 67108864 are the most that I read."]);
});

test("where nearly nothing fits, a few are told one by one and the rest is counted", (t) => {
  const { value } = opened({ "model.safetensors": one(...Array.from({ length: 9 }, (_, i) => `w${i}`)) });
  const wanted = [...Array.from({ length: 9 }, (_, i) => ({ name: `w${i}`, shape: [3], span: at })), ...Array.from({ length: 20 }, (_, i) => ({ name: `other.${i}`, shape: [2], span: at }))];
  const problems = bindWeights(wanted, value as NonNullable<typeof value>, model);
  t.deepEqual(problems.map((p) => p.code), [...Array.from({ length: 5 }, () => "W410"), ...Array.from({ length: 5 }, () => "W408"), "W416"]);
  t.is(problems.at(-1)?.says, "Of 29 weights that the layer wants, model lacks 20 and has 9 in another shape; the first few are told.");
  t.deepEqual(problems.at(-1)?.span, model);
});
