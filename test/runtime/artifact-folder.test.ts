/** Artefacts that are broken, old, changed or hostile: each is refused by code, and the process goes on. */
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import test, { type ExecutionContext } from "ava";
import { type FaultCode, type LoadOptions, RuntimeError, Session } from "../../runtime/session.ts";
import { doubling, f32, graphOf, readManifest, type SmallPort, smallModel, temporary, tensorBoundary, writeManifest, writeSmall } from "./support.ts";

async function refused(t: ExecutionContext, code: FaultCode, artifact: string | URL, says: RegExp, options: LoadOptions = {}): Promise<void> {
  const error = await t.throwsAsync(Session.load(artifact, { device: "cpu", ...options }), { instanceOf: RuntimeError });
  t.is(error?.code, code, error?.message);
  t.regex(error?.message ?? "", says);
  t.true((error?.message.length ?? 0) < 2000);
}
const changed = (change: (manifest: Record<string, unknown>) => void): string => {
  const folder = doubling();
  const manifest = readManifest(folder) as unknown as Record<string, unknown>;
  change(manifest);
  writeManifest(folder, manifest);
  return folder;
};

test("a path, a file URL and a link lead to an artefact", async (t) => {
  const folder = doubling();
  const link = join(temporary(), "link");
  symlinkSync(folder, link);
  for (const place of [folder, pathToFileURL(folder), link]) {
    await using session = await Session.load(place, { device: "cpu" });
    t.deepEqual(await session.run({ x: f32([1, 2], [1, 2]) }), { y: f32([1, 2], [2, 4]) });
  }
});

test("what is no artefact", async (t) => {
  await refused(t, "R701", join(temporary(), "none"), /does not exist/);
  await refused(t, "R701", temporary(), /no manifest\.json/);
  const file = join(temporary(), "file");
  writeFileSync(file, "x");
  await refused(t, "R701", file, /is a file/);
  await refused(t, "R701", new URL("https://example.org/artifact"), /file URLs/);
});

test("hostile JSON: none, half, huge, deep", async (t) => {
  const folder = doubling();
  for (const text of ["", "{", readFileSync(join(folder, "manifest.json"), "utf8").slice(0, -9)]) {
    writeFileSync(join(folder, "manifest.json"), text);
    await refused(t, "R702", folder, /manifest\.json/);
  }
  writeFileSync(join(folder, "manifest.json"), "");
  truncateSync(join(folder, "manifest.json"), 2 ** 31);
  await refused(t, "R702", folder, /2147483648 bytes/);
  for (const deep of ["[".repeat(4_000_000), `${"[".repeat(2_000_000)}${"]".repeat(2_000_000)}`, `${'{"a":'.repeat(1_000_000)}1${"}".repeat(1_000_000)}`]) {
    writeFileSync(join(folder, "manifest.json"), deep);
    const error = await t.throwsAsync(Session.load(folder), { instanceOf: RuntimeError });
    t.true(["R702", "R704"].includes(error?.code ?? ""), error?.message);
  }
  rmSync(join(folder, "manifest.json"));
  mkdirSync(join(folder, "manifest.json"));
  await refused(t, "R702", folder, /not a file/);
});

test("another version of the format", async (t) => {
  await refused(t, "R703", changed((m) => { m.format = 2; m.kirigami = "9.1.0"; }), /format 2, written by kirigami 9\.1\.0.*format 1[\s\S]*Update/);
  await refused(t, "R703", changed((m) => { m.format = 0; }), /Compile the artefact again/);
});

test("a manifest that its schema does not allow says where", async (t) => {
  await refused(t, "R704", changed((m) => { m.surplus = 1; }), /surplus/);
  await refused(t, "R704", changed((m) => { delete m.guards; }), /guards/);
  await refused(t, "R704", changed((m) => { m.steps = [{ kind: "audio" }]; }), /\/steps\/0/);
  await refused(t, "R704", changed((m) => { m.files = { "model.onnx": { bytes: -1, sha256: "x" } }; }), /\/files/);
  await refused(t, "R704", changed((m) => { m.format = null; }), /\/format/);
});

