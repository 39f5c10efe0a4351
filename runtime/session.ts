// An artefact that runs: load it, give it records, get records. Neither the compiler nor the grammar is needed.
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest } from "./artifact.d.ts";
import { openArtifact } from "./artifact-folder.ts";
import { refuse } from "./errors.ts";
import { Guards } from "./guards.ts";
import { type Given, type HostStep, openStep, type Prepared } from "./host-step.ts";
import { likeLengths } from "./like-lengths.ts";
import { type Opened, Pool } from "./pool.ts";
import { type Profile, readProfile } from "./profile.ts";
import type { Device } from "./providers.ts";
import { Queue } from "./queue.ts";
import { describe, type InputValue, Inputs, type OutputValue, outputRecords } from "./record.ts";
import { crossesTheEdge, rows, type Tensor } from "./tensor.ts";

export type { Boundary, DType, Manifest } from "./artifact.d.ts";
export { type FaultCode, FAULTS, RuntimeError } from "./errors.ts";
export { evaluate } from "./evaluate.ts";
export { type Generated, generatedArtifact, type Pipeline } from "./generated.ts";
export { Graph, type GraphOptions, type Port } from "./graph.ts";
export type { ImageInput, Pixels } from "./media/image.ts";
export type { Profile, ProfiledLine, ProfiledNode } from "./profile.ts";
export { type Device, type Library, type Probe, type Provider, probe } from "./providers.ts";
export type { InputValue, OutputValue } from "./record.ts";
export type { Tensor, TypedArray } from "./tensor.ts";

export interface Progress {
  /** `verify` (bytes of files) or `open` (workers that have the model open). */
  readonly stage: string;
  readonly loaded: number;
  readonly total: number;
}

export interface LoadOptions {
  /** `auto` (CUDA where it works, else the CPU), or one that must work: `cpu`, `cuda`, `tensorrt`, `webgpu`, `coreml`, `dml`. */
  readonly device?: "auto" | "cpu" | "cuda" | (string & {});
  /** Threads inside of one operator, for each worker; the cores are shared out unless said otherwise. */
  readonly threads?: number;
  /** Runs at the same time; each has the weights in memory. One unless said otherwise. */
  readonly workers?: number;
  /** Runs that may wait; one more is refused with R751. 1024 unless said otherwise; `Infinity` leaves it to the caller. */
  readonly queue?: number;
  /** `full`: every file is hashed; `sizes`: none. Unless said otherwise, those up to 64 MiB are, the sizes of all being checked. */
  readonly verify?: "full" | "sizes";
  /** Measure nodes, for `profile()`; costs some time a node. */
  readonly profile?: boolean;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

export interface RunOptions {
  /** Aborting drops a run that waits, and the result of one that has begun. */
  readonly signal?: AbortSignal;
}

/** Runs beyond those that compute, for which pictures are decoded and texts tokenized already. */
const AHEAD = 1;

interface Parts {
  readonly manifest: Manifest;
  readonly steps: readonly HostStep[];
  readonly pool: Pool;
  readonly device: Device;
  readonly model: string;
  /** Inside of one operator, for each worker. */
  readonly threads: number;
  readonly profiles: string | undefined;
  readonly options: LoadOptions;
}

export class Session<I = Record<string, InputValue>, O = Record<string, OutputValue>> implements AsyncDisposable {
  readonly manifest: Manifest;
  readonly device: Device;
  readonly #parts: Parts;
  readonly #inputs: Inputs;
  readonly #guards: Guards;
  readonly #queue: Queue;
  readonly #splits: boolean;
  #released: Promise<void> | undefined;

  private constructor(parts: Parts, guards: Guards) {
    this.#parts = parts;
    this.manifest = parts.manifest;
    this.device = parts.device;
    this.#inputs = new Inputs(parts.manifest);
    this.#guards = guards;
    this.#splits = splits(parts);
    this.#queue = new Queue((parts.options.workers ?? 1) + AHEAD, parts.options.queue ?? 1024);
  }

