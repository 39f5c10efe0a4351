// Writes artefacts whole or not at all: into a temporary directory beside the place, which then takes its name.
import { createHash, randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { type FileHandle, link, lstat, mkdir, mkdtemp, open, readdir, readFile, realpath, rename, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve, sep } from "node:path";
import type { ArtifactFile, WrittenFile } from "../compiler/emit/artifact-file.ts";
import { HostError } from "../compiler/host.ts";
import type { OnDisk } from "./written-data.ts";

interface WriteOptions {
  readonly signal?: AbortSignal;
  /** Looks at the whole artefact in `directory` before it takes its place, and gives files to add that are not part of it: a report. Where it rejects, nothing has changed at `out`. */
  readonly examine?: (directory: string) => Promise<readonly ArtifactFile[]>;
  /** Files that are on the disk already, by their path in the artefact: they are linked, and written only where that is refused. */
  readonly onDisk?: ReadonlyMap<string, OnDisk>;
}

/** `out` is no place for an artefact: something else is there. */
export class RefusedPlace extends HostError {}

/** Replaces the artefact at `out`, or makes it. Rejects with `HostError` where the disk or its owner refuse; then nothing has changed. */
export async function writeArtifact(out: string, files: readonly ArtifactFile[], options: WriteOptions = {}): Promise<ReadonlyMap<string, WrittenFile>> {
  const place = await placeOf(out);
  await removeLeftovers(place);
  await checkSpace(place, files);
  const temporary = besides(place, "tmp");
  unfinished.set(temporary, undefined);
  try {
    await mkdir(temporary);
    const written = await writeFiles(temporary, files, options.signal, options.onDisk);
    if (options.examine) await writeFiles(temporary, await options.examine(temporary), options.signal);
    options.signal?.throwIfAborted();
    await swap(temporary, place);
    return written;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw explained(error, place, files);
  } finally {
    unfinished.delete(temporary);
  }
}

/** One file, whole or not at all; its folder is made where there is none. Rejects with `HostError`. */
export async function writeFileWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  const place = resolve(path);
  const temporary = besides(place, "tmp");
  await makeFolder(dirname(place));
  unfinished.set(temporary, undefined);
  try {
    await writeFile(temporary, [typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes], undefined);
    await rename(temporary, place);
  } catch (error) {
    await rm(temporary, { force: true });
    throw explained(error, place, []);
  } finally {
    unfinished.delete(temporary);
  }
}

/** Several files of one folder, all or none: a model and its data. Each is written beside its place first; rejects with `HostError`, and then nothing has changed. */
export async function writeFilesWhole(directory: string, files: readonly ArtifactFile[], signal?: AbortSignal): Promise<ReadonlyMap<string, WrittenFile>> {
  const place = resolve(directory);
  const temporary = besides(join(place, files.at(-1)?.path ?? "files"), "tmp");
  await makeFolder(dirname(temporary));
  unfinished.set(temporary, undefined);
  try {
    await mkdir(temporary);
    await checkSpace(temporary, files);
    const written = await writeFiles(temporary, files, signal);
    signal?.throwIfAborted();
    takePlaces(temporary, place, files.map((f) => f.path));
    await syncDirectory(place);
    return written;
  } catch (error) {
    throw explained(error, place, files);
  } finally {
    await rm(temporary, { recursive: true, force: true });
    unfinished.delete(temporary);
  }
}

/** Before there is anything to remove: cleaning up where no folder can be would hide why. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw explained(error, path, []);
  }
}

/** Moves new files over old ones, and back where one refuses. At once, so that nobody who ends the process comes in between. */
function takePlaces(from: string, to: string, names: readonly string[]): void {
  const done: { readonly path: string; readonly old: string | undefined }[] = [];
  const folders: string[] = [];
  try {
    for (const name of names) {
      const path = join(to, name);
      if (mkdirSync(dirname(path), { recursive: true }) !== undefined) folders.push(dirname(path));
      const found = lstatSync(path, { throwIfNoEntry: false });
      if (found?.isDirectory()) throw new HostError("it is a directory", path);
      const old = found ? join(from, `${name}.old`) : undefined;
      if (old !== undefined) renameSync(path, old);
      done.push({ path, old });
      renameSync(join(from, name), path);
    }
  } catch (error) {
    for (const { path, old } of done.reverse()) quietly(() => (old === undefined ? rmSync(path, { force: true }) : renameSync(old, path)));
    for (const folder of folders.reverse()) quietly(() => rmdirSync(folder));
    throw error;
  }
}

