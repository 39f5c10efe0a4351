// Types of compile-time parameters, and fitting values to them.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { shapes } from "../diagnostics/shapes.ts";
import { nearest } from "../diagnostics/suggest.ts";
import { asNumber, constant } from "../types/dim.ts";
import { showType } from "./call.ts";
import type { Elaboration } from "./elaboration.ts";
import { asFloat, asSize, makeRecord } from "./evaluate.ts";
import { fail } from "./fail.ts";
import type { Scope } from "./scope.ts";
import { describe, NONE, sizeValue, type Value } from "./value.ts";

/** What a compile-time parameter takes. */
export interface StaticType {
  readonly name: string;
  readonly shown: string;
  /** Bare names given for it are words, not variables. */
  readonly isWord: boolean;
  readonly record: Extract<Value, { kind: "record-type" }> | undefined;
  readonly element: StaticType | undefined;
}

const BUILT_IN = ["Int", "Float", "Bool", "Str", "Dim", "Axis", "Axes", "Word", "Site", "Into", "DType", "Any", "Config", "Layer", "image", "text", "audio", "tokens"];
const WORDS: ReadonlySet<string> = new Set(["Axis", "Axes", "Word", "Site", "DType"]);

const simple = (name: string): StaticType => ({ name, shown: name, isWord: WORDS.has(name), record: undefined, element: undefined });

/** The declared type, or the one that the default shows. */
export function paramType(p: Ast.Param, scope: Scope): StaticType {
  if (p.type) return staticType(p.type, scope);
  const value = p.default;
  if (!value) return simple("Any");
  if (value.kind === "number") return simple(value.isInteger ? "Int" : "Float");
  if (value.kind === "bool") return simple("Bool");
  if (value.kind === "string") return simple("Str");
  if (value.kind === "unary") return simple(value.op === "not" ? "Bool" : value.operand.kind === "number" && !value.operand.isInteger ? "Float" : "Any");
  if (value.kind === "name" && !scope.get(value.name)) return simple("Word");
  return simple("Any");
}

export function staticType(type: Ast.TypeExpr, scope: Scope): StaticType {
  if (type.kind === "list-type") return { name: "list", shown: showType(type), isWord: false, record: undefined, element: staticType(type.element, scope) };
  if (type.kind !== "named-type") return { ...simple("Any"), shown: showType(type) };
  const [first, ...rest] = type.path;
  let value = first ? scope.get(first.name) : undefined;
  for (const part of rest) value = value?.kind === "module" ? value.module.scope.get(part.name) : undefined;
  if (value?.kind === "record-type") return { name: "record", shown: showType(type), isWord: false, record: value, element: undefined };
  const name = first?.name ?? "Any";
  if (rest.length === 0 && BUILT_IN.includes(name)) return simple(name);
  if (value?.kind === "poison") return simple("Any");
  return fail(shapes.T312, type.span, { name: showType(type), near: nearest(name, [...BUILT_IN, ...scope.visible()]) });
}

/** The value as its parameter takes it, or a report. */
export function coerce(e: Elaboration, type: StaticType, value: Value, param: string, span: Span, scope: Scope): Value {
  if (value.kind === "poison") return value;
  const wrong = (): never => fail(shapes.T302, span, { param, found: describe(value), wanted: type.shown });
  if (value.kind === "unknown") return type.name === "Int" || type.name === "Dim" ? sizeValue(e.freshDim(param)) : value;
  switch (type.name) {
    case "Int": case "Dim": {
      if (value.kind === "tensor") return fail(shapes.B321, span, { what: param, found: describe(value) });
      return value.kind === "size" || value.kind === "ratio" || value.kind === "named-size" ? (value.kind === "named-size" ? value : sizeValue(asSize(e, value, span))) : value.kind === "float" && Number.isInteger(value.value) ? sizeValue(constant(value.value)) : wrong();
    }
    case "Float": {
      const known = asFloat(e, value);
      if (known !== undefined) return { kind: "float", value: known };
      // A scalar tensor may stand for a number: a `tau` that follows the features of the picture.
      return value.kind === "tensor" || value.kind === "size" ? value : wrong();
    }
    case "Bool": return value.kind === "bool" ? value : wrong();
    case "Str": return value.kind === "text" || value.kind === "word" ? (value.kind === "word" ? { kind: "text", value: value.name } : value) : wrong();
    case "Axis": case "Word": case "Site": case "DType": return value.kind === "elsewhere" && type.name === "Site" ? value : value.kind === "word" ? value : value.kind === "text" ? { kind: "word", name: value.value, span } : value.kind === "bool" ? value : wrong();
    case "Axes": return value.kind === "words" ? value : value.kind === "word" ? { kind: "words", names: [value.name] } : wrong();
    case "Into": return value.kind === "into" ? value : wrong();
    case "image": case "text": case "audio": return value.kind === "boundary" && value.type === type.name ? value : wrong();
    case "list": {
      if (value.kind !== "list" && value.kind !== "tuple") return wrong();
      const element = type.element;
      return element ? { kind: "list", items: value.items.map((v, i) => coerce(e, element, v, `${param}[${i}]`, span, scope)) } : value;
    }
    case "record": return coerceRecord(e, type, value, span, scope, wrong);
    default: return value;
  }
}

