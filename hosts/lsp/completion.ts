// Completion: what could stand where the cursor is. The tokens before it say what is wanted, the compiler's scopes what there is.
import { type CompletionItem, CompletionItemKind, InsertTextFormat } from "vscode-languageserver/node";
import type { Value } from "../../compiler/elaborate/value.ts";
import { openCheckpoint } from "../../compiler/import/checkpoint.ts";
import { PRECISIONS } from "../../compiler/precision.ts";
import type * as Ast from "../../grammar/ast.ts";
import { DECLARATION_WORDS, TABLE } from "../../grammar/tokens.ts";
import { activeParameter, callable, callAt, memberOf, pathBefore, tokensBefore } from "./call-at.ts";
import { headOf, prose, valueText } from "./describe.ts";
import { importedFile, importedModel } from "./imported.ts";
import { follow, layerOfModel, type LayerType, partNames, sitesOf, startsOf } from "./layers.ts";
import { namesOf } from "./names.ts";
import { rangeOf } from "./ranges.ts";
import { declarationAt, scopeAt } from "./observed.ts";
import { SNIPPETS } from "./snippets.ts";
import type { Analysis } from "./analysis.ts";

/** Files of weights hold more names than a list should. */
const MOST = 2_000;
const TARGETS = ["cpu", "cuda", "portable"];
const ELEMENT_TYPES = ["f64", "f32", "f16", "bf16", "i64", "i32", "i16", "i8", "u16", "u8", "i4", "u4", "bool"];

