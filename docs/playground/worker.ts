// The real compiler, beside the page so that typing never waits for it: problems first, then the graphs, then a run.
import { type Compiled, compileProgram, programProblems } from "../../compiler/compile.ts";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import { distinct } from "../../compiler/diagnostics/merge.ts";
import { openProgram } from "../../compiler/program.ts";
import { ModuleCache } from "../../compiler/resolve/cache.ts";
import { MemoryHost } from "../../hosts/browser/memory-host.ts";
import { drawingOf } from "../../hosts/view/from-graph.ts";
import { library, modelFiles } from "./files.ts";
import type { Answer, Asked, Ran, Told } from "./messages.ts";

const FILE = "playground.kiri";
const TARGET = "cpu";
/** What is known of the library from one text to the next. */
const LIBRARY = new ModuleCache();

const say = (answer: Answer): void => self.postMessage(answer);

const host = modelFiles().then((files) => new MemoryHost({ files, library }));
host.then(() => say({ kind: "ready" }), (error: unknown) => say({ kind: "failed", says: String(error) }));

self.addEventListener("message", (event: MessageEvent<Asked>) => {
  answer(event.data).catch((error: unknown) => say({ kind: "failed", says: error instanceof Error ? error.message : String(error) })).finally(() => say({ kind: "done" }));
});

async function answer({ text, picture }: Asked): Promise<void> {
  const began = performance.now();
  const here = await host;
  const { value: program, problems } = openProgram(here, FILE, text, new ModuleCache(LIBRARY));
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
