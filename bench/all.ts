/**
 * The benches whose bars need nothing but this repository, what it builds, and trained models, one after the other, with what each printed:
 * `npm run bench`. Takes about half an hour on two cores; nothing else should run beside it. Fails where one of them misses its bar.
 * What needs a trained model is left out, and told, where nobody has fetched it.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

interface Bench {
  readonly name: string;
  /** The file to run, and what it is given; paths are relative to this folder. */
  readonly runs: readonly [file: string, ...args: string[]];
  /** A folder of weights that git does not hold, and how to come by it. */
  readonly needs?: { readonly folder: string; readonly from: string };
  /** The script of the package that makes what is measured. */
  readonly after?: string;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const own = (file: string): Bench => ({ name: file, runs: [file] });
const BENCHES: readonly Bench[] = [
  own("folds.ts"), own("compile-speed.ts"), own("memory.ts"), own("leak.ts"),
  { name: "embed.ts", runs: ["embed.ts"], needs: { folder: ".models/minilm-hub", from: "python bench/embed-reference.py" } },
  // Its gates are the bar: the exit code tells.
  { name: "embed.kiri", runs: ["../hosts/cli/main.ts", "bench", here("embed.kiri")], needs: { folder: ".models/minilm", from: "python bench/fetch.py minilm" } },
  { name: "lsp.ts", runs: ["lsp.ts"], after: "build" },
  { name: "bundler.ts", runs: ["bundler.ts"], after: "build" },
  { name: "pages.ts", runs: ["pages.ts"], after: "playground" },
];

const missed: string[] = [];
const left: string[] = [];
const made = new Set<string>();
for (const { name, runs: [file, ...args], needs, after } of BENCHES) {
  console.log(`\n── ${name} ──`);
  if (needs && !existsSync(here(needs.folder))) {
    console.log(`left out: it takes bench/${needs.folder}; \`${needs.from}\` fetches it`);
    left.push(name);
    continue;
  }
  if (after !== undefined && !made.has(after) && spawnSync("npm", ["run", "--silent", after], { cwd: here(".."), stdio: ["ignore", "ignore", "inherit"], shell: process.platform === "win32" }).status !== 0) {
    console.log(`npm run ${after} fails, and it is to make what is measured`);
    missed.push(name);
    continue;
  }
  if (after !== undefined) made.add(after);
  const { status } = spawnSync(process.execPath, ["--expose-gc", "--import=tsx", here(file), ...args], { stdio: "inherit" });
  if (status !== 0) missed.push(name);
}
console.log(missed.length === 0 ? `\nall bars are reached${left.length > 0 ? `, ${left.join(", ")} left out` : ""}` : `\nmissed: ${missed.join(", ")}`);
process.exitCode = missed.length === 0 ? 0 : 1;
