// Layers: an instance at a path with its weights and sub-layers, and the calls that run it. Every named value of a body is a site.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { shapes } from "../diagnostics/shapes.ts";
import { asNumber, asSymbol, type Dim } from "../types/dim.ts";
import { type DType, isDType } from "../types/tensor.ts";
import { applySignature, argumentValues, staticArguments } from "./call.ts";
import type { Elaboration } from "./elaboration.ts";
import { asSize, evaluate, runBlock } from "./evaluate.ts";
import { fail, Silent } from "./fail.ts";
import { MOST_LAYERS } from "./limits.ts";
import { Scope } from "./scope.ts";
import { describe, sizeValue, type Tensor, tensor, type Value } from "./value.ts";
import { checkWhere } from "./where.ts";

interface Place {
  /** `classifier.blocks[3].attention` */
  readonly path: string;
  /** What the names of its weights start with: `vit.encoder.layer.3.attention`. */
  readonly prefix: string;
}

export class LayerInstance {
  readonly decl: Ast.LayerDecl;
  readonly scope: Scope;
  readonly place: Place;
  readonly children = new Map<string, LayerInstance | readonly LayerInstance[]>();

  constructor(decl: Ast.LayerDecl, scope: Scope, place: Place) {
    this.decl = decl;
    this.scope = scope;
    this.place = place;
  }

  child(name: string): Value | undefined {
    const child = this.children.get(name);
    if (!child) return undefined;
    return child instanceof LayerInstance ? { kind: "layer", instance: child } : { kind: "layers", instances: child };
  }

  names(): string[] {
    return [...this.children.keys(), ...this.scope.own().keys()];
  }

  /** The site `name` of this layer as a path, through `offers … { probs = attention.probs }`. */
  sitePath(name: string): string {
    const mapped = this.decl.offered.find((o) => o.name.name === name);
    return `${this.place.path}.${mapped ? mapped.path.map((p) => p.name).join(".") : name}`;
  }
}

const dotted = (prefix: string, name: string): string => (name === "" ? prefix : prefix === "" ? name : `${prefix}.${name}`);

/** Makes the instance of a layer whose parameters are bound in `scope`. */
export function instantiate(e: Elaboration, decl: Ast.LayerDecl, scope: Scope, place: Place, span: Span): LayerInstance {
  return e.once(decl, decl.name.name, span, () => instantiateOnce(e, decl, scope, place, span));
}

function instantiateOnce(e: Elaboration, decl: Ast.LayerDecl, scope: Scope, place: Place, span: Span): LayerInstance {
  const instance = new LayerInstance(decl, scope, place);
  checkWhere(e, decl.where, scope, decl.name.name, span);
  for (const member of decl.members) {
    if (member.kind === "let") {
      const value = evaluate(e, member.value, scope);
      for (const name of member.names) scope.set(name.name, value);
      continue;
    }
    if (!isPresent(e, member.when, scope)) continue;
    if (member.kind === "param") {
      scope.set(member.name.name, weight(e, member, scope, place));
    } else {
      const child = subLayer(e, member, scope, place);
      instance.children.set(member.name.name, child);
      scope.set(member.name.name, child instanceof LayerInstance ? { kind: "layer", instance: child } : { kind: "layers", instances: child });
    }
  }
  for (const method of decl.methods) scope.set(method.name.name, { kind: "fn", decl: method, scope, extern: undefined });
  return instance;
}

function isPresent(e: Elaboration, when: Ast.Expr | undefined, scope: Scope): boolean {
  if (!when) return true;
  const value = evaluate(e, when, scope);
  if (value.kind === "bool") return value.value;
  if (value.kind === "poison") throw new Silent();
  return e.checking ? true : fail(shapes.B321, when.span, { what: "Whether this is there", found: describe(value) });
}

