// What a pipeline takes and gives as JSON Schema; the types of an embedding program are made from it (`tsType` is what json-schema-to-typescript reads).
import type { DType } from "../types/tensor.ts";
import type { Boundary } from "../elaborate/pipeline.ts";
import { asNumber, type Facts } from "../types/dim.ts";

type JsonSchema = { readonly [key: string]: unknown };

/** Arrays that hold the elements of a tensor, in row-major order; f16 and bf16 as their bits, bool as 0 and 1. */
const ARRAYS: Readonly<Record<DType, string>> = {
  f64: "Float64Array", f32: "Float32Array", f16: "Uint16Array", bf16: "Uint16Array",
  i64: "BigInt64Array", i32: "Int32Array", i16: "Int16Array", i8: "Int8Array", u16: "Uint16Array", u8: "Uint8Array", i4: "Int8Array", u4: "Uint8Array", bool: "Uint8Array",
};

/** One record as `run` takes it. */
export function inputSchema(inputs: readonly Boundary[], facts: Facts): JsonSchema {
  return schema("Inputs", "What `run` takes, one record at a time.", inputs, (b) => taken(b, facts));
}

/** One record as `run` gives it. */
export function outputSchema(outputs: readonly Boundary[], facts: Facts): JsonSchema {
  return schema("Outputs", "What `run` gives, one record at a time.", outputs, (b) => given(b, facts));
}

function schema(title: string, description: string, boundaries: readonly Boundary[], of: (b: Boundary) => JsonSchema): JsonSchema {
  return { $schema: "http://json-schema.org/draft-07/schema#", title, description, ...record(boundaries.map((b) => [b.name.split("."), of(b)])) };
}

/** `a.b` is field b of record a. */
function record(entries: readonly (readonly [readonly string[], JsonSchema])[]): JsonSchema {
  const names = [...new Set(entries.map(([path]) => path[0] ?? ""))];
  const properties = names.map((name): [string, JsonSchema] => {
    const below = entries.filter(([path]) => path[0] === name).map(([path, of]) => [path.slice(1), of] as const);
    const whole = below.find(([path]) => path.length === 0);
    return [name, whole ? whole[1] : record(below)];
  });
  return { type: "object", additionalProperties: false, required: names, properties: Object.fromEntries(properties) };
}

function taken({ type }: Boundary, facts: Facts): JsonSchema {
  switch (type.kind) {
    case "image":
      return {
        description: "A picture: its path, the bytes of its file (PNG, JPEG, WebP, …), or its pixels row by row.",
        type: "string", tsType: "string | URL | Uint8Array | { readonly data: Uint8Array; readonly width: number; readonly height: number; readonly channels: 1 | 3 | 4 }",
      };
    case "audio": return { description: "A sound: its path, or the bytes of its file.", type: "string", tsType: "string | Uint8Array" };
    case "text": return { type: "string" };
    case "int": return { type: "integer", tsType: "number | bigint" };
    case "float": return { type: "number" };
    case "bool": return { type: "boolean" };
    case "tensor": return tensor(type, facts);
  }
}

function given({ type }: Boundary, facts: Facts): JsonSchema {
  switch (type.kind) {
    case "int": return { type: "integer" };
    case "float": return { type: "number" };
    case "bool": return { type: "boolean" };
    case "tensor": return tensor(type, facts);
    // A pipeline gives tensors and numbers only.
    default: throw new Error(`an output of kind ${type.kind}`);
  }
}

function tensor({ dtype, axes }: Extract<Boundary["type"], { kind: "tensor" }>, facts: Facts): JsonSchema {
  const sizes = axes.map((a) => {
    const known = facts.bind(a.size);
    const value = asNumber(known);
    return value === undefined ? a.name : a.name === "" || a.name.startsWith("_") ? String(value) : `${a.name} = ${value}`;
  });
  return {
    description: `${dtype}[${sizes.join(", ")}], row by row.`,
    type: "object", additionalProperties: false, required: ["dtype", "dims", "data"],
    properties: { dtype: { const: dtype }, dims: { type: "array", items: { type: "integer", minimum: 0 }, minItems: axes.length, maxItems: axes.length }, data: { type: "array", items: { type: dtype === "bool" ? "boolean" : "number" } } },
    tsType: `{ readonly dtype: "${dtype}"; readonly dims: readonly number[]; readonly data: ${ARRAYS[dtype]} }`,
  };
}
