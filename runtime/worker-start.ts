// Starts the worker's file: as it is in the package, through the TypeScript loader where the sources run themselves.
import { Worker } from "node:worker_threads";
import type { WorkerData } from "./worker-messages.ts";

export function startWorker(workerData: WorkerData): Worker {
  const options = { workerData, name: "kirigami" };
  if (!import.meta.url.endsWith(".ts")) return new Worker(new URL("./worker.js", import.meta.url), options);
  const file = new URL("./worker.ts", import.meta.url);
  const loader = typescriptLoader();
  if (loader === undefined) return new Worker(file, options);
  // Node 20 does not hand a loader that `--import` registered on to workers.
  return new Worker(`import(${JSON.stringify(loader)}).then(({ register }) => { register(); return import(${JSON.stringify(file.href)}); })`, { ...options, eval: true });
}

/** Undefined where Node itself reads TypeScript and tsx is not there. */
function typescriptLoader(): string | undefined {
  try {
    return import.meta.resolve("tsx/esm/api");
  } catch {
    return undefined;
  }
}
