/** The package as people get it: packed, installed into an empty project, and used there in all three ways. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import test from "ava";

const root = resolve(new URL("..", import.meta.url).pathname);
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

test("npm pack gives a package that installs, compiles, runs and types an embedding program", (t) => {
  t.timeout(300_000);
  const project = realpathSync(mkdtempSync(join(tmpdir(), "kirigami-package-")));
  const run = (command: string, args: string[], cwd = project): string => execFileSync(command, args, { cwd, encoding: "utf8", env: { ...process.env, CI: "true", FORCE_COLOR: "0" }, stdio: ["ignore", "pipe", "pipe"] });
  try {
    const packed = JSON.parse(run(npm, ["pack", "--json", "--pack-destination", project], root).replace(/^[^[]*/s, "")) as { filename: string; files: { path: string }[] }[];
    const [{ filename, files } = { filename: "", files: [] }] = packed;
    const paths = files.map((f) => f.path);
    t.true(paths.includes("stdlib/core.kiri") && paths.includes("dist/hosts/cli/main.js") && paths.includes("README.md"));
    t.deepEqual(paths.filter((p) => /^(test|bench|pipelines|compiler|grammar)\//.test(p)), [], "sources and tests stay at home");

    writeFileSync(join(project, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
    // No script runs: the native runtime's would fetch CUDA libraries, and nothing of ours needs one.
    run(npm, ["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", join(project, filename), `onnxruntime-node@${versionOf("onnxruntime-node")}`, `typescript@${versionOf("typescript")}`, `@types/node@${versionOf("@types/node")}`]);
    cpSync(join(root, "pipelines/models/tiny-vit-mnist"), join(project, "models/tiny-vit-mnist"), { recursive: true });
    mkdirSync(join(project, "pictures"));
    cpSync(join(root, "pipelines/data/digits/3.png"), join(project, "pictures/3.png"));
    writeFileSync(join(project, "digits.kiri"), PROGRAM);

    const kiri = join(project, "node_modules/.bin/kiri");
    t.regex(run(kiri, ["--version"]), /^\d+\.\d+\.\d+/);
    run(kiri, ["check", "digits.kiri"]);
    run(kiri, ["compile", "digits.kiri", "--variant", "lite", "-o", "build/lite"]);
    t.true(readdirSync(join(project, "build/lite")).includes("model.onnx"));
    const answer = JSON.parse(run(kiri, ["run", "build/lite", "pictures/3.png", "--json"])) as unknown;
    t.regex(JSON.stringify(answer), /"label":3/);

    writeFileSync(join(project, "app.ts"), APP);
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: { module: "NodeNext", target: "ES2022", strict: true, types: ["node"], lib: ["ES2023", "ESNext.Disposable"] }, files: ["app.ts"] }));
    run(join(project, "node_modules/.bin/tsc"), ["-p", "."]);
    t.is(run(process.execPath, ["app.js"]).trim(), "3");

    writeFileSync(join(project, "every.mjs"), EVERY);
    const given = JSON.parse(run(process.execPath, ["--no-warnings", "every.mjs"])) as Record<string, string[]>;
    t.deepEqual(Object.keys(given).filter((name) => name !== "page"), Object.keys((JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { exports: object }).exports).map((path) => path.replace(/^\.\//, "")));
    t.deepEqual(given.bundler, ["default", "esbuild", "farm", "rolldown", "rollup", "rspack", "vite", "webpack"]);
    t.deepEqual(given.browser, ["MemoryHost", "check", "compile"]);
    t.true(given.compile?.includes("compile") && given.runtime?.includes("Session") && given.format?.includes("format"));
    t.true(given["library.json"]?.includes("folds/tome"));
    t.deepEqual(given.page, ["built", "none"]);
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
});

function versionOf(name: string): string {
  return (JSON.parse(execFileSync(process.execPath, ["-p", `JSON.stringify(require(${JSON.stringify(join(root, "node_modules", name, "package.json"))}))`], { encoding: "utf8" })) as { version: string }).version;
}

const PROGRAM = `use model.vit
use image
use folds.tome (tome)

model classifier = vit.Classifier from "models/tiny-vit-mnist"

compress classifier as lite {
  fold tokens protect 1 in each blocks[2..] after attended with tome(r: 4)
}

pipeline digits(picture: image) -> { label: Int, confidence: f32 } {
  let probs = softmax(classifier(image.prepare(picture; classifier.processor)); over: Classes)
  { label: argmax(probs; over: Classes), confidence: max(probs; over: Classes) }
}
`;

/** Every export is there, and the compiler for pages compiles with the library that lies beside it. */
const EVERY = `import { readFileSync } from "node:fs";
import { MemoryHost, check, compile } from "kirigami/browser";
const { exports } = JSON.parse(readFileSync("node_modules/kirigami/package.json", "utf8"));
const given = {};
for (const path of Object.keys(exports)) {
  const name = path.replace("./", "");
  given[name] = Object.keys(name.endsWith(".json") ? (await import("kirigami/" + name, { with: { type: "json" } })).default : await import("kirigami/" + name)).sort();
}
const { default: library } = await import("kirigami/library.json", { with: { type: "json" } });
const names = ["config.json", "model.safetensors", "preprocessor_config.json"];
const files = new Map([["digits.kiri", new Uint8Array(readFileSync("digits.kiri"))], ...names.map((n) => ["models/tiny-vit-mnist/" + n, new Uint8Array(readFileSync("models/tiny-vit-mnist/" + n))])]);
const host = new MemoryHost({ files, library: new Map(Object.entries(library)) });
const { built } = await compile(host, { file: "digits.kiri", variant: "lite" });
given.page = [built && built.model.length > 1000 ? "built" : "nothing", check(host, { file: "digits.kiri" }).problems.map((p) => p.code).join() || "none"];
console.log(JSON.stringify(given));
`;

const APP = `import { Session } from "kirigami/runtime";
import { compile } from "kirigami/compile";
import type { Inputs, Outputs } from "./build/lite/pipeline.d.ts";

const built = await compile({ root: ".", file: "digits.kiri", variant: "lite", out: "build/again" });
if (!built.artifact) throw new Error("it does not build");
const session = await Session.load<Inputs, Outputs>(built.artifact, { device: "cpu" });
const { label } = await session.run({ picture: "pictures/3.png" });
const exact: number = label;
console.log(exact);
await session.release();
`;
