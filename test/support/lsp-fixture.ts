// Recorded sessions as text: sources with a cursor ¦, what is asked, and the answer as a person would read it, marks below the lines.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { CodeAction, CompletionItem, Diagnostic, DocumentSymbol, FoldingRange, Hover, InlayHint, Location, Range, SemanticTokens, SignatureHelp, TextEdit, WorkspaceEdit } from "vscode-languageserver-protocol/node";
import { TextDocument } from "vscode-languageserver-textdocument";
import type { LspClient } from "./lsp-client.ts";
import { ROOT } from "./program.ts";

export interface Case {
  readonly title: string;
  readonly files: readonly { readonly path: string; readonly text: string }[];
  /** Each question, and what was answered. */
  readonly asks: readonly { readonly what: string; readonly answer: string }[];
}

/** `=== title`, `--- path.kiri` with its text, `--- question` with its answer. */
export function readCases(text: string): Case[] {
  return text.split(/^=== /m).slice(1).map((part) => {
    const [title = "", ...rest] = part.split(/^--- /m);
    const sections = rest.map((s) => ({ head: s.slice(0, s.indexOf("\n")), body: s.slice(s.indexOf("\n") + 1).replace(/\n\n$/, "\n") }));
    return {
      title: title.trim(),
      files: sections.filter((s) => s.head.endsWith(".kiri")).map((s) => ({ path: s.head, text: s.body })),
      asks: sections.filter((s) => !s.head.endsWith(".kiri")).map((s) => ({ what: s.head, answer: s.body.trimEnd() })),
    };
  });
}

export const writeCases = (cases: readonly Case[]): string =>
  cases.map((c) => `=== ${c.title}\n${c.files.map((f) => `--- ${f.path}\n${f.text}`).join("")}${c.asks.map((a) => `--- ${a.what}\n${a.answer}\n`).join("")}`).join("\n");

