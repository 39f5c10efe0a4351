import { rolldown as kirigami } from "kirigami/bundler";

export default { input: "src/main.js", platform: "node", output: { dir: "out/rolldown" }, plugins: [kirigami()] };
