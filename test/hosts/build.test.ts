// Builds: what an artefact holds, that its bytes depend on its sources alone, and that nothing changes at its place where a build fails.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import type { Manifest } from "../../runtime/artifact.d.ts";
import { openArtifact } from "../../runtime/artifact-folder.ts";
import { HostError } from "../../compiler/host.ts";
import { type BuildOptions, type BuildResult, build, problemOf } from "../../hosts/build.ts";
import { check, compile } from "../../hosts/compile.ts";
import { PROGRAM, smallProject, textProject } from "../support/small-project.ts";
import { temporaryFolder } from "../support/safetensors-file.ts";

const codes = (result: Pick<BuildResult, "problems">): string[] => result.problems.map((p) => p.code);
const told = (result: Pick<BuildResult, "problems">): string => result.problems.map((p) => `${p.code} ${p.says}`).join("\n");
const inRoot = (root: string, more: Partial<BuildOptions> = {}): BuildOptions => ({ root, file: "main.kiri", out: join(root, "build/classify"), ...more });
const filesBelow = (folder: string): string[] => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name).slice(folder.length + 1)).sort();

test("an artefact holds the model, its types and schemas, and a manifest that fits its schema", async (t) => {
  const root = smallProject();
  const result = await build(inRoot(root));
  t.deepEqual(result.problems, [], told(result));
  t.is(result.artifact, join(root, "build/classify"));
  t.deepEqual(filesBelow(join(root, "build/classify")), ["input.schema.json", "manifest.json", "model.onnx", "output.schema.json", "pipeline.d.ts"]);
  const { manifest } = await openArtifact(result.artifact ?? "", { verify: "full" });
  t.deepEqual(manifest, result.manifest);
  t.deepEqual(manifest.pipeline, { name: "classify", file: "main.kiri", doc: "Which of three values is the largest." });
  t.deepEqual(manifest.inputs, [{ name: "x", type: "tensor", dtype: "f32", axes: [{ name: "C", size: 4 }] }]);
  t.deepEqual(manifest.outputs.map((o) => [o.name, o.type]), [["label", "int"], ["scores", "tensor"]]);
  t.deepEqual(manifest.graph.inputs.map((i) => i.axes.map((a) => a.size)), [["B", 4]]);
});

test("every source stands in the manifest with its full digest", async (t) => {
  const root = smallProject();
  const { manifest } = await build(inRoot(root));
  const digests = manifest?.digests ?? {};
  for (const file of ["main.kiri", "models/small/model.safetensors", "models/small/config.json"]) t.is(digests[file], createHash("sha256").update(readFileSync(join(root, file))).digest("hex"), file);
  for (const file of ["std:core.kiri", "std:nn/linear.kiri", "std:measure/accuracy.kiri"]) t.regex(digests[file] ?? "", /^[0-9a-f]{64}$/, file);
  t.false(JSON.stringify(manifest).includes(root));
  t.deepEqual(Object.keys(digests), Object.keys(digests).sort());
});

test("the same sources give the same bytes, in another folder and with another artefact in the place", async (t) => {
  const first = smallProject();
  await build(inRoot(first, { variant: "kept" }));
  const other = join(temporaryFolder(), "elsewhere", "a project");
  cpSync(first, other, { recursive: true });
  await build(inRoot(other, { variant: "strict", gates: false }));
  const again = await build(inRoot(other, { variant: "kept", gates: false }));
  t.deepEqual(codes(again), ["G608"]);
  const [a, b] = [first, other].map((root) => join(root, "build/classify"));
  const names = filesBelow(b ?? "");
  // Only the report, which tells of a machine, is no part of it.
  t.deepEqual(filesBelow(a ?? "").filter((n) => n !== "report.json"), names);
  for (const name of names) t.deepEqual(readFileSync(join(a ?? "", name)), readFileSync(join(b ?? "", name)), name);
});

test("a change of the weights changes the artefact", async (t) => {
  const root = smallProject();
  const before = await build(inRoot(root));
  const file = join(root, "models/small/model.safetensors");
  const bytes = readFileSync(file);
  bytes.writeFloatLE(2, bytes.length - 4);
  writeFileSync(file, bytes);
  const after = await build(inRoot(root));
  t.not(before.manifest?.files["model.onnx"]?.sha256, after.manifest?.files["model.onnx"]?.sha256);
  t.not(before.manifest?.digests["models/small/model.safetensors"], after.manifest?.digests["models/small/model.safetensors"]);
});

