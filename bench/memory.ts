/**
 * Peak memory of a compile against that of an idle compiler: `npx tsx bench/memory.ts [geometry]` (vit-2gib unless said otherwise: 2.3 GB of weights, written on the first run).
 * Each figure is of a process of its own. Fails where the difference is above the bound.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../hosts/build.ts";
import { check } from "../hosts/compile.ts";
import { GEOMETRIES, geometry, type GeometryName } from "./geometry.ts";
import { programFor } from "./program.ts";

/** MiB above an idle compiler. */
const BOUND = 400;
const MIB = 2 ** 20;

/** Peak resident set of this process. `maxRSS` would count the parent's memory, which a child starts with; VmHWM does not. */
function peak(): number {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS * 1024;
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
}

/** A process that compiles, or only loads the compiler and checks the program; its last line is its peak in bytes. */
async function child(kind: string, root: string, file: string, out: string): Promise<void> {
  const result = kind === "idle" ? check({ root, file }) : await build({ root, file, out, gates: false });
  const wrong = result.problems.find((p) => p.severity === "error");
  if (wrong) throw new Error(`${wrong.code} ${wrong.says}`);
  console.log(peak());
}

function measured(kind: "idle" | "build", root: string, file: string, out: string): number {
  const self = fileURLToPath(import.meta.url);
  const ran = spawnSync(process.execPath, ["--import=tsx", self, "--child", kind, root, file, out], { encoding: "utf8", cwd: join(dirname(self), "..") });
  if (ran.status !== 0) throw new Error(ran.stderr);
  return Number(ran.stdout.trim().split("\n").pop());
}

async function main(): Promise<void> {
  const [first, ...rest] = process.argv.slice(2);
  if (first === "--child") {
    const [kind = "", root = "", file = "", out = ""] = rest;
    return child(kind, root, file, out);
  }
  const name = (first ?? "vit-2gib") as GeometryName;
  const folder = geometry(name);
  const root = dirname(folder);
  const file = `${name}.kiri`;
  writeFileSync(join(root, file), programFor(GEOMETRIES[name], basename(folder)));
  const out = join(root, `${name}.artefact`);
  try {
    const idle = measured("idle", root, file, out);
    const building = measured("build", root, file, out);
    const weights = readFileSync(join(out, "manifest.json"), "utf8");
    const { cost } = JSON.parse(weights) as { cost: { weightBytes: number } };
    const above = (building - idle) / MIB;
    console.log(`weights ${(cost.weightBytes / MIB).toFixed(0)} MiB, idle compiler ${(idle / MIB).toFixed(0)} MiB, compiling ${(building / MIB).toFixed(0)} MiB: ${above.toFixed(0)} MiB above (bound ${BOUND})`);
    if (above > BOUND) process.exitCode = 1;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

void main();
