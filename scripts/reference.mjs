// The reference of the library from its own doc comments: a page a module, a section a declaration, read with the language's own parser. A part of `npm run docs`.
import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { parse } from "../grammar/parse.ts";
import { source } from "../grammar/source.ts";

/** How a declaration that has no name is called. */
const nameOf = (declaration) => (declaration.kind === "check" ? declaration.title : declaration.name.name);

/** Where what a declaration says of itself ends and what it does begins. */
function headEnd(declaration) {
  if (declaration.kind === "fn") return declaration.body?.span.start ?? declaration.span.end;
  const inside = [...(declaration.members ?? []), ...(declaration.methods ?? []), ...(declaration.lets ?? []), ...(declaration.forward ? [declaration.forward.signature] : [])];
  return Math.min(declaration.span.end, ...inside.map((member) => member.span.start));
}

/** The declaration as its author wrote it, without its body. */
function head(text, declaration) {
  const written = text.slice(declaration.span.start, headEnd(declaration));
  const isWhole = headEnd(declaration) === declaration.span.end;
  const lines = written.split("\n").filter((line) => !line.trim().startsWith("//"));
  return (isWhole ? lines.join("\n") : lines.join("\n").trimEnd().replace(/\{$/, "")).trimEnd();
}

/** What a layer computes is said by its unnamed function. */
function forward(text, { forward: own }) {
  return own ? `\n  ${text.slice(own.signature.span.start, own.body.span.start).trim().replace(/\n\s*/g, " ")}` : "";
}

/** Markdown of one module; undefined where nothing in it is documented. Checks are claims of the module, not what it offers. */
function page(name, text) {
  const { ast } = parse(source(`std:${name}.kiri`, text));
  const told = ast.declarations.filter((d) => d.kind !== "check" && d.doc !== undefined);
  if (told.length === 0 && ast.doc === undefined) return undefined;
  const sections = told.map((d) => `## ${plain(nameOf(d))}\n\`\`\`kiri\n${head(text, d)}${forward(text, d)}\n\`\`\`\n${plain(d.doc)}\n`);
  const rest = ast.declarations.filter((d) => d.kind !== "check" && d.doc === undefined).map(nameOf);
  return [
    `# ${name.replaceAll("/", ".")}\n`, ...(ast.doc === undefined ? [] : [`${plain(ast.doc)}\n`]),
    `\`\`\`kiri\nuse ${name.replaceAll("/", ".")}\n\`\`\`\n`, ...sections, ...(rest.length > 0 ? [`Besides, without a comment: ${rest.map((n) => `\`${n}\``).join(", ")}.\n`] : []),
  ].join("\n");
}

/** Text of a comment as text of Markdown: nothing of it is markup but its code between backticks; its lines stay lines. */
function plain(text) {
  return text.split("\n").map((line) => line.split(/(`[^`]*`)/).map((part, i) => (i % 2 === 1 ? part : part.replace(/[\\*_#<>[\]|~]/g, "\\$&").replaceAll("{{", "{ {"))).join("")).join("  \n");
}

/** Pages by module: `folds/tome` → Markdown. */
export function referencePages(library) {
  const names = readdirSync(library, { recursive: true, encoding: "utf8" }).filter((n) => n.endsWith(".kiri")).map((n) => n.slice(0, -".kiri".length).split(sep).join("/")).sort();
  return new Map(names.flatMap((name) => {
    const made = page(name, readFileSync(join(library, `${name}.kiri`), "utf8"));
    return made === undefined ? [] : [[name, made]];
  }));
}