function subLayer(e: Elaboration, member: Ast.SubLayer, scope: Scope, place: Place): LayerInstance | readonly LayerInstance[] {
  const name = member.name.name;
  const prefix = dotted(place.prefix, member.named ?? name);
  const callee = evaluate(e, member.layer.callee, scope);
  if (callee.kind === "poison") throw new Silent();
  if (callee.kind !== "layer-type") return fail(shapes.T310, member.layer.span, { found: `${describe(callee)}, and a layer is wanted` });
  const one = (at: Place, inner: Scope): LayerInstance =>
    e.calling(member.layer.span, () => instantiate(e, callee.decl, staticArguments(e, callee.decl.params, callee.decl.name.name, member.layer, inner, callee.scope), at, member.layer.span));
  if (!member.count) return one({ path: dotted(place.path, name), prefix }, scope);
  const count = e.arena.facts.number(asSize(e, evaluate(e, member.count, scope), member.count.span));
  if (count === undefined && !e.checking) return fail(shapes.B321, member.count.span, { what: "How many layers there are", found: "a size" });
  if (count !== undefined && count < 0) return fail(shapes.T302, member.count.span, { param: name, found: `${count} layers`, wanted: "a number of layers" });
  if (count !== undefined && count > MOST_LAYERS) return fail(shapes.B324, member.count.span, { what: `These are ${count} layers`, limit: `${MOST_LAYERS}` });
  return Array.from({ length: count ?? 1 }, (_, i) => {
    const inner = new Scope(scope);
    inner.set("index", sizeValue(asSize(e, { kind: "float", value: i }, member.span)));
    return one({ path: `${dotted(place.path, name)}[${i}]`, prefix: dotted(prefix, `${i}`) }, inner);
  });
}

function weight(e: Elaboration, member: Ast.WeightParam, scope: Scope, place: Place): Tensor {
  const { type } = member;
  if (!isDType(type.dtype)) return fail(shapes.T312, type.span, { name: type.dtype, near: [] });
  const names: string[] = [];
  const dims: Dim[] = type.axes.map((axis) => {
    names.push(axis.kind === "axis" ? axis.name.name : e.named.anonymous());
    if (axis.kind === "rest" || axis.kind === "some") return fail(shapes.T302, axis.span, { param: member.name.name, found: "an open shape", wanted: "a size for each axis of a weight" });
    if (axis.kind === "sized") return asSize(e, evaluate(e, axis.size, scope), axis.span);
    return axis.size ? asSize(e, evaluate(e, axis.size, scope), axis.span) : asSize(e, evaluate(e, { kind: "name", name: axis.name.name, span: axis.span }, scope), axis.span);
  });
  const name = dotted(place.prefix, member.named ?? member.name.name);
  return e.at(member.span, () => tensor(weightNode(e, name, type.dtype as DType, dims, member, scope, names), names));
}

function weightNode(e: Elaboration, name: string, dtype: DType, dims: readonly Dim[], member: Ast.WeightParam, scope: Scope, names: readonly string[]): Tensor["node"] {
  const source = e.weights;
  const shape = dims.map((d) => e.arena.facts.number(d));
  if (!source || shape.some((s) => s === undefined)) return e.b.input(e.fresh(`weight ${name}`), dtype, dims);
  const known = shape as number[];
  const ref = source.checkpoint?.weights.get(name);
  if (!ref && member.default) {
    const value = evaluate(e, member.default, scope);
    if (value.kind === "tensor") return e.named.expand(value, names, new Map(names.map((n, i) => [n, dims[i] as Dim]))).node;
    const number = value.kind === "float" ? value.value : value.kind === "size" ? asNumber(value.dim) : undefined;
    return e.b.fill(dtype, dims, number ?? 0);
  }
  if (source.seed !== undefined) {
    const seed = source.wanted.push({ name, shape: known, span: member.span }) + source.seed * 100003;
    return e.b.mul(e.b.random(dtype, dims, seed, "normal"), e.b.scalar(dtype, 0.02));
  }
  source.wanted.push({ name, shape: known, span: member.span });
  // A missing or misshapen weight is reported for all at once by `bindWeights`; the graph goes on with a stand-in.
  if (!ref || ref.shape.length !== known.length || ref.shape.some((s, i) => s !== known[i])) return e.b.fill(dtype, dims, 0);
  return e.b.cast(e.b.weight(ref), dtype);
}

