// From a name to where it is bound: in this file, the project, the library (`std:` files lie in the package), a model's config.json, or the file that it is imported from.
import { join } from "node:path";
import type { Location } from "vscode-languageserver/node";
import { HostError } from "../../compiler/host.ts";
import type * as Ast from "../../grammar/ast.ts";
import { source } from "../../grammar/source.ts";
import { sourceOf } from "./describe.ts";
import { importedPath } from "./imported.ts";
import type { Meaning } from "./meaning.ts";
import { nameAt } from "./names.ts";
import { uriOf } from "./places.ts";
import { NOWHERE, rangeOf } from "./ranges.ts";
import { nodesAt } from "./syntax.ts";
import type { Analysis } from "./analysis.ts";

export function definition(analysis: Analysis, offset: number): Location | undefined {
  const configured = inConfiguration(analysis, offset);
  if (configured) return configured;
  const found = nameAt(analysis, offset);
  return found && locate(analysis, found.means);
}

function locate(analysis: Analysis, means: Meaning): Location | undefined {
  const known = sourceOf(analysis, means);
  return { uri: uriOf(means.file), range: known ? rangeOf(known, means.at) : NOWHERE };
}

const FILES: Readonly<Record<string, string>> = { config: "config.json", processor: "preprocessor_config.json", generation: "generation_config.json" };

/** `classifier.config.hidden_size`, `classifier.processor`, or the folder in quotes of a model. */
function inConfiguration(analysis: Analysis, offset: number): Location | undefined {
  const nodes = nodesAt(analysis.module.ast, offset);
  const model = nodes.find((n): n is Ast.ModelDecl => (n as Ast.Declaration).kind === "model");
  const last = nodes[nodes.length - 1] as Ast.Expr | undefined;
  const imported = model && last === model.imported ? importedPath(analysis, model) : undefined;
  if (imported !== undefined) return { uri: uriOf(imported), range: NOWHERE };
  if (model?.from?.kind === "string" && last === model.from) return inJson(analysis, model, "config.json", []);
  const member = nodes.find((n): n is Ast.Member => (n as Ast.Expr).kind === "member");
  if (!member) return undefined;
  const path = pathOf(member);
  const [first, second, ...keys] = path;
  const named = analysis.program.models.find((m) => m.name.name === first);
  const file = second === undefined ? undefined : FILES[second];
  const isOnObject = offset <= member.span.start + (first?.length ?? 0);
  return named && file && !isOnObject ? inJson(analysis, named, file, keys) : undefined;
}

function pathOf(x: Ast.Expr): string[] {
  if (x.kind === "name") return [x.name];
  return x.kind === "member" ? [...pathOf(x.object), x.name.name] : [];
}

/** The place of a key in a JSON file of a model. */
function inJson({ host, module }: Analysis, model: Ast.ModelDecl, file: string, keys: readonly string[]): Location | undefined {
  if (model.from?.kind !== "string") return undefined;
  try {
    const folder = host.locate(model.from.value, module.path);
    const path = folder && join(folder, file);
    if (!path || !host.stat(path)) return undefined;
    const text = new TextDecoder().decode(host.read(path));
    const from = source(path, text);
    let at = 0;
    for (const key of keys) {
      const next = text.indexOf(`${JSON.stringify(key)}`, at);
      if (next < 0) break;
      at = next;
    }
    const key = keys[keys.length - 1];
    return { uri: uriOf(path), range: key !== undefined && at > 0 ? rangeOf(from, { start: at, end: at + key.length + 2 }) : NOWHERE };
  } catch (error) {
    if (error instanceof HostError) return undefined;
    throw error;
  }
}
