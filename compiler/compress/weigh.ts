// Rewrites: weights into other weights, at the linear maps of a region. What depends on weights alone is computed when the artefact is written.
import type * as Ast from "../../grammar/ast.ts";
import { folds } from "../diagnostics/folds.ts";
import { applySignature } from "../elaborate/call.ts";
import type { Elaboration } from "../elaborate/elaboration.ts";
import { evaluate, evaluateBlock } from "../elaborate/evaluate.ts";
import { fail } from "../elaborate/fail.ts";
import type { LayerInstance } from "../elaborate/layer.ts";
import { Scope } from "../elaborate/scope.ts";
import { describe, type RewriteInstance, tensor } from "../elaborate/value.ts";
import { type GraphOutput, type Node, topological } from "../graph/node.ts";
import { replaceAll } from "./rebuild.ts";
import { select, showSelector } from "./selector.ts";

export function placeRewrites(e: Elaboration, root: LayerInstance, items: readonly Ast.PlaceRewrite[], scope: Scope, outputs: readonly GraphOutput[]): { outputs: readonly GraphOutput[]; selectors: { selector: string; resolved: readonly string[] }[] } {
  const selectors: { selector: string; resolved: readonly string[] }[] = [];
  let current = outputs;
  for (const item of items) {
    const rewrite = evaluate(e, item.with, scope);
    if (rewrite.kind !== "rewrite") fail(folds.F304, item.with.span, { fold: describe(rewrite), part: "a hook: only rewrites can be placed so" });
    const { instances } = select(e, root, item.region, scope);
    const paths = instances.map((i) => i.place.path);
    selectors.push({ selector: `rewrite ${showSelector(item.region)}`, resolved: paths });
    current = rewriteLinears(e, rewrite as RewriteInstance, item, paths, current);
  }
  return { outputs: current, selectors };
}

function rewriteLinears(e: Elaboration, rewrite: RewriteInstance, item: Ast.PlaceRewrite, paths: readonly string[], outputs: readonly GraphOutput[]): readonly GraphOutput[] {
  const hook = rewrite.decl.members.find((m): m is Ast.Hook => m.kind === "hook" && m.site.name === "linear");
  if (!hook) return fail(folds.F304, rewrite.decl.span, { fold: rewrite.decl.name.name, part: "`at linear(x, w) { … }`" });
  const order = topological(outputs.map((o) => o.node));
  const constant = constants(order);
  const inside = (n: Node): boolean => e.arena.originsOf(n).some((o) => o.by === undefined && paths.some((p) => o.path === p || o.path.startsWith(`${p}.`)));
  const targets = order.filter((n) => n.op === "matmul" && inside(n) && n.inputs[1]?.type.dims.length === 2 && constant.has(n.inputs[1]) && !constant.has(n.inputs[0] as Node));
  if (targets.length === 0) return fail(folds.F310, item.span, { rewrite: rewrite.decl.name.name, region: showSelector(item.region), hook: "linear map" });
  const replaced = replaceAll(e.arena, order, new Map(targets.map((n) => [n, (made: Node) => applied(e, rewrite, hook, item, made)])));
  for (const [path, site] of [...e.sites]) {
    const made = replaced.get(site.tensor.node);
    if (made) e.sites.set(path, { ...site, tensor: tensor(made, site.tensor.axes) });
  }
  return outputs.map((o) => ({ ...o, node: replaced.get(o.node) ?? o.node }));
}

function constants(order: readonly Node[]): ReadonlySet<Node> {
  const out = new Set<Node>();
  const leaves = new Set(["weight", "const", "fill", "iota", "random"]);
  for (const n of order) if (n.inputs.length === 0 ? leaves.has(n.op) : n.inputs.every((i) => out.has(i))) out.add(n);
  return out;
}

function applied(e: Elaboration, rewrite: RewriteInstance, hook: Ast.Hook, item: Ast.PlaceRewrite, product: Node): Node {
  const [x, w] = product.inputs as [Node, Node];
  const axes = x.type.dims.map((_, i) => (i === x.type.dims.length - 1 ? "I" : `X${i}`));
  const origin = e.arena.originsOf(product)[0];
  const [before, path] = [e.by, e.path];
  e.by = rewrite.decl.name.name;
  e.path = origin?.path ?? "";
  try {
    const values = new Map([
      [hook.signature.params[0]?.name.name ?? "x", tensor(x, axes)],
      [hook.signature.params[1]?.name.name ?? "w", tensor(w, ["I", "O"])],
    ]);
    const scope = new Scope(rewrite.scope);
    const result = applySignature(e, hook.signature, `linear of ${rewrite.decl.name.name}`, values, scope, item.with.span, (inner) => evaluateBlock(e, hook.body, inner));
    if (result.kind !== "tensor" || result.node.type.dims.some((d, i) => !e.arena.facts.equal(d, product.type.dims[i] as typeof d)))
      return fail(folds.F309, item.with.span, { fold: rewrite.decl.name.name, site: origin?.path ?? "linear", found: describe(result), wanted: describe(tensor(product, [...axes.slice(0, -1), "O"])) });
    for (const o of e.arena.originsOf(product)) e.arena.addOrigin(result.node, o);
    return result.node;
  } finally {
    e.by = before;
    e.path = path;
  }
}