/** `(4, 4)` stands for a record of two fields; a plain record gets the type's computed fields. */
function coerceRecord(e: Elaboration, type: StaticType, value: Value, span: Span, scope: Scope, wrong: () => never): Value {
  const record = type.record as Extract<Value, { kind: "record-type" }>;
  if (value.kind === "record") return value.type?.decl === record.decl ? value : typed(e, record, value, span);
  if (value.kind !== "tuple" || value.items.length !== record.decl.fields.length) return wrong();
  const fields = new Map<string, Value>();
  record.decl.fields.forEach((f, i) => {
    fields.set(f.name.name, coerce(e, paramType(f, record.scope), value.items[i] as Value, f.name.name, span, scope));
  });
  return makeRecord(e, record, fields, span);
}

/** The fields of a plain record (parsed JSON has more than anyone asks for) as a record of a declared type. */
function typed(e: Elaboration, record: Extract<Value, { kind: "record-type" }>, value: Extract<Value, { kind: "record" }>, span: Span): Value {
  const fields = new Map<string, Value>();
  for (const f of record.decl.fields) {
    const given = value.fields.get(f.name.name);
    if (given) fields.set(f.name.name, coerce(e, paramType(f, record.scope), given, f.name.name, span, record.scope));
  }
  return makeRecord(e, record, fields, span);
}

/** A stand-in for a parameter whose value is not known: how declarations are checked by themselves. */
export function placeholder(e: Elaboration, type: StaticType, name: string, span: Span): Value {
  switch (type.name) {
    case "Int": case "Dim": return sizeValue(e.freshDim(name));
    case "Axis": case "Word": case "Site": case "DType": return { kind: "unknown", type: type.name };
    case "record": {
      const record = type.record as Extract<Value, { kind: "record-type" }>;
      // Keyed by its fields: a record that is among its own fields has no value.
      return e.once(record.decl.fields, record.decl.name.name, span, () => {
        const fields = new Map<string, Value>();
        for (const f of record.decl.fields) fields.set(f.name.name, placeholder(e, paramType(f, record.scope), `${name}.${f.name.name}`, span));
        return { kind: "record", fields, type: { decl: record.decl, scope: record.scope } };
      });
    }
    case "list": return { kind: "unknown", type: "a list", length: e.openDim(`count(${name})`), ...(type.element ? { item: placeholder(e, type.element, name, span) } : {}) };
    case "image": case "text": case "audio": return { kind: "boundary", name, type: type.name };
    default: return { kind: "unknown", type: type.name };
  }
}

/** A record of a declared type from parsed JSON: `config.json`. */
export function recordFromJson(e: Elaboration, record: Extract<Value, { kind: "record-type" }>, json: unknown, file: string, span: Span): Value {
  if (typeof json !== "object" || json === null || Array.isArray(json)) fail(shapes.T316, span, { field: "the whole", found: JSON.stringify(json)?.slice(0, 60) ?? "nothing", wanted: "an object", file });
  const source = typeof json === "object" && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : {};
  const fields = new Map<string, Value>();
  for (const f of record.decl.fields) {
    const type = paramType(f, record.scope);
    const own = Object.hasOwn(source, f.name.name) ? source[f.name.name] : undefined;
    if (own === undefined || own === null) {
      if (!f.default) fail(shapes.T316, span, { field: f.name.name, found: "missing", wanted: type.shown, file }, [{ span: f.span, says: "wanted here" }]);
      continue;
    }
    const value = type.record ? recordFromJson(e, type.record, own, `${file}: ${f.name.name}`, span) : fromJson(own);
    const fits = type.name === "Any" || type.record !== undefined || fitsJson(type, value);
    if (!fits) fail(shapes.T316, span, { field: f.name.name, found: JSON.stringify(own)?.slice(0, 60) ?? "nothing", wanted: type.shown, file }, [{ span: f.span, says: "wanted here" }]);
    fields.set(f.name.name, coerce(e, type, value, f.name.name, span, record.scope));
  }
  return makeRecord(e, record, fields, span);
}

function fitsJson(type: StaticType, value: Value): boolean {
  switch (type.name) {
    case "Int": return value.kind === "size" && (asNumber(value.dim) ?? -1) >= 0;
    case "Float": return value.kind === "float" || value.kind === "size";
    case "Bool": return value.kind === "bool";
    case "Str": case "Word": return value.kind === "text";
    case "list": return value.kind === "list" && value.items.every((v) => !type.element || type.element.name === "Any" || fitsJson(type.element, v));
    default: return true;
  }
}

/** JSON as compile-time values; whole numbers are Ints. */
export function fromJson(json: unknown): Value {
  if (typeof json === "number") return Number.isSafeInteger(json) ? sizeValue(constant(json)) : { kind: "float", value: json };
  if (typeof json === "boolean") return { kind: "bool", value: json };
  if (typeof json === "string") return { kind: "text", value: json };
  if (Array.isArray(json)) return { kind: "list", items: json.map(fromJson) };
  if (typeof json === "object" && json !== null) return { kind: "record", fields: new Map(Object.entries(json).map(([k, v]) => [k, fromJson(v)])), type: undefined };
  return NONE;
}
