// Which program is meant: a file, a directory, or the nearest project upward; and the root that its paths may not leave.
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { nearest } from "../../compiler/diagnostics/suggest.ts";
import { isRoot, rootOf } from "../project-root.ts";
import { UsageError } from "./usage-error.ts";

export interface ProgramFile {
  /** Absolute; no path of the program leaves it. */
  readonly root: string;
  /** Relative to the root, with `/`. */
  readonly file: string;
}

const EXTENSION = ".kiri";
/** What people have in hand and a program only names. */
const MODEL = /\.(onnx|safetensors)$/i;

/** The programs that the arguments name; without arguments those of the nearest project upward. At least one. */
export function programs(cwd: string, args: readonly string[]): ProgramFile[] {
  if (args.length === 0) return nearestProject(cwd).map((path) => programFile(cwd, path));
  return args.flatMap((arg) => {
    const path = resolve(cwd, arg);
    if (!existsSync(path)) throw new UsageError(`${arg} does not exist.`, similar(path));
    if (MODEL.test(path)) throw new UsageError(`${arg} is a model, and a program is wanted.`, `Name a ${EXTENSION} file that has \`model m = import "${basename(path)}"\`, or see \`kiri inspect ${arg}\`.`);
    if (!statSync(path).isDirectory()) return [programFile(cwd, path)];
    const found = programsOf(path);
    if (found.length === 0) throw new UsageError(`${arg} holds no ${EXTENSION} file, neither directly nor in pipelines/.`);
    return found.map((p) => programFile(cwd, p));
  });
}

/** As `programs`, for commands that take one. */
export function oneProgram(cwd: string, arg: string | undefined): ProgramFile {
  const found = programs(cwd, arg === undefined ? [] : [arg]);
  const [first] = found;
  if (first === undefined || found.length > 1) throw new UsageError(`There are several programs: ${found.map((p) => show(cwd, p)).join(", ")}.`, "Name one of them.");
  return first;
}

/** A program's path as its user would type it. */
export const show = (cwd: string, { root, file }: ProgramFile): string => relative(cwd, join(root, file)) || file;

/** `.kiri` files of a directory, or else of its `pipelines/`. */
function programsOf(directory: string): string[] {
  const own = kiriFiles(directory);
  return own.length > 0 ? own : kiriFiles(join(directory, "pipelines"));
}

function kiriFiles(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory, { withFileTypes: true }).filter((f) => f.name.endsWith(EXTENSION) && !f.isDirectory());
  return names.map((f) => join(directory, f.name)).sort();
}

function nearestProject(cwd: string): string[] {
  for (let directory = resolve(cwd); ; directory = dirname(directory)) {
    const found = programsOf(directory);
    if (found.length > 0) return found;
    if (isRoot(directory) || dirname(directory) === directory) break;
  }
  throw new UsageError(`No ${EXTENSION} file here or above.`, "Name a file, or make a project: kiri new my-project");
}

function programFile(cwd: string, path: string): ProgramFile {
  const root = rootOf(cwd, path);
  return { root, file: relative(root, path).split(sep).join("/") };
}

/** From the repository to the project: `` or `packages/vision/`. */
export function repositoryPrefix(root: string): string {
  for (let directory = root; ; directory = dirname(directory)) {
    if (existsSync(join(directory, ".git"))) return directory === root ? "" : `${relative(directory, root).split(sep).join("/")}/`;
    if (dirname(directory) === directory) return "";
  }
}

/** Near names beside a file that does not exist. */
function similar(path: string): string | undefined {
  const folder = dirname(path);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return undefined;
  const near = nearest(basename(path), readdirSync(folder));
  return near.length > 0 ? `Did you mean ${near.join(", ")}?` : undefined;
}
