// Builds kept by full digests of every input, the compiler and its options: what was built once is not built again.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { MANIFEST } from "../compiler/emit/manifest.ts";
import type { TargetName } from "../compiler/targets/target.ts";
import type { Manifest } from "../runtime/artifact.d.ts";
import { writeFileWhole } from "./artifact-writer.ts";
import { DigestMemory } from "./digest-memory.ts";
import type { FramedProblem } from "./framed-problem.ts";
import { areUnchanged, Inputs, type InputStates, type Watched, watchedOf, writtenSince } from "./inputs.ts";
import { packageRoot } from "./node-host.ts";
import { version } from "./version.ts";

/** One build as somebody asks for it. */
export interface BuildRequest {
  /** The project, absolute. */
  readonly root: string;
  /** Relative to it. */
  readonly file: string;
  readonly pipeline: string | undefined;
  /** `undefined`: what the program says without a name, as on the command line. */
  readonly compress: string | undefined;
  /** No compression at all. */
  readonly plain: boolean;
  readonly target: TargetName;
  readonly gates: boolean;
}

/** A build that succeeded. */
export interface KeptBuild {
  /** sha256 of all that decided it, hex. */
  readonly key: string;
  readonly artifact: string;
  readonly manifest: Manifest;
  /** sha256 of manifest.json, hex; it names the digests of all other files. */
  readonly sha256: string;
  readonly isHit: boolean;
  readonly warnings: readonly FramedProblem[];
  /** Declarations for editors and `tsc`, by the name of the file beside the program. */
  readonly typings: Readonly<Record<string, string>>;
  readonly watched: Watched;
}

export interface FailedBuild {
  readonly errors: readonly FramedProblem[];
  readonly warnings: readonly FramedProblem[];
  readonly watched: Watched;
}

interface Entry {
  readonly key: string;
  readonly sha256: string;
  readonly inputs: InputStates;
  readonly warnings: readonly FramedProblem[];
  readonly typings: Readonly<Record<string, string>>;
}

/** States of one program that are kept: back and forth between branches costs nothing. */
const MOST_ENTRIES = 4;
const ENTRIES = "builds";
const ARTEFACTS = "artefacts";

export class BuildCache {
  readonly #directory: string;
  readonly #memory: DigestMemory;
  readonly #verify: boolean;
  /** Builds of one request wait for each other. */
  readonly #running = new Map<string, Promise<KeptBuild | FailedBuild>>();

  /** `verify`: every input and every file of an artefact is hashed in full, whatever is remembered. */
  constructor(directory: string, options: { readonly verify?: boolean } = {}) {
    this.#directory = directory;
    this.#memory = new DigestMemory(directory);
    this.#verify = options.verify ?? false;
  }