const CURSOR = "¦";
/** From the project. */
const shown = (uri: string): string => uri.slice(pathToFileURL(ROOT).href.length).replace(/^\//, "");
const uriOf = (path: string): string => pathToFileURL(join(ROOT, path)).href;

/** Opens the files, asks everything at the cursor of the last file that has one, and closes them. */
export async function play(client: LspClient, { files, asks }: Case): Promise<string[]> {
  const texts = new Map(files.map((f) => [uriOf(f.path), f.text.replace(CURSOR, "")]));
  const at = files.find((f) => f.text.includes(CURSOR)) ?? files[files.length - 1];
  if (!at) throw new Error("a case without files");
  const uri = uriOf(at.path);
  const document = TextDocument.create(uri, "kiri", 0, texts.get(uri) ?? "");
  const offset = at.text.indexOf(CURSOR);
  const position = document.positionAt(Math.max(0, offset));
  for (const [u, text] of texts) client.open(u, text);
  const answers: string[] = [];
  for (const { what } of asks) answers.push(await answerTo(client, what, { uri, document, offset, position, texts }));
  for (const u of texts.keys()) client.close(u);
  // Whatever was still to be told has been told before this is answered.
  await client.ask("textDocument/documentSymbol", { textDocument: { uri } });
  return answers;
}

interface Place {
  readonly uri: string;
  readonly document: TextDocument;
  readonly offset: number;
  readonly position: Range["start"];
  readonly texts: ReadonlyMap<string, string>;
}

async function answerTo(client: LspClient, asked: string, place: Place): Promise<string> {
  const [what = "", argument = ""] = asked.split(" ");
  const { uri, document, position, texts } = place;
  const textDocument = { uri };
  const whole: Range = { start: { line: 0, character: 0 }, end: document.positionAt(document.getText().length) };
  const marked = (range: Range, says = ""): string => mark(document, range, says);
  try {
    switch (what) {
      case "diagnostics": return (await problems(client, uri, argument)).map((d) => `${marked(d.range, `${d.code} ${firstLine(d)}`)}${related(d, texts)}`).join("\n") || "none";
      case "hover": {
        const hover = await client.ask<Hover | null>("textDocument/hover", { textDocument, position });
        return hover ? (hover.contents as { value: string }).value.trim() : "nothing";
      }
      case "definition": {
        const found = await client.ask<Location | null>("textDocument/definition", { textDocument, position });
        return found ? located(found, texts) : "nowhere";
      }
      case "references": return (await client.ask<Location[]>("textDocument/references", { textDocument, position, context: { includeDeclaration: true } })).map((l) => located(l, texts)).join("\n") || "none";
      case "rename": return edits((await client.ask<WorkspaceEdit>("textDocument/rename", { textDocument, position, newName: argument })).changes ?? {}, texts);
      case "completion": {
        const all = await client.ask<CompletionItem[]>("textDocument/completion", { textDocument, position });
        const typed = /[\p{L}\p{N}_.]*$/u.exec(document.getText().slice(0, place.offset))?.[0].split(".").pop() ?? "";
        const fitting = all.filter((i) => (i.filterText ?? i.label).startsWith(typed)).sort((a, b) => ((a.sortText ?? a.label) < (b.sortText ?? b.label) ? -1 : 1));
        const most = Number(argument) || 8;
        return [...fitting.slice(0, most).map((i) => `${i.label}${i.detail ? `  ${i.detail}` : ""}`), ...(fitting.length > most ? [`and ${fitting.length - most} more`] : [])].join("\n") || "nothing";
      }
      case "signature": {
        const help = await client.ask<SignatureHelp | null>("textDocument/signatureHelp", { textDocument, position });
        const [s] = help?.signatures ?? [];
        if (!help || !s) return "none";
        const active = s.parameters?.[help.activeParameter ?? -1]?.label as [number, number] | undefined;
        return `${s.label}${active ? `\n${" ".repeat(active[0])}${"^".repeat(active[1] - active[0])}` : ""}`;
      }
      case "symbols": return outline(await client.ask<DocumentSymbol[]>("textDocument/documentSymbol", { textDocument }), 0);
      case "folding": return (await client.ask<FoldingRange[]>("textDocument/foldingRange", { textDocument })).map((f) => `${f.startLine + 1}-${f.endLine + 1}${f.kind ? ` ${f.kind}` : ""}`).join("\n");
      case "hints": return (await client.ask<InlayHint[]>("textDocument/inlayHint", { textDocument, range: whole })).map((h) => marked({ start: h.position, end: h.position }, String(h.label))).join("\n") || "none";
      case "format": {
        const said = client.messages.length;
        const answer = edited(await client.ask<TextEdit[]>("textDocument/formatting", { textDocument, options: { tabSize: 2, insertSpaces: true } }), document);
        return [answer, ...client.messages.slice(said)].join("\n");
      }
      case "colours": return colours(await client.ask<SemanticTokens>("textDocument/semanticTokens/full", { textDocument }), document);
      case "fixes": {
        const diagnostics = await problems(client, uri, argument);
        const actions = await client.ask<CodeAction[]>("textDocument/codeAction", { textDocument, range: whole, context: { diagnostics, only: ["quickfix"] } });
        return actions.map((a) => `${a.title}\n${edits(a.edit?.changes ?? {}, texts)}`).join("\n") || "none";
      }
      case "mended": {
        // What is still wrong when the first fix has been applied.
        const diagnostics = await problems(client, uri, argument);
        const [first] = await client.ask<CodeAction[]>("textDocument/codeAction", { textDocument, range: whole, context: { diagnostics, only: ["quickfix"] } });
        client.change(uri, [{ text: TextDocument.applyEdits(document, first?.edit?.changes?.[uri] ?? []) }]);
        return (await problems(client, uri, argument)).map((d) => `${d.code} ${firstLine(d)}`).join("\n") || "nothing is left";
      }
      default: throw new Error(`${asked} is no question`);
    }
  } catch (error) {
    return `refused: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Those of declarations; with `deep` those of pipelines and variants, which come when nobody types. */
async function problems(client: LspClient, uri: string, how: string): Promise<readonly Diagnostic[]> {
  const isDeep = how === "deep";
  // What is told at once may stand already; the deeper ones are told after it.
  let seen = 0;
  return client.told(uri, () => ++seen >= (isDeep ? 2 : 1));
}

const firstLine = ({ message }: Diagnostic): string => (typeof message === "string" ? message : message.value).split("\n")[0] ?? "";

function related(d: Diagnostic, texts: ReadonlyMap<string, string>): string {
  return (d.relatedInformation ?? []).map((r) => `\n  ${r.message}: ${located(r.location, texts).replaceAll("\n", "\n  ")}`).join("");
}

/** The line, and ^^^ below what is meant. */
function mark(document: TextDocument, { start, end }: Range, says: string): string {
  const line = document.getText({ start: { line: start.line, character: 0 }, end: { line: start.line + 1, character: 0 } }).replace(/\r?\n$/, "");
  const length = start.line === end.line ? end.character - start.character : line.length - start.character;
  return `${line}\n${" ".repeat(start.character)}${"^".repeat(Math.max(1, length))}${says === "" ? "" : ` ${says}`}`;
}

function located({ uri, range }: Location, texts: ReadonlyMap<string, string>): string {
  const text = texts.get(uri);
  const path = shown(uri);
  return text === undefined ? `${path}:${range.start.line + 1}:${range.start.character + 1}` : `${path}\n${mark(TextDocument.create(uri, "kiri", 0, text), range, "")}`;
}

/** The lines that change. */
function edits(changes: Record<string, TextEdit[]>, texts: ReadonlyMap<string, string>): string {
  return Object.entries(changes).map(([uri, list]) => {
    const before = TextDocument.create(uri, "kiri", 0, texts.get(uri) ?? "");
    const after = TextDocument.applyEdits(before, list).split("\n");
    const old = before.getText().split("\n");
    let [head, tail] = [0, 0];
    while (head < Math.min(old.length, after.length) && old[head] === after[head]) head++;
    while (tail < Math.min(old.length, after.length) - head && old[old.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
    return [shown(uri), ...old.slice(head, old.length - tail).map((l) => `- ${l}`), ...after.slice(head, after.length - tail).map((l) => `+ ${l}`)].join("\n");
  }).join("\n");
}

const edited = (list: TextEdit[], document: TextDocument): string => (list.length === 0 ? "nothing to do" : TextDocument.applyEdits(document, list).trim());

const outline = (symbols: readonly DocumentSymbol[], depth: number): string => symbols.map((s) => `${"  ".repeat(depth)}${s.name}${s.detail ? `  ${s.detail}` : ""}${s.children?.length ? `\n${outline(s.children, depth + 1)}` : ""}`).join("\n");

const TYPES = ["keyword", "number", "string", "comment", "operator", "function", "class", "interface", "namespace", "variable", "parameter", "property", "typeParameter", "method", "struct", "enumMember"];

function colours({ data }: SemanticTokens, document: TextDocument): string {
  let [line, character] = [0, 0];
  const out: string[] = [];
  for (let i = 0; i + 4 < data.length; i += 5) {
    const [down = 0, right = 0, length = 0, type = 0, modifiers = 0] = data.slice(i, i + 5);
    character = down > 0 ? right : character + right;
    line += down;
    const text = document.getText({ start: { line, character }, end: { line, character: character + length } });
    out.push(`${text} ${TYPES[type]}${modifiers & 2 ? " declared" : ""}${modifiers & 4 ? " library" : ""}${modifiers & 1 ? " doc" : ""}`);
  }
  return out.join("\n");
}
