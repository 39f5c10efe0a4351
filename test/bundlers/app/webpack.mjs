import { webpack as kirigami } from "kirigami/bundler";
import webpack from "webpack";

const compiler = webpack({
  mode: "production", target: "node", entry: "./src/main.js", plugins: [kirigami()],
  output: { path: `${import.meta.dirname}/out/webpack`, filename: "main.mjs", module: true, chunkFormat: "module" }, experiments: { outputModule: true },
});
compiler.run((error, stats) => {
  console.log(error ?? stats.toString({ all: false, errors: true, warnings: true }));
  if (error || stats.hasErrors()) process.exitCode = 1;
  compiler.close(() => undefined);
});
