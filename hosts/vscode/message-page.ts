// A page of text for a panel, in the editor's colours; texts of others are text.
import { escaped } from "../markup.ts";

export function messagePage(title: string, says: string, text: string, picture?: string): string {
  const rule = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${rule}">
<title>${escaped(title)}</title>
<style>body { font-family: var(--vscode-font-family, sans-serif); color: var(--vscode-foreground); padding: 1rem } pre { font-family: var(--vscode-editor-font-family, monospace); white-space: pre-wrap } img { max-width: 100%; image-rendering: pixelated }</style>
</head>
<body>
<p>${escaped(says)}</p>
${picture === undefined ? "" : `<p><img alt="${escaped(says)}" src="${escaped(picture)}"></p>\n`}<pre>${escaped(text)}</pre>
</body>
</html>
`;
}
