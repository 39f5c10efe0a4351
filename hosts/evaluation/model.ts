// An artefact at work in this thread, one record at a time, as `run(record)` runs them: what gates and benches measure.
import { join } from "node:path";
import type { Manifest } from "../../runtime/artifact.d.ts";
import { openArtifact } from "../../runtime/artifact-folder.ts";
import { Graph } from "../../runtime/graph.ts";
import { Guards } from "../../runtime/guards.ts";
import { type HostStep, openStep } from "../../runtime/host-step.ts";
import { type InputValue, Inputs } from "../../runtime/record.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { MODEL_FILE } from "../artifact.ts";

/** One value for each of the pipeline's inputs, as a session takes it. */
export type Sample = Readonly<Record<string, InputValue>>;

interface ModelOptions {
  /** Threads inside of one operator; ONNX Runtime's default is one a core. */
  readonly threads?: number;
}

export class Model implements AsyncDisposable {
  readonly manifest: Manifest;
  readonly #graph: Graph;
  readonly #steps: readonly HostStep[];
  readonly #inputs: Inputs;
  readonly #guards: Guards;

  private constructor(manifest: Manifest, graph: Graph, steps: readonly HostStep[]) {
    this.manifest = manifest;
    this.#graph = graph;
    this.#steps = steps;
    this.#inputs = new Inputs(manifest);
    this.#guards = new Guards(manifest);
  }

  /** Opens the artefact on the device that it was compiled for. Rejects with `RuntimeError`. */
  static async open(directory: string, { threads }: ModelOptions = {}): Promise<Model> {
    const { folder, manifest } = await openArtifact(directory);
    const steps: HostStep[] = [];
    for (const step of manifest.steps) steps.push(await openStep(step, folder));
    const graph = await Graph.open(join(folder, MODEL_FILE), { device: manifest.target === "cuda" ? "cuda" : "cpu", ...(threads === undefined ? {} : { threads }) });
    return new Model(manifest, graph, steps);
  }

  /** Outputs of one record by name, with a batch axis of 1. */
  async run(sample: Sample): Promise<Record<string, Tensor>> {
    return this.#graph.run(await this.tensors([sample]));
  }

  /** Milliseconds that the graph takes for the record; decoding and tokenizing are done once, before. */
  async timed(sample: Sample): Promise<() => Promise<number>> {
    const tensors = await this.tensors([sample]);
    return async () => (await this.#graph.time(tensors, 1))[0] ?? Number.NaN;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#graph.release();
  }

  /** What the graph is given for these records as one batch. */
  async tensors(samples: readonly Sample[]): Promise<Record<string, Tensor>> {
    const records = samples.map((sample) => ({ values: this.#inputs.flatten(sample, ""), at: "" }));
    const tensors = this.#inputs.stacked(records);
    const sizes = new Map<string, number>();
    for (const step of this.#steps) {
      const prepared = (await step.prepare(records.map(({ values, at }) => ({ value: values.get(step.input), at })), undefined)).batch(records.map((_, i) => i));
      for (const [name, tensor] of prepared.tensors) tensors.set(name, tensor);
      for (const [name, size] of prepared.sizes) sizes.set(name, size);
    }
    this.#guards.check(tensors, sizes);
    return Object.fromEntries(this.manifest.graph.inputs.flatMap(({ name }) => (tensors.has(name) ? [[name, tensors.get(name) as Tensor]] : [])));
  }
}
