// Declarations beside a program: which of them differ from those on the disk, and writing these.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeFileWhole } from "./artifact-writer.ts";

/** Paths of the declarations of `file` that are missing or say something else. */
export function outdatedTypings(root: string, file: string, typings: Readonly<Record<string, string>>): string[] {
  return places(root, file, typings).filter(([path, text]) => textOf(path) !== text).map(([path]) => path);
}

/** Writes what differs, each file whole or not at all, so that nobody who watches the others is woken or finds half of one; gives its paths. Rejects with `HostError`. */
export async function writeTypings(root: string, file: string, typings: Readonly<Record<string, string>>): Promise<string[]> {
  const outdated = outdatedTypings(root, file, typings);
  for (const [path, text] of places(root, file, typings)) if (outdated.includes(path)) await writeFileWhole(path, text);
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
