// JSON Schemas of a pipeline's edge: what stands in them is what the runtime takes and gives.
import { Ajv } from "ajv";
import test from "ava";
import { inputSchema, outputSchema } from "../../../compiler/emit/typings.ts";
import type { Boundary } from "../../../compiler/elaborate/pipeline.ts";
import { constant, Facts, symbol } from "../../../compiler/types/dim.ts";

const facts = new Facts();
facts.know("K", constant(7));
const INPUTS: readonly Boundary[] = [
  { name: "picture", type: { kind: "image" } },
  { name: "sentence", type: { kind: "text" } },
  { name: "count", type: { kind: "int" } },
  { name: "share", type: { kind: "float" } },
  { name: "sure", type: { kind: "bool" } },
  { name: "x", type: { kind: "tensor", dtype: "f32", axes: [{ name: "N", size: symbol("N") }, { name: "C", size: symbol("K") }, { name: "_0", size: constant(2) }] } },
];

// `tsType` is a word of json-schema-to-typescript, which validators must be told.
const validator = (schema: object): ReturnType<Ajv["compile"]> => new Ajv({ strict: true, keywords: ["tsType"] }).compile(schema);

test("a record as `run` takes it, in JSON, is valid, and one without a field or with another is not", (t) => {
  const valid = validator(inputSchema(INPUTS, facts));
  const record = { picture: "a.png", sentence: "words", count: 3, share: 0.5, sure: true, x: { dtype: "f32", dims: [1, 7, 2], data: [1, 2] } };
  t.true(valid(record), JSON.stringify(valid.errors));
  const { sure: _, ...less } = record;
  t.false(valid(less));
  t.false(valid({ ...record, more: 1 }));
  t.false(valid({ ...record, count: 0.5 }));
  t.false(valid({ ...record, x: { dtype: "f64", dims: [1, 7, 2], data: [] } }));
  t.false(valid({ ...record, x: { dtype: "f32", dims: [1, 7], data: [] } }));
});

test("sizes that are known stand in the description", (t) => {
  const schema = inputSchema(INPUTS, facts) as { properties: { x: { description: string; tsType: string } } };
  t.is(schema.properties.x.description, "f32[N, C = 7, 2], row by row.");
  t.is(schema.properties.x.tsType, '{ readonly dtype: "f32"; readonly dims: readonly number[]; readonly data: Float32Array }');
});

test("`a.b` is field b of record a", (t) => {
  const schema = outputSchema([
    { name: "best.label", type: { kind: "int" } },
    { name: "best.score", type: { kind: "float" } },
    { name: "all", type: { kind: "tensor", dtype: "i64", axes: [{ name: "N", size: symbol("N") }] } },
  ], facts);
  const valid = validator(schema);
  t.true(valid({ best: { label: 1, score: 0.5 }, all: { dtype: "i64", dims: [1], data: [3] } }), JSON.stringify(valid.errors));
  t.false(valid({ best: { label: 1 }, all: { dtype: "i64", dims: [1], data: [3] } }));
  t.false(valid({ "best.label": 1, "best.score": 0.5, all: { dtype: "i64", dims: [1], data: [3] } }));
});
