// `pipeline.d.ts` of an artefact: types for `run()`, made from the JSON Schemas of its inputs and outputs.
import { compile as typesOf, type JSONSchema } from "json-schema-to-typescript";
import type { Compiled } from "../compiler/compile.ts";
import type { ArtifactFile } from "../compiler/emit/artifact-file.ts";
import { inputSchema, outputSchema } from "../compiler/emit/typings.ts";

/** The two schemas and the types that are made from them. */
export async function typingFiles({ inputs, outputs, program, pipeline, fused }: Compiled): Promise<ArtifactFile[]> {
  const { facts } = fused.arena;
  const [takes, gives] = [inputSchema(inputs, facts), outputSchema(outputs, facts)];
  const options = { bannerComment: "", additionalProperties: false, declareExternallyReferenced: true, style: { printWidth: 160 } };
  // It writes into the schema it is given, so it gets a copy.
  const [taken, given] = await Promise.all([takes, gives].map((schema) => typesOf(structuredClone(schema) as JSONSchema, String(schema.title), options)));
  const head = `// Types of the pipeline ${pipeline.name.name} of ${program.main.path}. Made by kirigami with the artefact; do not edit.\n\n`;
  return [
    textFile("input.schema.json", `${JSON.stringify(takes, undefined, 2)}\n`),
    textFile("output.schema.json", `${JSON.stringify(gives, undefined, 2)}\n`),
    textFile("pipeline.d.ts", `${head}${taken?.trim()}\n\n${given?.trim()}\n`),
  ];
}

function textFile(path: string, text: string): ArtifactFile {
  const bytes = new TextEncoder().encode(text);
  return { path, bytes: bytes.length, chunks: () => [bytes] };
}
