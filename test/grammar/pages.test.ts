/** Every syntax diagnostic has its page: the wrong program gives the code, the right one is clean. */
import { readdirSync, readFileSync } from "node:fs";
import test from "ava";
import { syntax, syntaxProblem } from "../../compiler/diagnostics/syntax.ts";
import { LARGEST, parse } from "../../grammar/parse.ts";
import { source } from "../../grammar/source.ts";

const folder = new URL("../../docs/errors/", import.meta.url);
const codes = Object.keys(syntax);

const block = (page: string, title: string): string => new RegExp(`^## ${title}\\n\`\`\`kiri\\n(.*?)\\n\`\`\`$`, "ms").exec(page)?.[1] ?? "";
const codesOf = (text: string): string[] => parse(source("page.kiri", text)).problems.map((p) => syntaxProblem(p).code);

test("pages and codes are the same set", (t) => {
  t.deepEqual(readdirSync(folder).filter((f) => f.startsWith("S")).sort(), codes.map((c) => `${c}.md`));
});

for (const code of codes) test(code, (t) => {
  const page = readFileSync(new URL(`${code}.md`, folder), "utf8");
  t.true(page.startsWith(`# ${code} ${syntax[code as keyof typeof syntax].title}\n`));
  // No page holds a file that is too large.
  const wrong = code === "S112" ? `${block(page, "Wrong")}${" ".repeat(LARGEST)}` : block(page, "Wrong");
  t.deepEqual([...new Set(codesOf(wrong))], [code]);
  t.deepEqual(codesOf(block(page, "Right")), []);
});
