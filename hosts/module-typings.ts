// Declarations for `import … from "./digits.kiri"`, as `tsc` and editors look for them: beside the program, without a build.
import { basename } from "node:path";
import { elaborate } from "../compiler/compile.ts";
import type { Problem } from "../compiler/diagnostics/define.ts";
import type { Program } from "../compiler/program.ts";
import { edgeTypes } from "./typings.ts";

const HEAD = "/* eslint-disable */\n// Made by kirigami (`kiri types`, or the bundler plugin); do not edit.\n";

/**
 * `digits.d.kiri.ts` for the plain import, and `digits.kiri-queries.d.ts` for imports with a query, by name. None with errors, or for a file without pipelines.
 * TypeScript takes only one `*` in the name of a declared module, so each query that names a pipeline or a variant is declared by itself.
 */
export async function moduleTypings(program: Program): Promise<{ readonly files: Readonly<Record<string, string>>; readonly problems: readonly Problem[] }> {
  const problems: Problem[] = [];
  const types = new Map<string, { readonly doc: string; readonly text: string }>();
  for (const pipeline of program.pipelines) {
    const { value, problems: found } = elaborate(program, pipeline, undefined);
    problems.push(...found);
    if (value) types.set(pipeline.name.name, { doc: pipeline.doc === undefined ? "" : `/** ${pipeline.doc.trim().replaceAll("*/", "* /")} */\n`, text: (await edgeTypes(value, value.graph.arena.facts)).text });
  }
  if (types.size === 0 || problems.some((p) => p.severity === "error")) return { files: {}, problems };
  const file = basename(program.main.path);
  const stem = file.replace(/\.kiri$/, "");
  return { files: { [`${stem}.d.kiri.ts`]: plainly(types), [`${stem}.kiri-queries.d.ts`]: queried(file, [...types.keys()], variantsOf(program)) }, problems };
}

const variantsOf = (program: Program): string[] => [...new Set(program.compressions.map((c) => c.as?.name ?? c.target.name))];

/** Of several pipelines none is the default: an import has to say which, and the type of one that does not is that sentence. */
function plainly(types: ReadonlyMap<string, { readonly doc: string; readonly text: string }>): string {
  const head = `${HEAD}import type { Pipeline } from "kirigami/runtime";\n\n`;
  const [only] = types.values();
  if (types.size === 1 && only) return `${head}${only.text}\n${only.doc}declare const pipeline: Pipeline<Inputs, Outputs>;\nexport default pipeline;\n`;
  const unsaid = `declare const unsaid: ${JSON.stringify(`There are several pipelines: import one of them, ${[...types.keys()].map((name) => `?pipeline=${name}`).join(" or ")}`)};\nexport default unsaid;\n`;
  return `${head.replace(/^import.*\n\n/m, "\n")}${unsaid}\n${[...types].map(([name, { doc, text }]) => `${doc}export declare namespace ${name} {\n${indented(text)}}\n`).join("\n")}`;
}

const indented = (text: string): string => text.replace(/^(?=.)/gm, "  ");

function queried(file: string, pipelines: readonly string[], variants: readonly string[]): string {
  const inner = `import("./${file}")`;
  const [only] = pipelines;
  const of = (name: string): string => (pipelines.length === 1 ? `typeof ${inner}.default` : `import("kirigami/runtime").Pipeline<${inner}.${name}.Inputs, ${inner}.${name}.Outputs>`);
  const compressions = ["", "plain", ...variants.map((v) => `compress=${v}`)];
  const all = pipelines.flatMap((name) => compressions.map((c) => ({ query: [`pipeline=${name}`, c].filter(Boolean).join("&"), type: of(name) })));
  const short = only !== undefined && pipelines.length === 1 ? compressions.filter(Boolean).map((query) => ({ query, type: of(only) })) : [];
  return HEAD + [...short, ...all].map(({ query, type }) => `declare module "*/${file}?${query}" {\n  const pipeline: ${type};\n  export default pipeline;\n}\n`).join("");
}
