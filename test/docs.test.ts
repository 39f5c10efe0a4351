/** Every snippet of the documentation is a program that compiles. */
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import test from "ava";
import { programProblems } from "../compiler/compile.ts";
import { openProgram } from "../compiler/program.ts";
import { NodeHost } from "../hosts/node-host.ts";

const root = resolve(new URL("..", import.meta.url).pathname);
const host = new NodeHost({ root });
const pages = ["README.md", ...readdirSync(join(root, "docs")).filter((n) => n.endsWith(".md")).map((n) => `docs/${n}`)];

/** The kiri blocks of a page, each with the line on which it starts. */
function snippets(page: string): { line: number; text: string }[] {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^```kiri\n([\s\S]*?)^```/gm)].map((m) => ({ line: text.slice(0, m.index).split("\n").length, text: m[1] ?? "" }));
}

for (const page of pages)
  for (const { line, text } of snippets(page))
    test(`${page}:${line} compiles`, (t) => {
      // As if it lay in pipelines/, where the models and data of the examples are.
      const opened = openProgram(host, "pipelines/snippet.kiri", text);
      const problems = [...opened.problems];
      const program = opened.value;
      if (program) problems.push(...programProblems(program, "cpu"));
      t.deepEqual(problems.filter((p) => p.severity === "error").map((p) => `${p.code} ${p.says} ${p.span ? text.slice(p.span.start, p.span.end) : ""}`), []);
    });

test("the language page has snippets", (t) => t.true(snippets("docs/language.md").length >= 8));
