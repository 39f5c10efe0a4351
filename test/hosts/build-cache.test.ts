/** Builds and digests that are kept: what is used again, and what never is. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate, setTimeout } from "node:timers/promises";
import test from "ava";
import { createHash, randomBytes } from "node:crypto";
import { literal } from "../../compiler/graph/build.ts";
import { BuildCache, type BuildRequest, type KeptBuild } from "../../hosts/build-cache.ts";
import { DigestMemory } from "../../hosts/digest-memory.ts";
import { smallProject, textProject } from "../support/small-project.ts";
import { temporaryFolder, writeSafetensors } from "../support/safetensors-file.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const MEGABYTE = 2 ** 20;
/** Long enough ago that a digest of the file is worth remembering. The time of change cannot be set: there the test waits. */
const settle = (): Promise<void> => setTimeout(2100);

test("a large file is hashed once, until it is another", async (t) => {
  const folder = temporaryFolder();
  const path = join(folder, "weights.bin");
  const bytes = randomBytes(MEGABYTE);
  writeFileSync(path, bytes);
  await settle();
  const memory = new DigestMemory(join(folder, "cache"));
  t.is(await memory.digest(path), sha256(bytes));
  t.is(await memory.digest(path), sha256(bytes));
  t.is(memory.bytesRead, MEGABYTE);
  await memory.save();
  const later = new DigestMemory(join(folder, "cache"));
  t.is(await later.digest(path), sha256(bytes));
  t.is(later.bytesRead, 0, "a new process remembers");
  t.is(await later.digest(path, true), sha256(bytes));
  t.is(later.bytesRead, MEGABYTE, "unless it is to verify");

  // As large, and with the old time: only identity and the time of change tell.
  const { atime, mtime } = statSync(path);
  const other = randomBytes(MEGABYTE);
  writeFileSync(path, other);
  utimesSync(path, atime, mtime);
  t.is(await later.digest(path), sha256(other));
  const replaced = randomBytes(MEGABYTE);
  writeFileSync(`${path}.new`, replaced);
  utimesSync(`${path}.new`, atime, mtime);
  renameSync(`${path}.new`, path);
  t.is(await later.digest(path), sha256(replaced));
});

test("a file that was just written is not trusted to stay, and a damaged memory is forgotten", async (t) => {
  const folder = temporaryFolder();
  const path = join(folder, "weights.bin");
  writeFileSync(path, randomBytes(MEGABYTE));
  mkdirSync(join(folder, "cache"));
  writeFileSync(join(folder, "cache/digests.json"), "{\"x\": 3, \"y\":");
  const memory = new DigestMemory(join(folder, "cache"));
  await memory.digest(path);
  await memory.digest(path);
  t.is(memory.bytesRead, 2 * MEGABYTE);
  await t.throwsAsync(memory.digest(join(folder, "nothing")), { code: "ENOENT" });
});

const request = (root: string, more: Partial<BuildRequest> = {}): BuildRequest => ({ root, file: "main.kiri", pipeline: undefined, compress: "kept", plain: false, target: "cpu", gates: false, ...more });

async function kept(cache: BuildCache, asked: BuildRequest): Promise<KeptBuild> {
  // What was written in the same tick of the clock may have been written meanwhile, and such a build is not kept.
  await setTimeout(20);
  const found = await cache.get(asked);
  if (!("key" in found)) throw new Error(found.errors.map((e) => e.message).join("\n"));
  return found;
}

