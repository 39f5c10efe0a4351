// Names inside one declaration: given twice, or given and never used.
import type * as Ast from "../../grammar/ast.ts";
import { type Problem, report } from "../diagnostics/define.ts";
import { names } from "../diagnostics/names.ts";
import { namesRead } from "../resolve/mentions.ts";

export function namingProblems(d: Ast.Declaration): Problem[] {
  return [...signaturesOf(d).flatMap(twice), ...bodiesOf(d).flatMap(unused)];
}

function signaturesOf(d: Ast.Declaration): Ast.Signature[] {
  switch (d.kind) {
    case "fn": case "pipeline": return [d.signature];
    case "layer": return [...(d.forward ? [d.forward.signature] : []), ...d.methods.map((m) => m.signature)];
    case "record": case "tokenizer": return d.methods.map((m) => m.signature);
    case "fold": case "rewrite": case "decode": return d.members.flatMap((m) => ("signature" in m ? [m.signature] : []));
    default: return [];
  }
}

/** A parameter's name, or an axis of one tensor, that stands twice. */
function twice(signature: Ast.Signature): Problem[] {
  const params = [...signature.params, ...signature.statics];
  const types = [...params.map((p) => p.type), signature.result].filter((t) => t?.kind === "tensor-type");
  return [params.map((p) => p.name), ...types.map((t) => t.axes.flatMap((a) => (a.kind === "axis" || a.kind === "some" ? [a.name] : [])))].flatMap(repeated);
}

function repeated(all: readonly Ast.Ident[]): Problem[] {
  return all.flatMap((name, i) => {
    const first = all.findIndex((other) => other.name === name.name);
    return first < i && name.name !== "" ? [report(names.N210, name.span, { name: name.name }, [{ span: (all[first] as Ast.Ident).span, says: "the first one" }])] : [];
  });
}

/** Bodies whose names nobody outside can see: those of layers are sites, those of `down` are read by `up`. */
function bodiesOf(d: Ast.Declaration): Ast.Block[] {
  switch (d.kind) {
    case "fn": return d.body ? [d.body] : [];
    case "pipeline": case "check": return [d.body];
    case "record": case "tokenizer": case "layer": return d.methods.flatMap((m) => (m.body ? [m.body] : []));
    case "fold": case "rewrite": case "decode": return d.members.flatMap((m) => ((m.kind === "fn" && m.body) || m.kind === "up" || m.kind === "hook" ? [m.body as Ast.Block] : []));
    default: return [];
  }
}

function unused(body: Ast.Block): Problem[] {
  const read = namesRead(body);
  return body.statements.flatMap((s) => {
    // Of several names that one value gives, one is enough.
    if (s.kind !== "let" || s.names.some((n) => read.has(n.name) || n.name === "")) return [];
    const [name] = s.names;
    return name ? [report(names.N211, name.span, { name: s.names.map((n) => n.name).join(", ") })] : [];
  });
}