/** Runs the layer on the arguments of a call. */
export function forward(e: Elaboration, instance: LayerInstance, call: Ast.Call, scope: Scope): Value {
  const { decl } = instance;
  if (!decl.forward) return fail(shapes.T310, call.span, { found: `the layer ${decl.name.name}, which has no body to run` });
  return run(e, instance, argumentValues(e, decl.forward.signature, decl.name.name, call, scope, instance.scope), call.span);
}

/** A list of layers is their composition: each takes the result of the one before; further arguments go to all. */
export function forwardAll(e: Elaboration, instances: readonly LayerInstance[], call: Ast.Call, scope: Scope): Value {
  const [first] = instances;
  const signature = first?.decl.forward?.signature;
  if (!first || !signature) return call.args[0] ? evaluate(e, call.args[0].value, scope) : fail(shapes.T310, call.span, { found: "an empty list of layers" });
  const values = argumentValues(e, signature, first.decl.name.name, call, scope, first.scope);
  const name = signature.params[0]?.name.name ?? "";
  let current = values.get(name) as Value;
  for (const instance of instances) current = run(e, instance, new Map([...values, [name, current]]), call.span);
  return current;
}

function run(e: Elaboration, instance: LayerInstance, values: ReadonlyMap<string, Value>, span: Span): Value {
  const forwardDecl = instance.decl.forward;
  if (!forwardDecl) return fail(shapes.T310, span, { found: `the layer ${instance.decl.name.name}, which has no body to run` });
  const { signature, body } = forwardDecl;
  const before = e.path;
  e.path = instance.place.path;
  try {
    return applySignature(e, signature, instance.decl.name.name, values, instance.scope, span, (inner) => {
      const [first] = signature.params;
      const input = first && inner.get(first.name.name);
      if (input) site(e, instance, "input", input, span);
      for (const { name } of signature.params.slice(1)) {
        const given = inner.get(name.name);
        if (given) site(e, instance, name.name, given, span);
      }
      const result = runBlock(e, body, new Scope(inner), (name, value, at) => site(e, instance, name, value, at));
      site(e, instance, "output", result, body.result?.span ?? body.span);
      return result;
    }, (result, inner, bound) => seal(e, signature, result, inner, bound));
  } finally {
    e.path = before;
  }
}

function site(e: Elaboration, instance: LayerInstance, name: string, value: Value, span: Span): void {
  if (value.kind === "tensor") e.sites.set(`${instance.place.path}.${name}`, { path: `${instance.place.path}.${name}`, tensor: value, span });
}

/**
 * A size that a layer's signature names and computes (`where N = 1 + grid.area`) is a symbol to whoever uses the result:
 * the type says `[B, N, C]` and nothing more, so what follows is polymorphic in N and tokens can be folded there.
 */
function seal(e: Elaboration, signature: Ast.Signature, result: Tensor, scope: Scope, bound: ReadonlySet<string>): Tensor {
  const type = signature.result;
  if (type?.kind !== "tensor-type") return result;
  const dims = [...result.node.type.dims];
  let changed = false;
  result.axes.forEach((name, i) => {
    const declared = type.axes.some((a) => a.kind === "axis" && a.name.name === name && !a.size);
    const value = scope.own().get(name);
    if (!declared || bound.has(name) || value?.kind !== "size" || asSymbol(dims[i] as Dim)) return;
    // A width stays a number: only sizes that come from the input's extent are sealed, and these are computed, not parameters.
    if (!signature.where.some((w) => w.kind === "binary" && w.op === "==" && w.left.kind === "name" && w.left.name === name && w.right.kind !== "name" && w.right.kind !== "member")) return;
    dims[i] = e.sealedDim(name, dims[i] as Dim);
    changed = true;
  });
  return changed ? tensor(e.b.reshape(result.node, dims), result.axes) : result;
}
