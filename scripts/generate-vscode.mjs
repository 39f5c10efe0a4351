// The grammar and the snippets of the extension for Visual Studio Code, from the table of tokens and from what the language server writes.
// `npm run generate`; test/hosts/vscode/generated.test.ts checks that they are current.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { textMate } from "../grammar/highlight.ts";
import { SNIPPETS } from "../hosts/lsp/snippets.ts";

const json = (value) => `${JSON.stringify(value, undefined, 2)}\n`;

/** File names below hosts/vscode, with what belongs in them. */
export const generated = () => ({
  "kiri.tmLanguage.json": json(textMate),
  "snippets.json": json(Object.fromEntries(SNIPPETS.map(({ word, says, body }) => [`${word}: ${says}`, { prefix: word, description: says, body }]))),
});

if (process.argv[1] === fileURLToPath(import.meta.url)) for (const [name, text] of Object.entries(generated())) writeFileSync(new URL(`../hosts/vscode/${name}`, import.meta.url), text);
