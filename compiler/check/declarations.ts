// Every declaration is checked by itself: it is elaborated with symbols for what its callers would give.
// The checker is the elaborator on unknown values, so the two can never disagree.
import type * as Ast from "../../grammar/ast.ts";
import { report } from "../diagnostics/define.ts";
import { folds } from "../diagnostics/folds.ts";
import { gates } from "../diagnostics/gates.ts";
import { names } from "../diagnostics/names.ts";
import { nearest } from "../diagnostics/suggest.ts";
import { applySignature, declaredValue } from "../elaborate/call.ts";
import { Elaboration, type Watch } from "../elaborate/elaboration.ts";
import { asSize, evaluate, evaluateBlock, recordScope } from "../elaborate/evaluate.ts";
import { elaborateCheck } from "../elaborate/claim.ts";
import { fail } from "../elaborate/fail.ts";
import { carriesOf, downOf, hooksOf, makeFold, runDown, runUp, upOf } from "../elaborate/fold.ts";
import { instantiate } from "../elaborate/layer.ts";
import { Budget, MOST_PROBLEMS } from "../elaborate/limits.ts";
import { Scope } from "../elaborate/scope.ts";
import { declaredTensor } from "../elaborate/declared.ts";
import { paramType, placeholder } from "../elaborate/static.ts";
import { sizeValue, tensor, type Value } from "../elaborate/value.ts";
import type { Host } from "../host.ts";
import type { SoundDeclarations } from "../resolve/cache.ts";
import type { LoadedModule } from "../resolve/modules.ts";
import type { Problem } from "../diagnostics/define.ts";
import { namingProblems } from "./naming.ts";
import { checkOffers } from "./offers.ts";

/** Checks what a module declares, but for pipelines and models, which are elaborated for real. */
export function checkDeclarations(host: Host, module: LoadedModule, sound: SoundDeclarations): Problem[] {
  const budget = new Budget();
  const all = module.ast.declarations.flatMap((declaration) => {
    const before = budget.steps;
    const known = sound.known(declaration);
    if (known !== undefined) {
      budget.spend(known);
      return [];
    }
    const e = new Elaboration(host, true, budget);
    e.attempt(() => checkDeclaration(e, module, declaration));
    // Behind a mistake much is unused.
    const naming = namingProblems(declaration).filter((p) => p.severity === "error" || e.problems.length === 0);
    const found = [...e.problems, ...naming];
    if (found.length === 0) sound.add(declaration, budget.steps - before);
    return found;
  });
  // What goes wrong in a function goes wrong again for each of its callers.
  const seen = new Set<string>();
  return all.filter((p) => {
    const key = `${p.code} ${p.span?.file} ${p.span?.start} ${p.span?.end}`;
    return seen.size < seen.add(key).size;
  }).slice(0, MOST_PROBLEMS);
}

/** Checks one declaration again for somebody who wants to see every value in it. */
export function watchDeclaration(host: Host, module: LoadedModule, declaration: Ast.Declaration, watch: Watch): void {
  const e = new Elaboration(host, true);
  e.watch = watch;
  e.attempt(() => checkDeclaration(e, module, declaration));
}

function checkDeclaration(e: Elaboration, module: LoadedModule, d: Ast.Declaration): void {
  switch (d.kind) {
    case "fn": if (d.body) checkSignature(e, d.signature, d.name.name, d.body, module.scope); return;
    case "const": {
      const value = evaluate(e, d.value, module.scope);
      if (d.type) declaredValue(e, d.type, d.name.name, value, module.scope, d.value.span);
      return;
    }
    case "check": {
      for (const problem of elaborateCheck(e.host, module, d, e.watch).problems) e.report(problem);
      return;
    }
    case "record": {
      const value = placeholder(e, { name: "record", shown: d.name.name, isWord: false, element: undefined, record: { kind: "record-type", decl: d, scope: module.scope } }, d.name.name, d.span);
      if (value.kind === "record") checkRecord(e, d, value);
      return;
    }
    case "sites": checkPlaces(module, d); return;
    case "layer": checkLayer(e, d, module); return;
    case "fold": checkFold(e, d, module); return;
    case "rewrite": {
      const scope = staticScope(e, d.params, module.scope);
      for (const m of d.members) if (m.kind === "hook") checkSignature(e, m.signature, m.site.name, m.body, scope);
      return;
    }
    case "tokenizer": {
      const scope = staticScope(e, d.params, module.scope);
      for (const l of d.lets) for (const n of l.names) scope.set(n.name, evaluate(e, l.value, scope));
      for (const m of d.methods) if (m.body) checkSignature(e, m.signature, m.name.name, m.body, scope);
      return;
    }
    case "decode": e.report(report(gates.G611, d.name.span, { name: d.name.name })); return;
    default: return;
  }
}

/** Tensors are named of a file that this module imports; whether it has them is seen when it is opened. */
function checkPlaces(module: LoadedModule, { model, places, name }: Ast.SitesDecl): void {
  if (!model && places.length === 0) return;
  const imported = module.ast.declarations.flatMap((d) => (d.kind === "model" && d.imported ? [d.name.name] : []));
  if (!model || !imported.includes(model.name)) fail(names.N215, (model ?? name).span, { model: model?.name ?? name.name, near: nearest(model?.name ?? name.name, imported) });
}

