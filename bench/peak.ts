// The peak of one run of a model above what its process held before it: in a process of its own, without an arena that would keep memory.
// usage: tsx bench/peak.ts MODEL.onnx prints bytes. Linux only: it reads /proc.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { open } from "./timing.ts";

const HERE = fileURLToPath(import.meta.url);

async function peakOf(model: string): Promise<void> {
  const session = await open("peak", model, { options: { enableCpuMemArena: false, enableMemPattern: false } });
  const status = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
  writeFileSync("/proc/self/clear_refs", "5");
  const before = status("VmRSS");
  await session.run();
  console.log(status("VmHWM") - before);
}

export function peakInChild(model: string): number {
  const ran = spawnSync(process.execPath, ["--import=tsx", HERE, model], { encoding: "utf8", cwd: fileURLToPath(new URL("..", import.meta.url)) });
  if (ran.status !== 0) throw new Error(ran.stderr);
  return Number(ran.stdout.trim().split("\n").pop());
}

if (process.argv[1] === HERE) await peakOf(process.argv[2] as string);
