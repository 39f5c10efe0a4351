// The programs that a bundle takes in: each built or found in the cache, with all that a bundler is to be told of it.
import { constants, copyFile, mkdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { MANIFEST } from "../../compiler/emit/manifest.ts";
import { BuildCache, type BuildRequest, type FailedBuild, type KeptBuild } from "../build-cache.ts";
import type { FramedProblem } from "../framed-problem.ts";
import type { Watched } from "../inputs.ts";
import { writeTypings } from "../typings-beside.ts";
import type { BundlerOptions } from "./options.ts";
import { parseId, requestOf } from "./request.ts";

/** A program that was built. */
export interface Imported {
  readonly build: KeptBuild;
  /** Where the artefact goes, from the output's folder, with `/`: `assets/digits-1a2b3c4d5e`. */
  readonly directory: string;
  /** For the log: what was built, how, and its key. */
  readonly says: string;
}

interface Refused {
  readonly build: undefined;
  readonly errors: readonly FramedProblem[];
  readonly warnings: readonly FramedProblem[];
  readonly watched: Watched;
}

/** Hexadecimal digits of the manifest's digest in the name of an artefact's folder. */
const HASH = 10;
const NOTHING_WATCHED: Watched = { files: [], folders: [], missing: [] };

export class Imports {
  readonly #options: BundlerOptions;
  readonly #caches = new Map<string, BuildCache>();

  constructor(options: BundlerOptions) {
    this.#options = options;
  }

  /** Undefined where the id is not that of a program. `serves`: for a development server, where nothing is measured unless asked for. */
  async load(id: string, { assets, serves }: { readonly assets: string; readonly serves: boolean }): Promise<Imported | Refused | undefined> {
    const parsed = parseId(id);
    if (!parsed) return undefined;
    const asked = requestOf(parsed, this.#options, !serves);
    if (!asked.request) return { build: undefined, errors: [asked.problem], warnings: [], watched: NOTHING_WATCHED };
    const began = performance.now();
    const build = await this.#cacheOf(asked.request).get(asked.request);
    if (!isKept(build)) return { build: undefined, ...build };
    const unwritten = this.#options.types === false ? undefined : await writeBeside(asked.request, build);
    const warnings = [...build.warnings.filter((w) => !(serves && w.code === "G608")), ...(unwritten ? [unwritten] : [])];
    const name = basename(asked.request.file, ".kiri");
    const seconds = ((performance.now() - began) / 1000).toFixed(2);
    return {
      build: { ...build, warnings },
      directory: `${this.#options.assets ?? assets}/${name}-${build.sha256.slice(0, HASH)}`.replace(/^\/+|^\.\//, ""),
      says: `${asked.request.file}${parsed.query === "" ? "" : `?${parsed.query}`}: ${build.isHit ? "from the cache" : "built"} in ${seconds} s, key ${build.key.slice(0, 16)}`,
    };
  }

  #cacheOf({ root }: BuildRequest): BuildCache {
    const directory = this.#options.cache ?? join(root, "node_modules/.cache/kirigami");
    const known = this.#caches.get(directory) ?? new BuildCache(directory, { verify: this.#options.verify ?? false });
    this.#caches.set(directory, known);
    return known;
  }
}

const isKept = (build: KeptBuild | FailedBuild): build is KeptBuild => "key" in build;

/** A folder that cannot be written to is told of; the bundle does not need declarations. */
async function writeBeside({ root, file }: BuildRequest, { typings }: KeptBuild): Promise<FramedProblem | undefined> {
  try {
    await writeTypings(root, file, typings);
    return undefined;
  } catch (error) {
    const message = `The declarations beside ${file} cannot be written: ${(error as Error).message}\nSet \`types: false\` in the options of the plugin, and write them with \`kiri types\` where that is possible.`;
    return { code: "", severity: "warning", message, place: undefined, frame: "" };
  }
}

/** Every file of an artefact, by its path in it. */
const filesOf = ({ manifest }: KeptBuild): string[] => [...Object.keys(manifest.files), MANIFEST];

/**
 * Copies an artefact below the output's folder. The name of its directory holds the digest of everything in it, so a file that is there with its size is the same file.
 * Bundlers hold assets in memory, several times; weights may have gigabytes, so they go past them.
 */
export async function placeArtifact({ build, directory }: Imported, output: string): Promise<void> {
  for (const file of filesOf(build)) {
    const [from, to] = [join(build.artifact, file), join(output, directory, file)];
    const there = await stat(to).catch(() => undefined);
    if (there?.size === (await stat(from)).size) continue;
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  }
}
