// CommonJS in a folder below the output's: the artefact is found all the same.
import { build } from "esbuild";
import { rollup } from "rollup";
import { esbuild, rollup as rollupPlugin } from "kirigami/bundler";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const record = { x: { dtype: "f32", dims: [4], data: Float32Array.of(0.25, 2, -1, 1) } };
const answer = async (file) => {
  const { classify } = require(file);
  const session = await classify.open({ device: "cpu", threads: 1 });
  const { label } = await session.run(record);
  await session.release();
  return label;
};
await build({ entryPoints: { "deep/down/server": "src/server.js" }, bundle: true, platform: "node", format: "cjs", outdir: "out/esbuild-cjs", outExtension: { ".js": ".cjs" }, plugins: [esbuild({ compress: "kept" })] });
console.log("esbuild", await answer("./out/esbuild-cjs/deep/down/server.cjs"));
const bundle = await rollup({ input: { "deep/down/server": "src/server.js" }, plugins: [rollupPlugin({ compress: "kept", assets: "static/models" })], logLevel: "silent" });
await bundle.write({ dir: "out/rollup-cjs", format: "cjs", entryFileNames: "[name].cjs" });
console.log("rollup", await answer("./out/rollup-cjs/deep/down/server.cjs"));
