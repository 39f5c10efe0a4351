/**
 * Writes model directories of published sizes with random weights (Hugging Face names), for benches that time shapes and not knowledge:
 * `npx tsx bench/geometry.ts vit-s-16-448 bert-base`. They land in `bench/.geometries/`, which git ignores.
 */
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What stands on the last LayerNorm: nothing (`ViTModel`, `BertModel`), ten classes, or a class per pixel as in digit-scenes-segmenter. */
export type Head = "none" | "classifier" | "segmenter";

type Size = { readonly width: number; readonly depth: number; readonly heads: number; readonly inner: number };
export type Geometry =
  | (Size & { readonly kind: "vit"; readonly image: number; readonly patch: number; readonly head: Head })
  | (Size & { readonly kind: "bert"; readonly vocabulary: number; readonly positions: number; readonly head: "none" });

const small = { width: 384, depth: 12, heads: 6, inner: 1536 };
const base = { width: 768, depth: 12, heads: 12, inner: 3072 };
const large = { width: 1024, depth: 24, heads: 16, inner: 4096 };

/** Token counts without the class token: 784, 196, 196, 1600, 1600, 196. */
export const GEOMETRIES = {
  "vit-s-16-448": { kind: "vit", ...small, image: 448, patch: 16, head: "segmenter" },
  "vit-s-16-224": { kind: "vit", ...small, image: 224, patch: 16, head: "classifier" },
  "vit-b-16-224": { kind: "vit", ...base, image: 224, patch: 16, head: "classifier" },
  "vit-l-16-640": { kind: "vit", ...large, image: 640, patch: 16, head: "segmenter" },
  /** As many blocks as a fold needs to stand between some: where blocks are measured, not a model. */
  "vit-l-16-640-4": { kind: "vit", ...large, depth: 4, image: 640, patch: 16, head: "classifier" },
  /** 2.3 GB of f32: for bounds on memory, not for timing. */
  "vit-2gib": { kind: "vit", width: 1408, depth: 24, heads: 16, inner: 5632, image: 224, patch: 16, head: "classifier" },
  "bert-base": { kind: "bert", ...base, vocabulary: 30522, positions: 512, head: "none" },
  "minilm-l6": { kind: "bert", width: 384, depth: 6, heads: 12, inner: 1536, vocabulary: 30522, positions: 512, head: "none" },
} as const satisfies Record<string, Geometry>;
export type GeometryName = keyof typeof GEOMETRIES;

export type GeometryOptions = {
  /** Instead of the geometry's own. */
  readonly head?: Head;
  readonly seed?: number;
  /** Bytes of weights a file at most; more than one file get an index, as on the hub. */
  readonly shard?: number;
};

/** The directory of a geometry, written when it is not there yet. */
export function geometry(name: GeometryName, options: GeometryOptions = {}): string {
  const suffix = [options.head, options.seed && `seed${options.seed}`, options.shard && `shard${options.shard}`].filter(Boolean);
  const folder = fileURLToPath(new URL(`.geometries/${[name, ...suffix].join("-")}`, import.meta.url));
  if (!existsSync(folder)) {
    // Whole or not at all: the rename is the last step.
    const unfinished = `${folder}.${process.pid}`;
    writeGeometry(unfinished, GEOMETRIES[name], options);
    renameSync(unfinished, folder);
  }
  return folder;
}

/** Writes `config.json`, weights and, for pictures, `preprocessor_config.json` into a new folder. */
export function writeGeometry(folder: string, shape: Geometry, options: GeometryOptions = {}): { parameters: number; bytes: number } {
  const meant = options.head !== undefined && shape.kind === "vit" ? { ...shape, head: options.head } : shape;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeJson(`${folder}/config.json`, meant.kind === "vit" ? vitConfig(meant) : bertConfig(meant));
  if (meant.kind === "vit") writeJson(`${folder}/preprocessor_config.json`, processor(meant.image));
  const tensors = meant.kind === "vit" ? vitTensors(meant) : bertTensors(meant);
  const shards = split(tensors, options.shard ?? Infinity);
  const normal = normals(options.seed ?? 1);
  const files = shards.map((_, i) => shards.length === 1 ? "model.safetensors" : `model-${place(i + 1)}-of-${place(shards.length)}.safetensors`);
  for (const [i, shard] of shards.entries()) writeSafetensors(`${folder}/${files[i]}`, shard, normal);
  const bytes = tensors.reduce((sum, tensor) => sum + sizeOf(tensor), 0);
  if (shards.length > 1) {
    const map = shards.flatMap((shard, i) => shard.map((tensor) => [tensor.name, files[i]]));
    writeJson(`${folder}/model.safetensors.index.json`, { metadata: { total_size: bytes }, weight_map: Object.fromEntries(map) });
  }
  return { parameters: bytes / 4, bytes };
}

