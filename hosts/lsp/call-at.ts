// The call that the cursor is in, found in the tokens before it: the text behind is seldom whole while somebody types.
import type { Value } from "../../compiler/elaborate/value.ts";
import type { Scope } from "../../compiler/elaborate/scope.ts";
import type * as Ast from "../../grammar/ast.ts";
import { endOf, isVirtual, layout } from "../../grammar/layout.ts";
import { isWord, rowOf } from "../../grammar/tokens.ts";
import type { Source } from "../../grammar/source.ts";
import { paramsOf } from "./parameters.ts";
import { readable } from "./readable.ts";

type Token = ReturnType<typeof layout>["chunks"][number][number];

interface OpenCall {
  /** `plan.sum`: the words before the bracket. */
  readonly path: readonly string[];
  /** Arguments before the cursor's, those before `;` and those after it. */
  readonly before: number;
  readonly after: number;
  readonly isStatic: boolean;
  /** The name of the argument that the cursor is in, where it is written. */
  readonly argument: string | undefined;
  /** Names of arguments that are given already. */
  readonly given: readonly string[];
}

/** The tokens that end at the offset or before it. */
export function tokensBefore(source: Source, offset: number): readonly Token[] {
  if (!readable(source)) return [];
  return layout(source).chunks.flat().filter((t) => !isVirtual(t) && endOf(t) <= offset);
}

const isName = (t: Token | undefined): boolean => t !== undefined && (isWord(t.tokenType) || rowOf(t.tokenType)?.role === "reserved");

/** `a.b.c` that ends at token `last`. */
export function pathBefore(tokens: readonly Token[], last: number): string[] {
  const path: string[] = [];
  let at = last;
  while (isName(tokens[at])) {
    path.unshift(tokens[at]?.image ?? "");
    if (tokens[at - 1]?.image !== ".") break;
    at -= 2;
    // `blocks[2].attention`: what stands in brackets is passed over.
    if (tokens[at]?.image === "]") {
      while (at >= 0 && tokens[at]?.image !== "[") at--;
      at--;
    }
  }
  return path;
}

export function callAt(source: Source, offset: number): OpenCall | undefined {
  const tokens = tokensBefore(source, offset);
  let depth = 0;
  for (let i = tokens.length - 1; i >= 0; i--) {
    const image = tokens[i]?.image ?? "";
    if (image === ")" || image === "]" || image === "}") depth++;
    else if (image === "(" || image === "[" || image === "{") {
      if (depth > 0) {
        depth--;
        continue;
      }
      if (image !== "(") {
        if (image === "{") return undefined;
        continue;
      }
      const path = pathBefore(tokens, i - 1);
      return path.length === 0 || ["use", "fn"].includes(tokens[i - 2]?.image ?? "") ? undefined : argumentsIn(tokens.slice(i + 1), path);
    }
  }
  return undefined;
}

function argumentsIn(tokens: readonly Token[], path: readonly string[]): OpenCall {
  let [depth, before, after, isStatic] = [0, 0, 0, false];
  let start = 0;
  const given: string[] = [];
  tokens.forEach((t, i) => {
    if ("([{".includes(t.image)) depth++;
    else if (")]}".includes(t.image)) depth--;
    else if (depth === 0 && t.image === ":" && i === start + 1) given.push(tokens[start]?.image ?? "");
    else if (depth === 0 && (t.image === "," || t.image === ";")) {
      if (t.image === ";") isStatic = true;
      else if (isStatic) after++;
      else before++;
      start = i + 1;
    }
  });
  return { path, before, after, isStatic, argument: tokens[start + 1]?.image === ":" ? tokens[start]?.image : undefined, given };
}

interface Callable {
  readonly name: string;
  readonly doc: Ast.Doc;
  readonly tensors: readonly Ast.Param[];
  readonly statics: readonly Ast.Param[];
  readonly result: Ast.TypeExpr | undefined;
  /** The file that it is declared in. */
  readonly file: string;
}

/** What can be called under a path of names, where the cursor is. */
export function callable(path: readonly string[], scope: Scope): Callable | undefined {
  let value = path[0] === undefined ? undefined : scope.get(path[0]);
  for (const name of path.slice(1)) value = value && memberOf(value, name);
  return value && callableOf(value);
}

/** A member, as far as it is known without running anything. */
export function memberOf(value: Value, name: string): Value | undefined {
  switch (value.kind) {
    case "module": return value.module.declared.has(name) ? value.module.scope.get(name) : undefined;
    case "record": {
      const field = value.fields.get(name);
      const method = value.type?.decl.methods.find((m) => m.name.name === name);
      return field ?? (method && value.type ? { kind: "fn", decl: method, scope: value.type.scope, extern: undefined } : undefined);
    }
    case "tokenizer": {
      const method = value.decl.methods.find((m) => m.name.name === name);
      return method && { kind: "fn", decl: method, scope: value.scope, extern: undefined };
    }
    case "layer": {
      const method = value.instance.decl.methods.find((m) => m.name.name === name);
      return value.instance.child(name) ?? (method && { kind: "fn", decl: method, scope: value.instance.scope, extern: undefined });
    }
    case "fold": return name === "down" || name === "up" ? { kind: "fold-part", fold: value, part: name } : undefined;
    default: return undefined;
  }
}

function callableOf(value: Value): Callable | undefined {
  const ofSignature = (name: string, doc: Ast.Doc, s: Ast.Signature): Callable => ({ name, doc, tensors: s.params, statics: s.statics, result: s.result, file: s.span.file });
  switch (value.kind) {
    case "fn": return ofSignature(value.decl.name.name, value.decl.doc, value.decl.signature);
    case "layer-type": case "fold-type": case "rewrite-type": case "tokenizer-type":
      return { name: value.decl.name.name, doc: value.decl.doc, tensors: [], statics: paramsOf(value.decl), result: undefined, file: value.decl.span.file };
    case "layer": case "layers": {
      const decl = value.kind === "layer" ? value.instance.decl : value.instances[0]?.decl;
      return decl?.forward && ofSignature(decl.name.name, decl.doc, decl.forward.signature);
    }
    case "model": {
      const layer = value.decl.layer;
      const type = layer && (layer.kind === "call" ? layer.callee : layer);
      const found = type?.kind === "member" && type.object.kind === "name" ? memberOf(value.module.scope.get(type.object.name) ?? { kind: "poison" }, type.name.name) : type?.kind === "name" ? value.module.scope.get(type.name) : undefined;
      return found?.kind === "layer-type" && found.decl.forward ? ofSignature(value.decl.name.name, value.decl.doc, found.decl.forward.signature) : undefined;
    }
    case "fold-part": {
      const found = value.fold.decl.members.find((m) => m.kind === value.part);
      return found && (found.kind === "down" || found.kind === "up") ? ofSignature(value.part, found.doc, found.signature) : undefined;
    }
    default: return undefined;
  }
}

/** The parameter that the cursor stands in. */
export function activeParameter(call: OpenCall, { tensors, statics }: Callable): number {
  const all = [...tensors, ...statics];
  if (call.argument !== undefined) return all.findIndex((p) => p.name.name === call.argument);
  return call.isStatic ? tensors.length + call.after : call.before;
}
