/** Imports: what is found, what is missing, what clashes, and that the library is read once. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "ava";
import { openProgram } from "../../../compiler/program.ts";
import { ModuleCache } from "../../../compiler/resolve/cache.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { problemsOf } from "../../support/check.ts";
import { ROOT } from "../../support/program.ts";

const CASES: Readonly<Record<string, readonly [text: string, ...problems: string[]]>> = {
  "a module that is nowhere": ["use nothing.here", 'N201 at "use nothing.here"'],
  "a name that the module lacks": ["use grid (Gird)", 'N209 at "Gird"'],
  "an import that is not used": ["use grid (Grid)", 'N204 at "Grid"'],
  "a module that is not used": ["use grid", 'N204 at "grid"'],
  "an import beside a declaration of the same name": ["use grid (Grid)\nrecord Grid { a: Int }\nfn f(; g: Grid) -> Int { g.a }", 'N203 at "Grid"'],
  "a declaration that stands twice": ["let a = 1\nlet a = 2", 'N203 at "a"'],
  "a member of a module that is not there": ["use grid\nfn f(; g: grid.Grid) -> Int { grid.nothing(g) }", 'N209 at "nothing"'],
  "a module by another name": ["use grid as g\nfn f(; x: g.Grid) -> Int { x.area }"],
};
for (const [title, [text, ...problems]] of Object.entries(CASES))
  test(title, (t) => {
    t.deepEqual(problemsOf(text), problems);
  });

/** Problems of a project's main file: code and file. */
function project(files: Readonly<Record<string, string>>, main = "main.kiri"): string[] {
  const root = mkdtempSync(join(tmpdir(), "kirigami-modules-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
    return openProgram(new NodeHost({ root }), main).problems.map((p) => `${p.code} ${p.span?.file ?? ""}`);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("files of the project are found beside the file, and then at the root", (t) => {
  const files = { "a/main.kiri": "use b (two)\nuse c (three)\nlet x = two + three", "a/b.kiri": "let two = 2", "c.kiri": "let three = 3" };
  t.deepEqual(project(files, "a/main.kiri"), []);
});

test("modules that use each other in a circle", (t) => {
  t.deepEqual(project({ "main.kiri": "use b (two)\nlet one = 1\nlet x = two", "b.kiri": "use main (one)\nlet two = one + 1" }), ["N202 b.kiri"]);
});

test("a file that is not there, or leaves the project", (t) => {
  t.deepEqual(project({}), ["N207 "]);
  t.deepEqual(project({}, "../main.kiri"), ["N208 "]);
});

/** A library in which one file grows. */
class ChangingHost extends NodeHost {
  appended = "";
  override library(path: string): string | undefined {
    const text = super.library(path);
    return path === "grid" ? text + this.appended : text;
  }
}

test("a library file is parsed and checked once, and again when its text is another", (t) => {
  const cache = new ModuleCache();
  const changing = new ChangingHost({ root: ROOT });
  const text = "use grid (Grid)\nfn f(; g: Grid) -> Int { g.area }";
  const first = openProgram(changing, "a.kiri", text, cache);
  const second = openProgram(changing, "a.kiri", text, cache);
  t.is(first.value?.modules.library("grid")?.ast, second.value?.modules.library("grid")?.ast);
  changing.appended = "\nlet broken = nothing\n";
  const third = openProgram(changing, "a.kiri", text, cache);
  t.deepEqual(third.problems.map((p) => `${p.code} ${p.span?.file}`), ["N205 std:grid.kiri"]);
});
