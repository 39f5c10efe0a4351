/** Recorded sessions with the language server, beside this file: UPDATE=1 writes down what is answered now. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import test from "ava";
import type { Hover } from "vscode-languageserver-protocol/node";
import { build } from "../../../hosts/build.ts";
import { LspClient } from "../../support/lsp-client.ts";
import { play, readCases, writeCases } from "../../support/lsp-fixture.ts";
import { ROOT } from "../../support/program.ts";
import { smallProject } from "../../support/small-project.ts";

const folder = join(ROOT, "test/hosts/lsp");
const files = readdirSync(folder).filter((f) => f.endsWith(".txt"));

let client: LspClient;
test.before(async () => {
  client = await LspClient.start();
});
test.after.always(async () => {
  client?.process.kill();
});

test("there are sessions for every feature", (t) => {
  t.deepEqual(files.sort(), ["colours.txt", "completion.txt", "definition.txt", "diagnostics.txt", "fixes.txt", "format.txt", "hints.txt", "hover.txt", "outline.txt", "references.txt", "rename.txt", "signature.txt"]);
});

for (const file of files)
  test.serial(file.replace(".txt", ""), async (t) => {
    const cases = readCases(readFileSync(join(folder, file), "utf8"));
    t.true(cases.length > 0);
    const answered = [];
    for (const c of cases) {
      const answers = await play(client, c);
      answered.push({ ...c, asks: c.asks.map((a, i) => ({ ...a, answer: answers[i] ?? "" })) });
      if (process.env.UPDATE !== "1") t.deepEqual(answers, c.asks.map((a) => a.answer), c.title);
    }
    if (process.env.UPDATE === "1") writeFileSync(join(folder, file), writeCases(answered));
    t.deepEqual(client.messages.filter((m) => m.includes("kirigami failed")), []);
  });

test.serial("hover on a variant tells what the gates of its build measured, and nothing of another variant's", async (t) => {
  const root = smallProject();
  const text = readFileSync(join(root, "main.kiri"), "utf8");
  const uri = pathToFileURL(join(root, "main.kiri")).href;
  const about = async (variant: string): Promise<string> => {
    client.open(uri, text);
    const before = text.slice(0, text.indexOf(`as ${variant} `) + "as ".length).split("\n");
    const hover = await client.ask<Hover | null>("textDocument/hover", { textDocument: { uri }, position: { line: before.length - 1, character: before[before.length - 1]?.length ?? 0 } });
    client.close(uri);
    return (hover?.contents as { value: string } | undefined)?.value ?? "";
  };
  t.notRegex(await about("undropped"), /measured/);
  const { report } = await build({ root, file: "main.kiri", variant: "undropped", out: join(root, "build/small") });
  const [drop, cosine] = report?.gates ?? [];
  const said = await about("undropped");
  t.true(said.includes(`measured: ${drop?.says}: measured 0, plain 0.75`), said);
  t.true(said.includes(`${cosine?.says}: measured ${Number(cosine?.value.toPrecision(4))}`), said);
  t.notRegex(await about("kept"), /measured/);
});