/** A new directory in the system's place for temporary ones; gone when it is disposed of, or with what is unfinished. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(await realpath(tmpdir()), "kirigami-"));
  unfinished.set(path, undefined);
  return {
    path,
    async [Symbol.asyncDispose]() {
      unfinished.delete(path);
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** Temporary directories of this process, with the swap that one is in the middle of. */
const unfinished = new Map<string, { readonly old: string; readonly place: string } | undefined>();

/** Undoes what is half done, at once: for whoever is about to end the process (SIGINT, SIGTERM). */
export function removeUnfinished(): void {
  for (const [temporary, swapping] of unfinished) {
    if (swapping) quietly(() => renameSync(swapping.old, swapping.place));
    rmSync(temporary, { recursive: true, force: true });
  }
  unfinished.clear();
}

function quietly(body: () => void): void {
  try {
    body();
  } catch {
    // There was nothing to undo.
  }
}

/** Where the artefact is to lie, links followed. Refuses what is not an artefact, so that no folder of somebody's work is ever replaced. */
async function placeOf(out: string): Promise<string> {
  const wanted = resolve(out);
  const parent = dirname(wanted);
  try {
    await mkdir(parent, { recursive: true });
    const found = await lstat(wanted).catch(missing);
    if (!found) return join(await realpath(parent), basename(wanted));
    const place = await realpath(wanted);
    if (place === dirname(place)) throw new RefusedPlace("it is the root of the file system", out);
    if (!(await lstat(place)).isDirectory()) throw new RefusedPlace("it is a file, and an artefact is a directory", out);
    const names = await readdir(place);
    if (names.length > 0 && !(await isArtifact(place))) throw new RefusedPlace("it is a directory with other things in it, and no artefact (it has no manifest.json of ours)", out);
    return place;
  } catch (error) {
    throw explained(error, wanted, []);
  }
}

/** Web sites and extensions have a `manifest.json` too; ours says which compiler wrote it. */
async function isArtifact(directory: string): Promise<boolean> {
  try {
    const manifest: unknown = JSON.parse(await readFile(join(directory, "manifest.json"), "utf8"));
    return typeof manifest === "object" && manifest !== null && "kirigami" in manifest;
  } catch {
    return false;
  }
}

const missing = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== "ENOENT") throw error;
  return undefined;
};

const besides = (place: string, kind: "tmp" | "old"): string => join(dirname(place), `${basename(place)}.${kind}-${process.pid}-${randomBytes(4).toString("hex")}`);

