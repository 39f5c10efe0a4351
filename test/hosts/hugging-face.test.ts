/** `--layout hf`: transformers.js, which knows nothing of us, loads what we write and gives what our own runtime gives. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AutoImageProcessor, AutoModel, AutoTokenizer, env, pipeline, RawImage, type Tensor } from "@huggingface/transformers";
import test from "ava";
import { Session } from "../../runtime/session.ts";
import { answer, kiri } from "../support/command-line.ts";
import { difference } from "../support/golden.ts";
import { ROOT } from "../support/program.ts";
import { temporaryFolder } from "../support/safetensors-file.ts";

const cwd = temporaryFolder();
const TEXTS = ["Paper folds.", "A crane of paper stands in the window and looks at the rain.", "Cut along the line, then fold it twice."];
const PROGRAM = `
use model.bert
use folds.tome (tome)
use rewrites.int8 (int8)
tokenizer words = text from "models/minilm"
model encoder = bert.Encoder from "models/minilm"
compress encoder as folded { fold tokens protect 1 in each blocks[*] after attended with tome(r: 1) }
compress encoder as eight { rewrite blocks with int8() }
pipeline embed(sentence: text) -> { vector: f32[C] } {
  let tokens = words.encode(sentence)
  let hidden = encoder(tokens.ids, tokens.mask, tokens.types)
  let weight = cast(tokens.mask; to: f32)
  let pooled = sum(hidden * weight; over: N) / max(sum(weight; over: N), 1e-9)
  { vector: pooled / max(length(pooled; over: C), 1e-12) }
}
pipeline states(sentence: text) -> { hidden: f32[N, C] } {
  let tokens = words.encode(sentence)
  { hidden: encoder(tokens.ids, tokens.mask, tokens.types) }
}
pipeline similar(a: text, b: text) -> { cosine: f32[C] } {
  let x = words.encode(a)
  let y = words.encode(b)
  { cosine: mean(encoder(x.ids, x.mask, x.types); over: N) * mean(encoder(y.ids, y.mask, y.types); over: N) }
}
`;

test.before(() => {
  for (const [from, to] of [["tiny-random-minilm", "minilm"], ["tiny-vit-mnist", "vit"]] as const) cpSync(join(ROOT, "pipelines/models", from), join(cwd, "models", to), { recursive: true });
  writeFileSync(join(cwd, "embed.kiri"), PROGRAM);
  writeFileSync(join(cwd, "look.kiri"), `use model.vit\nuse image\nmodel seen = vit.Classifier from "models/vit"\npipeline look(picture: image) -> { scores: f32[Classes] } { { scores: seen(image.prepare(picture; seen.processor)) } }\n`);
  [env.allowRemoteModels, env.localModelPath] = [false, join(cwd, "hub")];
});

async function written(name: string, ...args: string[]): Promise<void> {
  const ran = await kiri({ cwd }, "compile", ...args, "--layout", "hf", "-o", `hub/${name}`);
  if (ran.code !== 0) throw new Error(ran.err);
}
const filesOf = (name: string): string[] => readdirSync(join(cwd, "hub", name), { recursive: true, encoding: "utf8" }).sort();
const EMBED = ["embed.kiri", "--pipeline", "embed"];

test.serial("a folded embedder: the same vectors, one text at a time", async (t) => {
  await written("folded", ...EMBED, "--variant", "folded");
  t.deepEqual(filesOf("folded"), ["config.json", "onnx", "onnx/model.onnx", "onnx/model.onnx_data", "tokenizer.json", "tokenizer_config.json"]);
  t.is((await kiri({ cwd }, "compile", ...EMBED, "--variant", "folded", "-o", "build/folded")).code, 0);
  await using session = await Session.load(join(cwd, "build/folded"));
  const [tokenizer, model] = [await AutoTokenizer.from_pretrained("folded"), await AutoModel.from_pretrained("folded")];
  for (const sentence of TEXTS) {
    const { sentence_embedding } = (await model(await tokenizer(sentence, { padding: true, truncation: true }))) as { sentence_embedding: Tensor };
    const { vector } = (await session.run({ sentence })) as unknown as { vector: { data: Float32Array } };
    t.deepEqual(sentence_embedding.dims, [1, 32]);
    t.true(difference(sentence_embedding.data as Float32Array, vector.data).relative <= 1e-6, sentence);
  }
  await model.dispose();
});

test.serial("a second variant joins the first under its own name, in 8 bits", async (t) => {
  await written("both", ...EMBED, "--plain");
  await written("both", ...EMBED, "--variant", "eight");
  t.true(["onnx/model.onnx", "onnx/model_quantized.onnx"].every((f) => filesOf("both").includes(f)));
  const vectors: Float32Array[] = [];
  for (const [dtype, variant] of [["fp32", "--plain"], ["q8", "--variant=eight"]] as const) {
    const [tokenizer, model] = [await AutoTokenizer.from_pretrained("both"), await AutoModel.from_pretrained("both", { dtype })];
    t.is((await kiri({ cwd }, "compile", ...EMBED, variant, "-o", `build/${dtype}`)).code, 0);
    await using session = await Session.load(join(cwd, "build", dtype));
    // One at a time: the scale of activations in 8 bits is that of a whole call.
    for (const sentence of TEXTS) {
      const { sentence_embedding } = (await model(await tokenizer(sentence, { padding: true, truncation: true }))) as { sentence_embedding: Tensor };
      t.deepEqual(sentence_embedding.dims, [1, 32]);
      vectors.push(sentence_embedding.data as Float32Array);
      const { vector } = (await session.run({ sentence })) as unknown as { vector: { data: Float32Array } };
      t.true(difference(sentence_embedding.data as Float32Array, vector.data).relative <= 1e-5, `${dtype}: ${sentence}`);
    }
    await model.dispose();
  }
  t.is(vectors.length, 2 * TEXTS.length);
  t.true(difference(vectors[TEXTS.length] as Float32Array, vectors[0] as Float32Array).relative > 1e-5, "8 bits are something else");
});

test.serial("states of tokens go through pipeline(\"feature-extraction\")", async (t) => {
  await written("states", "embed.kiri", "--pipeline", "states", "--plain");
  const extract = await pipeline("feature-extraction", "states");
  const { dims } = await extract(TEXTS[0] as string);
  t.is(dims.length, 3);
  const mean = await extract(TEXTS, { pooling: "mean", normalize: true });
  await written("vectors", ...EMBED, "--plain");
  const [tokenizer, model] = [await AutoTokenizer.from_pretrained("vectors"), await AutoModel.from_pretrained("vectors")];
  const { sentence_embedding } = (await model(await tokenizer(TEXTS, { padding: true }))) as { sentence_embedding: Tensor };
  t.true(difference(sentence_embedding.data as Float32Array, mean.data as Float32Array).relative <= 1e-5);
  await Promise.all([extract.dispose(), model.dispose()]);
});

test.serial("a picture: prepared by their processor, classified by our graph", async (t) => {
  await written("look", "look.kiri");
  t.true(existsSync(join(cwd, "hub/look/preprocessor_config.json")));
  const data = Uint8Array.from({ length: 28 * 28 }, (_, i) => (i * 37) % 251);
  const [processor, model] = [await AutoImageProcessor.from_pretrained("look", {}), await AutoModel.from_pretrained("look")];
  const { logits } = (await model(await processor(new RawImage(data, 28, 28, 1)))) as { logits: Tensor };
  t.is((await kiri({ cwd }, "compile", "look.kiri", "-o", "build/look")).code, 0);
  await using session = await Session.load(join(cwd, "build/look"));
  const { scores } = (await session.run({ picture: { data, width: 28, height: 28, channels: 1 } })) as unknown as { scores: { data: Float32Array } };
  t.true(difference(logits.data as Float32Array, scores.data).relative <= 1e-6);
  await model.dispose();
});

test.serial("a model file in half precision joins its directory, or makes a new one, and transformers.js loads it", async (t) => {
  await written("files", ...EMBED, "--plain");
  const optimised = (...args: string[]): ReturnType<typeof kiri> => kiri({ cwd }, "optimise", "hub/files/onnx/model.onnx", "--layout", "hf", "--precision", "f16", "--target", "portable", ...args);
  const joined = await optimised("-o", "hub/files");
  t.is(joined.code, 0, joined.err);
  t.true(["onnx/model.onnx", "onnx/model_fp16.onnx", "onnx/model_fp16.onnx_data", "tokenizer.json"].every((f) => filesOf("files").includes(f)));
  const size = (file: string): number => readFileSync(join(cwd, "hub/files/onnx", file)).length;
  t.true(size("model_fp16.onnx_data") < 0.75 * size("model.onnx_data"), "and what is small lies in the model file");
  const apart = await optimised("-o", "hub/apart", "--dtype", "fp16");
  t.is(apart.code, 0, apart.err);
  t.deepEqual(filesOf("apart"), ["config.json", "onnx", "onnx/model_fp16.onnx", "onnx/model_fp16.onnx_data", "tokenizer.json", "tokenizer_config.json"]);
  const vectors: Float32Array[] = [];
  for (const [name, dtype] of [["files", "fp32"], ["files", "fp16"], ["apart", "fp16"]] as const) {
    const [tokenizer, model] = [await AutoTokenizer.from_pretrained(name), await AutoModel.from_pretrained(name, { dtype })];
    const { sentence_embedding } = (await model(await tokenizer(TEXTS, { padding: true, truncation: true }))) as { sentence_embedding: Tensor };
    t.is(sentence_embedding.type, "float32");
    vectors.push(sentence_embedding.data as Float32Array);
    await model.dispose();
  }
  const [full, half, again] = vectors as [Float32Array, Float32Array, Float32Array];
  t.deepEqual(again, half);
  // Vectors of length 1, through two blocks: each rounds the stream a few times by at most 2^-11.
  const gap = difference(half, full).relative;
  t.true(gap > 1e-6 && gap <= 2 ** -8, `off by ${gap}`);
  // A name of its own stays, without the suffix of another type.
  cpSync(join(cwd, "hub/files/onnx/model.onnx"), join(cwd, "hub/files/onnx/encoder_model_int8.onnx"));
  cpSync(join(cwd, "hub/files/onnx/model.onnx_data"), join(cwd, "hub/files/onnx/encoder_model_int8.onnx_data"));
  t.is((await kiri({ cwd }, "optimise", "hub/files/onnx/encoder_model_int8.onnx", "--layout", "hf", "-o", "hub/named")).code, 0);
  t.true(filesOf("named").includes("onnx/encoder_model.onnx"));
  cpSync(join(cwd, "hub/files/onnx"), join(cwd, "alone"), { recursive: true });
  const alone = await kiri({ cwd }, "optimise", "alone/model.onnx", "--layout", "hf", "-o", "hub/alone", "--json");
  t.deepEqual(answer(alone).problems.map((p) => p.code), ["A506"]);
  t.false(existsSync(join(cwd, "hub/alone")));
  t.is((await kiri({ cwd }, "optimise", "alone/model.onnx", "-o", "x.onnx", "--dtype", "q8")).code, 2);
});

test.serial("what cannot be such a directory is refused, and nothing changes", async (t) => {
  const two = await kiri({ cwd }, "compile", "embed.kiri", "--pipeline", "similar", "--plain", "--layout", "hf", "-o", "hub/two", "--json");
  t.is(two.code, 1);
  t.true(answer(two).problems.some((p) => p.code === "A505"));
  t.false(existsSync(join(cwd, "hub/two")));
  mkdirSync(join(cwd, "hub/mine"), { recursive: true });
  writeFileSync(join(cwd, "hub/mine/config.json"), "{}");
  const taken = await kiri({ cwd }, "compile", ...EMBED, "--plain", "--layout", "hf", "-o", "hub/mine", "--json");
  t.is(taken.code, 1);
  t.true(answer(taken).problems.some((p) => p.code === "A502"));
  t.is(readFileSync(join(cwd, "hub/mine/config.json"), "utf8"), "{}");
  t.is((await kiri({ cwd }, "compile", ...EMBED, "--dtype", "q8")).code, 2);
  // A model file whose configuration cannot be read, and a place that is a file.
  writeFileSync(join(cwd, "hub/plain"), "mine");
  for (const [config, out, code] of [["{ broken", "hub/odd", "W406"], ["null", "hub/odd", "W406"], ["{}", "hub/plain", "A502"]] as const) {
    writeFileSync(join(cwd, "alone/config.json"), config);
    const refused = await kiri({ cwd }, "optimise", "alone/model.onnx", "--layout", "hf", "-o", out, "--json");
    t.is(refused.code, 1);
    t.deepEqual(answer(refused).problems.map((p) => p.code), [code]);
  }
  t.false(existsSync(join(cwd, "hub/odd")));
  t.is(readFileSync(join(cwd, "hub/plain"), "utf8"), "mine");
});
