import { build } from "@farmfe/core";
import { farm as kirigami } from "kirigami/bundler";

await build({
  root: import.meta.dirname, configFile: false, plugins: [kirigami()],
  compilation: { input: { main: "./src/main.js" }, output: { path: "out/farm", targetEnv: "node", format: "esm", entryFilename: "[entryName].mjs" }, persistentCache: false, presetEnv: false, progress: false },
});
