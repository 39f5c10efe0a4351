// `npm run vsix`: the extension for Visual Studio Code as build/kirigami-VERSION.vsix, with a language server for folders that have no kirigami of their own.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createVSIX } from "@vscode/vsce";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const from = (...path) => join(root, ...path);
const extension = from("hosts", "vscode");

/** Makes the folder that is packaged, and says of which version it is. */
async function stage(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "dist", "page"), { recursive: true });
  const { version } = JSON.parse(readFileSync(from("package.json"), "utf8"));
  // What only its sources and its bundle need is left out.
  const { devDependencies, private: isPrivate, type, ...manifest } = JSON.parse(readFileSync(join(extension, "package.json"), "utf8"));
  const files = ["dist", "docs", "stdlib", "*.json", "README.md", "LICENSE.txt"];
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ ...manifest, version, files }, undefined, 2)}\n`);
  for (const name of ["README.md", "language-configuration.json", "kiri.tmLanguage.json", "snippets.json"]) cpSync(join(extension, name), join(folder, name));
  cpSync(from("LICENSE"), join(folder, "LICENSE.txt"));
  // What the server reads: the library, and a page for every code.
  cpSync(from("stdlib"), join(folder, "stdlib"), { recursive: true });
  cpSync(from("docs", "errors"), join(folder, "docs", "errors"), { recursive: true });
  const options = { bundle: true, minify: true, keepNames: true, platform: "node", target: "node20", charset: "utf8", logLevel: "warning", legalComments: "linked" };
  await build({ ...options, entryPoints: [join(extension, "extension.ts")], outfile: join(folder, "dist", "extension.cjs"), format: "cjs", external: ["vscode"] });
  // Packages that are no modules ask for Node's own by `require`.
  const banner = { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' };
  await build({ ...options, entryPoints: [join(extension, "server.ts")], outfile: join(folder, "dist", "server.mjs"), format: "esm", banner, external: ["esbuild"] });
  const page = from("hosts", "view", "page");
  await build({ entryPoints: [join(page, "main.ts")], outfile: join(folder, "dist", "page", "main.js"), bundle: true, minify: true, format: "iife", platform: "browser", target: "es2022", charset: "utf8", logLevel: "warning" });
  cpSync(join(page, "page.css"), join(folder, "dist", "page", "page.css"));
  return version;
}

/** The package, and the folder that it was made of. */
export async function vsix() {
  const folder = from("build", "vscode");
  const version = await stage(folder);
  const path = from("build", `kirigami-${version}.vsix`);
  await createVSIX({ cwd: folder, packagePath: path, dependencies: false, allowMissingRepository: true });
  return { path, folder, version };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log((await vsix()).path);
