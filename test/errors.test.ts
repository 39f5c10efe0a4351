// Every diagnostic has a page, every page shows its diagnostic: the wrong program has it, the right one is clean, the message is what users see.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { registry } from "../compiler/diagnostics/define.ts";
import { packageRoot } from "../hosts/node-host.ts";
import { type Page, pageCodes, parsePage, readPage, rendered, told, withMessage } from "./support/error-page.ts";
import { madeFile } from "./support/page-host.ts";

const root = packageRoot();
const areas = join(root, "compiler", "diagnostics");
for (const file of readdirSync(areas)) await import(join(areas, file));
const runtimeErrors = join(root, "runtime", "errors.ts");
const codes = [...registry.keys(), ...(existsSync(runtimeErrors) ? [...readFileSync(runtimeErrors, "utf8").matchAll(/^ {2}(R\d+):/gm)].map((m) => m[1] as string) : [])].sort();

/** Codes that no program on a page can have, with the test that shows them: they need a run, a disk, or a command line. */
const SHOWN_ELSEWHERE: Readonly<Record<string, string>> = {
  A501: "test/hosts/build.test.ts", A502: "test/hosts/build.test.ts", A503: "test/hosts/build.test.ts", A504: "test/hosts/build.test.ts", A505: "test/hosts/hugging-face.test.ts", A506: "test/hosts/hugging-face.test.ts",
  T321: "test/compiler/check/hostile.test.ts", T324: "test/compiler/imported/derive.test.ts",
  G601: "test/hosts/cli/check.test.ts",
  G602: "test/hosts/cli/check.test.ts", G603: "test/hosts/evaluation/gates.test.ts", G606: "test/hosts/evaluation/gates.test.ts", G608: "test/hosts/evaluation/gates.test.ts",
  G620: "test/hosts/bundler/request.test.ts",
  G610: "test/hosts/evaluation/control.test.ts",
  ...Object.fromEntries(["G631", "G632", "G633"].map((code) => [code, "test/hosts/evaluation/tune.test.ts"])),
  ...Object.fromEntries(["I501", "I502", "I503", "I504", "I505", "I506", "I507", "I508", "I509"].map((code) => [code, "test/compiler/import/onnx-graph.test.ts"])),
  W417: "test/hosts/optimise.test.ts",
  W412: "test/compiler/emit/unusable.test.ts", W415: "test/compiler/emit/unusable.test.ts", W416: "test/compiler/import/checkpoint.test.ts",
};

test("the registry and the pages have the same codes", (t) => {
  t.deepEqual(pageCodes(), codes);
});

test("every code of the registry is reported somewhere", (t) => {
  const sources = ["compiler", "hosts", "runtime"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts") && !f.startsWith("diagnostics")).map((f) => readFileSync(join(root, folder, f), "utf8")));
  const all = sources.join("\n");
  t.deepEqual([...registry.keys()].filter((code) => !code.startsWith("S") && !new RegExp(`\\b\\w+\\.${code}\\b`).test(all)), [], "nothing reports these");
});

for (const code of pageCodes()) {
  test(code, async (t) => {
    const page = readPage(code);
    const entry = registry.get(code);
    if (entry) t.is(page.title, entry.title);
    if (page.wrong.length === 0) {
      t.true(page.hasWayOut, "a page without a wrong program says how to get out");
      const elsewhere = SHOWN_ELSEWHERE[code] ?? "";
      t.true(code.startsWith("R") || (elsewhere !== "" && existsSync(join(root, elsewhere))), `no test shows ${code}`);
      if (elsewhere !== "") t.regex(readFileSync(join(root, elsewhere), "utf8"), new RegExp(`\\b${code}\\b`), elsewhere);
      return;
    }
    t.false(code in SHOWN_ELSEWHERE);
    for (const [i, files] of page.wrong.entries()) {
      const found = await told(files);
      t.true(found.problems.some((p) => p.code === code), `wrong program ${i + 1} has no ${code}:\n${rendered(found)}`);
      t.deepEqual(found.problems.filter((p) => p.code !== code && p.severity === "error"), [], `wrong program ${i + 1} has other errors`);
      for (const p of found.problems) for (const span of [p.span, ...p.labels.map((l) => l.span)]) if (span) t.true(inside(span, found.sources), `${p.code} points outside of ${span.file}`);
      if (i === 0) t.is(page.message, rendered(found), "UPDATE=1 node scripts/error-pages.mjs writes the message");
    }
    t.truthy(page.right, "a page with a wrong program has a right one");
    if (page.right) t.is(rendered(await told(page.right)), "");
  });
}

const inside = (span: { file: string; start: number; end: number }, sources: ReadonlyMap<string, { text: string }>): boolean => {
  const from = sources.get(span.file);
  return from !== undefined && span.start >= 0 && span.start <= span.end && span.end <= from.text.length;
};

test("a page that is not one is refused", (t) => {
  t.throws(() => parsePage("X1", "# X2 Title\n\nWhy.\n"), { message: /starts with/ });
  t.throws(() => parsePage("X1", "# X1 Title\n\nWhy.\n\n## Rigth\n"), { message: /no section "Rigth"/ });
  t.throws(() => parsePage("X1", "# X1 Title\n\nWhy.\n\n## Wrong\n```files\na: b\n```\n"), { message: /stands first/ });
  t.throws(() => madeFile("a.safetensors", "w f32[2]; nonsense"), { message: /nonsense/ });
});

test("the message of a page is replaced and nothing else", (t) => {
  const text = "# X1 Title\n\nWhy.\n\n## Message\n```text\nold\n```\n";
  t.is(withMessage(text, "new\n"), "# X1 Title\n\nWhy.\n\n## Message\n```text\nnew\n```\n");
  const page: Page = parsePage("X1", withMessage("# X1 Title\n\nWhy.\n", "new\n"));
  t.is(page.message, "new\n");
});
