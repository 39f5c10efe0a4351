// The places of an imported file: what recognition finds, and what a `sites … for m { blocks[3].keys = "tensor" }` says instead or besides.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { names } from "../diagnostics/names.ts";
import { nearest } from "../diagnostics/suggest.ts";
import type { Node } from "../graph/node.ts";
import type { Imported } from "../import/onnx-graph.ts";
import { recognise } from "../import/recognise/recognise.ts";
import type { RecognisedSite } from "../import/recognised.ts";
import { printType } from "../types/tensor.ts";
import type { LoadedModule } from "../resolve/modules.ts";
import type { Elaboration } from "./elaboration.ts";
import { fail } from "./fail.ts";

type Sites = ReadonlyMap<string, RecognisedSite>;

export interface Places {
  readonly stacks: readonly { readonly name: string; readonly blocks: readonly Sites[] }[];
  /** Of the model as a whole. */
  readonly whole: Sites;
}

/** Nodes are those of the graph as it was imported. */
export function placesOf(e: Elaboration, imported: Imported, decl: Ast.ModelDecl, module: LoadedModule): Places {
  const found = recognise(imported.graph);
  const stacks = new Map(found.stacks.map((s) => [s.name, s.blocks.map((b) => new Map(b.sites))]));
  const whole = new Map<string, RecognisedSite>();
  for (const d of module.ast.declarations) {
    if (d.kind !== "sites" || d.model?.name !== decl.name.name) continue;
    // Where tokens are counted is known from what enters a block, so this is read first.
    const inOrder = [...d.places].sort((a, b) => Number(isInput(b.at)) - Number(isInput(a.at)));
    for (const { at, tensor, axes, span } of inOrder) {
      const node = imported.values.node(tensor.name) ?? fail(names.N213, tensor.span, { tensor: tensor.name, model: decl.name.name, near: nearest(tensor.name, imported.values.names()) });
      place(e, stacks, whole, at, node, axes && namedAxes(axes, tensor.name, node, span));
    }
  }
  return { stacks: [...stacks].map(([name, blocks]) => ({ name, blocks })), whole };
}

const isInput = (at: Ast.Selector): boolean => at.segments[at.segments.length - 1]?.name.name === "input";

function place(e: Elaboration, stacks: Map<string, Map<string, RecognisedSite>[]>, whole: Map<string, RecognisedSite>, at: Ast.Selector, node: Node, axes: readonly string[] | undefined): void {
  const [first, second, ...more] = at.segments;
  if (first && !first.index && !second) {
    whole.set(first.name.name, { node, axes: axes ?? axesOf(e, first.name.name, node, undefined) });
    return;
  }
  const index = first?.index?.kind === "at" && first.index.value.kind === "number" ? first.index.value.value : undefined;
  if (!first || !second || second.index || more.length > 0 || index === undefined) return fail(names.N214, at.span, { place: at.segments.map((s) => s.name.name + (s.index ? "[…]" : "")).join(".") });
  const list = stacks.get(first.name.name) ?? [];
  stacks.set(first.name.name, list);
  while (list.length <= index) list.push(new Map());
  const block = list[index] as Map<string, RecognisedSite>;
  const entering = block.get("input") ?? list[0]?.get("input");
  block.set(second.name.name, { node, axes: axes ?? axesOf(e, second.name.name, node, entering) });
}

/** `as [B * H, N, D]`: a name an axis, or several, outermost first, where one axis holds them. */
function namedAxes(axes: readonly Ast.AxisExpr[], name: string, node: Node, span: Span): readonly string[] {
  const found = axes.map((axis): string | undefined => (axis.kind === "axis" && !axis.size ? axis.name.name : axis.kind === "sized" ? factors(axis.size)?.join("*") : undefined));
  if (found.includes(undefined) || found.length !== node.type.dims.length) fail(names.N216, span, { tensor: name, type: printType(node.type), rank: node.type.dims.length });
  return found as string[];
}

function factors(size: Ast.Expr): readonly string[] | undefined {
  if (size.kind === "name") return [size.name];
  if (size.kind !== "binary" || size.op !== "*") return undefined;
  const [left, right] = [factors(size.left), factors(size.right)];
  return left && right && [...left, ...right];
}

const FEATURES: ReadonlySet<string> = new Set(["input", "context", "attended", "mlp_input", "hidden", "output"]);
const HEADS: ReadonlySet<string> = new Set(["queries", "keys", "values"]);

/** The axes that a place of the contract has, by its rank and by where the tokens stand; of other places the batch and the tokens. */
function axesOf(e: Elaboration, name: string, node: Node, entering: RecognisedSite | undefined): readonly string[] {
  const { dims } = node.type;
  const [batch, tokens] = ["B", "N"].map((axis) => entering?.node.type.dims[entering.axes.indexOf(axis)]);
  const counted = name === "queries" ? "N'" : "N";
  const at = dims.findLastIndex((d, i) => i > 0 && d.key === tokens?.key);
  if (FEATURES.has(name)) return dims.length === 2 ? ["B*N", "C"] : dims.length === 3 ? ["B", "N", "C"] : dims.map(() => e.named.anonymous());
  if (HEADS.has(name)) {
    if (dims.length === 3) return batch && dims[0]?.key !== batch.key ? ["B*H", counted, "D"] : ["B", counted, "H*D"];
    if (dims.length === 4) return at === 1 ? ["B", counted, "H", "D"] : at === 3 ? ["B", "H", "D", counted] : ["B", "H", counted, "D"];
  }
  if (name === "scores" || name === "probs") {
    if (dims.length === 4) return ["B", "H", "N'", "N"];
    if (dims.length === 3) return ["B*H", "N'", "N"];
  }
  return dims.map((_, i) => (i === 0 ? "B" : i === 1 ? "N" : e.named.anonymous()));
}
