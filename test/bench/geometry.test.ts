/** The generated models have the names, sizes and layout of the hub's, and the same bytes each time. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { type Geometry, writeGeometry } from "../../bench/geometry.ts";
import { expectedOf, readSafetensors } from "../support/golden.ts";

const tiny: Geometry = { kind: "vit", width: 32, depth: 2, heads: 2, inner: 64, image: 32, patch: 8, head: "segmenter" };

const inFolder = (use: (folder: string) => void): void => {
  const folder = mkdtempSync(join(tmpdir(), "geometry-"));
  try {
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const digest = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

test("a ViT has a weight for every name that the checkpoint of the trained segmenter has, and no other", (t) => {
  inFolder((folder) => {
    writeGeometry(folder, { ...tiny, depth: 8 });
    const trained = readSafetensors(new URL("../../pipelines/models/digit-scenes-segmenter/model.safetensors", import.meta.url).pathname);
    const made = readSafetensors(join(folder, "model.safetensors"));
    t.deepEqual([...made.keys()].sort(), [...trained.keys()].sort());
    t.deepEqual(expectedOf(made, "vit.embeddings.position_embeddings").dims, [1, 17, 32]);
    t.deepEqual(expectedOf(made, "vit.encoder.layer.1.intermediate.dense.weight").dims, [64, 32]);
  });
});

test("a BERT has the names of the tiny one, which transformers has loaded", (t) => {
  inFolder((folder) => {
    writeGeometry(folder, { kind: "bert", width: 32, depth: 2, heads: 2, inner: 64, vocabulary: 115, positions: 64, head: "none" });
    const loaded = readSafetensors(new URL("../../pipelines/models/tiny-random-minilm/model.safetensors", import.meta.url).pathname);
    const made = readSafetensors(join(folder, "model.safetensors"));
    t.deepEqual([...made.keys()].sort(), [...loaded.keys()].filter((name) => name !== "embeddings.position_ids").sort());
    for (const [name, { dims }] of made) t.deepEqual(dims, loaded.get(name)?.dims, name);
  });
});

test("seeded: the same bytes twice, other bytes with another seed, spread 0.02 around 0 and gains around 1", (t) => {
  inFolder((folder) => {
    const made = (name: string, seed: number): string => {
      writeGeometry(join(folder, name), tiny, { seed });
      return digest(join(folder, name, "model.safetensors"));
    };
    t.is(made("a", 1), made("b", 1));
    t.not(made("a", 1), made("b", 2));
    const weights = readSafetensors(join(folder, "a", "model.safetensors"));
    const values = Array.from(expectedOf(weights, "vit.encoder.layer.0.intermediate.dense.weight").data, Number);
    const mean = values.reduce((a, b) => a + b) / values.length;
    const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
    t.true(Math.abs(mean) < 0.002 && Math.abs(deviation - 0.02) < 0.002, `${mean} ${deviation}`);
    t.true(Array.from(expectedOf(weights, "vit.layernorm.weight").data, Number).every((gain) => Math.abs(gain - 1) < 0.1));
  });
});

test("shards hold the same tensors as one file, each once, and the index says where", (t) => {
  inFolder((folder) => {
    writeGeometry(join(folder, "whole"), tiny);
    writeGeometry(join(folder, "sharded"), tiny, { shard: 20_000 });
    const whole = readSafetensors(join(folder, "whole", "model.safetensors"));
    const files = readdirSync(join(folder, "sharded")).filter((name) => name.endsWith(".safetensors"));
    const index = JSON.parse(readFileSync(join(folder, "sharded", "model.safetensors.index.json"), "utf8"));
    t.true(files.length > 2);
    let seen = 0;
    for (const file of files) {
      for (const [name, tensor] of readSafetensors(join(folder, "sharded", file))) {
        t.is(index.weight_map[name], file);
        t.deepEqual(tensor, whole.get(name));
        seen += 1;
      }
    }
    t.is(seen, whole.size);
    t.is(Object.keys(index.weight_map).length, whole.size);
  });
});
