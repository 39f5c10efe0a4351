// What an expression of the language is worth while it is elaborated: a tensor with named axes, or something known at compile time.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Node } from "../graph/node.ts";
import type { LoadedModule } from "../resolve/modules.ts";
import type { Dim } from "../types/dim.ts";
import type { LayerInstance } from "./layer.ts";
import type { Scope } from "./scope.ts";

/** A run-time value: a graph node whose axes have names here (the graph itself knows positions only). */
export interface Tensor {
  readonly kind: "tensor";
  readonly node: Node;
  readonly axes: readonly string[];
}

export interface FoldInstance {
  readonly kind: "fold";
  readonly decl: Ast.FoldDecl;
  /** The module's scope with the fold's parameters bound. */
  readonly scope: Scope;
  readonly span: Span;
}

export interface RewriteInstance {
  readonly kind: "rewrite";
  readonly decl: Ast.RewriteDecl;
  readonly scope: Scope;
  readonly span: Span;
}

/** A user's function, possibly a method of a record, tokenizer or fold (then `scope` holds the fields). */
export interface FnValue {
  readonly kind: "fn";
  readonly decl: Ast.FnDecl;
  readonly scope: Scope;
  /** Set on primitives: the name of the `extern fn`. */
  readonly extern: string | undefined;
}

export interface RecordValue {
  readonly kind: "record";
  readonly fields: ReadonlyMap<string, Value>;
  /** The declaration, where the record has a type with computed fields and methods. */
  readonly type: { readonly decl: Ast.RecordDecl; readonly scope: Scope } | undefined;
}

interface TokenizerInstance {
  readonly kind: "tokenizer";
  readonly decl: Ast.TokenizerDecl;
  readonly scope: Scope;
}

/** A pipeline's input before a library function has said how the host prepares it: `picture: image`. */
interface BoundaryValue {
  readonly kind: "boundary";
  readonly name: string;
  readonly type: "image" | "text" | "audio";
}

export type Value =
  | Tensor
  | { readonly kind: "size"; readonly dim: Dim }
  /** `N / 2` where it may have a remainder: `floor` and `ceil` make a size of it. */
  | { readonly kind: "ratio"; readonly over: Dim; readonly under: Dim }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "text"; readonly value: string }
  /** A word of the language used as a value: an axis name, a site, a choice such as `l2`. */
  | { readonly kind: "word"; readonly name: string; readonly span: Span }
  | { readonly kind: "words"; readonly names: readonly string[] }
  /** Sites of other blocks than the one that a fold stands in: `blocks[8].probs`. */
  | { readonly kind: "elsewhere"; readonly selector: Ast.Selector; readonly scope: Scope }
  | { readonly kind: "into"; readonly from: readonly SizedName[]; readonly to: readonly SizedName[] }
  | { readonly kind: "named-size"; readonly dim: Dim; readonly name: string }
  | { readonly kind: "list"; readonly items: readonly Value[] }
  | { readonly kind: "tuple"; readonly items: readonly Value[] }
  | RecordValue
  | FnValue
  | { readonly kind: "record-type"; readonly decl: Ast.RecordDecl; readonly scope: Scope }
  | { readonly kind: "layer-type"; readonly decl: Ast.LayerDecl; readonly scope: Scope }
  | { readonly kind: "fold-type"; readonly decl: Ast.FoldDecl; readonly scope: Scope }
  | { readonly kind: "rewrite-type"; readonly decl: Ast.RewriteDecl; readonly scope: Scope }
  | { readonly kind: "tokenizer-type"; readonly decl: Ast.TokenizerDecl; readonly scope: Scope }
  | { readonly kind: "sites"; readonly decl: Ast.SitesDecl }
  | { readonly kind: "layer"; readonly instance: LayerInstance }
  | { readonly kind: "layers"; readonly instances: readonly LayerInstance[] }
  | { readonly kind: "model"; readonly decl: Ast.ModelDecl; readonly module: LoadedModule }
  | FoldInstance
  | { readonly kind: "fold-part"; readonly fold: FoldInstance; readonly part: "down" | "up" }
  | RewriteInstance
  | TokenizerInstance
  /** `words.encode` of a tokenizer that the host runs. */
  | { readonly kind: "host-method"; readonly tokenizer: TokenizerInstance; readonly method: string }
  | BoundaryValue
  | { readonly kind: "module"; readonly module: LoadedModule }
  /** Known to be of a type, its value not: a compile-time parameter while a declaration is checked by itself. */
  | UnknownValue
  /** The result of something that failed and was reported: fits everything, is never reported again. */
  | { readonly kind: "poison" };