test("paths and links that leave the artefact", async (t) => {
  const facts = { bytes: 1, sha256: "0".repeat(64) };
  for (const file of ["../secret", "/etc/passwd", "a/../../b", "a\\..\\b", "c:/x", "./x", "a//b", "nul\0l", ".."]) {
    await refused(t, "R705", changed((m) => { m.files = { ...(m.files as object), [file]: facts }; }), /inside/);
  }
  const folder = doubling();
  const outside = join(temporary(), "outside.onnx");
  renameSync(join(folder, "model.onnx"), outside);
  symlinkSync(outside, join(folder, "model.onnx"));
  await refused(t, "R705", folder, /link leads it out/);
  rmSync(join(folder, "model.onnx"));
  symlinkSync("model.onnx", join(folder, "model.onnx"));
  await refused(t, "R706", folder, /circles/);
});

test("missing files, and things that are no files", async (t) => {
  const folder = doubling();
  rmSync(join(folder, "model.onnx"));
  await refused(t, "R706", folder, /model\.onnx.*does not exist/);
  mkdirSync(join(folder, "model.onnx"));
  await refused(t, "R706", folder, /not a file/);
  rmSync(join(folder, "model.onnx"), { recursive: true });
  execFileSync("mkfifo", [join(folder, "model.onnx")]);
  await refused(t, "R706", folder, /not a file/);
  await refused(t, "R706", changed((m) => { m.files = {}; }), /does not list/);
  await refused(t, "R706", changed((m) => { m.inputs = [{ name: "s", type: "text" }]; m.steps = [{ kind: "text", input: "s", tokenizer: "tokenizers/0", tensors: { ids: "x" }, maxLength: 9, length: "N" }]; }), /tokenizers\/0\/tokenizer\.json/);
});

test("changed files: size always, content unless told otherwise", async (t) => {
  const folder = doubling();
  const model = readFileSync(join(folder, "model.onnx"));
  appendFileSync(join(folder, "model.onnx"), "x");
  await refused(t, "R707", folder, /bytes/, { verify: "sizes" });
  // The producer's name is in the file; another one is as valid, and not what was compiled.
  const other = Buffer.from(model);
  const at = other.indexOf("test");
  other.write("tess", at);
  writeFileSync(join(folder, "model.onnx"), other);
  await refused(t, "R707", folder, /hash/);
  await refused(t, "R707", folder, /hash/, { verify: "full" });
  await using session = await Session.load(folder, { device: "cpu", verify: "sizes" });
  t.deepEqual(await session.run({ x: f32([1, 2], [1, 2]) }), { y: f32([1, 2], [2, 4]) });
});

test("a truncated or hostile ONNX file, even with the right hash", async (t) => {
  const [x, y]: [SmallPort, SmallPort] = [{ name: "x", dtype: "f32", sizes: [2] }, { name: "y", dtype: "f32", sizes: [2] }];
  const whole = smallModel([x], [y], [{ op: "Add", inputs: ["x", "x"], outputs: ["y"] }]);
  const part = { inputs: [tensorBoundary(x)], outputs: [tensorBoundary(y)], graph: graphOf([x], [y]) };
  const noise = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251);
  for (const model of [whole.subarray(0, whole.length - 20), new Uint8Array(), noise, smallModel([x], [y], [{ op: "NoSuchOp", inputs: ["x"], outputs: ["y"] }])]) await refused(t, "R708", writeSmall({ model, manifest: part }), /model\.onnx/);
});

test("a graph that is not the manifest's", async (t) => {
  const [x, y]: [SmallPort, SmallPort] = [{ name: "x", dtype: "f32", sizes: [2] }, { name: "y", dtype: "f32", sizes: [2] }];
  const model = smallModel([x], [y], [{ op: "Add", inputs: ["x", "x"], outputs: ["y"] }]);
  const written = (input: SmallPort, output: SmallPort): string => writeSmall({ model, manifest: { inputs: [tensorBoundary(input)], outputs: [tensorBoundary(output)], graph: graphOf([input], [output]) } });
  await refused(t, "R709", written({ ...x, name: "z" }, y), /`z`/);
  await refused(t, "R709", written({ ...x, dtype: "i64" }, y), /`x`.*i64.*f32/);
  await refused(t, "R709", written(x, { ...y, sizes: [3] }), /`y`.*\[B, 3\].*\[B, 2\]/);
  await refused(t, "R710", written({ ...x, dtype: "bf16" }, y), /bf16/);
  await refused(t, "R714", writeSmall({ model, manifest: { inputs: [], outputs: [tensorBoundary(y)], graph: graphOf([x], [y]) } }), /`x`/);
  await refused(t, "R712", writeSmall({ model, manifest: { inputs: [tensorBoundary(x)], outputs: [tensorBoundary(y)], graph: graphOf([x], [y]), guards: [{ left: "N +", comparison: "==", right: 1, says: "", place: "" }] } }), /N \+/);
});

