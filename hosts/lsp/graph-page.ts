// The page of `kiri view` for an editor: what is open, compiled as it stands, the plain model beside the variant.
import { compileProgram } from "../../compiler/compile.ts";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import type { Drawing } from "../view/drawing.ts";
import { drawingOf } from "../view/from-graph.ts";
import { pageOf } from "../view/html.ts";
import { pageParts } from "../view/page-parts.ts";
import type { Analysis } from "./analysis.ts";

/** What an editor asks with `kirigami/graph`; without `variant` the plain model is meant. */
export interface GraphQuestion {
  readonly textDocument: { readonly uri: string };
  readonly pipeline?: string;
  readonly variant?: string;
}

/** One HTML page that needs nothing else, or why there is none. */
export interface GraphAnswer {
  readonly title: string;
  readonly page?: string;
  readonly why?: string;
}

/** What can be looked at of a file: its pipelines, and its variants by the names that `--variant` takes. */
export interface Choices {
  readonly pipelines: readonly string[];
  readonly variants: readonly string[];
}

export const choicesOf = ({ program }: Analysis): Choices => ({ pipelines: program.pipelines.map((p) => p.name.name), variants: program.compressions.map((c) => c.as?.name ?? c.target.name) });

/** Headers of weights are read, weights are not; nothing is run. */
export async function graphPage(analysis: Analysis, { pipeline, variant }: GraphQuestion): Promise<GraphAnswer> {
  const title = `${analysis.module.path}${variant === undefined ? "" : ` as ${variant}`}`;
  const wrong = firstError(analysis.problems);
  if (wrong) return { title, why: wrong };
  const drawings: Drawing[] = [];
  for (const name of variant === undefined ? [undefined] : [undefined, variant]) {
    const { value, problems } = compileProgram(analysis.program, { target: "cpu", ...(pipeline === undefined ? {} : { pipeline }), ...(name === undefined ? {} : { variant: name }) });
    if (!value) return { title, why: firstError(problems) ?? "it has no pipeline" };
    drawings.push(drawingOf(value));
  }
  return { title, page: pageOf(title, drawings, await pageParts()) };
}

function firstError(problems: readonly Problem[]): string | undefined {
  const found = problems.find((p) => p.severity === "error");
  return found && `${found.code} ${found.title}: ${found.says}`;
}
