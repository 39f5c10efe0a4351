// The process of `peakMemory`: opens the model, forgets the peak so far, runs once and answers how far memory rose.
import { readFileSync, writeFileSync } from "node:fs";
import { Graph } from "../../runtime/graph.ts";
import type { MemoryAnswer, MemoryOrder } from "./peak-memory.ts";

/** Bytes of this process: resident now (`VmRSS`), or the most since the peak was forgotten (`VmHWM`). */
const resident = (field: "VmRSS" | "VmHWM"): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;

process.once("message", async ({ model, inputs }: MemoryOrder) => {
  let answer: MemoryAnswer;
  try {
    // An arena would keep what one operator has freed, and round up what it takes.
    await using graph = await Graph.open(model, { threads: 1, arena: false });
    writeFileSync("/proc/self/clear_refs", "5");
    const before = resident("VmRSS");
    await graph.run(inputs);
    answer = { bytes: resident("VmHWM") - before };
  } catch (error) {
    answer = { failed: error instanceof Error ? error.message : String(error) };
  }
  process.send?.(answer);
});
