// From `/project/digits.kiri?compress=lite` to the build that is meant.
import { existsSync } from "node:fs";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { report } from "../../compiler/diagnostics/define.ts";
import { gates } from "../../compiler/diagnostics/gates.ts";
import { nearest } from "../../compiler/diagnostics/suggest.ts";
import { isTargetName } from "../../compiler/targets/target.ts";
import type { BuildRequest } from "../build-cache.ts";
import { type FramedProblem, framed } from "../framed-problem.ts";
import { rootOf } from "../project-root.ts";
import type { BundlerOptions } from "./options.ts";

const EXTENSION = ".kiri";
const OURS = ["pipeline", "compress", "plain", "target"];
/** What bundlers put behind ids for themselves. */
const PASSED = new Set(["t", "v", "import", "ssr"]);
/** Queries with which a bundler is asked for the file itself. */
const FOREIGN = new Set(["raw", "url", "inline", "no-inline", "worker", "sharedworker", "direct"]);

interface ParsedId {
  /** Of the program, absolute where the id was. */
  readonly path: string;
  readonly query: string;
}

/** Undefined where the id is not that of a program that is to be compiled. */
export function parseId(id: string): ParsedId | undefined {
  const [, path = "", query = ""] = /^([^?#]*)(?:\?([^#]*))?/.exec(id) ?? [];
  if (!path.endsWith(EXTENSION) || id.startsWith("\0") || [...new URLSearchParams(query).keys()].some((key) => FOREIGN.has(key))) return undefined;
  return { path, query };
}

/** The absolute id of an import that is written with a path; undefined for packages and aliases, which are the bundler's business. */
export function resolveImport(specifier: string, importer: string | undefined): string | undefined {
  const parsed = parseId(specifier);
  if (!parsed || !(parsed.path.startsWith(".") || isAbsolute(parsed.path))) return undefined;
  const from = importer === undefined ? process.cwd() : dirname(importer.replace(/[?#].*$/s, ""));
  const path = resolve(from, parsed.path);
  if (!existsSync(path)) return undefined;
  return parsed.query === "" ? path : `${path}?${parsed.query}`;
}

/** The build, or what is wrong with the query. */
export function requestOf({ path, query }: ParsedId, options: BundlerOptions, gatesByDefault: boolean): { readonly request: BuildRequest } | { readonly request: undefined; readonly problem: FramedProblem } {
  const asked = new URLSearchParams(query);
  for (const key of PASSED) asked.delete(key);
  const refused = (why: string): { request: undefined; problem: FramedProblem } => ({ request: undefined, problem: framed([report(gates.G620, undefined, { query, why })], new Map(), "")[0] as FramedProblem });
  for (const key of asked.keys()) {
    if (!OURS.includes(key)) return refused(`nothing is called \`${key}\`${nearest(key, OURS).map((n) => `; did you mean \`${n}\`?`).join("")}`.replace(/\?$/, ""));
    if (asked.getAll(key).length > 1) return refused(`\`${key}\` stands there twice`);
  }
  const plain = asked.has("plain");
  if (plain && asked.has("compress")) return refused("`plain` is no compression, and `compress` one");
  const target = asked.get("target") ?? options.target ?? "cpu";
  if (!isTargetName(target)) return refused(`there is no target \`${target}\``);
  const root = resolve(options.root ?? rootOf(process.cwd(), path));
  const compress = plain ? undefined : (asked.get("compress") ?? options.compress);
  return {
    request: {
      root, file: relative(root, path).split(sep).join("/"), plain, compress, target,
      pipeline: asked.get("pipeline") ?? options.pipeline, gates: options.gates ?? gatesByDefault,
    },
  };
}
