// Types for `run()`, made from the JSON Schemas of a pipeline's inputs and outputs: `pipeline.d.ts` of an artefact, and what an import of the program has.
import type { JSONSchema } from "json-schema-to-typescript";
import type { Compiled } from "../compiler/compile.ts";
import { type ArtifactFile, heldFile } from "../compiler/emit/artifact-file.ts";
import { inputSchema, outputSchema } from "../compiler/emit/typings.ts";
import type { Facts } from "../compiler/types/dim.ts";

type Edges = Pick<Compiled, "inputs" | "outputs">;

/** The two schemas and the types that are made from them. */
export async function typingFiles({ inputs, outputs, program, pipeline, fused }: Compiled): Promise<ArtifactFile[]> {
  const { takes, gives, text } = await edgeTypes({ inputs, outputs }, fused.arena.facts);
  return [
    heldFile("input.schema.json", `${JSON.stringify(takes, undefined, 2)}\n`),
    heldFile("output.schema.json", `${JSON.stringify(gives, undefined, 2)}\n`),
    heldFile("pipeline.d.ts", `// Types of the pipeline ${pipeline.name.name} of ${program.main.path}. Made by kirigami with the artefact; do not edit.\n\n${text}`),
  ];
}

/** `export interface Inputs` and `Outputs`, with the schemas that they are made from. */
export async function edgeTypes({ inputs, outputs }: Edges, facts: Facts): Promise<{ readonly takes: object; readonly gives: object; readonly text: string }> {
  const [takes, gives] = [inputSchema(inputs, facts), outputSchema(outputs, facts)];
  const options = { bannerComment: "", additionalProperties: false, declareExternallyReferenced: true, style: { printWidth: 160 } };
  // It brings a formatter of programs along, which a check has no use for.
  const { compile: typesOf } = await import("json-schema-to-typescript");
  // It writes into the schema it is given, so it gets a copy.
  const [taken, given] = await Promise.all([takes, gives].map((schema) => typesOf(structuredClone(schema) as JSONSchema, String(schema.title), options)));
  return { takes, gives, text: `${taken?.trim()}\n\n${given?.trim()}\n` };
}
