// `--watch`: a command runs again whenever the content of something that it looked at is another. Errors are told, and the watch goes on.
import { existsSync, type FSWatcher, realpathSync, statSync, watch } from "node:fs";
import { dirname, sep } from "node:path";
import { DigestMemory } from "../digest-memory.ts";
import { changesIn, Inputs, type InputStates, type Watched, writtenSince } from "../inputs.ts";
import { WrittenData } from "../written-data.ts";
import { cacheFolder } from "./cache-folder.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import type { Io } from "./io.ts";
import { printJson } from "./problems.ts";
import { mistakeText } from "./usage-error.ts";

/** An editor that saves, or a checkout, touches many files: one round for all of them. Milliseconds without news. */
const QUIET = 60;
/** Somebody who writes all the time is not waited for any longer. Milliseconds. */
const LONGEST = 600;
/** How often is looked where the system does not tell, as on some network drives. Milliseconds. */
const POLL = 1000;
/** Names of changed files on a line. */
const MOST_SHOWN = 3;
const WRITTEN_MEANWHILE = "written while it was read";

/** One run of the command. */
export interface Round {
  readonly inputs: Inputs;
  readonly digests: DigestMemory;
  /** What the round before wrote. */
  readonly data: WrittenData;
  /** What a `--json` line tells of the round. */
  facts(): RoundFacts;
}

interface RoundFacts {
  readonly number: number;
  /** Relative to the working directory; empty in the first round. */
  readonly changed: readonly string[];
  readonly milliseconds: number;
  /** What had to be read for digests alone: a large file that is as it was costs nothing. */
  readonly bytesHashed: number;
}

interface Watching {
  /** As in `kiri compile`. */
  readonly command: string;
  /** For `--json`: every round is one line, and no other line is written. */
  readonly isJson: boolean;
  /** Digests of large files; those that the user's programs remember unless given. */
  readonly digests?: DigestMemory;
  run(round: Round): ExitCode | Promise<ExitCode>;
  /** Files that are meant by a folder: one more or one fewer is a change. */
  names?(): readonly string[];
}

/** Runs until it is aborted, and then gives 130. A bug of ours ends it too. */
export async function watchInputs(io: Io, watching: Watching): Promise<ExitCode> {
  const root = realpathSync(io.cwd);
  const { digests = new DigestMemory(cacheFolder(io.env)) } = watching;
  const data = new WrittenData();
  const folders = new WatchedFolders(root, io.signal);
  let [changed, watched]: [readonly string[], Watched] = [[], { files: [], folders: [], missing: [] }];
  try {
    for (let number = 1; !io.signal.aborted; number++) {
      const inputs = new Inputs(root);
      const [began, hashed] = [Date.now(), digests.bytesRead];
      const facts = (): RoundFacts => ({ number, changed, milliseconds: Date.now() - began, bytesHashed: digests.bytesRead - hashed });
      const names = namesOf(watching);
      const code = await runOnce(io, watching, { inputs, digests, data, facts }, watched);
      if (io.signal.aborted) break;
      watched = inputs.watched;
      folders.arm(watched);
      // What may have been read as it was has a state that differs from whatever comes.
      const written: InputStates = Object.fromEntries(writtenSince(watched, began).map((path) => [inputs.name(path), WRITTEN_MEANWHILE]));
      const states = { ...(await inputs.states(digests)), ...written };
      // A memory that cannot be kept costs the next process a reading.
      await digests.save().catch(() => undefined);
      // What happened meanwhile is news already; else somebody has to tell.
      if (Object.keys(written).length > 0 || difference(names, namesOf(watching)).length > 0) folders.heard();
      if (!watching.isJson) io.stderr.write(line(facts(), code));
      changed = [];
      while (changed.length === 0 && !io.signal.aborted) {
        await folders.news();
        if (io.signal.aborted) break;
        folders.arm(watched);
        changed = [...new Set([...(await changesIn(root, states, digests)), ...difference(names, namesOf(watching))])];
      }
    }
    return EXIT.interrupted;
  } finally {
    folders.close();
  }
}

