// `layer … offers Contract { site = path }`: the contract is one, its names are those, and each path leads to something in the layer.
import type * as Ast from "../../grammar/ast.ts";
import { names } from "../diagnostics/names.ts";
import { nearest } from "../diagnostics/suggest.ts";
import type { Elaboration } from "../elaborate/elaboration.ts";
import { fail } from "../elaborate/fail.ts";
import { LayerInstance } from "../elaborate/layer.ts";
import type { Scope } from "../elaborate/scope.ts";

export function checkOffers(e: Elaboration, d: Ast.LayerDecl, instance: LayerInstance, scope: Scope): void {
  const { offers } = d;
  if (!offers) return;
  const sites = e.attempt(() => contract(offers, scope));
  for (const { name, path } of d.offered) {
    if (sites && !sites.includes(name.name)) e.attempt(() => fail(names.N206, name.span, { member: name.name, of: offers.segments.map((s) => s.name).join("."), near: nearest(name.name, sites) }));
    e.attempt(() => walk(instance, path));
  }
}

/** The names of the contract; undefined where its import failed and was told. */
function contract(offers: Ast.Path, scope: Scope): readonly string[] | undefined {
  const [first, ...rest] = offers.segments;
  let value = first && scope.get(first.name);
  for (const segment of rest) value = value?.kind === "module" ? value.module.scope.get(segment.name) : value?.kind === "poison" ? value : undefined;
  if (value?.kind === "poison") return undefined;
  if (value?.kind !== "sites") return fail(names.N205, offers.span, { name: offers.segments.map((s) => s.name).join("."), near: nearest(first?.name ?? "", scope.visible()) });
  return value.decl.sites.map((s) => s.name.name);
}

/** `attention.probs`: sub-layers, and at the end a value that a body names. */
function walk(instance: LayerInstance, path: readonly Ast.Ident[]): void {
  let at: LayerInstance | undefined = instance;
  for (const [i, segment] of path.entries()) {
    if (!at) return;
    const child: LayerInstance | readonly LayerInstance[] | undefined = at.children.get(segment.name);
    if (child) {
      at = child instanceof LayerInstance ? child : child[0];
      continue;
    }
    const known = valuesOf(at);
    if (i === path.length - 1 && known.includes(segment.name)) return;
    fail(names.N206, segment.span, { member: segment.name, of: `the layer ${at.decl.name.name}`, near: nearest(segment.name, [...at.children.keys(), ...known]) });
  }
}

function valuesOf({ decl }: LayerInstance): string[] {
  const body = decl.forward;
  const lets = body?.body.statements.flatMap((s) => (s.kind === "let" ? s.names.map((n) => n.name) : [])) ?? [];
  return ["input", "output", ...(body?.signature.params.map((p) => p.name.name) ?? []), ...lets];
}
