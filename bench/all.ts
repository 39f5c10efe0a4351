/**
 * Every bench that has a bar, one after the other, with what each printed: `npm run bench`. Takes about half an hour on two cores;
 * nothing else should run beside it. Fails where one of them misses its bar.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const BENCHES: readonly (readonly [file: string, ...args: string[]])[] = [["folds.ts"], ["compile-speed.ts"], ["memory.ts"], ["leak.ts"]];

const missed: string[] = [];
for (const [file, ...args] of BENCHES) {
  console.log(`\n── ${file} ──`);
  const path = fileURLToPath(new URL(file, import.meta.url));
  const { status } = spawnSync(process.execPath, ["--expose-gc", "--import=tsx", path, ...args], { stdio: "inherit" });
  if (status !== 0) missed.push(file);
}
console.log(missed.length === 0 ? "\nall bars are reached" : `\nmissed: ${missed.join(", ")}`);
process.exitCode = missed.length === 0 ? 0 : 1;
