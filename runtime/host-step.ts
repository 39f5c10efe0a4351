// What a step before the graph is: values of one input, a batch of them, become tensors of the graph.
import type { Step } from "./artifact.d.ts";
import type { Tensor } from "./tensor.ts";

/** A value of a record with where it stands, for messages: ` of record 3`, or nothing where there is one record. */
export interface Given {
  readonly value: unknown;
  readonly at: string;
}

export interface BatchTensors {
  /** By name in the graph, the batch axis first. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Sizes that only the values decide: the number of tokens. */
  readonly sizes: ReadonlyMap<string, number>;
}

/** Records that are decoded or tokenized, and not put together yet. */
export interface Prepared {
  /** Tokens of each record; undefined where all records are of one size. */
  readonly lengths: readonly number[] | undefined;
  /** Those with these numbers as one batch, padded to the longest of them. */
  batch(records: readonly number[]): BatchTensors;
}

export interface HostStep {
  /** Name of the input that it reads. */
  readonly input: string;
  /** Refuses at once what can be no such value. */
  check(given: Given): void;
  prepare(batch: readonly Given[], signal: AbortSignal | undefined): Promise<Prepared>;
}

/** The step that the manifest describes; `folder` is the artefact's. */
export async function openStep(step: Step, folder: string): Promise<HostStep> {
  // Only what is needed is loaded: a text pipeline does without the picture library.
  switch (step.kind) {
    case "image": return new (await import("./media/image.ts")).ImageStep(step);
    case "text": return (await import("./tokenizers/text.ts")).TextStep.open(step, folder);
  }
}
