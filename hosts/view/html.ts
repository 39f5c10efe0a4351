// A page as one file: drawings as data, the script and the style in it, and a rule that nothing else may be loaded or run.
import { createHash } from "node:crypto";
import { escaped } from "../markup.ts";
import type { Drawing } from "./drawing.ts";
import type { PageParts } from "./page-parts.ts";

/** Texts of the drawings are data for the script, which shows them as texts; nothing of them is markup. */
export function pageOf(title: string, drawings: readonly Drawing[], { script, style }: PageParts): string {
  // Neither may end its element.
  const code = script.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
  const rule = `default-src 'none'; script-src '${digest(code)}'; style-src '${digest(style)}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${rule}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<script type="application/json" id="drawings">${data(drawings)}</script>
<script>${code}</script>
</body>
</html>
`;
}

const digest = (text: string): string => `sha256-${createHash("sha256").update(text).digest("base64")}`;

/** JSON that no text can break out of. */
const data = (value: unknown): string => JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
