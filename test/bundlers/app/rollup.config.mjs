import { rollup as kirigami } from "kirigami/bundler";

export default { input: "src/main.js", output: { dir: "out/rollup", format: "es" }, plugins: [kirigami()] };
