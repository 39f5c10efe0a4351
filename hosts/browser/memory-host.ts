// The compiler's host in a page: files in memory, the library handed over, no disk.
import { type FileFacts, type Host, HostError } from "../../compiler/host.ts";
import { sha256 } from "./sha256.ts";

export interface MemoryHostOptions {
  /** Bytes by path from the root: `models/tiny/config.json`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Texts of the standard library by module: `folds/tome`. */
  readonly library: ReadonlyMap<string, string>;
  readonly evaluate?: Host["evaluate"];
}

export class MemoryHost implements Host {
  readonly root = "/project";
  readonly evaluate: Host["evaluate"];
  readonly #files: ReadonlyMap<string, Uint8Array>;
  readonly #folders = new Set<string>();
  readonly #library: ReadonlyMap<string, string>;

  constructor({ files, library, evaluate }: MemoryHostOptions) {
    this.#files = new Map([...files].map(([path, bytes]) => [`${this.root}/${path}`, bytes]));
    for (const path of this.#files.keys()) for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) this.#folders.add(path.slice(0, at));
    this.#library = library;
    this.evaluate = evaluate;
  }

  locate(path: string, from: string | undefined): string | undefined {
    if (path.includes("\0")) return undefined;
    const base = from === undefined ? this.root : `${from.startsWith("/") ? from : `${this.root}/${from}`}/..`;
    const steps: string[] = [];
    for (const step of (path.startsWith("/") ? path : `${base}/${path}`).split("/")) {
      if (step === "..") steps.pop();
      else if (step !== "" && step !== ".") steps.push(step);
    }
    const absolute = `/${steps.join("/")}`;
    return absolute === this.root || absolute.startsWith(`${this.root}/`) ? absolute : undefined;
  }

  stat(path: string): FileFacts | undefined {
    const place = this.locate(path, undefined);
    if (place === undefined) return undefined;
    const file = this.#files.get(place);
    if (file) return { size: file.length, isDirectory: false };
    return place === this.root || this.#folders.has(place) ? { size: 0, isDirectory: true } : undefined;
  }

  read(path: string): Uint8Array {
    const file = this.#files.get(this.locate(path, undefined) ?? "");
    if (!file) throw new HostError(this.stat(path) ? "it is a directory" : "it does not exist", path);
    return file;
  }

  readRange(path: string, offset: number, length: number, into?: Uint8Array): Uint8Array {
    const file = this.read(path);
    if (offset + length > file.length) throw new HostError(`it ends at byte ${file.length}, and ${offset + length - file.length} more were to be read`, path);
    const part = file.subarray(offset, offset + length);
    if (!into) return part.slice();
    into.set(part);
    return into;
  }

  list(directory: string): readonly string[] {
    const place = this.locate(directory, undefined);
    if (place === undefined || !this.stat(place)?.isDirectory) throw new HostError("it does not exist", directory);
    const inside = [...this.#files.keys()].filter((path) => path.startsWith(`${place}/`)).map((path) => path.slice(place.length + 1).split("/")[0] ?? "");
    return [...new Set(inside)].sort();
  }

  library(path: string): string | undefined {
    return this.#library.get(path);
  }

  libraryPaths(): readonly string[] {
    return [...this.#library.keys()].sort();
  }

  digest(bytes: Uint8Array): string {
    return sha256(bytes);
  }

  async digestFile(path: string): Promise<string> {
    return sha256(this.read(path));
  }

  progress(): void {}
}