test("tokenizers go along, by number", async (t) => {
  const root = textProject();
  const result = await build(inRoot(root));
  t.is(told(result), "");
  t.deepEqual(filesBelow(join(root, "build/classify/tokenizers")), ["0/tokenizer.json", "0/tokenizer_config.json"]);
  t.deepEqual(readFileSync(join(root, "build/classify/tokenizers/0/tokenizer.json")), readFileSync(join(root, "models/words/tokenizer.json")));
  t.deepEqual(result.manifest?.steps, [{ kind: "text", input: "sentence", tokenizer: "tokenizers/0", tensors: { mask: "sentence.mask" }, maxLength: 512, length: "N" }]);
  t.truthy(result.manifest?.digests["models/words/tokenizer_config.json"]);
});

test("A504: a tokenizer without one of its files", async (t) => {
  const root = textProject(["tokenizer.json"]);
  const result = await build(inRoot(root));
  t.is(told(result), "A504 models/words holds no tokenizer_config.json; there is tokenizer.json.");
  t.false(existsSync(join(root, "build")));
});

for (const [what, out, prepare] of [
  ["a folder of weights", "models/small", undefined],
  ["inside of a folder of weights", "models/small/onnx", undefined],
  ["around the program", ".", undefined],
  ["around the weights", "models", (root: string) => writeFileSync(join(root, "models/manifest.json"), `{"kirigami":"0.1.0"}`)],
] as const)
  test(`A503: ${what}`, async (t) => {
    const root = smallProject();
    prepare?.(root);
    const before = filesBelow(root);
    const result = await build(inRoot(root, { out: join(root, out) }));
    t.deepEqual(codes(result), ["A503"], told(result));
    t.deepEqual(filesBelow(root), before);
  });

test("A502: a folder of other things stays as it is", async (t) => {
  const root = smallProject();
  mkdirSync(join(root, "thesis"));
  writeFileSync(join(root, "thesis/chapter.tex"), "");
  const result = await build(inRoot(root, { out: join(root, "thesis") }));
  t.deepEqual(codes(result), ["A502"], told(result));
  t.is(result.artifact, undefined);
  t.deepEqual(readdirSync(join(root, "thesis")), ["chapter.tex"]);
});

test("A501: a place that may not be written", async (t) => {
  const root = smallProject();
  const result = await build(inRoot(root, { out: join(root, "main.kiri/artefact") }));
  t.deepEqual(codes(result), ["A501"], told(result));
  t.regex(told(result), /a part of its path is a file/);
});

test("A501: a full disk, and what is our own mistake is thrown on", (t) => {
  const full = problemOf(new HostError("the disk is full: the artefact takes 2025 bytes or a little more", "/x/out"), "out");
  t.is(`${full.code} ${full.says}`, "A501 I cannot write out: the disk is full: the artefact takes 2025 bytes or a little more.");
  t.throws(() => problemOf(new TypeError("ours"), "out"), { message: "ours" });
});

test("a root that is not there, a file that is not there and a variant that is not there are told", async (t) => {
  const root = smallProject();
  t.deepEqual(codes(await build(inRoot(join(root, "nowhere")))), ["N207"]);
  t.deepEqual(codes(await build(inRoot(root, { file: "mian.kiri" }))), ["N207"]);
  t.deepEqual(codes(await build(inRoot(root, { variant: "ketp" }))), ["G602"]);
  t.deepEqual(codes(await build(inRoot(root, { pipeline: "nothing" }))), ["G601"]);
});

test("a weight that is no number is found before anything takes its place", async (t) => {
  const root = smallProject(PROGRAM.replaceAll("Linear(4, 3)", "Linear(4, 3)"));
  await build(inRoot(root));
  const before = readFileSync(join(root, "build/classify/manifest.json"), "utf8");
  const file = join(root, "models/small/model.safetensors");
  const bytes = readFileSync(file);
  bytes.writeFloatLE(Number.NaN, bytes.length - 4);
  writeFileSync(file, bytes);
  const result = await build(inRoot(root));
  t.deepEqual(codes(result), ["W411"], told(result));
  t.is(readFileSync(join(root, "build/classify/manifest.json"), "utf8"), before);
});

