// Layers as they are declared: the parts and sites that a model has by name, without opening its weights.
import type { Scope } from "../../compiler/elaborate/scope.ts";
import type { Value } from "../../compiler/elaborate/value.ts";
import type * as Ast from "../../grammar/ast.ts";
import type { Analysis } from "./analysis.ts";

export type LayerType = Extract<Value, { kind: "layer-type" }>;

/** What a name or a path of modules stands for. */
export function named(expr: Ast.Expr | undefined, scope: Scope): Value | undefined {
  if (expr?.kind === "name") return scope.get(expr.name);
  if (expr?.kind === "call") return named(expr.callee, scope);
  if (expr?.kind !== "member") return undefined;
  const object = named(expr.object, scope);
  return object?.kind === "module" && object.module.declared.has(expr.name.name) ? object.module.scope.get(expr.name.name) : undefined;
}

const layerOf = (expr: Ast.Expr | undefined, scope: Scope): LayerType | undefined => {
  const value = named(expr, scope);
  return value?.kind === "layer-type" ? value : undefined;
};

/** The layer of a model of this file; a pipeline stands for its first model. */
export function layerOfModel(analysis: Analysis, target: string): LayerType | undefined {
  const { models } = analysis.program;
  const model = models.find((m) => m.name.name === target) ?? models[0];
  return model && layerOf(model.layer, analysis.module.scope);
}

const partsOf = ({ decl }: LayerType): Ast.SubLayer[] => decl.members.filter((m) => m.kind === "sub-layer");

export function part(layer: LayerType, name: string): { readonly member: Ast.SubLayer; readonly layer: LayerType | undefined } | undefined {
  const member = partsOf(layer).find((m) => m.name.name === name);
  return member && { member, layer: layerOf(member.layer.callee, layer.scope) };
}

interface Site {
  readonly name: string;
  /** Where the value is bound. */
  readonly ident: Ast.Ident;
  /** `let attended = …`, an argument, a name that the layer offers. */
  readonly what: string;
}

/** The values of a layer that folds can name. */
export function sitesOf({ decl, scope }: LayerType): Site[] {
  const { forward } = decl;
  const own: Site[] = [];
  if (forward) {
    const [first] = forward.signature.params;
    if (first) own.push({ name: "input", ident: first.name, what: "tokens that enter" });
    own.push(...forward.signature.params.slice(1).map((p) => ({ name: p.name.name, ident: p.name, what: "argument" })));
    for (const s of forward.body.statements) if (s.kind === "let") own.push(...s.names.map((n) => ({ name: n.name, ident: n, what: `site of ${decl.name.name}` })));
    own.push({ name: "output", ident: decl.name, what: "tokens that leave" });
  }
  const offered = decl.offered.flatMap(({ name, path }): Site[] => {
    let layer: LayerType | undefined = { kind: "layer-type", decl, scope };
    for (const segment of path.slice(0, -1)) layer = layer && part(layer, segment.name)?.layer;
    const last = path[path.length - 1];
    const site: Site | undefined = path.length > 1 && layer && last ? sitesOf(layer).find((s) => s.name === last.name) : undefined;
    return [{ name: name.name, ident: site?.ident ?? name, what: `offered as ${path.map((p) => p.name).join(".")}` }];
  });
  return [...new Map([...offered, ...own].map((s) => [s.name, s])).values()];
}

/** The layer whose part the first name of a selector is: the model's, or the only one below it that has such a part. */
function startingAt(root: LayerType, name: string): LayerType {
  if (part(root, name)) return root;
  const holders: LayerType[] = [];
  const seen = new Set<Ast.LayerDecl>();
  const visit = (layer: LayerType): void => {
    if (seen.has(layer.decl)) return;
    seen.add(layer.decl);
    for (const { name: child } of partsOf(layer)) {
      const below = part(layer, child.name)?.layer;
      if (!below) continue;
      if (part(below, name)) holders.push(below);
      visit(below);
    }
  };
  visit(root);
  return holders.length === 1 ? (holders[0] as LayerType) : root;
}

/** What each name of a selector stands for, as far as it can be followed; `layer` is what the whole of it leads to. */
export function follow(root: LayerType, selector: Ast.Selector): { readonly idents: readonly (Ast.Ident | undefined)[]; readonly layer: LayerType | undefined; readonly files: readonly LayerType[] } {
  let layer: LayerType | undefined = startingAt(root, selector.segments[0]?.name.name ?? "");
  const idents: (Ast.Ident | undefined)[] = [];
  const files: LayerType[] = [];
  for (const { name } of selector.segments) {
    const found: ReturnType<typeof part> = layer && part(layer, name.name);
    idents.push(found ? found.member.name : layer && sitesOf(layer).find((s) => s.name === name.name)?.ident);
    if (layer) files.push(layer);
    layer = found ? found.layer : undefined;
  }
  return { idents, layer, files };
}

/** Where a selector may start: the parts of the model, and those of its parts that no other has. */
export function startsOf(root: LayerType): { readonly name: string; readonly member: Ast.SubLayer }[] {
  const found = new Map<string, Ast.SubLayer>();
  const seen = new Set<Ast.LayerDecl>();
  const visit = (layer: LayerType, depth: number): void => {
    if (seen.has(layer.decl) || depth > 3) return;
    seen.add(layer.decl);
    for (const member of partsOf(layer)) {
      if (!found.has(member.name.name)) found.set(member.name.name, member);
      const below = part(layer, member.name.name)?.layer;
      if (below) visit(below, depth + 1);
    }
  };
  visit(root, 0);
  return [...found].map(([name, member]) => ({ name, member }));
}

export const partNames = (layer: LayerType): string[] => partsOf(layer).map((m) => m.name.name);
