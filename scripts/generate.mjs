// Generates the types of the manifest from its schema. `npm run generate`; test/tidy.test.ts checks that they are current.
import { writeFileSync } from "node:fs";
import { compileFromFile } from "json-schema-to-typescript";

const root = new URL("..", import.meta.url).pathname;

export async function artifactTypes() {
  return compileFromFile(`${root}runtime/artifact.schema.json`, { bannerComment: "// Generated from artifact.schema.json by `npm run generate`. Do not edit.", additionalProperties: false, style: { singleQuote: false } });
}

if (process.argv[1] === new URL(import.meta.url).pathname) writeFileSync(`${root}runtime/artifact.d.ts`, await artifactTypes());
