// Declarations beside a program: which of them differ from those on the disk, and writing these.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Paths of the declarations of `file` that are missing or say something else. */
export function outdatedTypings(root: string, file: string, typings: Readonly<Record<string, string>>): string[] {
  return places(root, file, typings).filter(([path, text]) => textOf(path) !== text).map(([path]) => path);
}

/** Writes what differs, so that nobody who watches the others is woken, and gives its paths. Throws the file system's error. */
export function writeTypings(root: string, file: string, typings: Readonly<Record<string, string>>): string[] {
  const outdated = outdatedTypings(root, file, typings);
  for (const [path, text] of places(root, file, typings)) if (outdated.includes(path)) writeFileSync(path, text);
  return outdated;
}

const places = (root: string, file: string, typings: Readonly<Record<string, string>>): [path: string, text: string][] => Object.entries(typings).map(([name, text]) => [join(root, dirname(file), name), text]);

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