test("an aborted build rejects with the reason, and leaves nothing", async (t) => {
  const root = smallProject();
  await t.throwsAsync(build(inRoot(root, { signal: AbortSignal.abort(new Error("enough")) })), { message: "enough" });
  const stop = new AbortController();
  await t.throwsAsync(build(inRoot(root, { variant: "kept", signal: stop.signal, onProgress: ({ stage }) => { if (stage.startsWith("measuring")) stop.abort(new Error("in the middle")); } })), { message: "in the middle" });
  t.false(existsSync(join(root, "build/classify")));
  t.deepEqual(existsSync(join(root, "build")) ? readdirSync(join(root, "build")) : [], []);
});

test("SIGINT in the middle of measuring leaves what was there", async (t) => {
  const root = smallProject();
  await build(inRoot(root));
  const before = readFileSync(join(root, "build/classify/manifest.json"), "utf8");
  const hosts = fileURLToPath(new URL("../../hosts/", import.meta.url));
  const program = `
    import { build } from ${JSON.stringify(join(hosts, "build.ts"))};
    const stop = new AbortController();
    process.once("SIGINT", () => stop.abort(new Error("interrupted")));
    const keepAlive = setInterval(() => undefined, 1000);
    try {
      await build({ root: ${JSON.stringify(root)}, file: "main.kiri", variant: "fast", out: ${JSON.stringify(join(root, "build/classify"))}, signal: stop.signal, onProgress: (p) => { if (p.stage.startsWith("timing")) { console.log("timing"); } } });
    } catch (error) { clearInterval(keepAlive); process.exitCode = error.message === "interrupted" ? 130 : 1; }
  `;
  const child = spawn(process.execPath, ["--import=tsx", "--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "inherit"], cwd: join(hosts, "..") });
  const ended = new Promise<number | null>((done) => child.once("exit", done));
  await new Promise<void>((done) => child.stdout?.once("data", () => done()));
  child.kill("SIGINT");
  t.is(await ended, 130);
  t.is(readFileSync(join(root, "build/classify/manifest.json"), "utf8"), before);
  t.deepEqual(readdirSync(join(root, "build")), ["classify"]);
});

test("progress counts up to its total in every stage", async (t) => {
  const root = smallProject();
  const last = new Map<string, { done: number; total: number }>();
  await build(inRoot(root, { variant: "kept", onProgress: ({ stage, done, total }) => { t.true(done >= (last.get(stage)?.done ?? 0) && done <= total, stage); last.set(stage, { done, total }); } }));
  t.true(last.has("measuring kept on held_out"));
  t.deepEqual(last.get("measuring kept on held_out"), { done: 4, total: 4 });
  for (const [stage, { done, total }] of last) t.is(done, total, stage);
});

test("the public API compiles and checks", async (t) => {
  const root = smallProject();
  const made = await compile({ root, file: "main.kiri", out: join(root, "build/a") });
  t.is(made.manifest?.kirigami, (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }).version);
  const checked = check({ root, file: "main.kiri" });
  t.deepEqual(checked.pipelines, ["classify"]);
  t.deepEqual(checked.variants, ["kept", "strict", "undropped", "fast", "fused"]);
  t.deepEqual(checked.problems.map((p) => p.code), ["G604"]);
  t.deepEqual(check({ root, file: "main.kiri", text: "pipeline" }).problems.map((p) => p.severity).includes("error"), true);
  t.deepEqual(check({ root: join(root, "nowhere"), file: "main.kiri" }).problems.map((p) => p.code), ["N207"]);
});

test("an artefact may be moved", async (t) => {
  const root = smallProject();
  await build(inRoot(root));
  renameSync(join(root, "build/classify"), join(root, "moved"));
  rmSync(join(root, "models"), { recursive: true });
  const { manifest } = await openArtifact(join(root, "moved"), { verify: "full" });
  t.is((manifest as Manifest).pipeline.name, "classify");
});