async function runOnce(io: Io, { command, isJson, run }: Watching, round: Round, before: Watched): Promise<ExitCode> {
  try {
    return await run(round);
  } catch (error) {
    if (io.signal.aborted) return EXIT.interrupted;
    const says = mistakeText(error);
    if (says === undefined) throw error;
    // It may have ended before it looked at anything: what mends it is among what it looked at before.
    for (const path of [...before.files, ...before.folders, ...before.missing]) round.inputs.nothing(path);
    if (isJson) printJson(io, command, EXIT.usage, [], { error: says, watch: round.facts() }, "line");
    else io.stderr.write(says);
    return EXIT.usage;
  }
}

/** Files that a folder stands for; a folder that is not there stands for none. */
function namesOf({ names }: Watching): readonly string[] {
  try {
    return names?.() ?? [];
  } catch (error) {
    if (mistakeText(error) === undefined) throw error;
    return [];
  }
}

const difference = (before: readonly string[], after: readonly string[]): string[] => [...before.filter((n) => !after.includes(n)), ...after.filter((n) => !before.includes(n))];

/** `watch: scenes.kiri changed, done in 120 ms`. */
function line({ number, changed, milliseconds }: RoundFacts, code: ExitCode): string {
  const more = changed.length - MOST_SHOWN;
  const names = `${changed.slice(0, MOST_SHOWN).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  return `watch: ${number === 1 ? "" : `${names} changed, `}${code === EXIT.success ? "done in" : "errors after"} ${milliseconds} ms\n`;
}

/** Folders under watch. Files are not watched themselves: an editor that puts a new file in the place of the old one would be lost. */
class WatchedFolders {
  readonly #top: string;
  readonly #signal: AbortSignal;
  /** By path and identity of the folder: one that was made anew is another. */
  #watchers = new Map<string, FSWatcher>();
  #isDeaf = false;
  /** Time of the first news that nobody has taken yet. */
  #newsSince: number | undefined;
  #tell: (() => void) | undefined;

  constructor(top: string, signal: AbortSignal) {
    this.#top = top;
    this.#signal = signal;
  }

  /** Watches where these lie or may appear. */
  arm(watched: Watched): void {
    const wanted = this.#foldersOf(watched);
    for (const [key, watcher] of this.#watchers) if (!wanted.has(key)) { watcher.close(); this.#watchers.delete(key); }
    this.#isDeaf = false;
    for (const [key, folder] of wanted) if (!this.#watchers.has(key)) this.#open(key, folder);
  }

  /** Resolves when something has happened and it is quiet again, or with the signal. */
  async news(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      const tell = (): void => {
        const now = Date.now();
        clearTimeout(timer);
        if (this.#signal.aborted) resolve();
        else if (this.#newsSince !== undefined) timer = setTimeout(resolve, Math.max(0, Math.min(QUIET, this.#newsSince + LONGEST - now)));
        else if (this.#isDeaf) timer = setTimeout(resolve, POLL);
      };
      this.#tell = tell;
      this.#signal.addEventListener("abort", tell, { once: true });
      tell();
    });
    clearTimeout(timer);
    if (this.#tell) this.#signal.removeEventListener("abort", this.#tell);
    this.#tell = undefined;
    this.#newsSince = undefined;
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #open(key: string, folder: string): void {
    const deaf = (): void => {
      this.#isDeaf = true;
      this.heard();
    };
    try {
      const watcher = watch(folder, () => this.heard());
      watcher.on("error", deaf);
      this.#watchers.set(key, watcher);
    } catch {
      // Too many watches, or it has just gone: it is looked at from time to time.
      this.#isDeaf = true;
    }
  }

  /** Something may be another. */
  heard(): void {
    this.#newsSince ??= Date.now();
    this.#tell?.();
  }

  /** The folder of each path, or the nearest above that exists; those above it within the working directory, which may be renamed; and where links lead. */
  #foldersOf({ files, folders, missing }: Watched): Map<string, string> {
    const found = new Map<string, string>();
    const seen = new Set<string>();
    const add = (folder: string): void => {
      if (seen.has(folder)) return;
      seen.add(folder);
      const facts = statSync(folder, { throwIfNoEntry: false });
      if (facts?.isDirectory()) found.set(`${folder} ${facts.dev} ${facts.ino}`, folder);
      const above = dirname(folder);
      if (above !== folder && (!facts?.isDirectory() || above === this.#top || above.startsWith(this.#top + sep))) add(above);
    };
    for (const path of [...folders, ...[...files, ...folders, ...missing].map((p) => dirname(p))]) add(path);
    for (const path of [...files, ...folders]) if (existsSync(path)) add(dirname(realpathSync(path)));
    return found;
  }
}
