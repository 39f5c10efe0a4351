// Problems as an editor shows them: with the places that belong to them, a link to the page of the code, and what would mend them.
import { DiagnosticSeverity, type Diagnostic, DiagnosticTag } from "vscode-languageserver/node";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import { packageRoot } from "../node-host.ts";
import { fileOf, locationOf, uriOf } from "./places.ts";
import { NOWHERE, rangeOf } from "./ranges.ts";
import type { Analysis } from "./analysis.ts";

/** Nobody reads on after so many. */
const MOST = 200;

/** Problems by the document that they are in; those without a place stand at the top of `uri`. */
export function diagnosticsOf(analysis: Analysis, problems: readonly Problem[]): Map<string, Diagnostic[]> {
  const found = new Map<string, Diagnostic[]>([[analysis.uri, []]]);
  for (const problem of problems.slice(0, MOST)) {
    // A mistake in the library is no matter of the user's files; the place that led there is.
    const uri = uriFor(analysis, problem);
    found.set(uri, [...(found.get(uri) ?? []), diagnosticOf(analysis, problem)]);
  }
  return found;
}

function uriFor({ module, uri, root, sources }: Analysis, { span }: Problem): string {
  if (!span || span.file === module.path || span.file.startsWith("std:") || !sources.has(span.file)) return uri;
  return uriOf(fileOf(root, span.file));
}

function diagnosticOf(analysis: Analysis, problem: Problem): Diagnostic {
  const { sources, root } = analysis;
  const source = problem.span && sources.get(problem.span.file);
  const isOwn = !problem.span?.file.startsWith("std:");
  const labels = problem.labels.flatMap((label) => {
    const at = sources.get(label.span.file);
    return at ? [{ location: locationOf(root, at, label.span), message: label.says }] : [];
  });
  return {
    range: problem.span && source && isOwn ? rangeOf(source, problem.span) : NOWHERE,
    severity: problem.severity === "error" ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
    code: problem.code,
    codeDescription: { href: pageOf(problem.code) },
    source: "kirigami",
    message: [`${problem.title}: ${problem.says}`, ...(problem.next ? [problem.next] : [])].join("\n"),
    ...(labels.length > 0 ? { relatedInformation: labels } : {}),
    ...(problem.fixes.some((f) => f.kind === "delete") ? { tags: [DiagnosticTag.Unnecessary] } : {}),
    ...(problem.fixes.length > 0 ? { data: problem.fixes } : {}),
  };
}

/** The page of a code, which lies in the package. */
function pageOf(code: string): string {
  const page = join(packageRoot(), "docs/errors", `${code}.md`);
  return existsSync(page) ? uriOf(page) : `kiri:explain/${code}`;
}
