// Models that are ONNX files, as an editor needs them: blocks with their places, and what the file calls its values. A file is read once for each of its states,
// when somebody asks, never on a keystroke; of weights only the headers.
import { importModel } from "../../compiler/import/onnx-graph.ts";
import { recognise } from "../../compiler/import/recognise/recognise.ts";
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Analysis } from "./analysis.ts";

interface Stack {
  readonly name: string;
  readonly blocks: number;
  readonly sites: readonly string[];
}

interface ImportedFile {
  readonly stacks: readonly Stack[];
  /** What the file calls its values. */
  readonly tensors: readonly string[];
}

/** States of files that are kept; a project has few models. */
const MOST = 16;
const known = new Map<string, ImportedFile | undefined>();

/** The model of a name where it is imported; a pipeline stands for its first model. */
export function importedModel({ program: { models } }: Analysis, target: string): Ast.ModelDecl | undefined {
  const model = models.find((m) => m.name.name === target) ?? models[0];
  return model?.imported ? model : undefined;
}

/** Absolute path of the file that a model is imported from. */
export function importedPath({ host, module }: Analysis, { imported }: Ast.ModelDecl): string | undefined {
  const path = imported?.kind === "string" ? host.locate(imported.value, module.path) : undefined;
  return path !== undefined && host.stat(path)?.isDirectory === false ? path : undefined;
}

/** What the file holds, with what `sites … for NAME` says of it; undefined where it cannot be read. */
export function importedFile(analysis: Analysis, model: Ast.ModelDecl): ImportedFile | undefined {
  const path = importedPath(analysis, model);
  const found = path === undefined ? undefined : remembered(analysis, path);
  if (!found) return undefined;
  const stacks = new Map(found.stacks.map((s) => [s.name, { ...s, sites: new Set(s.sites) }]));
  for (const { at } of placesOf(analysis, model)) {
    const [first, second] = at.segments;
    if (!first || !second) continue;
    const before = stacks.get(first.name.name) ?? { name: first.name.name, blocks: 0, sites: new Set<string>() };
    const index = first.index?.kind === "at" && first.index.value.kind === "number" ? first.index.value.value : 0;
    stacks.set(first.name.name, { ...before, blocks: Math.max(before.blocks, index + 1), sites: new Set([...before.sites, second.name.name]) });
  }
  return { stacks: [...stacks.values()].map((s) => ({ ...s, sites: [...s.sites] })), tensors: found.tensors };
}

function remembered({ host, stateOf }: Analysis, path: string): ImportedFile | undefined {
  const state = stateOf(path);
  if (state === undefined) return undefined;
  const key = `${path} ${state}`;
  if (known.has(key)) return known.get(key);
  const { value } = importModel(host, path, { raise: "all" });
  const made = value && {
    stacks: recognise(value.graph).stacks.map(({ name, blocks }) => ({ name, blocks: blocks.length, sites: [...new Set(blocks.flatMap((b) => [...b.sites.keys()]))] })),
    tensors: [...value.values.names()],
  };
  known.set(key, made);
  for (const oldest of known.keys()) if (known.size > MOST) known.delete(oldest);
  return made;
}

const placesOf = ({ module }: Analysis, model: Ast.ModelDecl): Ast.SitesDecl["places"] => module.ast.declarations.flatMap((d) => (d.kind === "sites" && d.model?.name === model.name.name ? d.places : []));

/** Where a place of an imported model is named: in a `sites … for` of this file, or else by the file itself, which the model's declaration names. */
export function importedPlace(analysis: Analysis, model: Ast.ModelDecl, name: string): Span {
  const said = placesOf(analysis, model).map(({ at }) => at.segments[at.segments.length - 1]?.name).find((last) => last?.name === name);
  return said?.span ?? model.imported?.span ?? model.name.span;
}
