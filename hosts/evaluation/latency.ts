// Milliseconds of models against each other: one record, one thread, interleaved rounds.
import type { Compiled } from "../../compiler/compile.ts";
import { madeUpRecord } from "../made-up-record.ts";
import { sampleOf } from "./columns.ts";
import type { DataSet } from "./data.ts";
import { Model, type Sample } from "./model.ts";
import { interleaved, type Speed, type SpeedOptions } from "./speed.ts";
import type { Built, Trial } from "./trial.ts";

/** In the order of `models`. The record is the first of the data that feeds the pipeline, or a made-up one where none does. Throws what `Trial.data` and `Model.open` throw. */
export async function speeds(trial: Trial, models: readonly Built[], options: SpeedOptions): Promise<Speed[]> {
  const [first] = models;
  if (!first) return [];
  const open: Model[] = [];
  try {
    for (const { directory } of models) open.push(await Model.open(directory, { threads: 1 }));
    const sample = await sampleFor(trial, first, open[0] as Model);
    return await interleaved(await Promise.all(open.map((m) => m.timed(sample))), options);
  } finally {
    for (const model of open) await model[Symbol.asyncDispose]();
  }
}

async function sampleFor(trial: Trial, { compiled }: Built, { manifest }: Model): Promise<Sample> {
  const data = await feedingData(trial, compiled);
  return data ? sampleOf(data, compiled.inputs.map((i) => i.name), 0) : madeUpRecord(manifest);
}

/** The first of the program's data that has a field for each input of the pipeline. Throws `Untold`. */
export async function feedingData(trial: Trial, compiled: Compiled): Promise<DataSet | undefined> {
  const names = compiled.inputs.map((i) => i.name);
  const feeding = compiled.program.data.find((d) => names.every((name) => d.fields.some((f) => f.name.name === name)));
  return feeding && trial.data(feeding.name.name, compiled);
}
