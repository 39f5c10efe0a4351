// A pipeline built: compiled, written, measured, and only then put in its place.
import { readFile } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { type Compiled, compile } from "../compiler/compile.ts";
import { artifacts } from "../compiler/diagnostics/artifacts.ts";
import { type Problem, report as told } from "../compiler/diagnostics/define.ts";
import { gates as gateProblems } from "../compiler/diagnostics/gates.ts";
import { names } from "../compiler/diagnostics/names.ts";
import type { ArtifactFile } from "../compiler/emit/artifact-file.ts";
import { MANIFEST, manifestOf, shown } from "../compiler/emit/manifest.ts";
import { DATA_FILE, UnusableWeight } from "../compiler/emit/constants.ts";
import { planDigest } from "../compiler/emit/plan-digest.ts";
import { type Host, HostError } from "../compiler/host.ts";
import type { PrecisionName } from "../compiler/precision.ts";
import type { TargetName } from "../compiler/targets/target.ts";
import type { Source } from "../grammar/source.ts";
import type { Manifest } from "../runtime/artifact.d.ts";
import { RefusedPlace, temporaryDirectory, writeArtifact, writeFilesWhole } from "./artifact-writer.ts";
import { artifactFiles } from "./artifact.ts";
import type { DigestMemory } from "./digest-memory.ts";
import { type Report, reportFile } from "./evaluation/report.ts";
import { evaluator } from "./evaluator.ts";
import { type HubType, huggingFaceFiles } from "./hugging-face.ts";
import type { Observer } from "./inputs.ts";
import { NodeHost } from "./node-host.ts";
import { version } from "./version.ts";
import type { WrittenData } from "./written-data.ts";

