// Timing of ONNX models against each other: one thread, rounds in which each runs once, ratios within a round.
import { performance } from "node:perf_hooks";
import * as ort from "onnxruntime-node";
import { quantile } from "../hosts/evaluation/speed.ts";

/** Something that runs once. */
export interface Runner {
  readonly name: string;
  run(): Promise<void>;
  close(): Promise<void>;
}

/** Milliseconds of each round, by name. */
export type Times = ReadonlyMap<string, readonly number[]>;

/** A session on one thread, fed with numbers that repeat after a prime. `inputs`: sizes of axes that a run decides. */
export async function open(name: string, model: string | Uint8Array, options: { readonly ints?: number; readonly options?: ort.InferenceSession.SessionOptions } = {}): Promise<Runner> {
  const all: ort.InferenceSession.SessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3, ...options.options };
  const session = typeof model === "string" ? await ort.InferenceSession.create(model, all) : await ort.InferenceSession.create(model, all);
  const feeds = Object.fromEntries(session.inputMetadata.map((input) => [input.name, made(input, options.ints ?? 1)]));
  return {
    name,
    run: async () => { await session.run(feeds); },
    close: () => session.release(),
  };
}

function made(input: ort.InferenceSession.ValueMetadata, most: number): ort.Tensor {
  if (!input.isTensor) throw new Error(`${input.name} is no tensor`);
  // What a run decides is one picture or one text.
  const dims = input.shape.map((d) => (typeof d === "number" ? d : 1));
  const count = dims.reduce((a, b) => a * b, 1);
  if (input.type === "int64") return new ort.Tensor("int64", BigInt64Array.from({ length: count }, (_, i) => BigInt(i % most)), dims);
  return new ort.Tensor("float32", Float32Array.from({ length: count }, (_, i) => ((i * 7919) % 9973) / 5000 - 1), dims);
}

/** Every runner once to warm up (unless they are warm), then `rounds` times, one after the other. */
export async function timed(runners: readonly Runner[], rounds: number, { isWarm = false }: { readonly isWarm?: boolean } = {}): Promise<Times> {
  const times = new Map<string, number[]>(runners.map((r) => [r.name, []]));
  if (!isWarm) for (const runner of runners) await runner.run();
  for (let round = 0; round < rounds; round++) {
    // There and back, so that no runner always follows the same one.
    for (const runner of round % 2 === 0 ? runners : [...runners].reverse()) {
      const start = performance.now();
      await runner.run();
      times.get(runner.name)?.push(performance.now() - start);
    }
  }
  return times;
}

export const millis = (times: Times, name: string): readonly number[] => {
  const found = times.get(name);
  if (!found) throw new Error(`${name} was not timed`);
  return found;
};
export const median = (values: readonly number[]): number => quantile(values, 0.5);

export interface Ratio {
  readonly value: number;
  /** Half the distance between the quartiles. */
  readonly spread: number;
}
/** The median over rounds of what `of` makes of the times in that round. */
export function ratio(times: Times, names: readonly string[], of: (...ms: number[]) => number): Ratio {
  const lists = names.map((n) => millis(times, n));
  const values = (lists[0] ?? []).map((_, round) => of(...lists.map((l) => l[round] ?? Number.NaN)));
  return { value: median(values), spread: (quantile(values, 0.75) - quantile(values, 0.25)) / 2 };
}
