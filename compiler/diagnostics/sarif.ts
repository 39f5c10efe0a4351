// Problems as SARIF 2.1.0, the form that code scanning reads: stable rule ids, paths relative to the repository, fingerprints that survive moved lines.
import { position, type Span } from "../../grammar/source.ts";
import type { Problem } from "./define.ts";
import { jsonPlace, type Sources } from "./render.ts";

interface SarifOptions {
  /** Version of the compiler. */
  readonly version: string;
  /** From the repository to the project's root, `` or `packages/vision/`. */
  readonly prefix: string;
  /** sha256, hex. */
  readonly digest: (text: string) => string;
  /** The file that problems without a line of source belong to. */
  readonly file: string;
}

const SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/** The whole log as a value for `JSON.stringify`. */
export function sarif(problems: readonly Problem[], sources: Sources, options: SarifOptions): object {
  const rules = [...new Map(problems.map((p) => [p.code, p])).values()].sort((a, b) => (a.code < b.code ? -1 : 1));
  const seen = new Map<string, number>();
  return {
    $schema: SARIF_SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "kirigami",
            semanticVersion: options.version,
            rules: rules.map((p) => ({
              id: p.code,
              shortDescription: { text: p.title },
              help: { text: `kiri explain ${p.code}` },
              defaultConfiguration: { level: p.severity },
            })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: problems.map((p) => result(p, rules.findIndex((r) => r.code === p.code), sources, options, seen)),
      },
    ],
  };
}

function result(problem: Problem, ruleIndex: number, sources: Sources, options: SarifOptions, seen: Map<string, number>): object {
  const related = problem.labels.flatMap((l, id) => (isOwn(l.span, sources) ? [{ id, message: { text: l.says }, physicalLocation: physical(l.span, sources, options.prefix) }] : []));
  return {
    ruleId: problem.code,
    ruleIndex,
    level: problem.severity,
    message: { text: problem.next ? `${problem.title}: ${problem.says}\n${problem.next}` : `${problem.title}: ${problem.says}` },
    locations: [{ physicalLocation: problem.span && isOwn(problem.span, sources) ? physical(problem.span, sources, options.prefix) : { artifactLocation: { uri: uri(options.prefix + options.file) } } }],
    ...(related.length ? { relatedLocations: related } : {}),
    partialFingerprints: { "kirigami/v1": fingerprint(problem, sources, options, seen) },
  };
}

/** A file of the user's repository; the standard library is not in it. */
const isOwn = (span: Span, sources: Sources): boolean => !span.file.startsWith("std:") && sources.has(span.file);

function physical(span: Span, sources: Sources, prefix: string): object {
  const place = jsonPlace(span, sources);
  return {
    artifactLocation: { uri: uri(prefix + span.file) },
    ...(place ? { region: { startLine: place.line, startColumn: place.column, endLine: place.endLine, endColumn: place.endColumn, charOffset: place.start, charLength: place.end - place.start } } : {}),
  };
}

const uri = (path: string): string => path.split("/").map(encodeURIComponent).join("/");

/** Of the code, the file and the text of the line, so that lines above may come and go; the n-th of equal ones is counted. */
function fingerprint(problem: Problem, sources: Sources, options: SarifOptions, seen: Map<string, number>): string {
  const from = problem.span ? sources.get(problem.span.file) : undefined;
  const line = from && problem.span ? lineText(from.text, from.lineStarts, position(from, problem.span.start).line) : problem.says;
  const what = [problem.code, options.prefix + (problem.span?.file ?? options.file), line.trim()].join("\n");
  const count = (seen.get(what) ?? 0) + 1;
  seen.set(what, count);
  return `${options.digest(what).slice(0, 32)}:${count}`;
}

const lineText = (text: string, starts: readonly number[], line: number): string => text.slice(starts[line - 1] ?? 0, starts[line] ?? text.length);
