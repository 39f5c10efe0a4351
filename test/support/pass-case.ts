// What a pass does to a graph: its text before and after stands in a file, and both graphs are run on the same numbers.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { ExecutionContext } from "ava";
import { Build } from "../../compiler/graph/build.ts";
import { Arena, type Graph, type Level, type Node, topological } from "../../compiler/graph/node.ts";
import { parseGraph, printGraph } from "../../compiler/graph/text.ts";
import type { Value } from "../../compiler/host.ts";
import { infer } from "../../compiler/ops/index.ts";
import { runPasses } from "../../compiler/passes/order.ts";
import type { Pass } from "../../compiler/passes/pass.ts";
import { Recorder } from "../../compiler/rewrite/record.ts";
import type { TargetName } from "../../compiler/targets/target.ts";
import { symbol } from "../../compiler/types/dim.ts";
import { array, distance, map, noise, value } from "./array.ts";
import { graphOf, runGraph } from "./evaluate.ts";
import { tolerance } from "./tolerance.ts";

export interface PassCase {
  /** File below `test/golden/passes/`, without its end. */
  readonly golden: string;
  readonly passes: readonly Pass[];
  readonly make: (b: Build) => Node | readonly Node[];
  readonly target?: TargetName;
  /** Of what `make` gives; graphs that hold fused ops already are of level "fused". */
  readonly level?: Level;
}

/** Sizes of inputs, known to the run alone; C is known. */
export const [B, N, M] = [symbol("B"), symbol("N"), symbol("M")];
export const C = 12;
/** f32[B, N, C]. */
export const tokens = (b: Build, name = "x"): Node => b.input(name, "f32", [B, N, C]);
/** A weight: f32 of these sizes, known while compiling. */
export const weight = (b: Build, dims: readonly number[], seed = 1): Node => b.random("f32", dims, seed, "normal");
export const number = (b: Build, value: number): Node => b.scalar("f32", value);

/** Sizes that no code is likely to have met by accident. */
const SIZES: Readonly<Record<string, number>> = { B: 2, N: 17, M: 11 };

/** The ops that the outputs need, each as often as there are nodes of it. */
export const opsOf = (graph: Graph): string[] => topological(graph.outputs.map((o) => o.node)).map((n) => n.op);

/** Checks text and numbers; what the passes said is for the test to look at. */
export async function passCase(t: ExecutionContext, { golden, passes, make, target = "cpu", level = "tensor" }: PassCase): Promise<{ readonly after: Graph; readonly record: Recorder }> {
  const b = new Build(new Arena(infer));
  const made = make(b);
  const before = printGraph({ ...graphOf(b.arena, ...(Array.isArray(made) ? made : [made]) as readonly Node[]), level });
  const graph = parseGraph(before, infer);
  const record = new Recorder();
  const after = runPasses(graph as Graph<"tensor">, target, { order: passes, record });
  compareText(t, golden, `${before}\n${printGraph(after)}`);
  await sameNumbers(t, graph, after, target);
  return { after, record };
}

function compareText(t: ExecutionContext, golden: string, found: string): void {
  const file = golden.toLowerCase().replace(/[^a-z0-9/]+/g, "-");
  const path = fileURLToPath(new URL(`../golden/passes/${file}.txt`, import.meta.url));
  if (process.env.UPDATE) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, found);
  }
  if (existsSync(path)) t.is(found, readFileSync(path, "utf8"), `${golden} has changed; UPDATE=1 writes it anew`);
  else t.fail(`${path} is not there; UPDATE=1 writes it`);
}

/** Runs both on the same inputs, seeded, with sizes that are not round. */
export async function sameNumbers(t: ExecutionContext, before: Graph, after: Graph, target: TargetName = "cpu"): Promise<void> {
  const inputs = inputsOf(before);
  const wanted = await runGraph(before, inputs);
  const found = await runGraph(after, inputs, { target });
  for (const [name, want] of Object.entries(wanted)) {
    const got = found[name] as Value;
    t.is(got.dtype, want.dtype, name);
    const top = Math.max(1, ...array(want).data.map(Math.abs));
    const scaled = (v: Value): ReturnType<typeof array> => map(array(v), (x) => x / top);
    const gap = distance(scaled(got), scaled(want));
    t.true(gap <= tolerance(want.dtype, "approximated"), `${name} is off by ${gap}`);
    t.true(array(want).data.some((x) => x !== 0), `${name} is more than zeros`);
  }
}

function inputsOf({ inputs, arena: { facts } }: Graph): Record<string, Value> {
  return Object.fromEntries(inputs.map(({ name, node }, i) => {
    const { dtype } = node.type;
    const dims = node.type.dims.map((d) => facts.number(d) ?? SIZES[d.key] ?? 5);
    const numbers = noise(dims, i + 1);
    return [name, value(dtype, dtype === "bool" ? map(numbers, (x) => Number(x > -0.4)) : dtype.startsWith("f") ? numbers : map(numbers, (x) => Math.floor((x + 1) * 4)))];
  }));
}
