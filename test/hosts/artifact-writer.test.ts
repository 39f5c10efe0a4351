// Artefacts appear whole or not at all, whatever happens on the way.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import type { ArtifactFile } from "../../compiler/emit/artifact-file.ts";
import { HostError } from "../../compiler/host.ts";
import { writeArtifact, writeFilesWhole, writeFileWhole } from "../../hosts/artifact-writer.ts";
import { temporaryFolder } from "../support/safetensors-file.ts";

const text = (path: string, content: string): ArtifactFile => ({ path, bytes: content.length, chunks: () => [new TextEncoder().encode(content)] });
const artefact = (version: string): ArtifactFile[] => [text("model.onnx", `model ${version}`), text("tokenizer/tokenizer.json", "{}"), text("manifest.json", manifest(version))];
const manifest = (version: string): string => JSON.stringify({ kirigami: version });
const read = (...path: string[]): string => readFileSync(join(...path), "utf8");

function failing(code: string): ArtifactFile {
  return {
    path: "model.onnx.data", bytes: 2000,
    async *chunks() {
      yield new Uint8Array(1000);
      throw Object.assign(new Error(`${code}: no space left on device, write`), { code });
    },
  };
}

test("an artefact is written with its folders, and told with its digests", async (t) => {
  const parent = temporaryFolder();
  const written = await writeArtifact(join(parent, "not", "yet", "there"), artefact("1"));
  t.is(read(parent, "not/yet/there/manifest.json"), manifest("1"));
  t.is(read(parent, "not/yet/there/tokenizer/tokenizer.json"), "{}");
  t.deepEqual(written.get("model.onnx"), { bytes: 7, sha256: createHash("sha256").update("model 1").digest("hex") });
  t.deepEqual(readdirSync(join(parent, "not/yet")), ["there"]);
});

test("a file sees the digests of those before it", async (t) => {
  const out = join(temporaryFolder(), "out");
  await writeArtifact(out, [...artefact("1"), { path: "last", bytes: undefined, chunks: (written) => [new TextEncoder().encode([...written.keys()].join())] }]);
  t.is(read(out, "last"), "model.onnx,tokenizer/tokenizer.json,manifest.json");
});

test("chunks may share their memory", async (t) => {
  const out = join(temporaryFolder(), "out");
  const buffer = new Uint8Array(3);
  await writeArtifact(out, [{ path: "a", bytes: 9, *chunks() { for (let i = 0; i < 3; i++) yield buffer.fill(65 + i); } }]);
  t.is(read(out, "a"), "AAABBBCCC");
});

test("an artefact is replaced as a whole: no file of the old one stays", async (t) => {
  const parent = temporaryFolder();
  const out = join(parent, "out");
  await writeArtifact(out, [...artefact("1"), text("only-in-the-first", "")]);
  await writeArtifact(out, artefact("2"));
  t.is(read(out, "manifest.json"), manifest("2"));
  t.false(existsSync(join(out, "only-in-the-first")));
  t.deepEqual(readdirSync(parent), ["out"]);
});

test("through a link, the directory behind it is replaced and the link stays", async (t) => {
  const parent = temporaryFolder();
  mkdirSync(join(parent, "real"));
  symlinkSync("real", join(parent, "link"));
  await writeArtifact(join(parent, "link"), artefact("1"));
  t.is(read(parent, "real/manifest.json"), manifest("1"));
  t.deepEqual(readdirSync(parent), ["link", "real"]);
});

test("a full disk leaves the old artefact as it was, and says what was needed", async (t) => {
  const parent = temporaryFolder();
  const out = join(parent, "out");
  await writeArtifact(out, artefact("1"));
  const error = await t.throwsAsync(writeArtifact(out, [...artefact("2"), failing("ENOSPC")]), { instanceOf: HostError });
  t.true(error?.message.endsWith("out: the disk is full: the artefact takes 2025 bytes or a little more"), error?.message);
  t.is(read(out, "model.onnx"), "model 1");
  t.deepEqual(readdirSync(parent), ["out"]);
});

