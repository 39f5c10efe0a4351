// Pipelines: typed inputs, a body, typed outputs: the graph that one artefact holds. The batch axis B is implicit.
import type * as Ast from "../../grammar/ast.ts";
import { names } from "../diagnostics/names.ts";
import { shapes } from "../diagnostics/shapes.ts";
import type { GraphOutput } from "../graph/node.ts";
import type { LoadedModule } from "../resolve/modules.ts";
import { asNumber, type Dim, symbol } from "../types/dim.ts";
import { type DType, isDType } from "../types/tensor.ts";
import { BATCH, BATCH_SIZE, graphInput } from "./boundary.ts";
import { Binding, matchTensor, showType } from "./call.ts";
import type { Elaboration } from "./elaboration.ts";
import { asSize, asTensor, evaluate, evaluateBlock } from "./evaluate.ts";
import { fail } from "./fail.ts";
import { Scope } from "./scope.ts";
import { describe, type Tensor, tensor, type Value } from "./value.ts";

/** A name at the pipeline's edge, as users see it. */
export interface Boundary {
  readonly name: string;
  readonly type:
    | { readonly kind: "image" | "text" | "audio" }
    /** One number or truth value a record. */
    | { readonly kind: "int" | "float" | "bool" }
    | { readonly kind: "tensor"; readonly dtype: DType; readonly axes: readonly { readonly name: string; readonly size: Dim }[] };
}

interface ElaboratedPipeline {
  readonly inputs: readonly Boundary[];
  readonly outputs: readonly Boundary[];
  readonly graphOutputs: readonly GraphOutput[];
}

const SCALARS: Readonly<Record<string, { kind: "int" | "float" | "bool"; dtype: DType }>> = {
  Int: { kind: "int", dtype: "i64" }, Float: { kind: "float", dtype: "f32" }, Bool: { kind: "bool", dtype: "bool" },
  i64: { kind: "int", dtype: "i64" }, f32: { kind: "float", dtype: "f32" }, bool: { kind: "bool", dtype: "bool" },
};

export function elaboratePipeline(e: Elaboration, module: LoadedModule, decl: Ast.PipelineDecl): ElaboratedPipeline | undefined {
  return e.attempt(() => {
    const scope = new Scope(module.scope);
    e.fresh(BATCH);
    scope.set(BATCH, { kind: "size", dim: BATCH_SIZE });
    const inputs = decl.signature.params.map((p) => {
      const { boundary, value } = input(e, p, scope);
      scope.set(p.name.name, value);
      return boundary;
    });
    const result = evaluateBlock(e, decl.body, scope);
    if (result.kind === "poison") return undefined;
    const made: { boundary: Boundary; output: GraphOutput }[] = [];
    collect(e, decl, decl.signature.result, result, "", scope, made);
    return { inputs, outputs: made.map((m) => m.boundary), graphOutputs: made.map((m) => m.output) };
  });
}

function input(e: Elaboration, p: Ast.Param, scope: Scope): { boundary: Boundary; value: Value } {
  const name = p.name.name;
  const { type } = p;
  if (type?.kind === "named-type" && type.path.length === 1) {
    const word = type.path[0]?.name ?? "";
    if (word === "image" || word === "text" || word === "audio") return { boundary: { name, type: { kind: word } }, value: { kind: "boundary", name, type: word } };
    const scalar = SCALARS[word];
    if (scalar) return { boundary: { name, type: { kind: scalar.kind } }, value: graphInput(e, name, scalar.dtype, [BATCH_SIZE], [BATCH]) };
  }
  if (type?.kind !== "tensor-type" || !isDType(type.dtype)) return fail(shapes.T312, p.span, { name: type ? showType(type) : "nothing", near: ["image", "text", "Int", "f32[…]"] });
  const axes = type.axes.map((a) => {
    if (a.kind === "rest" || a.kind === "some") return fail(shapes.T312, a.span, { name: "an open axis at the pipeline's edge", near: [] });
    if (a.kind === "sized") return { name: e.named.anonymous(), size: asSize(e, evaluate(e, a.size, scope), a.span) };
    if (a.size) return { name: a.name.name, size: asSize(e, evaluate(e, a.size, scope), a.span) };
    const known = scope.own().get(a.name.name);
    const size = known?.kind === "size" ? known.dim : symbol(known ? a.name.name : e.fresh(a.name.name));
    scope.set(a.name.name, { kind: "size", dim: size });
    return { name: a.name.name, size };
  });
  const value = sealed(e, graphInput(e, name, type.dtype, [BATCH_SIZE, ...axes.map((a) => a.size)], [BATCH, ...axes.map((a) => a.name)]), scope);
  const kind = axes.length === 0 ? SCALARS[type.dtype]?.kind : undefined;
  return { boundary: { name, type: kind ? { kind } : { kind: "tensor", dtype: type.dtype, axes } }, value };
}

