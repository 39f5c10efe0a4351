/** The grammar as editors run it: by a TextMate engine (the one of the documentation's site), over the library and over a fixture with every kind of token. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { createMarkdownRenderer } from "vitepress";
import { textMate } from "../../grammar/highlight.ts";
import { endOf, isVirtual, layout } from "../../grammar/layout.ts";
import { source } from "../../grammar/source.ts";
import { type Highlight, isWord, rowOf } from "../../grammar/tokens.ts";
import { ROOT } from "../support/program.ts";

/** Every scope of the grammar has a colour of its own, so a colour tells the scope. */
const scopes = [...new Set([...JSON.stringify(textMate.patterns).matchAll(/"name":"([^"]+)"/g)].map((m) => m[1] ?? ""))].sort();
const colour = (scope: string): string => `#${(scopes.indexOf(scope) + 1).toString(16).padStart(6, "0")}`.toUpperCase();
const PLAIN = "#FFFFFF";
const byColour = new Map(scopes.map((s) => [colour(s), s]));

/** By what the table says of a token. */
const SCOPES: Partial<Record<Highlight, RegExp>> = { number: /^constant\.numeric/, string: /^string/, operator: /operator/, punctuation: /^punctuation/, control: /control/, declaration: /^storage\.type/, modifier: /modifier/, constant: /^constant\.language/ };

let renderer: Awaited<ReturnType<typeof createMarkdownRenderer>>;
test.before(async () => {
  const theme = { name: "scopes", type: "dark" as const, colors: { "editor.foreground": PLAIN, "editor.background": "#000000" }, settings: [{ settings: { foreground: PLAIN, background: "#000000" } }, ...scopes.map((scope) => ({ scope, settings: { foreground: colour(scope) } }))] };
  const grammar = { ...structuredClone(textMate), name: "kiri", repository: {} };
  renderer = await createMarkdownRenderer(ROOT, { languages: [grammar as never], theme: theme as never });
});

interface Piece {
  readonly text: string;
  readonly start: number;
  readonly scope: string;
}

const unescaped = (html: string): string => html.replaceAll(/&#x([0-9A-Fa-f]+);/g, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16))).replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&");

/** The text in pieces of one colour each. */
function colouredPieces(text: string): Piece[] {
  const html = renderer.render(`\`\`\`\`\`kiri\n${text}\n\`\`\`\`\``);
  const code = /<code>([\s\S]*)<\/code>/.exec(html)?.[1] ?? "";
  let at = 0;
  const pieces: Piece[] = [];
  for (const [, style, inner = "", newline] of code.matchAll(/<span style="color:(#[0-9A-F]{6})[^"]*">([^<]*)<\/span>|<\/span>(\n)/g)) {
    const shown = newline ?? unescaped(inner);
    pieces.push({ text: shown, start: at, scope: byColour.get(style ?? "") ?? "" });
    at += shown.length;
  }
  return pieces;
}

test("a fixture with every kind of token", (t) => {
  const path = join(ROOT, "test/grammar/textmate.txt");
  const [text = ""] = readFileSync(path, "utf8").split("\n====\n");
  const shown = colouredPieces(text).filter((p) => p.scope !== "" && p.text.trim() !== "").map((p) => `${p.text.trim()}  ${p.scope}`);
  const now = `${text}\n====\n${shown.join("\n")}\n`;
  if (process.env.UPDATE === "1") writeFileSync(path, now);
  t.is(now, readFileSync(path, "utf8"));
  const said = new Set(shown.map((line) => line.split("  ").pop()));
  t.deepEqual(scopes.filter((scope) => !said.has(scope)), []);
});

test("every token of the library has the colour that the table gives it, wherever the table alone decides", (t) => {
  const files = readdirSync(join(ROOT, "stdlib"), { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".kiri"));
  t.true(files.length > 20);
  let compared = 0;
  for (const file of files) {
    const text = readFileSync(join(ROOT, "stdlib", file), "utf8").trimEnd();
    const pieces = colouredPieces(text);
    t.is(pieces.map((p) => p.text).join(""), text, file);
    const scopeAt = (offset: number): string => pieces.find((p) => p.start <= offset && offset < p.start + p.text.length)?.scope ?? "";
    const { chunks, comments } = layout(source(file, text));
    for (const c of comments) t.regex(scopeAt(c.start), c.text.startsWith("///") && !c.text.startsWith("////") ? /documentation/ : /double-slash/, `${file}: ${c.text}`);
    for (const token of chunks.flat()) {
      const row = rowOf(token.tokenType);
      if (!row || isVirtual(token)) continue;
      // A word that may be a name is coloured by what stands around it.
      const isName = isWord(token.tokenType) || /^\s*:/.test(text.slice(endOf(token))) || text[token.startOffset - 1] === ".";
      const wanted = row.role === "sign" || row.name === "NumberText" || row.name === "StringText" || (row.role === "reserved" && !isName) ? SCOPES[row.highlight] : undefined;
      if (!wanted) continue;
      compared++;
      if (!wanted.test(scopeAt(token.startOffset))) t.fail(`${file}:${text.slice(0, token.startOffset).split("\n").length}: ${token.image} is ${scopeAt(token.startOffset)}`);
    }
  }
  t.true(compared > 5_000, String(compared));
});
