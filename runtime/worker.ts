// A worker thread: one open graph, one run at a time, so that the session's own thread never waits for a computation.
import { parentPort, threadId, workerData } from "node:worker_threads";
import { RuntimeError, reasonOf } from "./errors.ts";
import { Graph } from "./graph.ts";
import { type Device, openOn } from "./providers.ts";
import type { Failure, FromWorker, ToWorker, WorkerData } from "./worker-messages.ts";
import { WorkerState } from "./worker-state.ts";

const port = parentPort;
if (!port) throw new Error("runtime/worker.ts is started by a session, as a worker thread");
const { order, state: shared } = workerData as WorkerData;
const state = new WorkerState(shared);

const failure = (error: unknown): Failure => (error instanceof RuntimeError ? error.plain() : { code: undefined, says: error instanceof Error ? (error.stack ?? error.message) : reasonOf(error) });
const say = (message: FromWorker, hand: ArrayBuffer[] = []): void => port.postMessage(message, hand);

let graph: Graph | undefined;
let device: Device | undefined;
let opened = 0;

/** Every profile gets a name of its own: ONNX Runtime's differ by the second only. */
function openGraph(name: string): Promise<Graph> {
  const { profilePrefix, ...options } = order.options;
  return Graph.open(order.model, { ...options, device: name, ...(profilePrefix === undefined ? {} : { profilePrefix: `${profilePrefix}${threadId}-${++opened}-` }) });
}

async function start(): Promise<void> {
  try {
    const found = await openOn(order.device, openGraph);
    graph = found.opened;
    device = found.device;
    say({ kind: "opened", device, inputs: graph.inputs, outputs: graph.outputs });
  } catch (error) {
    say({ kind: "unopened", fault: failure(error) });
    port?.close();
  }
}

async function run({ id, inputs }: Extract<ToWorker, { kind: "run" }>): Promise<void> {
  if (!graph) return;
  const outputs = await graph.run(inputs);
  const buffers = new Set(Object.values(outputs).map((t) => t.data.buffer as ArrayBuffer));
  say({ kind: "done", id, outputs }, [...buffers]);
}

/** A profile is whole when it is ended, and a session that ended it writes no other; so the model is opened again. */
async function profile(id: number): Promise<void> {
  graph?.endProfiling();
  await graph?.release();
  graph = await openGraph(device?.name ?? "cpu");
  say({ kind: "done", id, outputs: {} });
}

// One after the other, in the order in which they came.
let before: Promise<void> = state.inside(start);
port.on("message", (message: ToWorker) => {
  before = before.then(async () => {
    try {
      if (message.kind === "run") await state.inside(() => run(message));
      else if (message.kind === "profile") await state.inside(() => profile(message.id));
      else {
        await state.inside(async () => graph?.release());
        port.close();
      }
    } catch (error) {
      if (message.kind !== "close") say({ kind: "failed", id: message.id, fault: failure(error) });
    }
  });
});
