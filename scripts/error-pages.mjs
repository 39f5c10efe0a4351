// Writes the rendered message into every page of docs/errors (UPDATE=1), or tells which pages differ.
import { register } from "tsx/esm/api";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

register();
const { PAGES, pageCodes, readPage, rendered, told, withMessage } = await import("../test/support/error-page.ts");
const only = process.argv.slice(2);
let different = 0;
for (const code of pageCodes()) {
  if (only.length > 0 && !only.includes(code)) continue;
  const page = readPage(code);
  const [wrong] = page.wrong;
  if (!wrong) continue;
  const message = rendered(await told(wrong));
  if (message === page.message) continue;
  different++;
  console.log(`${code}: the message differs`);
  if (process.env.UPDATE === "1") writeFileSync(join(PAGES, `${code}.md`), withMessage(page.text, message));
  else console.log(message);
}
if (different > 0 && process.env.UPDATE !== "1") process.exitCode = 1;
