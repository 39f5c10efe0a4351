// What a build looked at: every file, every folder that was listed, every place where nothing was. Whether all of it still is as it was, decides whether the build is.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { DigestMemory } from "./digest-memory.ts";

/** Told of everything that a host is asked for; paths are absolute. */
export interface Observer {
  file(path: string): void;
  folder(path: string): void;
  nothing(path: string): void;
}

/** What stood at a path: the digest of a file, `folder:` and one of the names in it, or `nothing`. Paths are relative to the project, with `/`. */
export type InputStates = Readonly<Record<string, string>>;

/** All that a watcher has to look at; absolute paths. */
export interface Watched {
  readonly files: readonly string[];
  readonly folders: readonly string[];
  /** Where a file may appear. */
  readonly missing: readonly string[];
}

/** File systems give times by a clock that lags behind by a tick. Milliseconds. */
const TICK = 10;
const NOTHING = "nothing";
const FOLDER = "folder";

export function watchedOf(root: string, states: InputStates): Watched {
  const paths = (fits: (state: string) => boolean): string[] => Object.entries(states).filter(([, state]) => fits(state)).map(([path]) => join(root, path));
  return { files: paths((s) => s !== NOTHING && !s.startsWith(FOLDER)), folders: paths((s) => s.startsWith(FOLDER)), missing: paths((s) => s === NOTHING) };
}

export class Inputs implements Observer {
  readonly #root: string;
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();
  readonly #nothing = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  file(path: string): void {
    this.#files.add(resolve(this.#root, path));
  }

  folder(path: string): void {
    this.#folders.add(resolve(this.#root, path));
  }

  nothing(path: string): void {
    this.#nothing.add(resolve(this.#root, path));
  }

  get watched(): Watched {
    const missing = [...this.#nothing].filter((path) => !this.#files.has(path) && !this.#folders.has(path));
    return { files: [...this.#files].sort(), folders: [...this.#folders].sort(), missing: missing.sort() };
  }

  /** Of a path in states. */
  name(path: string): string {
    return relative(this.#root, path).split(sep).join("/");
  }

  /** As it is now. */
  async states(memory: DigestMemory, verify = false): Promise<InputStates> {
    const all: [string, string][] = [];
    const { files, folders, missing } = this.watched;
    for (const path of [...files, ...folders, ...missing]) all.push([this.name(path), await stateOf(path, this.#folders.has(path), memory, verify)]);
    return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** Files that were written, made or removed since then: they may have been read as they were, and have digests as they are. `time`: of the system's clock, before anything was read. */
export function writtenSince({ files, missing }: Watched, time: number): string[] {
  const isNew = (path: string): boolean => {
    const found = statSync(path, { throwIfNoEntry: false });
    return found !== undefined && Math.max(found.mtimeMs, found.ctimeMs) >= time - TICK;
  };
  // Of a file that has vanished the nearest folder that is still there keeps the time.
  const trace = (path: string): string => (existsSync(path) || dirname(path) === path ? path : trace(dirname(path)));
  return [...files.filter((path) => isNew(trace(path))), ...missing.filter(isNew)];
}

/** Whether every input is as it was. Small and changed files are found at once, so they are not kept waiting by large ones. */
export async function areUnchanged(root: string, states: InputStates, memory: DigestMemory, verify = false): Promise<boolean> {
  const sized = Object.entries(states).map(([path, state]) => ({ path: join(root, path), state, size: statSync(join(root, path), { throwIfNoEntry: false })?.size ?? 0 }));
  for (const { path, state } of sized.sort((a, b) => a.size - b.size)) if ((await stateOf(path, state.startsWith(`${FOLDER}:`), memory, verify)) !== state) return false;
  return true;
}

/** Names of the inputs that are not as they were. */
export async function changesIn(root: string, states: InputStates, memory: DigestMemory): Promise<string[]> {
  const changed: string[] = [];
  for (const [name, state] of Object.entries(states)) if ((await stateOf(join(root, name), state.startsWith(`${FOLDER}:`), memory, false)) !== state) changed.push(name);
  return changed;
}

async function stateOf(path: string, isListed: boolean, memory: DigestMemory, verify: boolean): Promise<string> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return NOTHING;
  if (found.isDirectory()) return isListed ? `${FOLDER}:${createHash("sha256").update(readdirSync(path).sort().join("\0")).digest("hex")}` : FOLDER;
  return memory.digest(path, verify).catch(() => NOTHING);
}
