// The real compiler, beside the page so that typing never waits for it: problems first, then the graphs, then a run.
import { type Compiled, compileProgram, programProblems } from "../../compiler/compile.ts";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import { distinct } from "../../compiler/diagnostics/merge.ts";
import { openProgram } from "../../compiler/program.ts";
import { ModuleCache } from "../../compiler/resolve/cache.ts";
import { MemoryHost } from "../../hosts/browser/memory-host.ts";
import type { Analysis } from "../../hosts/lsp/analysis.ts";
import { completion } from "../../hosts/lsp/completion.ts";
import { hover } from "../../hosts/lsp/hover.ts";
import { offsetAt } from "../../hosts/lsp/ranges.ts";
import { drawingOf } from "../../hosts/view/from-graph.ts";
import { library, modelFiles } from "./files.ts";
import type { Answer, Asked, Checked, Offered, Ran, Told, Wondered } from "./messages.ts";

const FILE = "playground.kiri";
const TARGET = "cpu";
/** What is known of the library and of the program from one text to the next. */
const KNOWN = new ModuleCache(new ModuleCache());

const say = (answer: Answer): void => self.postMessage(answer);

const host = modelFiles().then((files) => new MemoryHost({ files, library }));
host.then(() => say({ kind: "ready" }), (error: unknown) => say({ kind: "failed", says: String(error) }));

self.addEventListener("message", (event: MessageEvent<Asked>) => {
  const asked = event.data;
  const failed = (error: unknown): void => say({ kind: "failed", says: error instanceof Error ? error.message : String(error) });
  if (asked.kind === "check") answer(asked).catch(failed).finally(() => say({ kind: "done" }));
  else wonder(asked).catch(failed);
});

/** What the language server would say, from the same code. */
async function wonder({ kind, id, text, offset }: Wondered): Promise<void> {
  const here = await host;
  const { value: program, problems, sources } = openProgram(here, FILE, text, KNOWN);
  const analysis: Analysis | undefined = program && { uri: FILE, file: FILE, root: here.root, host: here, program, module: program.main, problems, sources, fileOf: (path) => path, stateOf: (path) => path };
  if (kind === "completion") return say({ kind, id, items: analysis ? completion(analysis, offset, true).map((item) => offered(analysis, item)) : [] });
  // Nobody measures anything here.
  const found = analysis && (await hover(analysis, offset, { gates: () => [], times: () => undefined }, { isCancellationRequested: false }));
  say({ kind, id, markdown: (found?.contents as { readonly value: string } | undefined)?.value });
}

function offered({ module }: Analysis, { label, detail, insertText, textEdit, insertTextFormat, sortText }: ReturnType<typeof completion>[number]): Offered {
  const from = textEdit && "range" in textEdit ? offsetAt(module.source, textEdit.range.start) : undefined;
  return { label, detail, from, insert: textEdit?.newText ?? insertText ?? label, isSnippet: insertTextFormat === 2, sort: sortText ?? label };
}

async function answer({ text, picture }: Checked): Promise<void> {
  const began = performance.now();
  const here = await host;
  const { value: program, problems } = openProgram(here, FILE, text, KNOWN);
  const isRead = program && !problems.some((p) => p.severity === "error");
  const all = isRead ? [...problems, ...programProblems(program, TARGET)] : problems;
  say({ kind: "problems", problems: told(all), milliseconds: performance.now() - began });
  if (!program || all.some((p) => p.severity === "error")) return;
  const [pipeline] = program.pipelines;
  const [compression] = program.compressions;
  if (!pipeline) return;
  const request = { pipeline: pipeline.name.name, target: TARGET } as const;
  const plain = compileProgram(program, request).value;
  const variant = compression && (compression.as?.name ?? compression.target.name);
  const folded = variant === undefined ? undefined : compileProgram(program, { ...request, variant }).value;
  say({ kind: "graphs", drawings: [plain, folded].flatMap((c) => (c ? [drawingOf(c)] : [])) });
  // The runtime is 14 MB; it is fetched when something can be run.
  const { run } = await import("./run.ts");
  const ran = (compiled: Compiled | undefined): Promise<Ran> | undefined => compiled && run(here, compiled, picture);
  const before = await ran(plain);
  const after = await ran(variant === undefined ? undefined : compileProgram(program, { ...request, variant, trace: true }).value);
  if (before) say({ kind: "ran", plain: before, folded: after });
}

function told(problems: readonly Problem[]): Told[] {
  return distinct(problems).map(({ code, severity, says, next, span, title }) => ({ code, severity, says: `${title}. ${says}`, next, range: span?.file === FILE ? { from: span.start, to: span.end } : undefined }));
}