type Vit = Extract<Geometry, { kind: "vit" }>;
type Bert = Extract<Geometry, { kind: "bert" }>;
/** Values are `mean` + `spread` × a standard normal. */
type Tensor = { readonly name: string; readonly dims: readonly number[]; readonly mean: number; readonly spread: number };

const SPREAD = 0.02;
const CLASSES = 10;
const PIXEL_CLASSES = 2;

function vitConfig(g: Vit): object {
  const labels = Array.from({ length: g.head === "segmenter" ? PIXEL_CLASSES : CLASSES }, (_, i) => String(i));
  return {
    architectures: [{ none: "ViTModel", classifier: "ViTForImageClassification", segmenter: "ViTSegmenterLinear" }[g.head]],
    model_type: "vit", ...sizeConfig(g), layer_norm_eps: 1e-12,
    image_size: g.image, patch_size: g.patch, num_channels: 3, qkv_bias: true, dtype: "float32",
    ...(g.head === "none" ? {} : {
      id2label: Object.fromEntries(labels.map((label, i) => [i, label])),
      label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
    }),
    ...(g.head === "segmenter" ? {
      decode_head: {
        type: "linear_pixel_shuffle", num_classes: PIXEL_CLASSES, patch_size: g.patch,
        out_features: PIXEL_CLASSES * g.patch ** 2, drop_class_token: true, background_index: 0,
      },
    } : {}),
  };
}

function bertConfig(g: Bert): object {
  return {
    architectures: ["BertModel"], model_type: "bert", ...sizeConfig(g), layer_norm_eps: 1e-12, vocab_size: g.vocabulary,
    max_position_embeddings: g.positions, type_vocab_size: 2, pad_token_id: 0, position_embedding_type: "absolute", dtype: "float32",
  };
}

const sizeConfig = (g: Size): object => ({
  hidden_size: g.width, num_hidden_layers: g.depth, num_attention_heads: g.heads, intermediate_size: g.inner, hidden_act: "gelu",
  hidden_dropout_prob: 0, attention_probs_dropout_prob: 0, initializer_range: SPREAD,
});

const processor = (image: number): object => ({
  image_processor_type: "ViTImageProcessor", do_resize: true, size: { height: image, width: image }, resample: 2,
  do_rescale: true, rescale_factor: 1 / 255, do_normalize: true, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5],
});

function vitTensors(g: Vit): Tensor[] {
  const root = g.head === "none" ? "" : "vit.";
  const patches = (g.image / g.patch) ** 2;
  const blocks = Array.from({ length: g.depth }, (_, i) => `${root}encoder.layer.${i}.`).flatMap((at) => [
    ...norm(`${at}layernorm_before`, g.width),
    ...["query", "key", "value"].flatMap((part) => linear(`${at}attention.attention.${part}`, g.width, g.width)),
    ...linear(`${at}attention.output.dense`, g.width, g.width),
    ...norm(`${at}layernorm_after`, g.width),
    ...linear(`${at}intermediate.dense`, g.inner, g.width),
    ...linear(`${at}output.dense`, g.width, g.inner),
  ]);
  const heads = {
    none: [],
    classifier: linear("classifier", CLASSES, g.width),
    segmenter: linear("decode_head", PIXEL_CLASSES * g.patch ** 2, g.width),
  };
  return [
    random(`${root}embeddings.cls_token`, 1, 1, g.width),
    random(`${root}embeddings.position_embeddings`, 1, patches + 1, g.width),
    random(`${root}embeddings.patch_embeddings.projection.weight`, g.width, 3, g.patch, g.patch),
    random(`${root}embeddings.patch_embeddings.projection.bias`, g.width),
    ...blocks,
    ...norm(`${root}layernorm`, g.width),
    ...heads[g.head],
  ];
}

