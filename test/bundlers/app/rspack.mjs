import { rspack } from "@rspack/core";
import { rspack as kirigami } from "kirigami/bundler";

const compiler = rspack({
  mode: "production", target: "node", entry: "./src/main.js", plugins: [kirigami()], context: import.meta.dirname,
  output: { path: `${import.meta.dirname}/out/rspack`, filename: "main.mjs", module: true, chunkFormat: "module" },
});
compiler.run((error, stats) => {
  console.log(error ?? stats.toString({ all: false, errors: true, warnings: true, loggingTrace: false }));
  if (error || stats.hasErrors()) process.exitCode = 1;
  compiler.close(() => undefined);
});