/** `withSnippets`: whether the word of a declaration brings the rest of one. */
export function completion(analysis: Analysis, offset: number, withSnippets: boolean): CompletionItem[] {
  const { source } = analysis.module;
  const all = tokensBefore(source, offset);
  const isTyping = /[\p{L}\p{N}_']/u.test(source.text.slice(offset - 1, offset));
  // The word that is being typed is what the client filters by.
  const tokens = isTyping ? all.slice(0, -1) : all;
  const line = source.text.slice(source.text.lastIndexOf("\n", offset - 1) + 1, offset);
  if (/\/\//.test(line.replace(/"(?:[^"\\]|\\.)*"/g, ""))) return [];
  const quoted = /\bnamed\s+"([^"]*)$/.exec(line);
  if (quoted) return whole(analysis, offset, quoted[1] ?? "", weightNames(analysis));
  const said = /\bsites\s+[\p{L}\p{N}_]+\s+for\s+([\p{L}\p{N}_]+)\s*\{([^}]*)$/u.exec(source.text.slice(0, offset));
  if (said) return insidePlaces(analysis, offset, said[1] ?? "", said[2] ?? "");
  if (/^[^"]*"(?:[^"]*"[^"]*")*[^"]*$/.test(line)) return folders(analysis, line);
  const used = /^\s*use\s+(.*)$/.exec(line);
  if (used) return insideUse(analysis, used[1] ?? "");
  const last = tokens[tokens.length - 1]?.image;
  const d = declarationAt(analysis, offset) ?? analysis.module.ast.declarations.filter((x) => x.span.end <= offset).pop();
  if (d?.kind === "compress" && isInside(tokens)) {
    const found = insideCompress(analysis, d, offset, tokens.map((t) => t.image));
    if (found) return found;
  }
  if (last === ".") return members(analysis, pathBefore(tokens, tokens.length - 2), offset);
  if (!isInside(tokens) || !declarationAt(analysis, offset)) return declarations(withSnippets);
  const call = callAt(source, offset);
  const callee = call && callable(call.path, scopeAt(analysis, offset));
  if (call && callee) {
    const active = [...callee.tensors, ...callee.statics][activeParameter(call, callee)];
    const type = active && typeName(active);
    if (last === ":" && (type === "Axis" || type === "Axes")) return axes(analysis, offset);
    if (last === ":" && type === "Site") return siteNames(analysis);
    const parameters = last === "(" || last === "," || last === ";" ? [...callee.tensors, ...callee.statics].filter((p) => !call.given.includes(p.name.name)).map((p) => parameter(analysis, p)) : [];
    return [...parameters, ...names(analysis, offset), ...axes(analysis, offset)];
  }
  return [...names(analysis, offset), ...axes(analysis, offset), ...words()];
}

const isInside = (tokens: readonly { readonly image: string }[]): boolean => {
  let depth = 0;
  for (const { image } of tokens) depth += "([{".includes(image) ? 1 : ")]}".includes(image) ? -1 : 0;
  return depth > 0;
};

const typeName = (p: Ast.Param): string | undefined => (p.type?.kind === "named-type" ? p.type.path[0]?.name : undefined);

function parameter(analysis: Analysis, p: Ast.Param): CompletionItem {
  const text = analysis.sources.get(p.span.file)?.text.slice(p.span.start, p.span.end) ?? p.name.name;
  return { label: `${p.name.name}:`, filterText: p.name.name, insertText: `${p.name.name}: `, detail: text, kind: CompletionItemKind.Field, sortText: `0${p.name.name}` };
}

// ── names ──
const KINDS: Partial<Record<Value["kind"], CompletionItemKind>> = {
  fn: CompletionItemKind.Function, "layer-type": CompletionItemKind.Class, "fold-type": CompletionItemKind.Class, "rewrite-type": CompletionItemKind.Class, "record-type": CompletionItemKind.Struct,
  module: CompletionItemKind.Module, model: CompletionItemKind.Variable, sites: CompletionItemKind.Interface, layer: CompletionItemKind.Property, layers: CompletionItemKind.Property, tensor: CompletionItemKind.Variable,
};

function item(analysis: Analysis, name: string, value: Value | undefined): CompletionItem {
  const decl = value && "decl" in value ? value.decl : undefined;
  const doc = decl && "doc" in decl ? prose(decl.doc) : "";
  return {
    label: name,
    kind: (value && KINDS[value.kind]) ?? CompletionItemKind.Variable,
    ...(value ? { detail: decl ? headOf(decl, analysis.sources.get(decl.span.file)) : valueText(value) } : {}),
    ...(doc === "" ? {} : { documentation: { kind: "markdown" as const, value: doc } }),
  };
}

function names(analysis: Analysis, offset: number): CompletionItem[] {
  const scope = scopeAt(analysis, offset);
  return scope.visible().filter((n) => n !== "" && !n.startsWith("down.")).map((name) => item(analysis, name, scope.get(name)));
}

function words(): CompletionItem[] {
  return [...TABLE.filter((r) => r.role === "reserved").map((r) => String(r.pattern)), ...ELEMENT_TYPES].map((label) => ({ label, kind: CompletionItemKind.Keyword, sortText: `z${label}` }));
}

/** Axes of the declaration, and those that operations in it make. */
function axes(analysis: Analysis, offset: number): CompletionItem[] {
  const d = declarationAt(analysis, offset);
  if (!d) return [];
  const found = new Set(namesOf(analysis, false).filter((o) => o.means.kind === "axis" && o.span.start >= d.span.start && o.span.end <= d.span.end && !(o.span.start <= offset && offset <= o.span.end)).map((o) => o.means.name));
  return [...found].map((label) => ({ label, kind: CompletionItemKind.TypeParameter, detail: "axis", sortText: `1${label}` }));
}

function members(analysis: Analysis, path: readonly string[], offset: number): CompletionItem[] {
  const scope = scopeAt(analysis, offset);
  let value = path[0] === undefined ? undefined : scope.get(path[0]);
  for (const name of path.slice(1)) value = value && memberOf(value, name);
  switch (value?.kind) {
    case "module": {
      const { module } = value;
      return [...module.declared.keys()].map((name) => item(analysis, name, module.scope.get(name)));
    }
    case "record": {
      const decl = value.type?.decl;
      return [...[...value.fields].map(([name, v]) => item(analysis, name, v)), ...(decl?.lets ?? []).flatMap((l) => l.names.map((n) => ({ label: n.name, kind: CompletionItemKind.Property }))), ...(decl?.methods ?? []).map((m) => ({ label: m.name.name, kind: CompletionItemKind.Method }))];
    }
    case "tensor": return value.axes.filter((a) => !a.startsWith("_")).map((label, i) => ({ label, kind: CompletionItemKind.TypeParameter, detail: `size ${value.node.type.dims[i]?.key ?? ""}` }));
    case "tokenizer": return value.decl.host ? [{ label: "encode", kind: CompletionItemKind.Method }] : value.decl.methods.map((m) => ({ label: m.name.name, kind: CompletionItemKind.Method }));
    case "fold": return ["down", "up"].map((label) => ({ label, kind: CompletionItemKind.Method }));
    case "layer": return value.instance.names().map((label) => ({ label, kind: CompletionItemKind.Property }));
    case "model": {
      if (value.decl.imported) return [];
      const layer = layerOfModel(analysis, value.decl.name.name);
      return [...["config", "processor"].map((label) => ({ label, kind: CompletionItemKind.File, detail: `${label === "config" ? "config" : "preprocessor_config"}.json` })), ...(layer ? partNames(layer) : []).map((label) => ({ label, kind: CompletionItemKind.Property }))];
    }
    default: return [];
  }
}

// ── modules and files ──
function insideUse(analysis: Analysis, text: string): CompletionItem[] {
  const [, path, listed] = /^([\p{L}\p{N}_.]*)(?:\s*\((.*))?$/u.exec(text) ?? [];
  if (path === undefined) return [];
  if (listed !== undefined) {
    const module = analysis.module.imports.find((m) => m.path.endsWith(`${path.replaceAll(".", "/")}.kiri`)) ?? analysis.program.modules.library(path.replaceAll(".", "/"));
    return module ? [...module.declared].map(([name]) => item(analysis, name, module.scope.get(name))) : [];
  }
  const prefix = path.slice(0, path.lastIndexOf(".") + 1);
  const project = analysis.host.list(analysis.root).filter((f) => f.endsWith(".kiri")).map((f) => f.slice(0, -".kiri".length));
  const all = [...analysis.host.libraryPaths().map((p) => p.replaceAll("/", ".")), ...project].filter((p) => p.startsWith(prefix) && p !== "core");
  return all.map((p) => ({ label: p, insertText: p.slice(prefix.length), filterText: p.slice(prefix.length), kind: CompletionItemKind.Module }));
}

/** Names of the tensors in the checkpoints of this file's models; headers alone are read. */
function weightNames(analysis: Analysis): Iterable<string> {
  const found = new Set<string>();
  for (const model of analysis.program.models) {
    const directory = model.from?.kind === "string" ? analysis.host.locate(model.from.value, analysis.module.path) : undefined;
    const opened = directory === undefined ? undefined : openCheckpoint(analysis.host, directory, undefined);
    for (const name of opened?.value?.weights.keys() ?? []) {
      // A layer's name stands for the beginning of its weights' names.
      const parts = name.split(".");
      for (let i = 1; i <= parts.length; i++) found.add(parts.slice(0, i).join("."));
    }
  }
  return found;
}

/** Names with points and slashes in them take the place of all that has been typed of them. */
function whole(analysis: Analysis, offset: number, typed: string, names: Iterable<string>): CompletionItem[] {
  const range = rangeOf(analysis.module.source, { start: offset - typed.length, end: offset });
  return [...names].filter((n) => n.startsWith(typed)).slice(0, MOST).map((label) => ({ label, kind: CompletionItemKind.Constant, textEdit: { range, newText: label } }));
}

/** Folders and files below the one that is being written. */
function folders(analysis: Analysis, line: string): CompletionItem[] {
  if (!/\b(?:from|import|=)\s*"[^"]*$/.test(line)) return [];
  const typed = line.slice(line.lastIndexOf('"') + 1);
  const folder = analysis.host.locate(typed.slice(0, typed.lastIndexOf("/") + 1) || ".", analysis.module.path);
  if (folder === undefined || !analysis.host.stat(folder)?.isDirectory) return [];
  return analysis.host.list(folder).filter((f) => !f.startsWith(".")).slice(0, MOST).map((label) => ({ label, kind: CompletionItemKind.File }));
}

// ── compress ──
function insideCompress(analysis: Analysis, d: Ast.CompressDecl, offset: number, tokens: readonly string[]): CompletionItem[] | undefined {
  const root = layerOfModel(analysis, d.target.name);
  const last = tokens[tokens.length - 1];
  const region = d.items.filter((i) => (i.kind === "place-fold" || i.kind === "place-rewrite") && i.span.start <= offset).pop();
  const layer = root && region && (region.kind === "place-fold" || region.kind === "place-rewrite") ? follow(root, region.region).layer : undefined;
  const word = (label: string): CompletionItem => ({ label, kind: CompletionItemKind.Keyword });
  const asksPlace = last === "." || last === "across" || last === "each" || last === "after" || (last === "rewrite" && tokens[tokens.length - 2] !== ".");
  const model = root || !asksPlace ? undefined : importedModel(analysis, d.target.name);
  if (model) return placesInFile(analysis, model, last === "." ? selectorBefore(tokens)[0] : last === "after" ? (tokens[tokens.length - 2] === "up" ? undefined : region && "region" in region ? region.region.segments[0]?.name.name : undefined) : undefined, last === "after");
  if (last === "." && root) {
    const path = selectorBefore(tokens);
    const before = path.length > 0 ? follow(root, { kind: "selector", segments: path.map((name) => ({ name: { name, span: d.span }, index: undefined })), span: d.span }).layer : undefined;
    return before ? placesOf(before) : undefined;
  }
  if (last === "across" || last === "each" || (last === "rewrite" && tokens[tokens.length - 2] !== ".")) return root ? startsOf(root).map(({ name, member }) => ({ label: name, kind: CompletionItemKind.Property, insertText: member.count ? `${name}[$0]` : name, insertTextFormat: InsertTextFormat.Snippet, detail: member.count ? "a list of layers" : "a layer" })) : [];
  if (last === "after") return tokens[tokens.length - 2] === "up" && root ? sitesOf(root).map(site) : (layer ? sitesOf(layer) : []).map(site);
  if (last === "with") return placeable(analysis, region?.kind === "place-rewrite" ? "rewrite-type" : "fold-type", offset);
  if (last === "on") return [...analysis.program.data.map((x): CompletionItem => ({ label: x.name.name, kind: CompletionItemKind.Variable, detail: "data" })), ...TARGETS.map(word)];
  if (last === "fold") return [word("tokens")];
  if (last === ":" && tokens[tokens.length - 2] === "precision") return PRECISIONS.map(word);
  if (last === "up") return [word("after"), word("none")];
  if (last === "{" || tokens.length === 0 || /[)\]\w]$/.test(last ?? "")) {
    const line = analysis.module.source.text.slice(analysis.module.source.text.lastIndexOf("\n", offset - 1) + 1, offset);
    if (/^\s*\w*$/.test(line)) return ["fold", "rewrite", "require", "report", "expect", "precision"].map(word);
    if (/^\s*fold\s+tokens\b(?!.*\b(?:each|across)\b)/.test(line)) return [word("protect"), word("in each"), word("across")];
    if (/\b(?:each|across)\b(?!.*\bwith\b)/.test(line)) return [word("after"), word("with")];
    if (/\bwith\b.*\)\s*\w*$/.test(line)) return [word("up after"), word("up none")];
  }
  return undefined;
}

/** Blocks of an imported file, and their places; `stack`: those of its blocks. `wantsSites`: a place is wanted, of whatever blocks. */
function placesInFile(analysis: Analysis, model: Ast.ModelDecl, stack: string | undefined, wantsSites: boolean): CompletionItem[] {
  const file = importedFile(analysis, model);
  if (!file) return [];
  const found = stack === undefined ? undefined : file.stacks.find((s) => s.name === stack);
  if (found || wantsSites) return [...new Set((found ? [found] : file.stacks).flatMap((s) => s.sites))].map((label) => ({ label, kind: CompletionItemKind.EnumMember, detail: `site of ${found?.name ?? model.name.name}` }));
  return file.stacks.map(({ name, blocks }) => ({ label: name, kind: CompletionItemKind.Property, insertText: `${name}[$0]`, insertTextFormat: InsertTextFormat.Snippet, detail: blocks === 1 ? "1 block" : `${blocks} blocks` }));
}

/** In `sites … for MODEL { blocks[0].keys = "tensor" }`: blocks, places of the contract, and what the file calls its values. */
function insidePlaces(analysis: Analysis, offset: number, name: string, text: string): CompletionItem[] {
  const model = importedModel(analysis, name);
  if (!model || model.name.name !== name) return [];
  const quoted = /"([^"\n]*)$/.exec(text);
  if (quoted && (text.match(/"/g)?.length ?? 0) % 2 === 1) return whole(analysis, offset, quoted[1] ?? "", importedFile(analysis, model)?.tensors ?? []);
  const selected = /([\p{L}_][\p{L}\p{N}_]*)(?:\[[^\]]*\])?\.[\p{L}\p{N}_]*$/u.exec(text);
  return placesInFile(analysis, model, selected?.[1], false);
}

const site = (s: ReturnType<typeof sitesOf>[number]): CompletionItem => ({ label: s.name, kind: CompletionItemKind.EnumMember, detail: s.what });
const placesOf = (layer: LayerType): CompletionItem[] => [...partNames(layer).map((label) => ({ label, kind: CompletionItemKind.Property, detail: "a layer" })), ...sitesOf(layer).map(site)];

/** The names of a selector before its last dot; what stands in brackets is passed over. */
function selectorBefore(tokens: readonly string[]): string[] {
  const path: string[] = [];
  for (let i = tokens.length - 2; i >= 0; i -= 1) {
    if (tokens[i] === "]") while (i >= 0 && tokens[i] !== "[") i--;
    else if (/^[\p{L}_]/u.test(tokens[i] ?? "")) {
      path.unshift(tokens[i] as string);
      if (tokens[i - 1] !== ".") break;
      i--;
    } else break;
  }
  return path;
}

/** Sites of every layer that a compression of this file places folds in. */
function siteNames(analysis: Analysis): CompletionItem[] {
  const layers = analysis.program.compressions.flatMap((c) => {
    const root = layerOfModel(analysis, c.target.name);
    return c.items.flatMap((i) => (i.kind === "place-fold" && root ? (follow(root, i.region).layer ?? []) : []));
  });
  const imported = analysis.program.compressions.flatMap((c) => importedModel(analysis, c.target.name) ?? []);
  return [...new Map([...layers.flatMap(sitesOf).map(site), ...imported.flatMap((m) => placesInFile(analysis, m, undefined, true))].map((s) => [s.label, s])).values()];
}

function placeable(analysis: Analysis, kind: "fold-type" | "rewrite-type", offset: number): CompletionItem[] {
  const scope = scopeAt(analysis, offset);
  return scope.visible().filter((n) => scope.get(n)?.kind === kind || scope.get(n)?.kind === "module").map((name) => item(analysis, name, scope.get(name)));
}

// ── declarations ──
function declarations(withSnippets: boolean): CompletionItem[] {
  return [...DECLARATION_WORDS, "use" as const].map((label) => {
    const snippet = withSnippets ? SNIPPETS.find((x) => x.word === label) : undefined;
    return { label, kind: CompletionItemKind.Keyword, ...(snippet ? { detail: snippet.says, insertText: snippet.body.join("\n"), insertTextFormat: InsertTextFormat.Snippet } : {}) };
  });
}
