// Generates the types of the concrete syntax tree from the grammar. `npm run generate`; test/grammar/cst.test.ts checks that they are current.
import { writeFileSync } from "node:fs";
import { generateCstDts } from "chevrotain";
import { parser } from "../grammar/parser.ts";

export function cstTypes() {
  return `// Generated from parser.ts by \`npm run generate\`. Do not edit.\n${generateCstDts(parser.getGAstProductions(), { includeVisitorInterface: false })}`;
}

if (process.argv[1] === new URL(import.meta.url).pathname) writeFileSync(new URL("../grammar/cst.d.ts", import.meta.url), cstTypes());
