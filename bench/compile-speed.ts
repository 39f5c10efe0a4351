/**
 * How long compiling and checking take: `npx tsx bench/compile-speed.ts`. A model of 109 million parameters (the sizes of BERT base, random weights,
 * written on the first run) compiles in a fresh process; a file of 200 lines that uses the whole library is checked in a warm one; chains of up to 20,000 nodes
 * go through all passes. Fails above the bounds. `--chains`: these alone.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Build } from "../compiler/graph/build.ts";
import { Arena, type Node } from "../compiler/graph/node.ts";
import { infer } from "../compiler/ops/index.ts";
import { runPasses } from "../compiler/passes/order.ts";
import { symbol } from "../compiler/types/dim.ts";
import { build } from "../hosts/build.ts";
import { check } from "../hosts/compile.ts";
import { NodeHost } from "../hosts/node-host.ts";
import { quantile } from "../hosts/evaluation/speed.ts";
import { GEOMETRIES, geometry } from "./geometry.ts";
import { programFor } from "./program.ts";

/** Milliseconds. */
const BOUNDS = { compile: 10_000, check: 150 };
const LINES = 200;
const ROUNDS = 15;
const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** A program of 200 lines: every module of the library is used, and layers, functions, records, a model and two variants stand in it. */
function longProgram(): string {
  const host = new NodeHost({ root: ROOT });
  const modules = host.libraryPaths().filter((p) => p !== "core").map((p) => p.replaceAll("/", "."));
  host.close();
  const head = [
    ...modules.filter((m) => !["folds.tome", "nn.attention", "nn.linear", "nn.norm", "nn.activation"].includes(m)).map((m) => `use ${m} as ${m.replaceAll(".", "_")}`),
    "use folds.tome (tome)", "use nn.attention (SelfAttention)", "use nn.linear (Linear)", "use nn.norm (LayerNorm)", "use nn.activation (gelu)",
    "model picture_classifier = model_vit.Classifier from \"pipelines/models/tiny-vit-mnist\"",
    "compress picture_classifier as lite { fold tokens protect 1 in each blocks[2..] after attended with tome(r: 4) }",
    "pipeline classify(picture: image) -> { label: Int } {",
    "  { label: argmax(picture_classifier(image.prepare(picture; picture_classifier.processor)); over: Classes) }",
    "}",
  ].map((line) => line.replaceAll("use image as image", "use image"));
  const lines = [...head];
  for (let i = 0; lines.length + 13 <= LINES; i++) {
    lines.push(
      `/// Block ${i}: what people write by hand.`,
      `layer Mixed${i}(width: Int, heads: Int) {`,
      "  use norm = LayerNorm(width, 1e-6)", "  use attention = SelfAttention(width, heads, true)", "  use widen = Linear(width, 4 * width)", "  use narrow = Linear(4 * width, width)",
      "  (x: f32[B, N, C]) -> f32[B, N, C] where C = width {",
      "    let seen = x + attention(norm(x)) as [B, N, C]", "    seen + narrow(gelu(widen(norm(seen)))) as [B, N, C]", "  }", "}",
      `fn spread${i}(x: f32[B, N, C]) -> f32[B, N] { sqrt(mean((x - mean(x; over: C)) ^ 2; over: C) + 1e-6) }`,
      `record Options${i} { width: Int, heads: Int = 4, let head = width / heads }`,
    );
  }
  while (lines.length < LINES) lines.push(`let size${lines.length} = ${lines.length} * 2`);
  return lines.join("\n");
}

function timed(body: () => void): number {
  const start = performance.now();
  body();
  return performance.now() - start;
}

/** Milliseconds of checks of a text that changes by a line each time, as in an editor. */
function checking(file: string, text: string): number[] {
  const run = (i: number): void => {
    const { problems } = check({ root: ROOT, file, text: `${text}\n// ${i}\n` });
    const wrong = problems.find((p) => p.severity === "error");
    if (wrong) throw new Error(`${wrong.code} ${wrong.says} at ${JSON.stringify(wrong.span)}`);
  };
  for (let i = 0; i < 5; i++) run(-i);
  return Array.from({ length: ROUNDS }, (_, i) => timed(() => run(i)));
}

