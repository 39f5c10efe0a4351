// A model that is a file: imported into the graph of the elaboration, its blocks as layers, so that selectors, folds and costs find them as in a model of ours.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { type Node, topological } from "../graph/node.ts";
import { type Imported, type InputSizes, importModel } from "../import/onnx-graph.ts";
import { isOpaque } from "../ops/foreign.ts";
import type { RecognisedSite } from "../import/recognised.ts";
import type { LoadedModule } from "../resolve/modules.ts";
import type { WeightRef } from "../graph/node.ts";
import type { Elaboration } from "./elaboration.ts";
import { evaluate } from "./evaluate.ts";
import { Fail, Silent } from "./fail.ts";
import { type Places, placesOf } from "./imported-places.ts";
import { LayerInstance } from "./layer.ts";
import { projectPath } from "./model.ts";
import { Scope } from "./scope.ts";

/** An imported file as a model. */
export interface ImportedModel {
  readonly imported: Imported;
  readonly name: string;
  /** Before the names of the file's sizes in the graph. */
  readonly prefix: string;
  /** As people know it. */
  readonly file: string;
  readonly span: Span;
  readonly instance: LayerInstance;
  readonly places: Places;
  /** Paths of the blocks, by stack and depth. */
  readonly blocks: readonly { readonly path: string; readonly isFirst: boolean; readonly sites: ReadonlyMap<string, RecognisedSite> }[];
  /** The same file on inputs of other sizes than it fixes, and with sizes that are the same by their names in the file; undefined where one of its nodes does not fit them. */
  readonly resized: (sizes: InputSizes, same: ReadonlyMap<string, string>) => ImportedModel | undefined;
}

/** Opens the file of `model NAME = import "…"`; what is wrong with it is told at the declaration. */
export function openImported(e: Elaboration, decl: Ast.ModelDecl, from: Ast.Expr, module: LoadedModule): ImportedModel {
  const path = projectPath(e, evaluate(e, from, module.scope), from.span);
  const { name } = decl.name;
  const prefix = `${name}.`;
  const opened = importModel(e.host, path, { into: { build: e.b, prefix, span: from.span } });
  for (const problem of opened.problems) if (problem.severity !== "error") e.report(problem);
  const [first] = opened.problems.filter((p) => p.severity === "error");
  if (first) throw new Fail(first);
  if (!opened.value) throw new Silent();
  for (const file of [path, ...weightFiles(opened.value.results.map((r) => r.node))]) e.files.add(file);
  return modelOf(e, { decl, module, path, file: path.startsWith(`${e.host.root}/`) ? path.slice(e.host.root.length + 1) : path }, opened.value, prefix);
}

interface Source {
  readonly decl: Ast.ModelDecl;
  readonly module: LoadedModule;
  readonly path: string;
  readonly file: string;
}

function modelOf(e: Elaboration, source: Source, imported: Imported, prefix: string): ImportedModel {
  const { decl, module, path, file } = source;
  const { name } = decl.name;
  const places = placesOf(e, imported, decl, module);
  const root = part(name, name, decl.span, false);
  const blocks = places.stacks.flatMap((stack) => {
    const made = stack.blocks.map((sites, i) => ({ path: `${name}.${stack.name}[${i}]`, isFirst: i === 0, sites }));
    root.children.set(stack.name, made.map((b) => part("Block", b.path, decl.span, true)));
    return made;
  });
  // A call is often not the only one with its sizes.
  const others = new Map<string, ImportedModel | undefined>();
  const resized = (sizes: InputSizes, same: ReadonlyMap<string, string>): ImportedModel | undefined => {
    const key = JSON.stringify([[...sizes].map(([input, axes]) => [input, ...axes]), ...same]);
    if (others.has(key)) return others.get(key);
    const own = `${name}.resized${others.size}.`;
    const { value } = importModel(e.host, path, { into: { build: e.b, prefix: own, span: decl.span }, ...(sizes.size > 0 ? { sizes } : {}), same: () => same });
    const model = value && isWhole(imported, value) ? modelOf(e, source, value, own) : undefined;
    others.set(key, model);
    return model;
  };
  return { imported, name, prefix, file, span: decl.span, instance: root, places, blocks, resized };
}

/** Whether the file means as much on other sizes: a node that does not fit them is carried through, or its type is not known. */
function isWhole(imported: Imported, again: Imported): boolean {
  const ops = new Set([...imported.carried.keys(), ...again.carried.keys()]);
  return [...ops].every((op) => (imported.carried.get(op) ?? 0) >= (again.carried.get(op) ?? 0)) && again.results.every(({ node }, i) => !isOpaque(node.type) || isOpaque(imported.results[i]?.node.type ?? node.type));
}

function weightFiles(roots: readonly Node[]): Set<string> {
  return new Set(topological(roots).flatMap((n) => (n.op === "weight" ? [(n.attrs.ref as WeightRef).file] : [])));
}

/** A layer that stands for a part of the file: it has a place and sites, and no body of ours. */
function part(name: string, path: string, span: Span, isBlock: boolean): LayerInstance {
  const ident = (text: string): Ast.Ident => ({ name: text, span });
  const decl: Ast.LayerDecl = {
    kind: "layer", name: ident(name), doc: undefined, params: [], offers: isBlock ? { kind: "path", segments: [ident("TransformerBlock")], span } : undefined, offered: [], where: [], members: [], forward: undefined, methods: [], span,
  };
  return new LayerInstance(decl, new Scope(), { path, prefix: "" });
}
