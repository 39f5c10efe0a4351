// Where a program's project begins, which none of its paths may leave: asked by the command line, bundlers and editors.
import { existsSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";

/** What marks the root of a project. */
const MARKS = ["package.json", ".git"];

export const isRoot = (directory: string): boolean => MARKS.some((mark) => existsSync(join(directory, mark)));

/** The nearest directory above that looks like a project's root; without one, where the command was called, if the file lies there. */
export function rootOf(cwd: string, path: string): string {
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    if (isRoot(directory)) return directory;
    if (dirname(directory) === directory) break;
  }
  return path.startsWith(resolve(cwd) + sep) ? resolve(cwd) : dirname(path);
}
