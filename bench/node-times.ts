// Times of the nodes of models run by run, from ONNX Runtime's profile: one thread, rounds in which each model runs once.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type OnnxNode, originOf, readNodes } from "../runtime/onnx-nodes.ts";
import { open, timed } from "./timing.ts";

/** Milliseconds of one run by the node of the file that they come from; nodes that only the runtime knows are left out, but not of the sum. */
export interface Run {
  readonly nodes: ReadonlyMap<OnnxNode, number>;
  readonly all: number;
}

/** An event of ONNX Runtime's profile (the format of Chrome's tracing); times are microseconds. */
interface Event {
  readonly cat?: string;
  readonly name?: string;
  readonly ts?: number;
  readonly dur?: number;
}

/** Runs of each model, in the order of `models`, without the one that warms up. */
export async function nodeTimes(models: readonly string[], rounds: number): Promise<readonly (readonly Run[])[]> {
  const folder = mkdtempSync(join(tmpdir(), "kirigami-nodes-"));
  try {
    const runners = await Promise.all(models.map((model, i) => open(model, model, { options: { enableProfiling: true, profileFilePrefix: join(folder, `${i}-`) } })));
    try {
      await timed(runners, rounds);
    } finally {
      // What closes a session ends its profile.
      for (const runner of runners) await runner.close();
    }
    const files = readdirSync(folder);
    return await Promise.all(models.map(async (model, i) => {
      const known = await readNodes(model);
      return runsOf(files.filter((f) => f.startsWith(`${i}-`)).map((f) => readFileSync(join(folder, f), "utf8")).join(""), known).slice(1);
    }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runsOf(text: string, known: ReadonlyMap<string, OnnxNode>): Run[] {
  const events = JSON.parse(text) as readonly Event[];
  const runs = events.filter((e) => e.name === "model_run").map(({ ts = 0, dur = 0 }) => ({ from: ts, to: ts + dur, nodes: new Map<OnnxNode, number>(), all: 0 }));
  const origins = new Map<string, OnnxNode | undefined>();
  for (const { cat, name = "", ts = 0, dur = 0 } of events) {
    if (cat !== "Node" || !name.endsWith("_kernel_time")) continue;
    const run = runs.find((r) => ts >= r.from && ts <= r.to);
    if (!run) continue;
    run.all += dur / 1000;
    if (!origins.has(name)) origins.set(name, originOf(name.slice(0, -"_kernel_time".length), known));
    const node = origins.get(name);
    if (node) run.nodes.set(node, (run.nodes.get(node) ?? 0) + dur / 1000);
  }
  return runs;
}
