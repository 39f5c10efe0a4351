// The data file of the build before: while the constants are what they were, it is linked into the next artefact, and no weight is read.
import type { BigIntStats } from "node:fs";
import { stat } from "node:fs/promises";
import type { WrittenFile } from "../compiler/emit/artifact-file.ts";

/** A file of an artefact that is on the disk already. */
export interface OnDisk {
  readonly path: string;
  readonly written: WrittenFile;
}

export class WrittenData {
  #last: (OnDisk & { readonly key: string; readonly identity: string }) | undefined;

  /** The file that was written under this key, where nobody has touched it since. `key`: of the plan (`planDigest`). */
  async find(key: string): Promise<OnDisk | undefined> {
    const last = this.#last;
    if (last?.key !== key) return undefined;
    return identityOf(await stat(last.path, { bigint: true }).catch(() => undefined)) === last.identity ? last : undefined;
  }

  /** To be told when the artefact has taken its place: links and renames change the times. */
  async keep(key: string, path: string, written: WrittenFile): Promise<void> {
    const identity = identityOf(await stat(path, { bigint: true }).catch(() => undefined));
    this.#last = identity === undefined ? undefined : { key, path, written, identity };
  }
}

const identityOf = (facts: BigIntStats | undefined): string | undefined => facts && `${facts.dev} ${facts.ino} ${facts.size} ${facts.mtimeNs} ${facts.ctimeNs}`;
