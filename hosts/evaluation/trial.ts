// The models of one program on its data: each is built once, each data set opened once, and what a model gives for a data set is kept.
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Compiled, compileProgram } from "../../compiler/compile.ts";
import type { Gate } from "../../compiler/compress/require.ts";
import { type Problem, report } from "../../compiler/diagnostics/define.ts";
import { gates } from "../../compiler/diagnostics/gates.ts";
import { MANIFEST } from "../../compiler/emit/manifest.ts";
import type { Boundary } from "../../compiler/elaborate/pipeline.ts";
import type { Host, Value } from "../../compiler/host.ts";
import type { Span } from "../../grammar/source.ts";
import type { Manifest } from "../../runtime/artifact.d.ts";
import { RuntimeError } from "../../runtime/errors.ts";
import { temporaryDirectory, writeArtifact } from "../artifact-writer.ts";
import { artifactFiles } from "../artifact.ts";
import { outputColumns, truthColumn } from "./columns.ts";
import { type DataSet, dataNamed, openData } from "./data.ts";
import { NoMeasure, take } from "./measure.ts";
import { Model } from "./model.ts";

/** A model with its artefact on the disk. */
export interface Built {
  /** `plain`, or the variant's name. */
  readonly name: string;
  readonly compiled: Compiled;
  readonly directory: string;
}

/** Problems on the way to a figure. */
export class Untold extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems[0]?.says);
    this.problems = problems;
  }
}

export const PLAIN = "plain";
/** Multiply-adds of a record from which on several threads are faster than one. */
const WORTH_SHARING = 1e9;

export class Trial implements AsyncDisposable {
  readonly #host: Host;
  readonly #signal: AbortSignal | undefined;
  readonly #data = new Map<string, Promise<DataSet>>();
  readonly #outputs = new Map<string, Promise<ReadonlyMap<string, Value>>>();
  readonly #truths = new Map<string, Promise<Value>>();
  #folder: ReturnType<typeof temporaryDirectory> | undefined;

  constructor(host: Host, signal: AbortSignal | undefined) {
    this.#host = host;
    this.#signal = signal;
  }

  /** Compiles and writes a variant into a folder that goes with this trial. Throws `Untold`. */
  async build(of: Pick<Compiled, "program" | "pipeline" | "target">, variant: string | undefined): Promise<Built> {
    const { value, problems } = compileProgram(of.program, { pipeline: of.pipeline.name.name, target: of.target, ...(variant === undefined ? {} : { variant }) });
    if (!value) throw new Untold(problems);
    return this.write(value, variant ?? PLAIN);
  }

