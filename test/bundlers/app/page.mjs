// A bundle for browsers is built by the bundler that is named; opening the pipeline in it tells why that does not work.
import { readdirSync, readFileSync } from "node:fs";
import * as plugins from "kirigami/bundler";

const [, , bundler] = process.argv;
const out = `${import.meta.dirname}/out/page`;
const plugin = plugins[bundler]({ gates: false, types: false });
const likeWebpack = (make) => new Promise((done, fail) => {
  const output = { path: out, filename: "page.mjs", module: true, chunkFormat: "module", library: { type: "module" } };
  const compiler = make({ mode: "production", target: "web", context: import.meta.dirname, entry: "./src/page.js", plugins: [plugin], output, experiments: { outputModule: true } });
  compiler.run((error, stats) => (error || stats.hasErrors() ? fail(error ?? new Error(stats.toString())) : compiler.close(done)));
});
const builds = {
  esbuild: async () => (await import("esbuild")).build({ entryPoints: ["src/page.js"], bundle: true, format: "esm", outdir: out, plugins: [plugin], define: { "import.meta.hot": "undefined" } }),
  vite: async () => (await import("vite")).build({ root: import.meta.dirname, configFile: false, logLevel: "silent", plugins: [plugin], base: "./", build: { outDir: out, lib: { entry: "src/page.js", formats: ["es"], fileName: "page" } } }),
  rolldown: async () => (await import("rolldown")).build({ input: "src/page.js", platform: "browser", output: { dir: out, entryFileNames: "page.mjs" }, plugins: [plugin], logLevel: "silent" }),
  webpack: async () => likeWebpack((await import("webpack")).default),
  rspack: async () => likeWebpack((await import("@rspack/core")).rspack),
  farm: async () => (await import("@farmfe/core")).build({
    root: import.meta.dirname, configFile: false, plugins: [plugin],
    compilation: { input: { page: "./src/page.js" }, output: { path: out, targetEnv: "library-browser", format: "esm", entryFilename: "[entryName].mjs" }, persistentCache: false, presetEnv: false, progress: false, minify: false },
  }),
};
await builds[bundler]();
const [file] = readdirSync(out).filter((name) => /^page\.m?js$/.test(name));
const page = await import(`${out}/${file}`);
console.log(page.name, await page.open().then(() => "opened", (error) => error.message));
console.log("names the runtime:", /kirigami\/runtime/.test(readFileSync(`${out}/${file}`, "utf8").replace(/\/\/# sourceMappingURL.*/, "")));
