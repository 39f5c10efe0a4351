// Selectors: `blocks[4..10].attention` to instances and sites of a model. One that matches nothing is an error with the nearest names.
import type * as Ast from "../../grammar/ast.ts";
import { folds } from "../diagnostics/folds.ts";
import { shapes } from "../diagnostics/shapes.ts";
import { nearest } from "../diagnostics/suggest.ts";
import type { Elaboration } from "../elaborate/elaboration.ts";
import { asSize, evaluate } from "../elaborate/evaluate.ts";
import { fail } from "../elaborate/fail.ts";
import { LayerInstance } from "../elaborate/layer.ts";
import type { Scope } from "../elaborate/scope.ts";


/** What a selector stands for: layers, or a named value in each of them. */
interface Selected {
  readonly instances: readonly LayerInstance[];
  readonly site: string | undefined;
}

export const showSelector = (s: Ast.Selector): string =>
  s.segments.map((g) => g.name.name + (g.index ? `[${showIndex(g.index)}]` : "")).join(".");

function showIndex(index: Ast.SelectorIndex): string {
  const show = (x: Ast.Expr | undefined): string => (x === undefined ? "" : x.kind === "number" ? `${x.value}` : x.kind === "unary" && x.operand.kind === "number" ? `-${x.operand.value}` : "…");
  if (index.kind === "all") return "*";
  if (index.kind === "at") return show(index.value);
  return `${show(index.from)}..${show(index.to)}${index.step ? ` step ${show(index.step)}` : ""}`;
}

export function select(e: Elaboration, root: LayerInstance, selector: Ast.Selector, scope: Scope): Selected {
  let current: readonly LayerInstance[] = startingAt(root, selector);
  let site: string | undefined;
  selector.segments.forEach((segment, i) => {
    const next: LayerInstance[] = [];
    for (const instance of current) {
      const child = instance.children.get(segment.name.name);
      if (child) next.push(...pick(e, child instanceof LayerInstance ? [child] : child, segment.index, scope, selector));
    }
    if (next.length > 0) {
      current = next;
      return;
    }
    if (i === selector.segments.length - 1 && !segment.index && current.some((c) => e.sites.has(c.sitePath(segment.name.name)))) {
      site = segment.name.name;
      return;
    }
    nothing(e, root, selector, current, segment.name.name);
  });
  return { instances: current, site };
}

/** The layer whose part the first name is: the root, or the only one below it that has such a part. */
function startingAt(root: LayerInstance, selector: Ast.Selector): readonly LayerInstance[] {
  const name = selector.segments[0]?.name.name ?? "";
  if (root.children.has(name)) return [root];
  const holders: LayerInstance[] = [];
  const visit = (instance: LayerInstance): void => {
    for (const child of instance.children.values()) {
      for (const one of child instanceof LayerInstance ? [child] : child) {
        if (one.children.has(name)) holders.push(one);
        visit(one);
      }
    }
  };
  visit(root);
  return holders.length === 1 ? holders : [root];
}

function pick(e: Elaboration, from: readonly LayerInstance[], index: Ast.SelectorIndex | undefined, scope: Scope, selector: Ast.Selector): readonly LayerInstance[] {
  if (!index || index.kind === "all") return from;
  const number = (x: Ast.Expr | undefined, otherwise: number): number => {
    if (!x) return otherwise;
    const size = asSize(e, evaluate(e, x, scope), x.span);
    const value = e.arena.facts.number(size) ?? fail(shapes.B321, x.span, { what: "This index of layers", found: size.key });
    return value < 0 ? from.length + value : value;
  };
  if (index.kind === "at") {
    const one = from[number(index.value, 0)];
    return one ? [one] : outside(selector, from);
  }
  const [low, high, step] = [number(index.from, 0), number(index.to, from.length), Math.max(1, number(index.step, 1))];
  if (low >= high || high > from.length) return outside(selector, from);
  return from.filter((_, i) => i >= low && i < high && (i - low) % step === 0);
}

function outside(selector: Ast.Selector, from: readonly LayerInstance[]): never {
  const path = from[0]?.place.path.replace(/\[\d+\]$/, "") ?? "the model";
  return fail(folds.F301, selector.span, { selector: showSelector(selector), of: `${path}, a list of ${from.length},`, near: [] });
}

/** A value's name after `after` that the layer does not offer: the name itself is to blame, and its sites are what may have been meant. */
export function noSite(e: Elaboration, instance: LayerInstance, name: Ast.Ident): never {
  return fail(folds.F301, name.span, { selector: name.name, of: instance.place.path, near: nearest(name.name, sitesOf(e, instance)) });
}

/** The names of an instance's own values. */
const sitesOf = (e: Elaboration, instance: LayerInstance): string[] =>
  [...e.sites.keys()].filter((s) => s.startsWith(`${instance.place.path}.`)).map((s) => s.slice(instance.place.path.length + 1)).filter((s) => !s.includes("."));

function nothing(e: Elaboration, root: LayerInstance, selector: Ast.Selector, current: readonly LayerInstance[], name: string): never {
  const candidates = current.flatMap((c) => [...c.children.keys(), ...sitesOf(e, c)]);
  return fail(folds.F301, selector.span, { selector: showSelector(selector), of: current[0]?.place.path ?? root.place.path, near: nearest(name, candidates), word: name });
}