function staticScope(e: Elaboration, params: readonly Ast.Param[], home: Scope): Scope {
  const scope = new Scope(home);
  for (const p of params) {
    const type = paramType(p, scope);
    // A choice that the file makes itself is checked as it stands; what callers must give is a symbol.
    scope.set(p.name.name, p.default && type.isWord ? wordOf(p.default) : placeholder(e, type, p.name.name, p.span));
  }
  return scope;
}

const wordOf = (x: Ast.Expr): Value => (x.kind === "name" ? { kind: "word", name: x.name, span: x.span } : { kind: "unknown", type: "Word" });

function checkSignature(e: Elaboration, signature: Ast.Signature, of: string, body: Ast.Block, home: Scope): void {
  const scope = staticScope(e, signature.statics, home);
  bindEquations(e, signature.where, scope);
  const values = new Map<string, Value>();
  for (const p of signature.statics) values.set(p.name.name, scope.own().get(p.name.name) as Value);
  for (const p of signature.params) values.set(p.name.name, argument(e, p, scope));
  applySignature(e, signature, of, values, home, body.result?.span ?? signature.span, (inner) => evaluateBlock(e, body, inner));
}

/** `where C = width` decides the axis C before a tensor with it is made up. */
function bindEquations(e: Elaboration, where: readonly Ast.Expr[], scope: Scope): void {
  for (const clause of where) {
    if (clause.kind !== "binary" || clause.op !== "==" || clause.left.kind !== "name" || scope.get(clause.left.name)) continue;
    const names = namesIn(clause.right);
    if (!names.every((n) => scope.get(n))) continue;
    const value = e.attempt(() => evaluate(e, clause.right, scope));
    if (value?.kind === "size" || value?.kind === "ratio") scope.set(clause.left.name, sizeValue(asSize(e, value, clause.right.span)));
  }
}

function namesIn(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  if ((node as Ast.Name).kind === "name") return [(node as Ast.Name).name];
  return Object.values(node).flatMap((v) => (typeof v === "object" ? namesIn(v) : []));
}

function argument(e: Elaboration, p: Ast.Param, scope: Scope): Value {
  const { type } = p;
  if (type?.kind !== "tensor-type") {
    const kind = paramType(p, scope);
    // A parameter of `extern`-like generality stands for a number here.
    return kind.name === "Any" ? { kind: "unknown", type: "Float" } : placeholder(e, kind, p.name.name, p.span);
  }
  return declaredTensor(e, type, p.name.name, scope);
}

function checkRecord(e: Elaboration, d: Ast.RecordDecl, value: Extract<Value, { kind: "record" }>): void {
  const scope = recordScope(e, value);
  for (const l of d.lets) for (const n of l.names) e.attempt(() => scope.get(n.name));
  for (const m of d.methods) if (m.body) checkSignature(e, m.signature, `${d.name.name}.${m.name.name}`, m.body, scope);
}

function checkLayer(e: Elaboration, d: Ast.LayerDecl, module: LoadedModule): void {
  const instance = instantiate(e, d, staticScope(e, d.params, module.scope), { path: d.name.name, prefix: "" }, d.span);
  if (d.forward) checkSignature(e, d.forward.signature, d.name.name, d.forward.body, instance.scope);
  checkOffers(e, d, instance, module.scope);
  for (const m of d.methods) if (m.body) checkSignature(e, m.signature, m.name.name, m.body, instance.scope);
}

function checkFold(e: Elaboration, d: Ast.FoldDecl, module: LoadedModule): void {
  const scope = staticScope(e, d.params, module.scope);
  const fold = makeFold(e, { kind: "fold-type", decl: d, scope: module.scope }, scope, d.span);
  const down = downOf(d);
  if (!down) return void e.report(report(folds.F304, d.name.span, { fold: d.name.name, part: "`down`" }));
  const type = down.signature.params[0]?.type;
  if (type?.kind !== "tensor-type") return void e.report(report(folds.F304, down.span, { fold: d.name.name, part: "a tensor that `down` takes" }));
  const sizes = new Scope(scope);
  const x = declaredTensor(e, type, "x", sizes);
  const reads = new Map(down.reads.map((r) => [r.name.name, declaredTensor(e, r.type, r.name.name, sizes)]));
  const folded = runDown(e, fold, { x, reads, carried: new Map(), protect: 0 }, down.signature.span);
  const up = upOf(d);
  if (up) {
    const y = tensor(folded.result.node, x.axes);
    runUp(e, fold, folded, y, up.signature.span);
  }
  for (const hook of hooksOf(d)) {
    const inner = new Scope(scope);
    for (const carry of carriesOf(d)) inner.set(carry.name.name, declaredTensor(e, carry.type, carry.name.name, inner));
    checkSignature(e, hook.signature, hook.site.name, hook.body, inner);
  }
}
