// `kiri inspect model.onnx`: what a file without source is made of, and what a fold would find in it.
import { dirname, resolve } from "node:path";
import { printGraph } from "../../../compiler/graph/text.ts";
import { alike } from "../../../compiler/import/alike.ts";
import { importModel } from "../../../compiler/import/onnx-graph.ts";
import { recognise } from "../../../compiler/import/recognise/recognise.ts";
import { workOf } from "../../../compiler/import/recognise/work.ts";
import { runPassesInside } from "../../../compiler/inside.ts";
import { Recorder } from "../../../compiler/rewrite/record.ts";
import type { TargetName } from "../../../compiler/targets/target.ts";
import { openModel } from "../../model-host.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Io } from "../io.ts";
import { modelJson, modelText } from "../model-text.ts";
import { exitOf, printJson, printProblems, type Report } from "../problems.ts";

interface ModelOptions {
  readonly target: TargetName;
  readonly sites?: boolean;
  readonly graph?: "tensor" | "fused" | true;
  readonly fusions?: boolean;
  readonly recognise?: boolean;
  readonly json?: boolean;
}

export const isModel = (what: string): boolean => what.endsWith(".onnx");

export function inspectModel(io: Io, file: string, options: ModelOptions): ExitCode {
  const place = resolve(io.cwd, file);
  const told = (problems: Report["problems"]): Report[] => [{ program: { root: dirname(place), file }, problems, sources: new Map() }];
  const failed = (reports: readonly Report[]): ExitCode => {
    const code = exitOf(reports);
    if (options.json) printJson(io, "inspect", code, reports, {});
    else printProblems(io, reports);
    return code === EXIT.success ? EXIT.failed : code;
  };
  const opened = openModel(place, file);
  if (!opened.host) return failed(told([opened.problem]));
  const { host, name } = opened;
  try {
    const { value: imported, problems } = importModel(host, name, { raise: "all", same: alike });
    const reports = told(problems);
    if (!imported) return failed(reports);
    const found = recognise(imported.graph);
    const record = new Recorder();
    const { graph: fused, inside } = runPassesInside(imported.graph, { host, target: options.target, record });
    const { arena } = imported.graph;
    const seen = { file, imported, found, work: workOf(imported.graph, found), inside, fused: { record, elaboration: { arena }, program: { modules: { sources: () => new Map() } } } };
    const graph = options.graph && printGraph(options.graph === "tensor" ? imported.graph : fused, { paths: true });
    const code = exitOf(reports);
    if (options.json) printJson(io, "inspect", code, reports, { ...modelJson(seen, { isWhole: options.recognise === true }), ...(graph ? { graph } : {}) });
    else {
      printProblems(io, reports);
      io.stdout.write(graph ? graph : modelText(seen, { sites: options.sites === true, recognition: options.recognise === true, fusions: options.fusions === true }));
    }
    return code;
  } finally {
    host.close();
  }
}
