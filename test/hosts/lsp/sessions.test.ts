/** Recorded sessions with the language server, beside this file: UPDATE=1 writes down what is answered now. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { LspClient } from "../../support/lsp-client.ts";
import { play, readCases, writeCases } from "../../support/lsp-fixture.ts";
import { ROOT } from "../../support/program.ts";

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
