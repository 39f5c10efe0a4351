/** The reference of the library: whatever has a doc comment in stdlib is in it, found here without the parser that makes it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { referencePages } from "../scripts/reference.mjs";
import { ROOT } from "./support/program.ts";

const pages = referencePages(join(ROOT, "stdlib")) as ReadonlyMap<string, string>;
const library = readdirSync(join(ROOT, "stdlib"), { recursive: true, encoding: "utf8" }).filter((n) => n.endsWith(".kiri"));

/** `///` lines directly above a declaration at the left margin, and its name. */
function documented(text: string): { name: string; doc: string }[] {
  return [...text.matchAll(/((?:^\/\/\/[^\n]*\n)+)(?:extern )?(?:fn|let|record|sites|layer|fold|rewrite|tokenizer|decode) ([\p{L}_][\p{L}\p{N}_]*)/gmu)].map((m) => ({ name: m[2] ?? "", doc: (m[1] ?? "").split("\n")[0]?.slice(3).trim() ?? "" }));
}

/** A page as its reader sees it: what was escaped is itself again. */
const read = (page: string): string => page.replace(/\\([\\*_#<>[\]|~])/g, "$1").replaceAll("{ {", "{{");

test("every declaration with a doc comment has a section with its signature and its comment", (t) => {
  let count = 0;
  for (const file of library) {
    const page = read(pages.get(file.replace(/\.kiri$/, "").replaceAll("\\", "/")) ?? "");
    for (const { name, doc } of documented(readFileSync(join(ROOT, "stdlib", file), "utf8"))) {
      count++;
      const section = page.split(/^## /m).find((s) => s.startsWith(`${name}\n`)) ?? "";
      t.regex(section, new RegExp(`^\`\`\`kiri\\n(?:extern )?\\w+ ${name}\\b`, "m"), `${file}: ${name} has no section`);
      t.true(section.includes(doc), `${file}: the comment of ${name} is not told`);
    }
  }
  t.true(count > 150, `${count} were found`);
});

test("a module's own comment heads its page; bodies and checks are no part of it", (t) => {
  const tome = pages.get("folds/tome") ?? "";
  t.regex(tome, /^# folds\.tome\n\nToken Merging: Your ViT But Faster\. Bolya et al\., ICLR 2023, arXiv 2210\.09461\./);
  t.true(tome.includes("fold tome(r: Int, metric: Site = keys, proportional = true, residual = false) : N -> K\n  where K = if r == 0 { N } else { N - min(r, floor((N - protected) / 2)) }\n```"));
  t.notRegex([...pages.values()].join("\n"), /^check |let plan = bipartite/m);
  t.true((pages.get("nn/linear") ?? "").includes("(x: f32["));
});
