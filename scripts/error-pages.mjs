// Writes the rendered message into every page of docs/errors (`npm run error-pages`, UPDATE=1), or tells which pages differ. Codes that are named are the only ones looked at.
import { register } from "tsx/esm/api";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

register();
const { PAGES, pageCodes, readPage, rendered, told, withMessage } = await import("../test/support/error-page.ts");
const only = process.argv.slice(2).filter((argument) => argument !== "--write");
const writes = process.env.UPDATE === "1" || process.argv.includes("--write");
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
  if (writes) writeFileSync(join(PAGES, `${code}.md`), withMessage(page.text, message));
  else console.log(message);
}
if (different > 0 && !writes) process.exitCode = 1;
