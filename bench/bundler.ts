/**
 * How long a bundle takes to build again with a model of 100 MB that has not changed: `npx tsx bench/bundler.ts`, after `npm run build`. Each
 * rebuild is that of a fresh plugin, which knows only what lies in the cache, into an empty folder; esbuild and Rollup are in memory. Fails above the bound.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import { quantile } from "../hosts/evaluation/speed.ts";
import { writeSafetensors } from "../test/support/safetensors-file.ts";

/** Milliseconds. */
const BOUND = 200;
const ROUNDS = 9;
/** 25.6 million weights of 4 bytes. */
const WIDTH = 5060;
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const { default: kirigami } = (await import(join(ROOT, "dist/hosts/bundler/plugin.js"))) as typeof import("../hosts/bundler/plugin.ts");

mkdirSync(join(ROOT, "build"), { recursive: true });
const folder = mkdtempSync(join(ROOT, "build/bench-bundler-"));
const input = join(folder, "main.js");
const options = { root: folder, types: false };

const BUNDLERS: Readonly<Record<string, (out: string) => Promise<unknown>>> = {
  esbuild: (out) => esbuild.build({ entryPoints: [input], bundle: true, platform: "node", format: "esm", outdir: out, plugins: [kirigami.esbuild(options)] }),
  rollup: async (out) => (await rollup({ input, plugins: [kirigami.rollup(options)], logLevel: "silent" })).write({ dir: out, format: "es" }),
};

async function timed(bundler: string): Promise<number> {
  const out = join(folder, "out");
  rmSync(out, { recursive: true, force: true });
  const start = performance.now();
  await BUNDLERS[bundler]?.(out);
  return performance.now() - start;
}

try {
  writeFileSync(join(folder, "package.json"), "{}");
  writeFileSync(input, `import wide from "./wide.kiri";\nexport const open = wide.open;\n`);
  writeFileSync(join(folder, "wide.kiri"), `use nn.linear (Linear)\nmodel wide = Linear(${WIDTH}, ${WIDTH}, false) from "models/wide"\npipeline apply(x: f32[C = ${WIDTH}]) -> { y: f32[O] } { { y: wide(x) } }\n`);
  mkdirSync(join(folder, "models/wide"), { recursive: true });
  writeFileSync(join(folder, "models/wide/config.json"), "{}");
  // Small numbers: bytes of one exponent.
  const bytes = randomBytes(WIDTH * WIDTH * 4).map((byte, i) => (i % 4 === 3 ? 0x3c : byte));
  writeSafetensors(join(folder, "models/wide/model.safetensors"), { weight: { dtype: "f32", shape: [WIDTH, WIDTH], bytes } });
  // A file is remembered when it has stood still for two seconds.
  await new Promise((done) => setTimeout(done, 2500));
  console.log(`weights of ${(bytes.length / 1e6).toFixed(0)} MB; first build ${(await timed("esbuild")).toFixed(0)} ms`);
  await new Promise((done) => setTimeout(done, 2500));
  for (const bundler of Object.keys(BUNDLERS)) {
    await timed(bundler);
    const times: number[] = [];
    for (let i = 0; i < ROUNDS; i++) times.push(await timed(bundler));
    const median = quantile(times, 0.5);
    console.log(`cached rebuild, ${bundler}: ${median.toFixed(0)} ms (${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)}, ${ROUNDS} runs), bound ${BOUND}`);
    if (median > BOUND) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
