// The manifest of the pipelines that ship: what a compression did to them stands in it, and it fits the schema.
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import test from "ava";
import { digestSources, manifestOf } from "../../../compiler/emit/manifest.ts";
import { compile } from "../../../compiler/compile.ts";
import type { Manifest } from "../../../runtime/artifact.d.ts";
import { NodeHost } from "../../../hosts/node-host.ts";
import { ROOT } from "../../support/program.ts";

const fits = new Ajv({ strict: true, allowUnionTypes: true }).compile<Manifest>(JSON.parse(readFileSync(`${ROOT}runtime/artifact.schema.json`, "utf8")) as object);

async function manifest(t: { true: (value: boolean, message?: string) => void }, file: string, variant?: string, text?: string): Promise<Manifest> {
  const host = new NodeHost({ root: ROOT });
  const { value, problems } = compile(host, { file, variant, target: "cpu", text });
  if (!value) throw new Error(problems.map((p) => `${p.code} ${p.says}`).join("\n"));
  const made = manifestOf(value, { version: "1.2.3", digests: await digestSources(value, host), files: new Map([["b", { bytes: 1, sha256: "0".repeat(64) }], ["a", { bytes: 2, sha256: "1".repeat(64) }]]) });
  t.true(fits(made), JSON.stringify(fits.errors));
  return made;
}

test("selectors are resolved, and what folding saves is counted", async (t) => {
  const plain = await manifest(t, "pipelines/scenes.kiri");
  const folded = await manifest(t, "pipelines/scenes.kiri", "expedite_8");
  t.is(plain.pipeline.variant, undefined);
  t.is(folded.pipeline.variant, "expedite_8");
  t.deepEqual(folded.selectors.map((s) => s.selector), ["across blocks[3..]"]);
  t.deepEqual(folded.selectors[0]?.resolved, ["segmenter.blocks[3].input"]);
  t.is((folded.cost.blocks / plain.cost.blocks).toFixed(3), "0.492");
  t.is(plain.cost.folds, 0);
  t.true(folded.cost.folds > 0);
  t.is(folded.fused.attention, 8);
  t.deepEqual(folded.steps, [{ kind: "image", input: "picture", tensor: "picture", channels: 1, height: 64, width: 64, resize: "none" }]);
});

test("files and digests stand in the order of their names, and nothing names a place of this machine", async (t) => {
  const made = await manifest(t, "pipelines/embed.kiri");
  t.deepEqual(Object.keys(made.files), ["a", "b"]);
  t.deepEqual(Object.keys(made.digests), Object.keys(made.digests).sort());
  t.false(JSON.stringify(made).includes(ROOT));
  const [step] = made.steps;
  t.deepEqual(step, { kind: "text", input: "sentence", tokenizer: "tokenizers/0", tensors: { ids: "sentence.ids", mask: "sentence.mask", types: "sentence.types" }, maxLength: 512, length: "N" });
});

test("conditions on sizes that only a run decides are guards, with their lines", async (t) => {
  const text = `fn halves(x: f32[B, N]) -> f32[B, N] where N % 2 == 0 { x }

pipeline even(x: f32[N]) -> { y: f32[N] } { { y: halves(x) } }
`;
  const made = await manifest(t, "pipelines/even.kiri", undefined, text);
  t.is(made.guards.length, 1);
  t.is(made.guards[0]?.says, "N % 2 == 0");
  t.is(made.guards[0]?.comparison, "==");
  t.is(made.guards[0]?.place, "pipelines/even.kiri:1:44");
});

test("an input that the graph does not use stays an input of the pipeline, and has no step", async (t) => {
  const made = await manifest(t, "pipelines/unused.kiri", undefined, "pipeline one(picture: image, x: f32[C = 2]) -> { y: f32[C] } { { y: x * 2.0 } }\n");
  t.deepEqual(made.inputs.map((i) => i.name), ["picture", "x"]);
  t.deepEqual(made.graph.inputs.map((i) => i.name), ["x"]);
  t.deepEqual(made.steps, []);
});
