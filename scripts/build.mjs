// Builds `dist/` for the package: what `npm pack` runs first. Needs nothing but `npm ci`.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
rmSync(join(root, "dist"), { recursive: true, force: true });
const compiled = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", root], { stdio: "inherit" });
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

// What tsc reads and does not write: declaration files of our own, and JSON that is read at run time.
for (const folder of ["grammar", "compiler", "runtime", "hosts"])
  for (const name of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }))
    if (/\.(d\.ts|json)$/.test(name)) cpSync(join(root, folder, name), join(root, "dist", folder, name));

// The page of `kiri view`: one script, and its style.
const page = join("hosts", "view", "page");
await build({ entryPoints: [join(root, page, "main.ts")], outfile: join(root, "dist", page, "main.js"), bundle: true, minify: true, format: "iife", platform: "browser", target: "es2022", charset: "utf8", logLevel: "warning" });
cpSync(join(root, page, "page.css"), join(root, "dist", page, "page.css"));

// For pages, which have no files: the library in one file, by module.
const library = readdirSync(join(root, "stdlib"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".kiri")).sort();
writeFileSync(join(root, "dist/library.json"), JSON.stringify(Object.fromEntries(library.map((name) => [name.slice(0, -".kiri".length).replaceAll("\\", "/"), readFileSync(join(root, "stdlib", name), "utf8")]))));

// The parser's library, which is 680 modules on its own, as one beside the grammar: every command waits until it is loaded.
const licence = (name) => readdirSync(join(root, "node_modules", name)).filter((file) => /^licen[cs]e/i.test(file)).map((file) => `${name}\n\n${readFileSync(join(root, "node_modules", name, file), "utf8").trim()}`);
const notice = ["chevrotain", "lodash-es"].flatMap(licence).join("\n\n").replaceAll("*/", "* /");
await build({ stdin: { contents: 'export { CstParser, Lexer, createToken, createTokenInstance } from "chevrotain";', resolveDir: root }, outfile: join(root, "dist/grammar/chevrotain.js"), bundle: true, format: "esm", platform: "neutral", mainFields: ["module", "main"], target: "es2022", charset: "utf8", banner: { js: `/*\n${notice}\n*/` }, logLevel: "warning" });
for (const name of readdirSync(join(root, "dist/grammar")))
  if (name.endsWith(".js") && name !== "chevrotain.js") {
    const path = join(root, "dist/grammar", name);
    writeFileSync(path, readFileSync(path, "utf8").replace(/ from "chevrotain";/g, ' from "./chevrotain.js";'));
  }

// tsc leaves some dynamic imports as they are written (those beside `await using`): such a package would not run.
for (const name of readdirSync(join(root, "dist"), { recursive: true, encoding: "utf8" }))
  if (name.endsWith(".js") && /\bfrom "\.[^"]*\.ts"|import\("\.[^"]*\.ts"\)/.test(readFileSync(join(root, "dist", name), "utf8"))) {
    console.error(`dist/${name} still imports a .ts file; move the import out of the block with \`await using\``);
    process.exit(1);
  }

const main = join(root, "dist/hosts/cli/main.js");
if (existsSync(main)) chmodSync(main, 0o755);