  /** Writes a compiled variant. Throws `Untold`. */
  async write(compiled: Compiled, name: string): Promise<Built> {
    const made = await artifactFiles(this.#host, compiled, this.#signal);
    if (made.files.length === 0) throw new Untold(made.problems);
    this.#folder ??= temporaryDirectory();
    const directory = join((await this.#folder).path, name);
    await writeArtifact(directory, made.files, this.#signal ? { signal: this.#signal } : {});
    return { name, compiled, directory };
  }

  /** The data set, with a field for each of the pipeline's inputs. Throws `Untold`. */
  data(name: string, compiled: Pick<Compiled, "program" | "inputs">): Promise<DataSet> {
    return kept(this.#data, name, async () => {
      const declaration = dataNamed(compiled, name);
      if (!declaration) throw new Error(`data ${name} was let through and is not declared`);
      const { value, problems } = await openData(this.#host, declaration);
      if (!value) throw new Untold(problems);
      const unfit = compiled.inputs.flatMap((input) => misfit(input, value) ?? []);
      if (unfit.length > 0) throw new Untold(unfit.map((why) => report(gates.G606, declaration.span, { path: value.file, why })));
      return value;
    });
  }

  /** The value of a measure for a model, on so many records from all over the data. Throws `NoMeasure`, `Untold` and `RuntimeError`. */
  async measure(gate: Gate, built: Built, plain: () => Promise<Built>, records = Number.POSITIVE_INFINITY): Promise<number> {
    const { measure, on } = gate;
    if (!measure || !on) throw new Error("a speed-up is no measure on data");
    const data = sampled(await this.data(on, built.compiled), records);
    const column = async (model: Built, name: string): Promise<Value> => {
      const value = (await this.#outputsOf(model, data)).get(name);
      if (!value) throw new NoMeasure(`the pipeline gives no ${name}`);
      return value;
    };
    return take(built.compiled.program, measure, {
      output: (name) => column(built, name),
      plain: async (name) => column(await plain(), name),
      data: (name) => kept(this.#truths, `${data.name} ${name}`, () => truthColumn(data, name)),
    });
  }

  /** What this model gave and its files are of no more use. */
  async forget({ name, directory }: Built): Promise<void> {
    for (const key of this.#outputs.keys()) if (key.startsWith(`${name} `)) this.#outputs.delete(key);
    await rm(directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const folder = await this.#folder?.catch(() => undefined);
    await folder?.[Symbol.asyncDispose]();
  }

  #outputsOf(built: Built, data: DataSet): Promise<ReadonlyMap<string, Value>> {
    return kept(this.#outputs, `${built.name} ${data.name}`, async () => {
      const stage = `measuring ${built.name} on ${data.name}`;
      const model = await Model.open(built.directory, built.compiled.cost.total < WORTH_SHARING ? { threads: 1 } : {});
      try {
        return await outputColumns(model, data, { ...(this.#signal ? { signal: this.#signal } : {}), onRecord: (done, total) => this.#host.progress(stage, done, total) });
      } finally {
        await model[Symbol.asyncDispose]();
      }
    });
  }
}

/** Some of the records, as far from each other as can be: data is often sorted. */
function sampled(data: DataSet, records: number): DataSet {
  if (records >= data.records) return data;
  const place = (i: number): number => Math.floor((i * data.records) / records);
  const fields = new Map([...data.fields].map(([name, field]) => [name, { ...field, at: (i: number) => field.at(place(i)) }]));
  return { ...data, name: `${records} of ${data.name}`, records, fields };
}

/** Of the files that the manifest lists. */
export async function sizeOf({ directory }: Pick<Built, "directory">): Promise<number> {
  const manifest = JSON.parse(await readFile(join(directory, MANIFEST), "utf8")) as Manifest;
  return Object.values(manifest.files).reduce((sum, f) => sum + f.bytes, 0);
}

function kept<T>(table: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = table.get(key);
  if (known) return known;
  const made = make();
  table.set(key, made);
  return made;
}

/** Why the data cannot feed this input. */
function misfit(input: Boundary, data: DataSet): string | undefined {
  const field = data.fields.get(input.name);
  if (!field) return `the pipeline takes \`${input.name}\`, and the data has no such field (it has ${[...data.fields.keys()].join(", ")})`;
  if (field.type.kind !== input.type.kind) return `the pipeline takes \`${input.name}\` as ${input.type.kind}, and the data holds it as ${field.type.kind}`;
  if (field.type.kind === "tensor" && input.type.kind === "tensor" && field.type.dtype !== input.type.dtype) return `the pipeline takes \`${input.name}\` as ${input.type.dtype}, and the data holds ${field.type.dtype}`;
  return undefined;
}

/** What a user is told where a gate cannot be measured; our own mistakes are thrown on. */
export function untold(error: unknown, gate: { readonly shown: string; readonly span: Span | undefined }): readonly Problem[] {
  if (error instanceof Untold) return error.problems;
  const why = error instanceof NoMeasure ? error.message : error instanceof RuntimeError ? `${error.code}: ${error.says.replace(/\.$/, "")}` : undefined;
  if (why === undefined) throw error;
  const elsewhere = error instanceof NoMeasure ? error.elsewhere : undefined;
  return [report(gates.G605, gate.span, { measure: gate.shown, why, ...(elsewhere ? { elsewhere } : {}) })];
}