export interface Progress {
  /** `weights`, `measuring expedite_8 on held_out`, … */
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

export interface BuildOptions {
  /** The project: no path leaves it. */
  readonly root: string;
  /** The `.kiri` file, relative to the project. */
  readonly file: string;
  /** Needed where the file holds several pipelines. */
  readonly pipeline?: string;
  /** The `compress … as NAME` to weave in; the plain model unless given. */
  readonly variant?: string;
  /** `cpu` unless given. */
  readonly target?: TargetName;
  /** Directory of the artefact, relative to the working directory. An artefact that is there is replaced. */
  readonly out: string;
  /** `false`: nothing is measured, and a warning says so. */
  readonly gates?: boolean;
  /** `hf`: a directory of the Hugging Face hub instead of an artefact, for transformers.js; see `hugging-face.ts`. Other files there stay. */
  readonly layout?: "artefact" | "hf";
  /** As what the model is stored in such a directory; found by its weights unless given. */
  readonly hubType?: HubType;
  /** What the graph computes in, where the variant does not say; f32 without either. */
  readonly precision?: PrecisionName;
  /** One more output `folds`: which tokens went together; see `CompileRequest`. */
  readonly trace?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export interface BuildResult {
  /** Directory of the artefact; undefined where there are errors, and then `out` is as it was before. */
  readonly artifact: string | undefined;
  readonly manifest: Manifest | undefined;
  /** What the gates measured, those that failed too; undefined where there were none. */
  readonly report: Report | undefined;
  readonly problems: readonly Problem[];
  readonly sources: ReadonlyMap<string, Source>;
}

/** How a build looks at files: who is told of them, which digests are known, and what is written already. */
export interface Looking {
  readonly observer?: Observer;
  readonly digests?: DigestMemory;
  /** The weights of the build before. */
  readonly data?: WrittenData;
}

/** A gate failed: the artefact is thrown away. */
class Unmet extends Error {}

/**
 * Compiles a pipeline into an artefact. Gates are measured on the very files, before these take their place: where one fails, nothing has changed at `out`.
 * Mistakes of users come back as problems; rejects with the reason of `signal` where it is aborted.
 */
export async function build(options: BuildOptions, looking: Looking = {}): Promise<BuildResult> {
  const problems: Problem[] = [];
  let sources: ReadonlyMap<string, Source> = new Map();
  let report: Report | undefined;
  const failed = (): BuildResult => ({ artifact: undefined, manifest: undefined, report, problems, sources });
  const opened = openHost({ ...options, ...looking });
  if (!opened.host) return { ...failed(), problems: [opened.problem] };
  const { host } = opened;
  const { signal } = options;
  try {
    signal?.throwIfAborted();
    host.progress("compiling", 0, 1);
    const outcome = compile(host, { file: options.file, pipeline: options.pipeline, variant: options.variant, target: options.target ?? "cpu", ...(options.trace === undefined ? {} : { trace: options.trace }), ...(options.precision ? { precision: options.precision } : {}) });
    problems.push(...outcome.problems);
    sources = outcome.sources;
    const compiled = outcome.value;
    if (!compiled) return failed();
    host.progress("compiling", 1, 1);
    const taken = overlaps(options.out, compiled, host);
    if (taken) problems.push(taken);
    const made = await artifactFiles(host, compiled, signal);
    problems.push(...made.problems);
    if (problems.some((p) => p.severity === "error")) return failed();
    const measured = compiled.gates.length > 0 && options.gates !== false;
    if (compiled.gates.length > 0 && !measured) problems.push(told(gateProblems.G608, compiled.gates[0]?.span, { count: compiled.gates.length }));
    const examine: Examine | undefined = measured
      ? async (directory) => {
          // Measuring brings decoders and ONNX Runtime along; a build without gates does without.
          const { measureGates } = await import("./evaluation/gates.ts");
          const found = await measureGates({ host, compiled, directory, ...(signal ? { signal } : {}) });
          report = found.report;
          problems.push(...found.problems);
          if (found.problems.some((p) => p.severity === "error")) throw new Unmet();
          return [reportFile(found.report)];
        }
      : undefined;
    const artifact = resolve(options.out);
    if (options.layout === "hf") {
      const hub = await huggingFaceFiles(host, compiled, { out: options.out, ...(options.hubType ? { dtype: options.hubType } : {}), ...(signal ? { signal } : {}) });
      problems.push(...hub.problems.filter((p) => !made.problems.some((q) => q.says === p.says)));
      if (problems.some((p) => p.severity === "error")) return failed();
      if (examine) await measuredAside(made.files, examine, signal);
      const files = await writeFilesWhole(options.out, hub.files, signal);
      return { artifact, manifest: manifestOf(compiled, { version: version(), digests: {}, files }), report, problems, sources };
    }
    const key = looking.data && made.plan.bytes > 0 ? await planDigest(made.plan, host) : undefined;
    const there = key === undefined ? undefined : await looking.data?.find(key);
    const written = await writeArtifact(options.out, made.files, { ...(signal ? { signal } : {}), ...(examine ? { examine } : {}), ...(there ? { onDisk: new Map([[DATA_FILE, there]]) } : {}) });
    const data = written.get(DATA_FILE);
    if (key !== undefined && data) await looking.data?.keep(key, join(artifact, DATA_FILE), data);
    const manifest = JSON.parse(await readFile(join(artifact, MANIFEST), "utf8")) as Manifest;
    return { artifact, manifest, report, problems, sources };
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof Unmet) return failed();
    problems.push(problemOf(error, options.out));
    return failed();
  } finally {
    host.close();
  }
}

type Examine = (directory: string) => Promise<readonly ArtifactFile[]>;

/** Gates are measured on the artefact of the same pipeline, which nobody keeps. */
async function measuredAside(files: readonly ArtifactFile[], examine: Examine, signal: AbortSignal | undefined): Promise<void> {
  await using aside = await temporaryDirectory();
  await writeArtifact(join(aside.path, "artifact"), files, { ...(signal ? { signal } : {}), examine });
}

/** The host that a build works with; a root that is not there is the user's mistake. */
export function openHost({ root, onProgress, observer, digests }: Pick<BuildOptions, "root" | "onProgress"> & Looking): { readonly host: NodeHost } | { readonly host: undefined; readonly problem: Problem } {
  try {
    return { host: new NodeHost({ root, evaluate: evaluator(), ...(observer ? { observer } : {}), ...(digests ? { digests } : {}), ...(onProgress ? { progress: (stage, done, total) => onProgress({ stage, done, total }) } : {}) }) };
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return { host: undefined, problem: told(names.N207, undefined, { path: root, why: error.reason }) };
  }
}

/** What a user is told of a failure on the way to the disk; our own mistakes are thrown on. */
export function problemOf(error: unknown, out: string): Problem {
  if (error instanceof UnusableWeight) return error.problem;
  if (error instanceof RefusedPlace) return told(artifacts.A502, undefined, { out, why: error.reason });
  if (error instanceof HostError) return told(artifacts.A501, undefined, { out, why: error.reason });
  throw error;
}

/** An artefact replaces its directory as a whole, so none may hold a source, nor lie among weights and tokenizers. */
function overlaps(out: string, compiled: Compiled, host: Host): Problem | undefined {
  const place = resolve(out);
  const at = host.locate(place, undefined) ?? place;
  const isIn = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(outer + sep);
  const folders = new Set([...compiled.elaboration.files].map((file) => dirname(resolve(host.root, file))));
  const programs = [...compiled.program.modules.loaded.values()].flatMap((m) => (m.isLibrary ? [] : [resolve(host.root, m.path)]));
  const hit = [...folders].find((folder) => isIn(at, folder) || isIn(folder, at)) ?? programs.find((file) => isIn(file, at));
  return hit === undefined ? undefined : told(artifacts.A503, undefined, { out, source: shown(hit, host) });
}
