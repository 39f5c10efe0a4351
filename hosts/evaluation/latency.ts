// Milliseconds of models against each other: one record, one thread, interleaved rounds.
import type { Manifest } from "../../runtime/artifact.d.ts";
import { allocate } from "../../runtime/tensor.ts";
import { sampleOf } from "./columns.ts";
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
  const names = compiled.inputs.map((i) => i.name);
  const feeding = compiled.program.data.find((d) => names.every((name) => d.fields.some((f) => f.name.name === name)));
  if (!feeding) return madeUp(manifest);
  return sampleOf(await trial.data(feeding.name.name, compiled), names, 0);
}

const SENTENCE = "A sentence of a dozen words, as a person might write it, stands here.";
/** Of axes that a run decides. */
const OPEN_SIZE = 64;

/** A record of the right form: time hardly depends on what is in it. */
function madeUp(manifest: Manifest): Sample {
  return Object.fromEntries(manifest.inputs.map((input): [string, Sample[string]] => {
    switch (input.type) {
      case "image": {
        const step = manifest.steps.find((s) => s.kind === "image" && s.input === input.name);
        const { width, height, channels } = step?.kind === "image" ? step : { width: 1, height: 1, channels: 1 as const };
        // A pattern that repeats after a prime number of pixels: tokens differ from one another.
        return [input.name, { data: Uint8Array.from({ length: width * height * channels }, (_, i) => (i % 251) ^ (i % 89)), width, height, channels }];
      }
      case "text": return [input.name, SENTENCE];
      case "bool": return [input.name, true];
      case "tensor": {
        const dtype = input.dtype ?? "f32";
        const dims = (input.axes ?? []).map((a) => (typeof a.size === "number" ? a.size : OPEN_SIZE));
        return [input.name, { dtype, dims, data: allocate(input.name, dtype, dims.reduce((a, b) => a * b, 1)) }];
      }
      default: return [input.name, 1];
    }
  }));
}