/** A value of a known type that only a caller gives. Of a list that is not known, its length and what each item is like may be. */
export interface UnknownValue {
  readonly kind: "unknown";
  readonly type: string;
  readonly length?: Dim;
  readonly item?: Value;
}

/** `H` or `H = heads` in `C into (H = heads, D)`. */
export interface SizedName {
  readonly name: string;
  readonly size: Dim | undefined;
}

/** What an optional parameter is when nothing is given for it. */
export const NONE: Value = { kind: "word", name: "none", span: { file: "", start: 0, end: 0 } };
export const POISON: Value = { kind: "poison" };
export const sizeValue = (dim: Dim): Value => ({ kind: "size", dim });
export const tensor = (node: Node, axes: readonly string[]): Tensor => ({ kind: "tensor", node, axes });

export const dimOf = (t: Tensor, axis: string): Dim | undefined => t.node.type.dims[t.axes.indexOf(axis)];

/** How a value is called in a message. */
export function describe(value: Value): string {
  switch (value.kind) {
    case "tensor": return showTensor(value);
    case "size": return `Int ${value.dim.key}`;
    case "ratio": return `${value.over.key} / ${value.under.key}`;
    case "float": return `Float ${value.value}`;
    case "bool": return `Bool ${value.value}`;
    case "text": return `Str ${JSON.stringify(value.value)}`;
    case "word": return `the word ${value.name}`;
    case "words": return `the names (${value.names.join(", ")})`;
    case "elsewhere": return "sites of other blocks";
    case "named-size": return `the size ${value.dim.key} as ${value.name}`;
    case "into": return "an axis form";
    case "list": return `a list of ${value.items.length}`;
    case "tuple": return `a tuple of ${value.items.length}`;
    case "record": return value.type ? `a ${value.type.decl.name.name}` : `a record { ${[...value.fields.keys()].join(", ")} }`;
    case "fn": return `the function ${value.decl.name.name}`;
    case "record-type": return `the record type ${value.decl.name.name}`;
    case "layer-type": return `the layer ${value.decl.name.name}, without its arguments`;
    case "fold-type": case "fold": return `the fold ${value.decl.name.name}`;
    case "fold-part": return `${value.part} of the fold ${value.fold.decl.name.name}`;
    case "rewrite-type": case "rewrite": return `the rewrite ${value.decl.name.name}`;
    case "tokenizer-type": case "tokenizer": return `the tokenizer ${value.decl.name.name}`;
    case "host-method": return `${value.method} of the tokenizer ${value.tokenizer.decl.name.name}`;
    case "sites": return `the sites ${value.decl.name.name}`;
    case "layer": return `the layer ${value.instance.decl.name.name}`;
    case "layers": return `a list of ${value.instances.length} layers`;
    case "model": return `the model ${value.decl.name.name}`;
    case "boundary": return `${value.type} ${value.name}`;
    case "module": return `the module ${value.module.path}`;
    case "unknown": return value.type;
    case "poison": return "something that failed above";
  }
}

export function showTensor(t: Tensor): string {
  const axes = t.axes.map((name, i) => {
    const dim = t.node.type.dims[i]?.key ?? "?";
    const shown = name.startsWith("_") ? dim : dim === name ? name : `${name} = ${dim}`;
    return shown;
  });
  return `${t.node.type.dtype}[${axes.join(", ")}]`;
}