test("a disk that is too small is told before anything is made", async (t) => {
  const out = join(temporaryFolder(), "out");
  let asked = false;
  const huge: ArtifactFile = { path: "model.onnx.data", bytes: 2 ** 52, chunks: () => { asked = true; return []; } };
  await t.throwsAsync(writeArtifact(out, [huge]), { instanceOf: HostError, message: /the disk is full: the artefact takes 4503599627370496 bytes or a little more, and \d+ are free$/ });
  t.false(asked);
  t.false(existsSync(out));
});

test("any other failure leaves nothing behind and is passed on as it is", async (t) => {
  const parent = temporaryFolder();
  await t.throwsAsync(writeArtifact(join(parent, "out"), [...artefact("1"), failing("EWHATEVER")]), { code: "EWHATEVER" });
  t.deepEqual(readdirSync(parent), []);
});

test("who examines an artefact sees it whole, adds files, and may refuse it", async (t) => {
  const parent = temporaryFolder();
  const out = join(parent, "out");
  const seen: string[] = [];
  const written = await writeArtifact(out, artefact("1"), { examine: async (directory) => { seen.push(read(directory, "model.onnx")); return [text("report.json", "{}")]; } });
  t.deepEqual(seen, ["model 1"]);
  t.is(read(out, "report.json"), "{}");
  t.false(written.has("report.json"));
  await t.throwsAsync(writeArtifact(out, artefact("2"), { examine: async () => { throw new Error("not good enough"); } }), { message: "not good enough" });
  t.is(read(out, "model.onnx"), "model 1");
  t.deepEqual(readdirSync(parent), ["out"]);
});

test("an aborted write leaves nothing behind", async (t) => {
  const parent = temporaryFolder();
  const stop = new AbortController();
  const slow: ArtifactFile = { path: "slow", bytes: undefined, *chunks() { yield new Uint8Array(1); stop.abort(); yield new Uint8Array(1); } };
  await t.throwsAsync(writeArtifact(join(parent, "out"), [slow], { signal: stop.signal }), { any: true, name: "AbortError" });
  t.deepEqual(readdirSync(parent), []);
});

for (const [what, make, says] of [
  ["a folder of other things", (out: string) => { mkdirSync(out); writeFileSync(join(out, "thesis.tex"), ""); }, /it is a directory with other things in it, and no artefact/],
  ["a site with a manifest.json of its own", (out: string) => { mkdirSync(out); writeFileSync(join(out, "manifest.json"), `{"short_name":"shop"}`); }, /it is a directory with other things in it, and no artefact/],
  ["a file", (out: string) => writeFileSync(out, "precious"), /it is a file, and an artefact is a directory/],
  ["a link to a folder of other things", (out: string) => { mkdirSync(`${out}-real`); writeFileSync(join(`${out}-real`, "a"), ""); symlinkSync(`${out}-real`, out); }, /with other things in it/],
] as const)
  test(`it is not written over ${what}`, async (t) => {
    const parent = temporaryFolder();
    const out = join(parent, "out");
    make(out);
    const before = readdirSync(parent);
    await t.throwsAsync(writeArtifact(out, artefact("1")), { instanceOf: HostError, message: says });
    t.deepEqual(readdirSync(parent), before);
  });

test("a place that may not be written is told", async (t) => {
  const parent = temporaryFolder();
  writeFileSync(join(parent, "file"), "");
  await t.throwsAsync(writeArtifact(join(parent, "file", "out"), artefact("1")), { instanceOf: HostError, message: /a part of its path is a file/ });
});

test("a path that leaves the artefact is refused", async (t) => {
  const parent = temporaryFolder();
  await t.throwsAsync(writeArtifact(join(parent, "out"), [text("../escaped", "")]), { message: "../escaped is no path inside of an artefact" });
  t.deepEqual(readdirSync(parent), []);
});

