// Full digests of files, remembered: a large file is not read again while its identity, size and times are what they were.
import { createHash } from "node:crypto";
import { type BigIntStats, createReadStream, readFileSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileWhole } from "./artifact-writer.ts";

/** Smaller files cost less to hash than to look up. Bytes. */
const SMALL = 256 * 2 ** 10;
/** A file that was written this shortly before it was hashed may change again without a newer time. Nanoseconds. */
const RACY = 2_000_000_000n;
/** Entries that are kept; a project has a few models. */
const MOST = 4096;
const FILE = "digests.json";

/** What the file system says of a file; any of it changes when somebody writes there. */
interface Remembered {
  readonly identity: string;
  readonly sha256: string;
}

export class DigestMemory {
  readonly #path: string | undefined;
  readonly #known: Map<string, Remembered>;
  #hasNews = false;
  #bytesRead = 0;

  /** `directory`: where the memory is kept between processes; without it, it lasts as long as this one. */
  constructor(directory?: string) {
    this.#path = directory === undefined ? undefined : join(directory, FILE);
    this.#known = this.#path === undefined ? new Map() : remembered(this.#path);
  }

  /** sha256 of a file, hex; from memory where the file is large and untouched. `verify`: read in any case. Rejects with the file system's error. */
  async digest(path: string, verify = false): Promise<string> {
    const facts = await stat(path, { bigint: true });
    const found = verify ? undefined : this.#recall(path, facts);
    if (found !== undefined) return found;
    const began = BigInt(Date.now()) * 1_000_000n;
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      hash.update(chunk as Buffer);
      this.#bytesRead += (chunk as Buffer).length;
    }
    const sha256 = hash.digest("hex");
    if (facts.size >= SMALL) this.#remember(path, facts, await stat(path, { bigint: true }), began, sha256);
    return sha256;
  }

  /** What was hashed since this memory was opened. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Writes the memory down, where it has news. */
  async save(): Promise<void> {
    if (this.#path === undefined || !this.#hasNews) return;
    this.#hasNews = false;
    await writeFileWhole(this.#path, `${JSON.stringify(Object.fromEntries([...this.#known].slice(-MOST)), undefined, 1)}\n`);
  }

  #recall(path: string, facts: BigIntStats): string | undefined {
    const known = this.#known.get(path);
    return known && facts.size >= SMALL && known.identity === identityOf(facts) ? known.sha256 : undefined;
  }

  /** Only what stood still while it was hashed, and some time before, is worth remembering. */
  #remember(path: string, before: BigIntStats, after: BigIntStats, began: bigint, sha256: string): void {
    const stoodStill = identityOf(before) === identityOf(after) && after.mtimeNs + RACY < began && after.ctimeNs + RACY < began;
    this.#known.delete(path);
    if (stoodStill) this.#known.set(path, { identity: identityOf(after), sha256 });
    this.#hasNews = true;
  }
}

/** Device, inode, size, and both times in nanoseconds: the time of change cannot be set back as that of modification can. */
const identityOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string => `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;

/** A memory that cannot be read is an empty one. */
function remembered(path: string): Map<string, Remembered> {
  try {
    if (!statSync(path, { throwIfNoEntry: false })) return new Map();
    const json = JSON.parse(readFileSync(path, "utf8")) as Record<string, Remembered>;
    return new Map(Object.entries(json).filter(([, r]) => typeof r?.identity === "string" && /^[0-9a-f]{64}$/.test(r.sha256)));
  } catch {
    return new Map();
  }
}