async function compiling(root: string, file: string, out: string): Promise<void> {
  const start = performance.now();
  const { problems } = await build({ root, file, out, gates: false });
  const wrong = problems.find((p) => p.severity === "error");
  if (wrong) throw new Error(`${wrong.code} ${wrong.says}`);
  console.log(performance.now() - start);
}

function fresh(root: string, file: string, out: string): number {
  const ran = spawnSync(process.execPath, ["--import=tsx", fileURLToPath(import.meta.url), "--child", root, file, out], { encoding: "utf8", cwd: ROOT });
  if (ran.status !== 0) throw new Error(ran.stderr);
  return Number(ran.stdout.trim().split("\n").pop());
}

function row(what: string, times: readonly number[], bound: number | undefined): void {
  const median = quantile(times, 0.5);
  const range = `${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)}`;
  console.log(`${what}: ${median.toFixed(0)} ms (${range}, ${times.length} runs)${bound === undefined ? "" : `, bound ${bound}`}`);
  if (bound !== undefined && median > bound) process.exitCode = 1;
}

const B = symbol("B");
/** Each step of a chain of tensors f32[B, 8], in turn. */
const CHAINS: Readonly<Record<string, readonly ((b: Build, x: Node, i: number) => Node)[]>> = {
  "sums, products and functions": [
    (b, x, i) => b.add(x, b.random("f32", [1, 8], i, "normal")), (b, x, i) => b.mul(x, b.random("f32", [1, 8], i, "normal")),
    (b, x) => b.unary("relu", x), (b, x, i) => b.matmul(x, b.random("f32", [8, 8], i, "normal")),
  ],
  "reshapes and transpositions": [(b, x) => b.reshape(x, [B, 4, 2]), (b, x) => b.transpose(x, [0, 2, 1]), (b, x) => b.reshape(x, [B, 8])],
};

/** Seconds that the passes take for chains of growing length. */
function chains(): void {
  for (const [what, steps] of Object.entries(CHAINS))
    for (const count of [2_500, 5_000, 10_000, 20_000]) {
      const b = new Build(new Arena(infer));
      const input = b.input("x", "f32", [B, 8]);
      let node = input;
      for (let i = 0; i < count; i++) node = (steps[i % steps.length] as (typeof steps)[number])(b, node, i);
      const axesOf = (of: Node): string[] => of.type.dims.map(() => "");
      const took = timed(() => void runPasses({ level: "tensor", arena: b.arena, guards: [], inputs: [{ name: "x", node: input, axes: axesOf(input) }], outputs: [{ name: "y", node, axes: axesOf(node) }] }, "cpu"));
      console.log(`passes, a chain of ${count} ${what}: ${(took / 1000).toFixed(1)} s`);
    }
}

async function main(): Promise<void> {
  if (process.argv.includes("--chains")) return chains();
  const [first, root = "", file = "", out = ""] = process.argv.slice(2);
  if (first === "--child") return compiling(root, file, out);
  const folder = geometry("bert-base");
  const place = dirname(folder);
  writeFileSync(join(place, "bert-base.kiri"), programFor(GEOMETRIES["bert-base"], basename(folder)));
  const artefact = join(place, "bert-base.artefact");
  try {
    row("compile, 109 million parameters, fresh process", Array.from({ length: 3 }, () => fresh(place, "bert-base.kiri", artefact)), BOUNDS.compile);
  } finally {
    rmSync(artefact, { recursive: true, force: true });
  }
  row(`check, ${LINES} lines, whole library, warm process`, checking("long.kiri", longProgram()), BOUNDS.check);
  const scenes = "pipelines/scenes.kiri";
  row(`check, ${scenes} with all its variants, warm process`, checking(scenes, readFileSync(join(ROOT, scenes), "utf8")), undefined);
  chains();
}

void main();