test("what killed processes left is removed, and an artefact that was set aside comes back", async (t) => {
  const parent = temporaryFolder();
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  for (const name of [`out.tmp-${dead}-0123abcd`, `out.old-${dead}-0123abcd`, `out.tmp-${process.ppid}-0123abcd`, "out.tmp-notes"]) mkdirSync(join(parent, name));
  writeFileSync(join(parent, `out.old-${dead}-0123abcd`, "manifest.json"), "survivor");
  await t.throwsAsync(writeArtifact(join(parent, "out"), [failing("EWHATEVER")]));
  t.is(read(parent, "out", "manifest.json"), "survivor");
  // The temporary directory of a living process and a name that only looks similar are left alone.
  t.deepEqual(readdirSync(parent).sort(), ["out", "out.tmp-notes", `out.tmp-${process.ppid}-0123abcd`].sort());
});

const writer = fileURLToPath(new URL("../../hosts/artifact-writer.ts", import.meta.url));

/** A process that writes an artefact and stops in the middle, having said so. */
async function stuckWriter(out: string, prelude = ""): Promise<ChildProcess> {
  const program = `
    import { writeArtifact, removeUnfinished } from ${JSON.stringify(writer)};
    ${prelude}
    const endless = { path: "model.onnx", bytes: 10, async *chunks() { yield new Uint8Array(5); console.log("half"); await new Promise((r) => setTimeout(r, 60000)); } };
    await writeArtifact(${JSON.stringify(out)}, [endless]);
  `;
  const child = spawn(process.execPath, ["--import=tsx", "--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "inherit"], cwd: dirname(dirname(writer)) });
  await new Promise<void>((done) => child.stdout?.once("data", () => done()));
  return child;
}
const ended = (child: ChildProcess): Promise<number | null> => new Promise((done) => child.once("exit", done));

test("a process killed in the middle leaves the old artefact whole, and the next one cleans up", async (t) => {
  const parent = temporaryFolder();
  const out = join(parent, "out");
  await writeArtifact(out, artefact("1"));
  const child = await stuckWriter(out);
  const end = ended(child);
  child.kill("SIGKILL");
  await end;
  t.is(read(out, "model.onnx"), "model 1");
  t.is(readdirSync(parent).filter((name) => name.startsWith(`${basename(out)}.tmp-${child.pid}-`)).length, 1);
  await writeArtifact(out, artefact("2"));
  t.is(read(out, "model.onnx"), "model 2");
  t.deepEqual(readdirSync(parent), ["out"]);
});

// In a process of its own, as all tests of this file write at the same time in this one.
test("the hook for signals removes what is half done", async (t) => {
  const parent = temporaryFolder();
  const child = await stuckWriter(join(parent, "out"), `process.once("SIGINT", () => { removeUnfinished(); removeUnfinished(); process.exit(130); });`);
  const end = ended(child);
  child.kill("SIGINT");
  t.is(await end, 130);
  t.deepEqual(readdirSync(parent), []);
});

test("one file is written whole or not at all", async (t) => {
  const parent = temporaryFolder();
  await writeFileWhole(join(parent, "report.json"), "{}");
  await writeFileWhole(join(parent, "report.json"), `{"a":1}`);
  t.is(read(parent, "report.json"), `{"a":1}`);
  t.deepEqual(readdirSync(parent), ["report.json"]);
  mkdirSync(join(parent, "folder", "inner"), { recursive: true });
  await t.throwsAsync(writeFileWhole(join(parent, "folder"), "x"), { instanceOf: HostError, message: /it is a directory/ });
  await t.throwsAsync(writeFileWhole(join(parent, "report.json", "x"), "x"), { instanceOf: HostError, message: /a part of its path is a file/ });
  await t.throwsAsync(writeFilesWhole(join(parent, "report.json", "x"), [text("a", "a"), text("b", "b")]), { instanceOf: HostError, message: /a part of its path is a file/ });
  t.deepEqual(readdirSync(parent), ["folder", "report.json"]);
  await writeFileWhole(join(parent, "folder", "new", "report.json"), "{}");
  t.is(read(parent, "folder", "new", "report.json"), "{}");
});