/** What processes left that were killed: temporary directories go, and an artefact that was set aside without a successor comes back. */
async function removeLeftovers(place: string): Promise<void> {
  const pattern = new RegExp(`^${basename(place).replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}\\.(tmp|old)-(\\d+)-[0-9a-f]{8}$`);
  for (const name of (await readdir(dirname(place)).catch(() => [])).sort()) {
    const [, kind, pid] = pattern.exec(name) ?? [];
    if (!pid || isAlive(Number(pid))) continue;
    const path = join(dirname(place), name);
    if (kind === "old" && !(await lstat(place).catch(missing))) await rename(path, place);
    else await rm(path, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

const sum = (files: readonly ArtifactFile[]): number => files.reduce((total, f) => total + (f.bytes ?? 0), 0);

/** A full disk is told before hours of work, not after. What has no blocks at all (/proc) is no disk, and is told by the first file that it refuses. */
async function checkSpace(place: string, files: readonly ArtifactFile[]): Promise<void> {
  const found = await statfs(dirname(place)).catch(() => undefined);
  const free = found && found.blocks > 0 ? found.bavail * found.bsize : Infinity;
  if (sum(files) > free) throw noSpace(place, files, `, and ${free} are free`);
}

const noSpace = (place: string, files: readonly ArtifactFile[], free = ""): HostError =>
  new HostError(files.length > 0 ? `the disk is full: the artefact takes ${sum(files)} bytes or a little more${free}` : "the disk is full", place);

async function writeFiles(directory: string, files: readonly ArtifactFile[], signal: AbortSignal | undefined, onDisk?: WriteOptions["onDisk"]): Promise<Map<string, WrittenFile>> {
  const written = new Map<string, WrittenFile>();
  const directories = new Set([directory]);
  for (const file of files) {
    const path = inside(directory, file.path);
    if (written.has(file.path)) throw new Error(`the artefact has two files ${file.path}`);
    await mkdir(dirname(path), { recursive: true });
    for (let d = dirname(path); d.startsWith(directory); d = dirname(d)) directories.add(d);
    const there = onDisk?.get(file.path);
    const isLinked = there !== undefined && (await link(there.path, path).then(() => true, () => false));
    written.set(file.path, isLinked ? there.written : await writeFile(path, file.chunks(written), signal));
  }
  for (const d of directories) await syncDirectory(d);
  return written;
}

function inside(directory: string, path: string): string {
  const full = resolve(directory, path);
  if (!full.startsWith(directory + sep)) throw new Error(`${path} is no path inside of an artefact`);
  return full;
}

/** Bytes of chunks that are written at once: a model has thousands of small constants, and each write waits for a thread of its own. */
const TOGETHER = 2 ** 18;

async function writeFile(path: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<WrittenFile> {
  const hash = createHash("sha256");
  const file = await open(path, "wx");
  const together = Buffer.allocUnsafe(TOGETHER);
  let [bytes, held] = [0, 0];
  const flush = async (): Promise<void> => {
    await writeAll(file, together.subarray(0, held));
    held = 0;
  };
  try {
    for await (const chunk of chunks) {
      signal?.throwIfAborted();
      hash.update(chunk);
      bytes += chunk.length;
      if (held + chunk.length > TOGETHER) await flush();
      if (chunk.length > TOGETHER) await writeAll(file, chunk);
      else {
        together.set(chunk, held);
        held += chunk.length;
      }
    }
    await flush();
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest("hex") };
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
}

/** A name is on the disk only when its directory is. Some systems cannot sync directories; there this is as good as it gets. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r").catch(() => undefined);
  await directory?.sync().catch(() => undefined);
  await directory?.close();
}

/** The new artefact takes the place; the old one is gone only then, and back where that fails. */
async function swap(temporary: string, place: string): Promise<void> {
  const old = besides(place, "old");
  unfinished.set(temporary, { old, place });
  const hadOld = await rename(place, old).then(() => true, missing);
  try {
    await rename(temporary, place);
  } catch (error) {
    if (hadOld) await rename(old, place).catch(() => undefined);
    throw isOccupied(error) ? new HostError("another process writes there at the same time", place) : error;
  } finally {
    unfinished.set(temporary, undefined);
  }
  await syncDirectory(dirname(place));
  // The new one is in place: an old one that cannot be removed is litter, not a failure.
  if (hadOld) await rm(old, { recursive: true, force: true }).catch(() => undefined);
}

const isOccupied = (error: unknown): boolean => ["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "");

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "I may not write there", EPERM: "I may not write there", EROFS: "the file system is read-only", EISDIR: "it is a directory", ENOTDIR: "a part of its path is a file", EEXIST: "a part of its path is a file", EIO: "the disk fails to take it",
};

function explained(error: unknown, place: string, files: readonly ArtifactFile[]): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") return noSpace(place, files);
  if (code === "ENOENT" && syscall === "mkdir") return new HostError("nothing can be made there", place);
  const reason = typeof code === "string" ? REASONS[code] : undefined;
  return reason === undefined ? error : new HostError(reason, place);
}
