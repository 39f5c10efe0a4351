// The compiler's host in an editor: what is open there stands for what is on the disk.
import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { FileFacts } from "../../compiler/host.ts";
import { NodeHost } from "../node-host.ts";

/** The texts of open files by their absolute paths, links followed. */
type OpenTexts = (path: string) => string | undefined;

export class EditorHost extends NodeHost {
  readonly #open: OpenTexts;

  constructor(root: string, open: OpenTexts) {
    super({ root });
    this.#open = open;
  }

  override stat(path: string): FileFacts | undefined {
    const own = this.#open(realPath(path));
    return own === undefined ? super.stat(path) : { size: own.length, isDirectory: false };
  }

  override read(path: string): Uint8Array {
    const own = this.#open(realPath(path));
    return own === undefined ? super.read(path) : new TextEncoder().encode(own);
  }
}

/** A path with its links followed; of what does not exist yet, as far as it does. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const above = dirname(path);
    return above === path ? path : join(realPath(above), basename(path));
  }
}