function bertTensors(g: Bert): Tensor[] {
  const blocks = Array.from({ length: g.depth }, (_, i) => `encoder.layer.${i}.`).flatMap((at) => [
    ...["query", "key", "value"].flatMap((part) => linear(`${at}attention.self.${part}`, g.width, g.width)),
    ...linear(`${at}attention.output.dense`, g.width, g.width),
    ...norm(`${at}attention.output.LayerNorm`, g.width),
    ...linear(`${at}intermediate.dense`, g.inner, g.width),
    ...linear(`${at}output.dense`, g.width, g.inner),
    ...norm(`${at}output.LayerNorm`, g.width),
  ]);
  return [
    random("embeddings.word_embeddings.weight", g.vocabulary, g.width),
    random("embeddings.position_embeddings.weight", g.positions, g.width),
    random("embeddings.token_type_embeddings.weight", 2, g.width),
    ...norm("embeddings.LayerNorm", g.width),
    ...blocks,
    ...linear("pooler.dense", g.width, g.width),
  ];
}

const random = (name: string, ...dims: number[]): Tensor => ({ name, dims, mean: 0, spread: SPREAD });
const linear = (name: string, outputs: number, inputs: number): Tensor[] => [random(`${name}.weight`, outputs, inputs), random(`${name}.bias`, outputs)];
const norm = (name: string, width: number): Tensor[] => [{ ...random(`${name}.weight`, width), mean: 1 }, random(`${name}.bias`, width)];

const countOf = (tensor: Tensor): number => tensor.dims.reduce((a, b) => a * b, 1);
const sizeOf = (tensor: Tensor): number => countOf(tensor) * 4;
const place = (i: number): string => String(i).padStart(5, "0");
const writeJson = (path: string, value: object): void => writeFileSync(path, `${JSON.stringify(value, null, 1)}\n`);

function split(tensors: readonly Tensor[], limit: number): Tensor[][] {
  const shards: Tensor[][] = [[]];
  let held = 0;
  for (const tensor of tensors) {
    const last = shards[shards.length - 1] ?? [];
    if (held > 0 && held + sizeOf(tensor) > limit) {
      shards.push([tensor]);
      held = 0;
    } else last.push(tensor);
    held += sizeOf(tensor);
  }
  return shards;
}

/** Values are made and written a piece at a time, so that a model of any size takes a few megabytes of memory. */
function writeSafetensors(path: string, tensors: readonly Tensor[], normal: () => number): void {
  let offset = 0;
  const entries = tensors.map((tensor) => {
    const from = offset;
    offset += sizeOf(tensor);
    return [tensor.name, { dtype: "F32", shape: tensor.dims, data_offsets: [from, offset] }];
  });
  const text = JSON.stringify(Object.fromEntries([["__metadata__", { format: "pt" }], ...entries]));
  const header = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = openSync(path, "w");
  try {
    writeWhole(file, length);
    writeWhole(file, header);
    for (const tensor of tensors) writeValues(file, tensor, normal);
  } finally {
    closeSync(file);
  }
}

const piece = new Float32Array(1 << 20);

function writeValues(file: number, tensor: Tensor, normal: () => number): void {
  const { mean, spread } = tensor;
  for (let left = countOf(tensor); left > 0; left -= piece.length) {
    const count = Math.min(left, piece.length);
    for (let i = 0; i < count; i++) piece[i] = mean + spread * normal();
    writeWhole(file, new Uint8Array(piece.buffer, 0, count * 4));
  }
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
}

/** Near enough to a standard normal: the sum of the four bytes of a mixed counter (mulberry32), the same on every machine. */
function normals(seed: number): () => number {
  let state = seed | 0;
  const deviation = Math.sqrt((4 * (256 ** 2 - 1)) / 12);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    z ^= z >>> 14;
    return ((z & 255) + ((z >>> 8) & 255) + ((z >>> 16) & 255) + (z >>> 24) - 510) / deviation;
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2);
  const known = Object.keys(GEOMETRIES);
  const unknown = names.filter((name) => !known.includes(name));
  if (names.length === 0 || unknown.length > 0) {
    console.error(`${unknown.length > 0 ? `There is no ${unknown.join(", ")}. ` : ""}Name some of: ${known.join(" ")}`);
    process.exitCode = 2;
  } else for (const name of names) console.log(geometry(name as GeometryName));
}
