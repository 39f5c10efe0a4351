// Watching, by the bundler that is named: the bundle is another after an edit of the program and after other weights; a mistake is told, and mended it is gone.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import * as plugins from "kirigami/bundler";

const [, , bundler] = process.argv;
const here = import.meta.dirname;
const out = `${here}/out/watch`;
const plugin = plugins[bundler]({ gates: false, types: false });
/** Of the latest build: undefined while there was none, else what was wrong with it. */
let last;
/** Ends the watch: esbuild's own process would go on holding the streams. */
let close;
const ended = (wrong) => { last = `${wrong ?? ""}`; };
const likeRollup = (watch) => {
  const watcher = watch({ input: `${here}/src/server.js`, plugins: [plugin], output: { dir: out, entryFileNames: "main.mjs" }, logLevel: "silent", ...(bundler === "rolldown" ? { platform: "node" } : {}) });
  close = () => watcher.close();
  // Rollup's round ends after its error too.
  let wrong;
  watcher.on("event", (event) => {
    if (event.code === "START") wrong = undefined;
    if (event.code === "ERROR") ended((wrong = event.error.message));
    if (event.code === "END") ended(wrong);
    if ("result" in event) event.result?.close();
  });
};
const likeWebpack = (make) => {
  const output = { path: out, filename: "main.mjs", module: true, chunkFormat: "module", library: { type: "module" } };
  const compiler = make({ mode: "development", devtool: false, target: "node", context: here, entry: "./src/server.js", plugins: [plugin], output, experiments: { outputModule: true }, infrastructureLogging: { level: "none" } });
  close = () => new Promise((done) => compiler.close(done));
  compiler.watch({ aggregateTimeout: 50 }, (error, stats) => ended(error ?? (stats.hasErrors() ? stats.toString({ all: false, errors: true }) : "")));
};
const starts = {
  rollup: async () => likeRollup((await import("rollup")).watch),
  rolldown: async () => likeRollup((await import("rolldown")).watch),
  webpack: async () => likeWebpack((await import("webpack")).default),
  rspack: async () => likeWebpack((await import("@rspack/core")).rspack),
  esbuild: async () => {
    const end = { name: "end", setup: (build) => build.onEnd(({ errors }) => ended(errors.map((e) => e.text).join())) };
    const context = await (await import("esbuild")).context({ entryPoints: { main: `${here}/src/server.js` }, bundle: true, platform: "node", format: "esm", outdir: out, outExtension: { ".js": ".mjs" }, plugins: [plugin, end], logLevel: "silent" });
    close = () => context.dispose();
    await context.watch();
  },
};

/** What the bundle opens. */
const opened = () => (existsSync(`${out}/main.mjs`) ? /classify-[0-9a-f]{10}/.exec(readFileSync(`${out}/main.mjs`, "utf8"))?.[0] : undefined);
/** Waits until it holds; half a minute at most. */
const until = async (what, holds) => {
  for (let i = 0; i < 600 && !holds(); i++) await new Promise((done) => setTimeout(done, 50));
  console.log(what, holds());
  // Bundlers take what comes within some milliseconds of a build as part of it.
  await new Promise((done) => setTimeout(done, 300));
};

const program = `${here}/src/classify.kiri`;
const text = readFileSync(program, "utf8");
await starts[bundler]();
await until("built", () => opened() !== undefined && last === "");
const first = opened();
writeFileSync(program, text.replace("scores: scores", "scores: scores * 2.0"));
await until("edited", () => opened() !== first && last === "");
const second = opened();
writeFileSync(`${here}/models/small/model.safetensors`, readFileSync(`${here}/models/other.safetensors`));
await until("other weights", () => ![first, second].includes(opened()) && last === "");
writeFileSync(program, text.replace("small(x)", "smal(x)"));
await until("a mistake", () => /N205/.test(last));
writeFileSync(program, text);
await until("mended", () => ![first, second].includes(opened()) && last === "");
await close();
process.exit(0);