test("the same inputs are one build; every other program, option, weight and file is another", async (t) => {
  const root = smallProject();
  const directory = join(root, "cache");
  const first = await kept(new BuildCache(directory), request(root));
  t.false(first.isHit);
  const again = await kept(new BuildCache(directory), request(root));
  t.true(again.isHit);
  t.is(again.key, first.key);
  t.is(again.sha256, sha256(readFileSync(join(first.artifact, "manifest.json"))));
  t.deepEqual(again.watched, first.watched);
  t.deepEqual(Object.keys(again.typings), ["main.d.kiri.ts", "main.kiri-queries.d.ts"]);
  t.true(again.watched.files.includes(join(root, "models/small/model.safetensors")) && again.watched.files.includes(join(root, "main.kiri")));
  t.true((await kept(new BuildCache(directory, { verify: true }), request(root))).isHit);

  const cache = new BuildCache(directory);
  t.not((await kept(cache, request(root, { plain: true, compress: undefined }))).key, first.key);
  t.not((await kept(cache, request(root, { target: "portable" }))).key, first.key);

  writeSafetensors(join(root, "models/small/model.safetensors"), {
    weight: { dtype: "f32", shape: [3, 4], bytes: literal("f32", Array.from({ length: 12 }, (_, i) => i)).bytes },
    bias: { dtype: "f32", shape: [3], bytes: literal("f32", [0, 0, 1]).bytes },
  });
  const weighed = await kept(cache, request(root));
  t.false(weighed.isHit);
  t.not(weighed.key, first.key);
  t.not(weighed.sha256, first.sha256);

  // A comment changes no graph, and yet what the manifest says of its sources.
  writeFileSync(join(root, "main.kiri"), `${readFileSync(join(root, "main.kiri"), "utf8")}\n// another\n`);
  const commented = await kept(cache, request(root));
  t.false(commented.isHit);
  t.not(commented.key, weighed.key);
});

test("a file that appears where nothing was is seen", async (t) => {
  const root = textProject();
  const cache = new BuildCache(join(root, "cache"));
  const asked = request(root, { compress: undefined });
  const first = await kept(cache, asked);
  t.true(first.watched.missing.some((path) => path.endsWith("special_tokens_map.json")));
  t.true((await kept(cache, asked)).isHit);
  writeFileSync(join(root, "models/words/special_tokens_map.json"), "{}");
  t.false((await kept(cache, asked)).isHit);
});

test("a file that appears while the build is made is not taken for one that was there", async (t) => {
  const root = textProject();
  const cache = new BuildCache(join(root, "cache"));
  const asked = request(root, { compress: undefined });
  await setTimeout(20);
  const running = cache.get(asked);
  // The compiler has looked for it when the first file of the artefact is written.
  const artefacts = join(root, "cache/artefacts");
  while (!existsSync(artefacts) || readdirSync(artefacts).length === 0) await setImmediate();
  writeFileSync(join(root, "models/words/special_tokens_map.json"), "{}");
  t.true("key" in (await running));
  t.false((await kept(cache, asked)).isHit);
  t.true((await kept(cache, asked)).isHit);
});

test("a build that somebody wrote into, or removed, is built again", async (t) => {
  const root = smallProject();
  const cache = new BuildCache(join(root, "cache"));
  const { artifact } = await kept(cache, request(root));
  appendFileSync(join(artifact, "model.onnx"), "x");
  const second = await kept(cache, request(root));
  t.false(second.isHit);
  t.true((await kept(cache, request(root))).isHit);
  rmSync(second.artifact, { recursive: true });
  t.false((await kept(cache, request(root))).isHit);
});

test("old builds of a program go, and mistakes are not kept", async (t) => {
  const root = smallProject();
  const cache = new BuildCache(join(root, "cache"));
  const text = readFileSync(join(root, "main.kiri"), "utf8");
  for (let i = 0; i < 6; i++) {
    writeFileSync(join(root, "main.kiri"), `${text}// ${i}\n`);
    await kept(cache, request(root));
  }
  t.is(readdirSync(join(root, "cache/artefacts")).length, 4);
  writeFileSync(join(root, "main.kiri"), text.replace("small(x)", "smal(x)"));
  for (let i = 0; i < 2; i++) {
    const failed = await cache.get(request(root));
    t.true("errors" in failed && failed.errors.length > 0 && failed.errors[0]?.place?.line === 20 && failed.watched.files.includes(join(root, "main.kiri")), JSON.stringify(failed));
  }
  t.true(existsSync(join(root, "cache/artefacts")));
});
