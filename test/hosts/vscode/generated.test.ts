/** The files of the extension that are generated, and what the manifest names. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { generated } from "../../../scripts/generate-vscode.mjs";
import { ROOT } from "../../support/program.ts";

const folder = join(ROOT, "hosts/vscode");

test("grammar and snippets are current", (t) => {
  for (const [name, text] of Object.entries(generated())) t.is(readFileSync(join(folder, name), "utf8"), text, name);
});

test("every file that the manifest contributes exists", (t) => {
  const { contributes } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { contributes: Record<string, unknown> };
  const paths = [...JSON.stringify(contributes).matchAll(/"(\.\/[^"]+\.json)"/g)].map((m) => m[1] ?? "");
  t.is(paths.length, 3);
  for (const path of paths) t.true(existsSync(join(folder, path)), path);
});
