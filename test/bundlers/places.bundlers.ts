/** Where an import may stand: in a development server, in a page, in CommonJS, in TypeScript; and beside a runtime of another version. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { ROOT } from "../support/program.ts";
import { app, BUNDLERS, bundleOf, node, STARTED, writeWeights } from "./project.ts";

test("tsc knows the imports of the app after `kiri types`, without a build", async (t) => {
  const folder = app();
  const types = await node(folder, join(ROOT, "dist/hosts/cli/main.js"), "types", "src");
  t.is(types.code, 0, types.said);
  const checked = await node(folder, join(ROOT, "node_modules/typescript/bin/tsc"), "-p", ".");
  t.is(checked.said, "");
  t.is(checked.code, 0);
});

test("Vite's development server: edits and weights arrive, mistakes have their frame, a mended program works again", async (t) => {
  const folder = app();
  writeWeights(folder, Array.from({ length: 12 }, (_, i) => (i % 5 === 0 ? 3 : 0)));
  renameSync(join(folder, "models/small/model.safetensors"), join(folder, "models/other.safetensors"));
  writeWeights(folder, Array.from({ length: 12 }, (_, i) => (i % 5 === 0 ? 1 : 0)));
  const { said } = await node(folder, "vite-server.mjs");
  t.is(said, `before [ 0.25, 2, -1 ]
page true false true
sent /src/classify.kiri in /src/page.js
after [ 0.5, 4, -2 ]
weights [ 1.5, 12, -6 ]
appears [ 15, 120, -60 ]
mistake {"id":"/src/classify.kiri","line":11,"column":15,"frame":"  11 |   let scores = smal(x)\\n     |                ^^^^","first":"N205 This name means nothing here"}
mended [ 0.75, 6, -3 ]
`);
});

for (const bundler of ["esbuild", "vite", "rolldown", "webpack", "rspack", "farm"].filter((name) => name in BUNDLERS)) test(`${bundler}: a bundle for browsers is built, and tells that a page cannot open it`, async (t) => {
  const { code, said } = await node(app(), "page.mjs", bundler);
  t.is(code, 0, said);
  t.regex(said, /^classify R761: The pipeline `classify` was opened in a browser, and the runtime needs Node\.\n/m);
  t.regex(said, /^names the runtime: false$/m);
});

for (const bundler of ["rollup", "rolldown", "webpack", "rspack", "esbuild"].filter((name) => name in BUNDLERS)) test(`${bundler} watches programs and weights, tells a mistake, and goes on`, async (t) => {
  const folder = app();
  writeWeights(folder, Array.from({ length: 12 }, (_, i) => (i % 5 === 0 ? 3 : 0)));
  renameSync(join(folder, "models/small/model.safetensors"), join(folder, "models/other.safetensors"));
  writeWeights(folder, Array.from({ length: 12 }, (_, i) => (i % 5 === 0 ? 1 : 0)));
  t.is((await node(folder, "watch.mjs", bundler)).said, "built true\nedited true\nother weights true\na mistake true\nmended true\n");
});

test("CommonJS, folders below the output, a folder of assets that is named", async (t) => {
  const { code, said } = await node(app(), "cjs.mjs");
  t.is(code, 0, said);
  t.regex(said, /esbuild 1\nrollup 1\n$/);
});

test("a bundle and a runtime of two versions are told apart, and so are a bundle and another artefact", async (t) => {
  const folder = app();
  const built = await node(folder, ...(STARTED.esbuild ?? []));
  t.is(built.code, 0, built.said);
  const bundle = join(folder, bundleOf(folder, "esbuild"));
  const text = readFileSync(bundle, "utf8");

  writeFileSync(bundle, text.replace("format: 1", "format: 2"));
  t.regex((await node(folder, bundle)).said, /R762: The bundle holds a module of format 2, made by kirigami \d+\.\d+\.\d+; the runtime that is installed reads format 1\./);

  writeFileSync(bundle, text.replace(/sha256: "[0-9a-f]{64}"/, `sha256: "${"0".repeat(64)}"`));
  t.regex((await node(folder, bundle)).said, /R763: .*assets\/classify-[0-9a-f]{10}\/ has a manifest with the hash/);

  // A runtime from before there were imports.
  writeFileSync(bundle, text);
  rmSync(join(folder, "node_modules/kirigami"));
  mkdirSync(join(folder, "node_modules/kirigami"));
  writeFileSync(join(folder, "node_modules/kirigami/package.json"), `{ "name": "kirigami", "type": "module", "exports": { "./runtime": "./runtime.js" } }`);
  writeFileSync(join(folder, "node_modules/kirigami/runtime.js"), "export class Session {}\n");
  t.regex((await node(folder, bundle)).said, /R762: The bundle holds a module of format 1, made by kirigami \d+\.\d+\.\d+; the runtime that is installed reads format another one\./);
});
