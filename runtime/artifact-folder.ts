// Opens an artefact's directory: the manifest against its schema, every file where it must be and as it was written.
import { createHash } from "node:crypto";
import { createReadStream, type Stats } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv, type ErrorObject } from "ajv";
import type { FileFacts, Manifest } from "./artifact.d.ts";
import { reasonOf, refuse } from "./errors.ts";

const FORMAT = 1;
/** Manifests have some kilobytes; a gigabyte of JSON must not be parsed. */
const MOST_MANIFEST = 16 * 2 ** 20;
/** Files up to here are hashed unless told otherwise; hashing costs about a second a gigabyte. */
const MOST_HASHED = 64 * 2 ** 20;

interface Artifact {
  /** Absolute, links followed. */
  readonly folder: string;
  readonly manifest: Manifest;
}

interface OpenOptions {
  readonly verify?: "full" | "sizes";
  readonly onProgress?: (loaded: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export async function openArtifact(place: string | URL, options: OpenOptions = {}): Promise<Artifact> {
  const { folder, manifest } = await openManifest(place);
  await checkFiles(folder, pathOf(place), manifest, options);
  return { folder, manifest };
}

/** What the artefact says of itself; its files are not looked at. */
export async function openManifest(place: string | URL): Promise<Artifact> {
  const given = pathOf(place);
  const folder = await realpath(given).catch((error: NodeJS.ErrnoException) => {
    throw refuse("R701", { path: given, why: because(error) }, error);
  });
  if (!(await stat(folder)).isDirectory()) throw refuse("R701", { path: given, why: "it is a file, and an artefact is a directory" });
  return { folder, manifest: await readManifest(folder, given) };
}

function pathOf(place: string | URL): string {
  if (typeof place === "string") return place;
  if (place.protocol !== "file:") throw refuse("R701", { path: place.href, why: "only file URLs lead to artefacts" });
  return fileURLToPath(place);
}

async function readManifest(folder: string, given: string): Promise<Manifest> {
  const path = join(folder, "manifest.json");
  const facts = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw refuse("R701", { path: given, why: error.code === "ENOENT" ? "it has no manifest.json" : because(error) }, error);
  });
  const unreadable = (why: string, cause?: unknown): Error => refuse("R702", { path: join(given, "manifest.json"), why }, cause);
  if (!facts.isFile()) throw unreadable("it is not a file");
  if (facts.size > MOST_MANIFEST) throw unreadable(`it has ${facts.size} bytes, and a manifest has at most ${MOST_MANIFEST}`);
  await inside(folder, "manifest.json", given);
  let json: unknown;
  try {
    json = JSON.parse(await readUpTo(path, MOST_MANIFEST));
  } catch (error) {
    throw unreadable(reasonOf(error), error);
  }
  checkFormat(json);
  if (!fits(json)) throw refuse("R704", { path: join(given, "manifest.json"), mistakes: mistakes() });
  return json;
}

/** A file that grows while it is read is cut. */
async function readUpTo(path: string, most: number): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.min(size, most));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

function checkFormat(json: unknown): void {
  const found = typeof json === "object" && json !== null && "format" in json ? json.format : undefined;
  if (found === FORMAT || found === undefined || (typeof found !== "number" && typeof found !== "string")) return;
  const { kirigami } = json as { kirigami?: unknown };
  throw refuse("R703", { found: String(found).slice(0, 40), wanted: FORMAT, by: typeof kirigami === "string" ? kirigami.slice(0, 40) : undefined });
}

// Not an `import`: Node 20 warns of those for JSON.
const schema = createRequire(import.meta.url)("./artifact.schema.json") as object;
const validate = new Ajv({ allErrors: false, strict: true, allowUnionTypes: true }).compile<Manifest>(schema);
const fits = (json: unknown): json is Manifest => validate(json);
const mistakes = (): string[] => [...new Set((validate.errors ?? []).map(mistake))].slice(0, 3);

function mistake({ instancePath, message, params }: ErrorObject): string {
  const more = Object.entries(params as Record<string, unknown>).filter(([key]) => key === "additionalProperty" || key === "allowedValue").map(([, value]) => ` (${JSON.stringify(value)})`);
  return `${instancePath === "" ? "it" : instancePath.slice(0, 100)} ${message ?? "is wrong"}${more.join("").slice(0, 100)}`;
}

async function checkFiles(folder: string, given: string, manifest: Manifest, options: OpenOptions): Promise<void> {
  const files = Object.entries(manifest.files);
  const needed = ["model.onnx", ...manifest.steps.flatMap((s) => (s.kind === "text" ? [`${s.tokenizer}/tokenizer.json`] : []))];
  for (const file of needed) {
    if (!Object.hasOwn(manifest.files, file)) throw refuse("R706", { file, artifact: given, why: "the manifest does not list it" });
  }
  const total = files.reduce((sum, [, f]) => sum + f.bytes, 0);
  let loaded = 0;
  for (const [file, facts] of files) {
    options.signal?.throwIfAborted();
    await checkFile(folder, given, file, facts, options);
    loaded += facts.bytes;
    options.onProgress?.(loaded, total);
  }
}

async function checkFile(folder: string, given: string, file: string, facts: FileFacts, { verify, signal }: OpenOptions): Promise<void> {
  const { path, found } = await inside(folder, file, given);
  if (!found.isFile()) throw refuse("R706", { file, artifact: given, why: "it is not a file" });
  if (found.size !== facts.bytes) throw refuse("R707", { file, found: `${found.size} bytes`, wanted: `${facts.bytes}` });
  if (verify === "sizes" || (verify === undefined && facts.bytes > MOST_HASHED)) return;
  const sha256 = await hash(path, signal);
  if (sha256 !== facts.sha256) throw refuse("R707", { file, found: `the hash ${sha256}`, wanted: facts.sha256 });
}

/** Where a file of the artefact lies. It does not leave the artefact, by its name or by links. */
async function inside(folder: string, file: string, given: string): Promise<{ path: string; found: Stats }> {
  const parts = file.split("/");
  if (file.includes("\0") || file.includes("\\") || parts.some((p) => p === "" || p === "." || p === "..") || /^[a-z]:/i.test(file)) {
    throw refuse("R705", { file, why: "which is no plain path inside of it" });
  }
  try {
    const path = await realpath(join(folder, file));
    if (!path.startsWith(folder + sep)) throw refuse("R705", { file, why: "and a link leads it out of the artefact" });
    return { path, found: await stat(path) };
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("R7")) throw error;
    throw refuse("R706", { file, artifact: given, why: because(error as NodeJS.ErrnoException) }, error);
  }
}

async function hash(path: string, signal: AbortSignal | undefined): Promise<string> {
  const sum = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, ...(signal ? { signal } : {}) })) sum.update(chunk as Buffer);
  return sum.digest("hex");
}

const REASONS: Readonly<Record<string, string>> = { ENOENT: "it does not exist", EACCES: "I may not read it", EPERM: "I may not read it", ENOTDIR: "a part of its path is a file", ELOOP: "its links go round in circles" };
const because = (error: NodeJS.ErrnoException): string => (error.code && REASONS[error.code]) ?? reasonOf(error);
