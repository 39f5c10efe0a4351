// Which kirigami is used: the one that a setting names, the folder's own, or the one that comes with the extension.
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";

export interface ServerPlace {
  /** A program to start, or a file for Node. */
  readonly kind: "program" | "module";
  readonly path: string;
  /** How it is told to people. */
  readonly says: string;
  /** It has the runtime beside it, so pipelines can be run; the one of the extension has not. */
  readonly runs: boolean;
}

interface Asked {
  /** The setting; empty where nobody wrote one. */
  readonly setting: string;
  /** Folders of the workspace, the one of the open file first. */
  readonly folders: readonly string[];
  /** Code of a folder that is not trusted is never started. */
  readonly isTrusted: boolean;
  /** Where the extension lies. */
  readonly extension: string;
}

/** Where a setting names nothing that there is, that is told instead of another one being taken. */
export function serverPlace({ setting, folders, isTrusted, extension }: Asked): ServerPlace | { readonly missing: string } {
  if (isTrusted && setting !== "") {
    const path = isAbsolute(setting) ? setting : resolve(folders[0] ?? ".", setting);
    if (!existsSync(path)) return { missing: path };
    return { kind: /\.[cm]?js$/.test(path) ? "module" : "program", path, says: "of the setting kirigami.server.path", runs: true };
  }
  for (const folder of isTrusted ? folders : []) {
    const own = entryOf(join(folder, "node_modules/kirigami")) ?? entryOf(folder);
    if (own !== undefined) return { kind: "module", path: own, says: `of ${folder}`, runs: true };
  }
  return { kind: "module", path: join(extension, "dist/server.mjs"), says: "that comes with the extension", runs: false };
}

/** The file behind `kiri` of a package, where the folder is one of kirigami's and was built. */
function entryOf(folder: string): string | undefined {
  try {
    const { name, bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { name?: unknown; bin?: { kiri?: unknown } };
    if (name !== "kirigami" || typeof bin?.kiri !== "string") return undefined;
    const entry = join(folder, bin.kiri);
    return existsSync(entry) ? entry : undefined;
  } catch {
    // A folder without a package, or with one that cannot be read, has no kirigami of its own.
    return undefined;
  }
}