  /** Opens the directory that `kiri compile` wrote. Rejects with a `RuntimeError`, or with the signal's reason. */
  static async load<I = Record<string, InputValue>, O = Record<string, OutputValue>>(artifact: string | URL, options: LoadOptions = {}): Promise<Session<I, O>> {
    checkOptions(options);
    const { signal, verify, onProgress, workers = 1 } = options;
    signal?.throwIfAborted();
    const { folder, manifest } = await openArtifact(artifact, {
      ...(verify === undefined ? {} : { verify }), ...(signal === undefined ? {} : { signal }),
      onProgress: (loaded, total) => onProgress?.({ stage: "verify", loaded, total }),
    });
    checkEdges(manifest);
    const guards = new Guards(manifest);
    const steps = await Promise.all(manifest.steps.map((step) => openStep(step, folder)));
    signal?.throwIfAborted();
    const profiles = options.profile ? await mkdtemp(join(tmpdir(), "kirigami-profile-")) : undefined;
    const model = join(folder, "model.onnx");
    try {
      const threads = options.threads ?? Math.max(1, Math.floor(availableParallelism() / workers));
      const order = { model, device: options.device ?? "auto", options: { threads, ...(profiles === undefined ? {} : { profilePrefix: join(profiles, "run-") }) } };
      const { pool, facts } = await Pool.open(order, workers, (loaded) => onProgress?.({ stage: "open", loaded, total: workers }));
      try {
        signal?.throwIfAborted();
        checkPorts(manifest, facts);
      } catch (error) {
        await pool.close();
        throw error;
      }
      return new Session<I, O>({ manifest, steps, pool, device: facts.device, model, threads, profiles, options }, guards);
    } catch (error) {
      if (profiles !== undefined) await rm(profiles, { recursive: true, force: true });
      throw error;
    }
  }

