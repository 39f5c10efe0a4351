// What a run takes of memory beyond the open model: measured in a process of its own, whose memory nothing else touches.
import { fork } from "node:child_process";
import { join } from "node:path";
import type { Tensor } from "../../runtime/tensor.ts";
import { MODEL_FILE } from "../artifact.ts";
import { quantile } from "./speed.ts";

/** What the process is told. */
export interface MemoryOrder {
  readonly model: string;
  readonly inputs: Readonly<Record<string, Tensor>>;
}
/** What it answers: bytes, or what went wrong. */
export type MemoryAnswer = { readonly bytes: number } | { readonly failed: string };

/** glibc gives back what is freed at once: what it held back from opening the model would hide what a run takes. */
const RETURNING = { MALLOC_MMAP_THRESHOLD_: "16384", MALLOC_TRIM_THRESHOLD_: "0", MALLOC_TOP_PAD_: "0", MALLOC_ARENA_MAX: "1" };

/** Processes that are asked: what one of them still held from opening the model hides as much of its run. */
const ASKED = 3;

/** Bytes at the peak of one run above what the process held before it, the median of three processes. Undefined where the system does not tell (elsewhere than on Linux). */
export async function peakMemory(directory: string, inputs: MemoryOrder["inputs"], signal?: AbortSignal): Promise<number | undefined> {
  if (process.platform !== "linux") return undefined;
  const peaks: number[] = [];
  for (let i = 0; i < ASKED; i++) peaks.push(await peakOnce({ model: join(directory, MODEL_FILE), inputs }, signal));
  return quantile(peaks, 0.5);
}

function peakOnce(order: MemoryOrder, signal: AbortSignal | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const file = import.meta.url.endsWith(".ts") ? "./peak-memory-process.ts" : "./peak-memory-process.js";
    const child = fork(new URL(file, import.meta.url), { serialization: "advanced", env: { ...process.env, ...RETURNING }, ...(signal ? { signal } : {}) });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the process that measures memory ended with ${code}`)));
    child.once("message", (answer: MemoryAnswer) => {
      child.removeAllListeners("exit");
      child.disconnect();
      if ("failed" in answer) reject(new Error(answer.failed));
      else resolve(answer.bytes);
    });
    child.send(order);
  });
}
