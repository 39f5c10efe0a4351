// A bundle for browsers is built; opening the pipeline in it tells why that does not work.
import { build } from "esbuild";
import { esbuild as kirigami } from "kirigami/bundler";

await build({ entryPoints: ["src/page.js"], bundle: true, format: "esm", outdir: "out/page", plugins: [kirigami({ gates: false, types: false })], define: { "import.meta.hot": "undefined" } });
const page = await import("./out/page/page.js");
console.log(page.name, await page.open().then(() => "opened", (error) => error.message));