  /** One record, or several: pictures become one tensor, tensors must be alike, texts of like lengths go through the graph together. */
  run(record: I, options?: RunOptions): Promise<O>;
  run(records: readonly I[], options?: RunOptions): Promise<O[]>;
  async run(given: I | readonly I[], { signal }: RunOptions = {}): Promise<O | O[]> {
    if (this.#released) throw refuse("R752", {});
    signal?.throwIfAborted();
    const many = Array.isArray(given);
    const records: readonly unknown[] = many ? given : [given];
    if (records.length === 0) throw refuse("R736", {});
    const batch = records.map((record, i) => {
      const at = many ? ` of record ${i}` : "";
      return { at, values: this.#inputs.flatten(record, at) };
    });
    for (const step of this.#parts.steps) for (const { at, values } of batch) step.check({ value: values.get(step.input), at });
    const plain = this.#inputs.stacked(batch);
    await this.#queue.enter(signal);
    try {
      const steps = await this.#prepare((name) => batch.map(({ at, values }): Given => ({ at, value: values.get(name) })), signal);
      signal?.throwIfAborted();
      const groups = this.#groups(records.length, steps);
      // All groups are looked at before the first one is computed.
      const inputs = groups.map((group) => this.#tensors(plain, steps, group));
      const made: O[] = [];
      await Promise.all(groups.map(async (group, i) => {
        const outputs = await this.#parts.pool.run(inputs[i] ?? {}, signal);
        for (const [at, record] of outputRecords(this.manifest.outputs, outputs, group.length).entries()) made[group[at] ?? 0] = record as O;
      }));
      return many ? made : (made[0] as O);
    } finally {
      this.#queue.leave();
    }
  }

  /** Where the time went since the last profile, by line of the source. */
  async profile(): Promise<Profile> {
    const { profiles, pool, model } = this.#parts;
    if (this.#released) throw refuse("R752", {});
    if (profiles === undefined) throw refuse("R755", {});
    await pool.endProfiling();
    return readProfile(profiles, model, this.device.name);
  }

  /** Refuses what waits, lets what runs end, gives all memory back. A second call waits for the first. */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  async #release(): Promise<void> {
    this.#queue.drain(refuse("R752", {}));
    await this.#parts.pool.close();
    if (this.#parts.profiles !== undefined) await rm(this.#parts.profiles, { recursive: true, force: true });
  }

  async #prepare(given: (input: string) => Given[], signal: AbortSignal | undefined): Promise<Prepared[]> {
    const prepared: Prepared[] = [];
    for (const step of this.#parts.steps) prepared.push(await step.prepare(given(step.input), signal));
    return prepared;
  }

  /** Records that go through the graph together: all of them, or those of like lengths. */
  #groups(records: number, steps: readonly Prepared[]): readonly (readonly number[])[] {
    const lengths = steps.flatMap((step) => (step.lengths ? [step.lengths] : []));
    const all = Array.from({ length: records }, (_, i) => i);
    if (!this.#splits || lengths.length === 0 || records === 1) return [all];
    return likeLengths(all.map((i) => lengths.reduce((sum, of) => sum + (of[i] ?? 0), 0)), this.#parts.threads);
  }

  #tensors(plain: ReadonlyMap<string, Tensor>, steps: readonly Prepared[], group: readonly number[]): Record<string, Tensor> {
    const tensors = new Map([...plain].map(([name, tensor]) => [name, rows(name, tensor, group)]));
    const sizes = new Map<string, number>();
    for (const step of steps) {
      const batch = step.batch(group);
      for (const [name, tensor] of batch.tensors) tensors.set(name, tensor);
      for (const [name, size] of batch.sizes) sizes.set(name, size);
    }
    this.#guards.check(tensors, sizes);
    return Object.fromEntries(this.manifest.graph.inputs.flatMap(({ name }) => {
      const tensor = tensors.get(name);
      return tensor ? [[name, tensor] as const] : [];
    }));
  }
}

/** On a CPU padding costs as much as words; elsewhere a run of its own may cost more. Where an output has a value a token, the records of a call have one size. */
const splits = ({ device, manifest }: Parts): boolean => device.name === "cpu" && manifest.graph.outputs.every(({ axes }) => axes.slice(1).every(({ size }) => typeof size === "number"));

function checkOptions({ threads, workers, queue, device, verify }: LoadOptions): void {
  const whole = (option: string, value: number | undefined, least: number, most: number): void => {
    if (value === undefined || (Number.isInteger(value) && value >= least && value <= most) || (value === Infinity && most === Infinity)) return;
    throw refuse("R713", { option, found: describe(value), wanted: most === Infinity ? `a whole number from ${least}` : `a whole number from ${least} to ${most}` });
  };
  whole("threads", threads, 1, 1024);
  whole("workers", workers, 1, 64);
  whole("queue", queue, 0, Infinity);
  if (device !== undefined && (typeof device !== "string" || device === "")) throw refuse("R713", { option: "device", found: describe(device), wanted: "the name of a device, or `auto`" });
  if (verify !== undefined && verify !== "full" && verify !== "sizes") throw refuse("R713", { option: "verify", found: describe(verify), wanted: "`full` or `sizes`" });
}

/** What the manifest says of itself must fit together before anything runs. */
function checkEdges(manifest: Manifest): void {
  for (const { name, dtype } of [...manifest.graph.inputs, ...manifest.graph.outputs]) if (!crossesTheEdge(dtype)) throw refuse("R710", { name, dtype });
  const inputs = new Set(manifest.inputs.map((i) => i.name));
  for (const step of manifest.steps) if (!inputs.has(step.input)) throw refuse("R714", { where: `The step ${step.kind}`, name: step.input });
  const made = new Set([...manifest.inputs.map((i) => i.name), ...manifest.steps.flatMap((s) => (s.kind === "image" ? [s.tensor] : Object.values(s.tensors)))]);
  for (const { name } of manifest.graph.inputs) if (!made.has(name)) throw refuse("R714", { where: "The graph", name });
  const outputs = new Set(manifest.graph.outputs.map((o) => o.name));
  for (const { name } of manifest.outputs) if (!outputs.has(name)) throw refuse("R714", { where: "The outputs", name });
}

/** The graph in the file is the one that the manifest describes. */
function checkPorts(manifest: Manifest, facts: Opened): void {
  for (const [kind, wanted, found] of [["input", manifest.graph.inputs, facts.inputs], ["output", manifest.graph.outputs, facts.outputs]] as const) {
    const byName = new Map(found.map((p) => [p.name, p]));
    for (const { name, dtype, axes } of wanted) {
      const port = byName.get(name);
      const what = `The ${kind} \`${name}\``;
      if (!port) throw refuse("R709", { what, found: `${kind}s ${[...byName.keys()].join(", ")}`, wanted: "it is there" });
      if (port.dtype !== dtype) throw refuse("R709", { what, found: port.dtype ?? "another type", wanted: dtype });
      const fits = port.dims.length === axes.length && axes.every(({ size }, i) => typeof size !== "number" || typeof port.dims[i] !== "number" || port.dims[i] === size);
      if (!fits) throw refuse("R709", { what, found: `[${port.dims.join(", ")}]`, wanted: `[${axes.map((a) => a.size).join(", ")}]` });
      byName.delete(name);
    }
    const [surplus] = byName.keys();
    if (surplus !== undefined) throw refuse("R709", { what: `The ${kind} \`${surplus}\``, found: `${kind}s of that name`, wanted: "there is none" });
  }
}