  /** The build from the cache, or made now. Mistakes of users come back; rejects where the cache cannot be written. */
  get(request: BuildRequest): Promise<KeptBuild | FailedBuild> {
    const name = digestOf([compilerIdentity(), request.file, request.pipeline ?? null, request.compress ?? null, request.plain, request.target, request.gates]);
    const before = this.#running.get(name) ?? Promise.resolve();
    const after = before.catch(() => undefined).then(() => this.#get(name, request));
    this.#running.set(name, after);
    return after;
  }

  async #get(name: string, request: BuildRequest): Promise<KeptBuild | FailedBuild> {
    const kept = await this.#find(name, request);
    if (kept) return kept;
    const observed = new Inputs(request.root);
    // The compiler is in memory only where something is compiled.
    const { buildFor } = await import("./build-request.ts");
    const temporary = join(this.#directory, ARTEFACTS, `new-${name.slice(0, 16)}-${process.pid}`);
    const began = Date.now();
    const made = await buildFor(request, temporary, { observer: observed, digests: this.#verify ? new DigestMemory() : this.#memory });
    const { watched } = observed;
    if (!made.artifact) return { errors: made.problems.filter((p) => p.severity === "error"), warnings: made.problems.filter((p) => p.severity === "warning"), watched };
    const inputs = await observed.states(this.#memory, this.#verify);
    const key = digestOf([name, inputs]);
    const artifact = join(this.#directory, ARTEFACTS, key);
    rmSync(artifact, { recursive: true, force: true });
    renameSync(made.artifact, artifact);
    const { manifest, sha256 } = await readManifest(artifact);
    const entry: Entry = { key, sha256, inputs, warnings: made.problems, typings: made.typings };
    // What was written to while it was compiled may be in the artefact as it was, and in the digests as it is.
    if (writtenSince(watched, began).length === 0) await this.#keep(name, entry);
    await this.#memory.save();
    return { ...entry, artifact, manifest, isHit: false, watched };
  }

  async #find(name: string, request: BuildRequest): Promise<KeptBuild | undefined> {
    for (const entry of this.#entries(name)) {
      if (!(await areUnchanged(request.root, entry.inputs, this.#memory, this.#verify))) continue;
      const artifact = join(this.#directory, ARTEFACTS, entry.key);
      const found = await readManifest(artifact).catch(() => undefined);
      if (found?.sha256 !== entry.sha256 || !(await isWhole(artifact, found.manifest, this.#memory, this.#verify))) continue;
      await this.#memory.save();
      return { ...entry, artifact, manifest: found.manifest, isHit: true, watched: watchedOf(request.root, entry.inputs) };
    }
    return undefined;
  }

  #entries(name: string): readonly Entry[] {
    try {
      return JSON.parse(readFileSync(join(this.#directory, ENTRIES, `${name}.json`), "utf8")) as Entry[];
    } catch {
      // Nothing was built yet, or what says so is damaged: it is built again.
      return [];
    }
  }

  /** The newest entry first; artefacts that no program's entries name any more are removed. */
  async #keep(name: string, entry: Entry): Promise<void> {
    const entries = [entry, ...this.#entries(name).filter((e) => e.key !== entry.key)].slice(0, MOST_ENTRIES);
    await writeFileWhole(join(this.#directory, ENTRIES, `${name}.json`), `${JSON.stringify(entries, undefined, 1)}\n`);
    const named = new Set(readdirSync(join(this.#directory, ENTRIES)).filter((f) => f.endsWith(".json")).flatMap((f) => this.#entries(f.slice(0, -".json".length)).map((e) => e.key)));
    for (const key of readdirSync(join(this.#directory, ARTEFACTS))) if (/^[0-9a-f]{64}$/.test(key) && !named.has(key)) rmSync(join(this.#directory, ARTEFACTS, key), { recursive: true, force: true });
  }
}

async function readManifest(artifact: string): Promise<{ readonly manifest: Manifest; readonly sha256: string }> {
  const bytes = await readFile(join(artifact, MANIFEST));
  return { manifest: JSON.parse(bytes.toString("utf8")) as Manifest, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** Somebody may have written into the cache: every file has the digest that the manifest says. */
async function isWhole(artifact: string, manifest: Manifest, memory: DigestMemory, verify: boolean): Promise<boolean> {
  for (const [path, facts] of Object.entries(manifest.files)) if ((await memory.digest(join(artifact, path), verify).catch(() => "")) !== facts.sha256) return false;
  return true;
}

const digestOf = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");

let identity: string | undefined;

/** The version of the compiler and the digest of its code and library: two compilers of one version are told apart. */
function compilerIdentity(): string {
  if (identity !== undefined) return identity;
  const hash = createHash("sha256").update(version());
  const here = import.meta.dirname;
  for (const folder of [join(here, "../grammar"), join(here, "../compiler"), here, join(packageRoot(), "stdlib")])
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) if (/\.(ts|js|kiri)$/.test(name)) hash.update(`\0${name}\0`).update(readFileSync(join(folder, name)));
  identity = hash.digest("hex");
  return identity;
}
