// The app of this folder, copied to where the bundlers are found, with this package in its node_modules as people install it.
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { literal } from "../../compiler/graph/build.ts";
import { ROOT } from "../support/program.ts";
import { writeSafetensors } from "../support/safetensors-file.ts";
import { RECORDS } from "../support/small-project.ts";

export interface Ran {
  readonly code: number;
  /** Both streams, without colours. */
  readonly said: string;
}

/** The way of each bundler to be started in the app. */
export const STARTED: Readonly<Record<string, readonly string[]>> = {
  vite: [join(ROOT, "node_modules/vite/bin/vite.js"), "build"],
  rollup: [join(ROOT, "node_modules/rollup/dist/bin/rollup"), "-c"],
  rolldown: [join(ROOT, "node_modules/rolldown/bin/cli.mjs"), "-c"],
  webpack: ["webpack.mjs"],
  esbuild: ["esbuild.mjs"],
};

/** Bundlers that this project does not depend on: run where they are found, in its `node_modules` or in those of the folder that BUNDLERS names. */
const OPTIONAL: Readonly<Record<string, { readonly package: string; readonly start: readonly string[] }>> = {
  rspack: { package: "@rspack/core", start: ["rspack.mjs"] },
  farm: { package: "@farmfe/core", start: ["farm.mjs"] },
};
const PLACES = [process.env.BUNDLERS, ROOT].flatMap((folder) => (folder ? [join(folder, "node_modules")] : []));
const placeOf = (name: string): string | undefined => PLACES.map((place) => join(place, name)).find((place) => existsSync(place));

/** Every bundler that is there, with its way to be started; of the others, the packages that are missing. */
export const BUNDLERS: Readonly<Record<string, readonly string[]>> = { ...STARTED, ...Object.fromEntries(Object.entries(OPTIONAL).flatMap(([name, { package: from, start }]) => (placeOf(from) === undefined ? [] : [[name, start]]))) };
export const LEFT_OUT: readonly string[] = Object.values(OPTIONAL).flatMap((one) => (placeOf(one.package) === undefined ? [one.package] : []));

const made = new Set<string>();
process.on("exit", () => { for (const folder of made) rmSync(folder, { recursive: true, force: true }); });

/** Below build/, so that the bundlers of this project are those of the app; removed when the process ends. */
export function app(): string {
  mkdirSync(join(ROOT, "build"), { recursive: true });
  const folder = mkdtempSync(join(ROOT, "build/app-"));
  made.add(folder);
  cpSync(join(import.meta.dirname, "app"), folder, { recursive: true });
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules/kirigami"));
  for (const { package: name } of Object.values(OPTIONAL)) {
    const place = placeOf(name);
    if (place === undefined) continue;
    mkdirSync(dirname(join(folder, "node_modules", name)), { recursive: true });
    symlinkSync(place, join(folder, "node_modules", name));
  }
  mkdirSync(join(folder, "data"));
  writeFileSync(join(folder, "data/records.json"), JSON.stringify(RECORDS));
  writeWeights(folder, Array.from({ length: 12 }, (_, i) => (i % 5 === 0 ? 1 : 0)));
  return folder;
}

export function writeWeights(folder: string, weight: readonly number[]): void {
  mkdirSync(join(folder, "models/small"), { recursive: true });
  writeFileSync(join(folder, "models/small/config.json"), "{}");
  writeSafetensors(join(folder, "models/small/model.safetensors"), {
    weight: { dtype: "f32", shape: [3, 4], bytes: literal("f32", weight).bytes }, bias: { dtype: "f32", shape: [3], bytes: literal("f32", [0, 0, 0]).bytes },
  });
}

/** Processes at the same time; bundlers have threads of their own, and Vite gives up where it waits for a minute. */
const MOST_AT_ONCE = 2;
let running = 0;
const waiting: (() => void)[] = [];

/** Runs Node in the app, when it is its turn. */
export async function node(folder: string, ...args: readonly string[]): Promise<Ran> {
  if (running >= MOST_AT_ONCE) await new Promise<void>((turn) => waiting.push(turn));
  else running++;
  try {
    return await run(folder, args);
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}

function run(folder: string, args: readonly string[]): Promise<Ran> {
  return new Promise((done) => {
    execFile(process.execPath, [...args], { cwd: folder, env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, CI: "true", NODE_OPTIONS: "" } }, (error, out, err) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: some bundlers colour whatever they are told
      done({ code: error ? Number(error.code ?? 1) : 0, said: `${err}${out}`.replace(/\u001b\[[0-9;]*m/g, "") });
    });
  });
}

/** The file that a bundler made of src/main.js. */
export function bundleOf(folder: string, bundler: string): string {
  const found = readdirSync(join(folder, "out", bundler)).filter((name) => /^main\.m?js$/.test(name));
  if (found.length !== 1) throw new Error(`${bundler} made ${found.join()}`);
  return join("out", bundler, found[0] ?? "");
}
