import { build } from "esbuild";
import { esbuild as kirigami } from "kirigami/bundler";

await build({ entryPoints: ["src/main.js"], bundle: true, platform: "node", format: "esm", outdir: "out/esbuild", logLevel: "info", plugins: [kirigami()] }).catch(() => { process.exitCode = 1; });
