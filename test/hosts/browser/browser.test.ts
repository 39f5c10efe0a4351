/** The compiler where there is no Node: it bundles for browsers without one of Node's modules, and its host there behaves as the one on a disk. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { build } from "esbuild";
import { type Compiled, compile } from "../../../compiler/compile.ts";
import { type Host, HostError } from "../../../compiler/host.ts";
import { planConstants } from "../../../compiler/emit/constants.ts";
import { emitModel } from "../../../compiler/emit/onnx.ts";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { check, compile as compileInPage, MemoryHost } from "../../../hosts/browser/compile.ts";
import { sha256 } from "../../../hosts/browser/sha256.ts";
import { check as checkOnDisk } from "../../../hosts/compile.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { expectedOf, readSafetensors } from "../../support/golden.ts";
import { ROOT } from "../../support/program.ts";

test("compiler, grammar, the host of a page and what draws there bundle for a browser", async (t) => {
  const entries = ["compiler/compile.ts", "compiler/function.ts", "compiler/claims.ts", "compiler/program.ts", "compiler/emit/onnx.ts", "compiler/emit/constants.ts", "compiler/emit/manifest.ts", "compiler/import/onnx-graph.ts", "grammar/parse.ts", "grammar/format.ts", "grammar/highlight.ts", "hosts/browser/compile.ts", "hosts/view/from-graph.ts", "hosts/view/from-onnx.ts", "hosts/view/page/main.ts"];
  // For browsers esbuild refuses `node:` and the bare names of Node's modules.
  const { metafile, outputFiles } = await build({ entryPoints: entries.map((e) => join(ROOT, e)), outdir: "out", bundle: true, minify: true, format: "esm", platform: "browser", write: false, metafile: true, logLevel: "silent" });
  t.deepEqual(Object.values(metafile.inputs).flatMap((i) => i.imports.filter((use) => use.external && use.path !== "<runtime>").map((use) => use.path)), []);
  t.false(Object.keys(metafile.inputs).some((path) => path.includes("json-schema-to-typescript") || path.includes("hosts/node-host")));
  t.true(outputFiles.length === entries.length);
  await t.throwsAsync(build({ stdin: { contents: 'import "./hosts/node-host.ts"', resolveDir: ROOT }, bundle: true, platform: "browser", write: false, logLevel: "silent" }), { message: /Could not resolve "node:crypto"/ });
});

test("sha256 is what Node's own is, at every length around a block and beyond", (t) => {
  for (const length of [0, 1, 3, 54, 55, 56, 57, 63, 64, 65, 119, 120, 1000, 100_003]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 131 + length) % 256);
    t.is(sha256(bytes), createHash("sha256").update(bytes).digest("hex"), `${length} bytes`);
  }
});

const disk = new NodeHost({ root: ROOT });
const FILES = ["pipelines/digits.kiri", "pipelines/models/tiny-vit-mnist/config.json", "pipelines/models/tiny-vit-mnist/model.safetensors", "pipelines/models/tiny-vit-mnist/preprocessor_config.json", "pipelines/data/digits/digits.safetensors"];
const memory = new MemoryHost({
  files: new Map(FILES.map((path) => [path, new Uint8Array(readFileSync(join(ROOT, path)))])),
  library: new Map(disk.libraryPaths().map((path) => [path, disk.library(path) ?? ""])),
});

test("paths stay below the root, and files are read, in part too, and refused as on a disk", async (t) => {
  t.is(memory.locate("models/tiny-vit-mnist", "pipelines/digits.kiri"), "/project/pipelines/models/tiny-vit-mnist");
  t.is(memory.locate("../../x", "pipelines/digits.kiri"), undefined);
  t.is(memory.locate("/etc/passwd", undefined), undefined);
  t.is(memory.locate("a\0b", undefined), undefined);
  t.deepEqual(memory.stat("pipelines"), { size: 0, isDirectory: true });
  t.is(memory.stat("pipelines/none"), undefined);
  t.deepEqual(memory.list("pipelines/models/tiny-vit-mnist"), disk.list("pipelines/models/tiny-vit-mnist").filter((name) => name !== "README.md"));
  const config = "pipelines/models/tiny-vit-mnist/config.json";
  t.deepEqual(memory.readRange(config, 5, 20), new Uint8Array(disk.readRange(config, 5, 20)));
  t.is(await memory.digestFile(config), await disk.digestFile(config));
  for (const wrong of [() => memory.read("none"), () => memory.read("pipelines"), () => memory.readRange(config, 600, 1000), () => memory.list(config)]) t.throws(wrong, { instanceOf: HostError });
});

test("kirigami/browser: problems of a text that is typed, and a model with its contract that ONNX Runtime runs", async (t) => {
  const file = "pipelines/digits.kiri";
  const text = readFileSync(join(ROOT, file), "utf8");
  t.deepEqual(check(memory, { file }).problems, []);
  t.true(check(memory, { file }).variants.includes("lite"));
  t.deepEqual(check(memory, { file, text: text.replace("use image", "use imagee") }).problems.map((p) => p.code), checkOnDisk({ root: ROOT, file, text: text.replace("use image", "use imagee") }).problems.map((p) => p.code));
  const { built, problems } = await compileInPage(memory, { file, variant: "lite" });
  t.deepEqual(problems, []);
  t.deepEqual(built?.contract.outputs.map((o) => `${o.name}: ${o.type}`), ["label: int", "confidence: float"]);
  t.deepEqual(built?.contract.pipeline, { name: "digits", file, variant: "lite", ...(built?.contract.pipeline.doc === undefined ? {} : { doc: built.contract.pipeline.doc }) });
  const session = await InferenceSession.create(built?.model ?? new Uint8Array(), { executionProviders: ["cpu"], logSeverityLevel: 3, ...(built?.data ? { externalData: [built.data] } : {}) });
  const digits = readSafetensors(join(ROOT, "pipelines/data/digits/digits.safetensors"));
  const count = 100;
  const pictures = Uint8Array.from(expectedOf(digits, "picture").data as ArrayLike<number>).subarray(0, count * 28 * 28);
  const found = await session.run({ [session.inputNames[0] ?? ""]: new Tensor("uint8", pictures, [count, 1, 28, 28]) });
  const labels = Array.from((found.label?.data ?? []) as ArrayLike<bigint>, Number);
  const wanted = Array.from(expectedOf(digits, "label").data as ArrayLike<bigint>, Number).slice(0, count);
  t.true(labels.filter((label, i) => label === wanted[i]).length >= 90, labels.join());
  await session.release();
  t.is((await compileInPage(memory, { file, variant: "none" })).built, undefined);
});

test("the same program is compiled to the same bytes in memory and on the disk", async (t) => {
  const bytes = async (host: Host): Promise<string> => {
    const { value, problems } = compile(host, { file: "pipelines/digits.kiri", variant: "lite", target: "cpu" });
    t.deepEqual(problems, []);
    const compiled = value as Compiled;
    const { value: plan } = await planConstants(compiled.fused, host);
    return sha256(emitModel(compiled.fused, { target: "cpu", name: "digits", initializers: plan.initializers, position: compiled.place }).model);
  };
  t.is(await bytes(memory), await bytes(disk));
});
