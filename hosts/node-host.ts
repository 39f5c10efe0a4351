// The compiler's host on Node: files below one root, the standard library of this package, digests.
import { createHash } from "node:crypto";
import { closeSync, existsSync, lstatSync, openSync, readFileSync, readSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { type FileFacts, type Host, HostError } from "../compiler/host.ts";
import { DigestMemory } from "./digest-memory.ts";
import type { Observer } from "./inputs.ts";

export interface NodeHostOptions {
  /** The project: no path leaves it. */
  readonly root: string;
  readonly evaluate?: Host["evaluate"];
  readonly progress?: Host["progress"];
  /** Told of all that is looked at. */
  readonly observer?: Observer;
  /** Digests of files that are known already. */
  readonly digests?: DigestMemory;
}

/** Open files that are kept for the next range; a sharded model has a few dozen. */
const MOST_OPEN = 16;

export class NodeHost implements Host {
  readonly root: string;
  readonly evaluate: Host["evaluate"];
  readonly #progress: Host["progress"] | undefined;
  readonly #observer: Observer | undefined;
  readonly #digests: DigestMemory;
  /** Open files by path, the one used last at the end. */
  readonly #open = new Map<string, number>();
  #library: ReadonlyMap<string, string> | undefined;

  constructor(options: NodeHostOptions) {
    this.root = attempt(options.root, () => realpathSync(options.root));
    this.evaluate = options.evaluate;
    this.#progress = options.progress;
    this.#observer = options.observer;
    this.#digests = options.digests ?? new DigestMemory();
  }

  locate(path: string, from: string | undefined): string | undefined {
    if (path.includes("\0")) return undefined;
    const base = from === undefined ? this.root : dirname(resolve(this.root, from));
    const absolute = resolve(base, path);
    return isWithin(this.root, absolute) && isWithin(this.root, real(absolute)) ? absolute : undefined;
  }

  stat(path: string): FileFacts | undefined {
    const inside = this.#inside(path);
    const found = attempt(path, () => statSync(inside, { throwIfNoEntry: false }));
    if (!found) this.#observer?.nothing(inside);
    else if (found.isFile()) this.#observer?.file(inside);
    return found && { size: found.size, isDirectory: found.isDirectory() };
  }

  read(path: string): Uint8Array {
    const inside = this.#inside(path);
    this.#observer?.file(inside);
    return attempt(path, () => readFileSync(inside));
  }

  readRange(path: string, offset: number, length: number, into?: Uint8Array): Uint8Array {
    const bytes = into ?? new Uint8Array(length);
    return attempt(path, () => {
      const file = this.#descriptor(path);
      for (let at = 0; at < length; ) {
        const count = readSync(file, bytes, at, length - at, offset + at);
        if (count === 0) throw new HostError(`it ends at byte ${offset + at}, and ${length - at} more were to be read`, path);
        at += count;
      }
      return bytes;
    });
  }

  list(directory: string): readonly string[] {
    const inside = this.#inside(directory);
    this.#observer?.folder(inside);
    return attempt(directory, () => readdirSync(inside).sort());
  }

  library(path: string): string | undefined {
    const file = this.#libraryFiles().get(path);
    return file === undefined ? undefined : attempt(file, () => readFileSync(file, "utf8"));
  }

  libraryPaths(): readonly string[] {
    return [...this.#libraryFiles().keys()];
  }

  digest(bytes: Uint8Array): string {
    return createHash("sha256").update(bytes).digest("hex");
  }

  async digestFile(path: string): Promise<string> {
    const inside = this.#inside(path);
    this.#observer?.file(inside);
    try {
      return await this.#digests.digest(inside);
    } catch (error) {
      throw hostError(path, error);
    }
  }

  progress(stage: string, done: number, total: number): void {
    this.#progress?.(stage, done, total);
  }

  /** Closes the files that are kept open. The host stays usable. */
  close(): void {
    for (const file of this.#open.values()) closeSync(file);
    this.#open.clear();
  }

  #libraryFiles(): ReadonlyMap<string, string> {
    this.#library ??= libraryFiles(join(packageRoot(), "stdlib"));
    return this.#library;
  }

  /** A path that was given to the host, checked again: a link may have changed since it was located. */
  #inside(path: string): string {
    const located = this.locate(path, undefined);
    if (located === undefined) throw new HostError(`it lies outside of ${this.root}`, path);
    return located;
  }

  #descriptor(path: string): number {
    const known = this.#open.get(path);
    if (known !== undefined) {
      this.#open.delete(path);
      this.#open.set(path, known);
      return known;
    }
    const inside = this.#inside(path);
    this.#observer?.file(inside);
    const file = openSync(inside, "r");
    this.#open.set(path, file);
    for (const [oldest, descriptor] of this.#open) {
      if (this.#open.size <= MOST_OPEN) break;
      closeSync(descriptor);
      this.#open.delete(oldest);
    }
    return file;
  }
}

/** The directory of the package `kirigami`, from source as from `dist/`. */
export function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const file = join(directory, "package.json");
    if (existsSync(file) && (JSON.parse(readFileSync(file, "utf8")) as { name?: unknown }).name === "kirigami") return directory;
    const above = dirname(directory);
    if (above === directory) throw new HostError("the package kirigami is not whole: its package.json is nowhere above the code");
    directory = above;
  }
}

function isWithin(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** Where a path leads when links are followed; what does not exist yet counts from the nearest directory that does. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const above = dirname(path);
    // A link that leads nowhere, or in circles, could lead anywhere later.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || isLink(path)) return "";
    return above === path ? path : join(real(above) || sep, basename(path));
  }
}

const isLink = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;

/** Modules by path (`folds/tome`), sorted. */
function libraryFiles(directory: string): Map<string, string> {
  const found = attempt(directory, () => readdirSync(directory, { recursive: true, encoding: "utf8" }));
  const modules = found.filter((name) => name.endsWith(".kiri")).map((name): [string, string] => [name.slice(0, -".kiri".length).split(sep).join("/"), join(directory, name)]);
  return new Map(modules.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function attempt<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw hostError(path, error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist", EACCES: "I may not read it", EPERM: "I may not read it", EISDIR: "it is a directory", ENOTDIR: "a part of its path is not a directory",
  EMFILE: "too many files are open", ELOOP: "its links go round in circles", EIO: "the disk fails to deliver it",
};

/** Why the file system refuses, in words. */
export function hostError(path: string, error: unknown): HostError {
  if (error instanceof HostError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new HostError((code && REASONS[code]) ?? message, path);
}