/** What may count tokens, the first axis of f32[N, C] or ids[N], becomes a size of its own where it is a number: its value is known, and a fold may leave less. Axes of one name and one number are one size. */
function sealed(e: Elaboration, input: Tensor, scope: Scope): Tensor {
  const { facts } = e.arena;
  const { dims } = input.node.type;
  const sizes = dims.map((size, i) => {
    const name = input.axes[i] ?? "";
    const known = scope.own().get(name);
    if (i === 0 || asNumber(size) === undefined) return size;
    if (known?.kind === "size" && facts.number(known.dim) === asNumber(size)) return known.dim;
    if (i > 1 || dims.length > MOST_TOKEN_AXES) return size;
    const made = e.sealedDim(name, size);
    if (!known) scope.set(name, { kind: "size", dim: made });
    return made;
  });
  return sizes.some((size, i) => size !== dims[i]) ? tensor(e.b.reshape(input.node, sizes), input.axes) : input;
}
/** Records, tokens, channels. */
const MOST_TOKEN_AXES = 3;

function collect(e: Elaboration, decl: Ast.PipelineDecl, type: Ast.TypeExpr | undefined, value: Value, path: string, scope: Scope, into: { boundary: Boundary; output: GraphOutput }[]): void {
  if (value.kind === "poison") return;
  if (value.kind === "record") {
    if (type && type.kind !== "record-type") fail(shapes.T309, decl.span, { of: decl.name.name, found: describe(value), wanted: showType(type) }, [{ span: type.span, says: "declared here" }]);
    const declared = type?.kind === "record-type" ? type.fields : undefined;
    for (const f of declared ?? []) if (!value.fields.has(f.name.name)) fail(shapes.T309, decl.body.span, { of: decl.name.name, found: describe(value), wanted: type ? showType(type) : "" }, [{ span: f.span, says: "this field is missing" }]);
    for (const [name, field] of value.fields) {
      const fieldType = declared?.find((f) => f.name.name === name);
      if (declared && !fieldType) fail(shapes.T309, decl.body.span, { of: decl.name.name, found: describe(value), wanted: type ? showType(type) : "" });
      collect(e, decl, fieldType?.type, field, path ? `${path}.${name}` : name, scope, into);
    }
    return;
  }
  const name = path || "result";
  const given = asTensor(e, value, undefined, decl.body) ?? fail(shapes.T309, decl.body.span, { of: decl.name.name, found: describe(value), wanted: "tensors" });
  const matched = declaredTensor(e, decl, type, given, name, scope);
  if (e.inputs.some((i) => i.name === name)) fail(names.N212, type?.span ?? decl.body.span, { name });
  into.push({ boundary: { name, type: outputType(matched) }, output: { name, node: matched.node, axes: matched.axes, open: openAxes(type) } });
}

/** The declared type with the batch axis in front. */
function declaredTensor(e: Elaboration, decl: Ast.PipelineDecl, type: Ast.TypeExpr | undefined, given: Tensor, name: string, scope: Scope): Tensor {
  const scalar = type?.kind === "named-type" ? SCALARS[type.path[0]?.name ?? ""] : undefined;
  const span = type?.span ?? decl.body.span;
  const wanted: Ast.TensorType | undefined = scalar ? { kind: "tensor-type", dtype: scalar.dtype, axes: [], span } : type?.kind === "tensor-type" ? type : undefined;
  if (type && !wanted) fail(shapes.T312, type.span, { name: showType(type), near: [] });
  if (!wanted) return given;
  // What the model gives without folds is the most, whatever the declaration calls it: texts bring a size that has no name here.
  const inner = new Scope(scope);
  wanted.axes.forEach((a, i) => {
    const most = given.node.type.dims[i + 1];
    if (a.kind === "some" && a.bound.kind === "name" && !scope.get(a.bound.name) && most) inner.set(a.bound.name, { kind: "size", dim: most });
  });
  const batch: Ast.AxisExpr = { kind: "axis", name: { name: BATCH, span }, size: undefined, span };
  return e.at(decl.body.result?.span ?? span, () => matchTensor(e, { ...wanted, axes: [batch, ...wanted.axes] }, `the output ${name} of ${decl.name.name}`, given, new Binding(), inner, decl.body.result?.span ?? span));
}

/** Axes of which the declared type says `some K <= N`, behind the batch. */
const openAxes = (type: Ast.TypeExpr | undefined): number[] => (type?.kind === "tensor-type" ? type.axes.flatMap((a, i) => (a.kind === "some" ? [i + 1] : [])) : []);

/** The boundary with the sizes that its output has by now. */
export function withSizes(boundary: Boundary, { node }: GraphOutput): Boundary {
  const { type } = boundary;
  return type.kind === "tensor" ? { ...boundary, type: { ...type, axes: type.axes.map((a, i) => ({ ...a, size: node.type.dims[i + 1] ?? a.size })) } } : boundary;
}

function outputType(t: Tensor): Boundary["type"] {
  const [, ...dims] = t.node.type.dims;
  const kind = dims.length === 0 ? Object.values(SCALARS).find((s) => s.dtype === t.node.type.dtype)?.kind : undefined;
  if (kind) return { kind };
  return { kind: "tensor", dtype: t.node.type.dtype, axes: dims.map((size, i) => ({ name: t.axes[i + 1] ?? "", size })) };
}

