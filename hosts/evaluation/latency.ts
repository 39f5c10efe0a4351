// Milliseconds of models against each other: one record, one thread, interleaved rounds.
import type { DataSet } from "./data.ts";
import { sampleOf } from "./columns.ts";
import { Model, type Sample } from "./model.ts";
import { interleaved, type Speed, type SpeedOptions } from "./speed.ts";
import { NoMeasure } from "./measure.ts";
import type { Built, Trial } from "./trial.ts";

/** In the order of `models`. The record is the first of the data that feeds the pipeline. Throws what `Trial.data` throws, and `NoMeasure` where nothing feeds it. */
export async function speeds(trial: Trial, models: readonly Built[], options: SpeedOptions): Promise<Speed[]> {
  const [first] = models;
  if (!first) return [];
  const sample = await sampleFor(trial, first);
  const open: Model[] = [];
  try {
    for (const { directory } of models) open.push(await Model.open(directory, { threads: 1 }));
    return await interleaved(await Promise.all(open.map((m) => m.timed(sample))), options);
  } finally {
    for (const model of open) await model[Symbol.asyncDispose]();
  }
}

async function sampleFor(trial: Trial, { compiled }: Built): Promise<Sample> {
  const names = compiled.inputs.map((i) => i.name);
  const feeding = compiled.program.data.find((d) => names.every((name) => d.fields.some((f) => f.name.name === name)));
  if (!feeding) throw new NoMeasure(`no data of ${compiled.program.main.path} has all of what the pipeline takes (${names.join(", ")}), so there is nothing to run`);
  const data: DataSet = await trial.data(feeding.name.name, compiled);
  return sampleOf(data, names, 0);
}
