/** The structure of the project, as tests: who may import whom, generated files, what stands in two places. */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import test from "ava";
import ts from "typescript";
import { artifactTypes } from "../scripts/generate.mjs";
import { references } from "./support/references.ts";

const root = resolve(new URL("..", import.meta.url).pathname);
const SOURCES = ["grammar", "compiler", "runtime", "hosts"];

/** One rule: files below `from` may import only what `may` matches. The reason is the message of a failure. */
interface Row {
  readonly from: string;
  readonly may: RegExp;
  readonly because: string;
}

// Packages are written `npm:name`, Node's own modules `node:name`, files by their path in the project. The first row whose `from` fits decides.
const TABLE: readonly Row[] = [
  { from: "grammar/", may: /^(grammar\/|npm:chevrotain$)/, because: "the grammar knows text and trees, nothing of what they mean" },
  { from: "compiler/types/", may: /^compiler\/types\//, because: "sizes and types point to nothing, so that everything may point to them" },
  { from: "compiler/graph/", may: /^(compiler\/(types|graph)\/|grammar\/source\.ts$)/, because: "the graph points to nothing but sizes; ops are given to it" },
  { from: "compiler/ops/", may: /^(compiler\/(types|graph|ops)\/)/, because: "an op knows the graph, not who makes or matches it" },
  { from: "compiler/rewrite/", may: /^compiler\/(types|graph|ops|rewrite)\//, because: "rules are matched without knowing passes" },
  { from: "compiler/targets/", may: /^compiler\/(types|graph|targets)\//, because: "a target is a table" },
  { from: "compiler/passes/", may: /^compiler\/(types|graph|ops|rewrite|targets|passes)\//, because: "passes see the graph, never the program that made it" },
  { from: "compiler/diagnostics/", may: /^(compiler\/(types|graph|diagnostics)\/|grammar\/)/, because: "messages are written from data, not by asking phases" },
  { from: "compiler/import/", may: /^(compiler\/(types|graph|ops|diagnostics|import)\/|compiler\/(host|emit\/wire)\.ts$|grammar\/source\.ts$|npm:(onnx-proto|long)$)/, because: "importers make references and graphs, and know no language" },
  { from: "compiler/emit/", may: /^(compiler\/(types|graph|ops|diagnostics|emit|targets)\/|compiler\/(host|compile)\.ts$|compiler\/elaborate\/(host-step|pipeline)\.ts$|runtime\/artifact\.d\.ts$|grammar\/source\.ts$|npm:(onnx-proto|long)$)/, because: "emission reads a compiled graph; it decides nothing about programs" },
  { from: "compiler/resolve/", may: /^(compiler\/(types|diagnostics|resolve|elaborate\/(scope|value)\.ts)|compiler\/host\.ts$|grammar\/)/, because: "names are bound before anything is evaluated" },
  { from: "compiler/", may: /^(compiler\/|grammar\/|runtime\/artifact\.d\.ts$)/, because: "the compiler has no input or output but its host, and no package but onnx-proto in import/ and emit/" },
  { from: "runtime/", may: /^(runtime\/|node:|npm:(onnxruntime-node|onnxruntime-common|sharp|@huggingface\/tokenizers|ajv)$)/, because: "an artefact runs with neither grammar nor compiler in memory" },
  { from: "hosts/", may: /./, because: "hosts wire everything together" },
];

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((name) => /\.(ts|mts|mjs)$/.test(name))
    .sort();
}

/** What a file imports, in the notation of the table. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => {
    if (fileName.startsWith(".")) return relative(root, resolve(root, dirname(file), fileName));
    if (fileName.startsWith("node:")) return fileName;
    const [scope, name] = fileName.split("/");
    return `npm:${fileName.startsWith("@") ? `${scope}/${name}` : scope}`;
  });
}

test("imports go one way", (t) => {
  const wrong: string[] = [];
  for (const file of SOURCES.flatMap(filesBelow)) {
    const row = TABLE.find((r) => file.startsWith(r.from));
    t.truthy(row, `${file} stands in no row of the table`);
    for (const target of importsOf(file)) if (row && !row.may.test(target)) wrong.push(`${file} imports ${target}: ${row.because}`);
  }
  t.deepEqual(wrong, []);
});

test("every row of the import table is about files that there are", (t) => {
  const files = SOURCES.flatMap(filesBelow);
  for (const row of TABLE) t.true(files.some((f) => f.startsWith(row.from)), `nothing stands below ${row.from}`);
});

test("nothing imports hosts, tests or benches", (t) => {
  const wrong = SOURCES.flatMap(filesBelow).filter((f) => !f.startsWith("hosts/")).flatMap((file) => importsOf(file).filter((i) => /^(hosts|test|bench)\//.test(i)).map((i) => `${file} imports ${i}`));
  t.deepEqual(wrong, []);
});

/** What programs import, what `kiri` starts and what an editor loads: nobody inside has to use it. */
const ENTRIES = ["hosts/compile.ts", "runtime/session.ts", "grammar/format.ts", "hosts/browser/compile.ts", "hosts/bundler/plugin.ts", "hosts/cli/main.ts", "hosts/vscode/extension.ts", "hosts/vscode/server.ts"];
const USED = references(root, [...SOURCES, "test", "bench", "scripts", "docs/playground"].flatMap(filesBelow));

test("every export is used by another file", (t) => {
  const own = [...USED.exports].filter(([file]) => SOURCES.some((s) => file.startsWith(`${s}/`)) && !file.endsWith(".d.ts") && !ENTRIES.includes(file));
  t.true(own.length > 100, "the sources were found");
  const unused = own.flatMap(([file, names]) => names.filter((n) => !USED.taken.get(file)?.has(n) && !USED.taken.get(file)?.has("*")).map((n) => `${file} exports ${n}, which no other file uses`));
  t.deepEqual(unused, []);
});

test("every source is reached from an entry of the package, a script or a bench", (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
  const started = Object.values(scripts).flatMap((command) => command.split(" ")).filter((word) => USED.reaches.has(word));
  const reached = new Set([...ENTRIES, ...started, ...filesBelow("bench"), ...filesBelow("scripts"), ...filesBelow("docs/playground")]);
  for (const file of reached) for (const next of USED.reaches.get(file) ?? []) reached.add(next);
  const unreached = [...USED.reaches.keys()].filter((file) => SOURCES.some((s) => file.startsWith(`${s}/`)) && !file.endsWith(".d.ts") && !reached.has(file));
  t.deepEqual(unreached, []);
});

test("generated types are current", async (t) => {
  t.is(readFileSync(join(root, "runtime/artifact.d.ts"), "utf8"), await artifactTypes());
});

test("the library is written in the language only, and every paper's file names its source", (t) => {
  const names = readdirSync(join(root, "stdlib"), { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
  t.deepEqual(names.filter((n) => !n.endsWith(".kiri")), []);
  for (const file of names.filter((n) => /^stdlib\/(folds|rewrites)\//.test(relative(root, n)) && !/\/(plan|control|keep)\.kiri$/.test(n))) t.regex(readFileSync(file, "utf8"), /^\/\/\/[^\n]*(?:\n\/\/\/[^\n]*)*?(arXiv \d{4}\.\d{4,5}|doi)/, `${relative(root, file)} does not name its paper`);
});

test("the package exports what is built, and no more", (t) => {
  const { exports, bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { exports: Record<string, string | { types: string; default: string }>; bin: Record<string, string> };
  t.deepEqual(Object.keys(exports).sort(), ["./browser", "./bundler", "./compile", "./format", "./library.json", "./package.json", "./runtime"]);
  const sources = Object.values(exports).flatMap((e) => (typeof e === "string" ? [] : [e.default])).concat(Object.values(bin));
  for (const file of sources) t.notThrows(() => readFileSync(join(root, file.replace(/^\.\/dist\//, "").replace(/^dist\//, "").replace(/\.js$/, ".ts"))), `${file} has no source`);
});
