// `npm run docs`: the documentation as a site in build/docs, with the reference of the library, a page for every code, the benches and the playground.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as bundle } from "vite";
import { build } from "vitepress";
import { textMate } from "../grammar/highlight.ts";
import { referencePages } from "./reference.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const from = (...path) => join(root, ...path);
const pages = from("build", "docs-source");
const out = from("build", "docs");

const write = (path, text) => {
  mkdirSync(dirname(join(pages, path)), { recursive: true });
  writeFileSync(join(pages, path), text);
};
const titleOf = (text) => /^# (.*)$/m.exec(text)?.[1] ?? "";

rmSync(pages, { recursive: true, force: true });
rmSync(out, { recursive: true, force: true });
for (const folder of ["errors", "pictures"]) cpSync(from("docs", folder), join(pages, folder), { recursive: true });
const guides = readdirSync(from("docs")).filter((name) => name.endsWith(".md"));
for (const name of guides) write(name, readFileSync(from("docs", name), "utf8").replaceAll("](../bench/README.md)", "](bench.md)"));
// The first page is the README; its links lead into the repository's folders.
write("index.md", readFileSync(from("README.md"), "utf8").replaceAll("](docs/errors/)", "](errors/index.md)").replaceAll("](docs/", "](").replaceAll("](bench/README.md)", "](bench.md)"));
write("bench.md", readFileSync(from("bench", "README.md"), "utf8").replaceAll("](../docs/", "]("));
const codes = readdirSync(from("docs", "errors")).filter((name) => name.endsWith(".md")).map((name) => ({ name, title: titleOf(readFileSync(from("docs", "errors", name), "utf8")) }));
write("errors/index.md", `# Codes\n${codes.map(({ name, title }) => `- [${title.replaceAll("`", "")}](${name})`).join("\n")}\n`);
const reference = referencePages(from("stdlib"));
for (const [name, text] of reference) write(`reference/${name}.md`, text);
write("reference/index.md", `# The library\n${[...reference].map(([name]) => `- [${name.replaceAll("/", ".")}](${name}.md)`).join("\n")}\n`);

const link = (text, path) => ({ text, link: `/${path}` });
const config = {
  title: "kirigami", description: "Fold and cut transformers: a declarative pipeline language that compiles to one fused ONNX graph.",
  head: [["link", { rel: "icon", href: "data:," }]],
  // Where the site lies on its server: BASE=/kirigami/ npm run docs.
  base: process.env.BASE ?? "/", srcDir: ".", outDir: out, cacheDir: from("build", ".vitepress"), cleanUrls: false, lastUpdated: false,
  ignoreDeadLinks: [/^https?:/, /playground/],
  markdown: {
    // Pages of ours hold no markup of HTML, and a comment of the library is no markup at all.
    config: (md) => { md.set({ html: false }); },
    // `files`: several files of a project in one block, programs among them.
    languages: ["kiri", "files"].map((name) => ({ ...textMate, name, scopeName: `source.${name}` })),
  },
  themeConfig: {
    search: { provider: "local" },
    nav: [link("Language", "language"), link("Library", "reference/"), link("Codes", "errors/"), { text: "Playground", link: `${process.env.BASE ?? "/"}playground/index.html`, target: "_self" }],
    sidebar: [
      { text: "Guides", items: guides.map((name) => link(titleOf(readFileSync(from("docs", name), "utf8")), name.replace(/\.md$/, ""))) },
      { text: "Benches", items: [link("What is measured", "bench")] },
      { text: "Library", collapsed: true, items: [...reference].map(([name]) => link(name.replaceAll("/", "."), `reference/${name}`)) },
      { text: "Codes", collapsed: true, items: codes.map(({ name, title }) => link(title, `errors/${name.replace(/\.md$/, "")}`)) },
    ],
  },
};
mkdirSync(join(pages, ".vitepress"), { recursive: true });
// Its functions go along: the configuration is read from this process.
globalThis.kirigamiSite = config;
writeFileSync(join(pages, ".vitepress", "config.mjs"), "export default globalThis.kirigamiSite;\n");
await build(pages);
await bundle({ configFile: from("docs", "playground", "vite.config.mjs") });
cpSync(from("build", "playground"), join(out, "playground"), { recursive: true });
console.log("build/docs");
