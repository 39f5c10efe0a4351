// What was tried, on the disk: a line of JSON for each trial, appended as soon as it is known, so that an interrupted search goes on where it was.
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { HostError } from "../../compiler/host.ts";
import type { Levels } from "../../compiler/compress/open.ts";

/** What the trials are of: where it differs, nothing of them holds. */
interface Subject {
  /** sha256 over the program, its modules, the files of its models, and the version of the compiler. */
  readonly program: string;
  /** Digests of data sets by name. */
  readonly data: Readonly<Record<string, string>>;
  readonly pipeline: string;
  readonly variant: string;
  readonly target: string;
}

/** One variant measured. */
export interface TrialLine {
  /** Of the open values; undefined for the plain model. */
  readonly values: Levels | undefined;
  /** How many records of the data were taken, from all over it. */
  readonly records: number;
  /** By the measure as it is written and its data. */
  readonly measures: Readonly<Record<string, number>>;
  /** Bytes of all files of the artefact. */
  readonly bytes: number;
  /** Times as long as the plain model, where only a run tells how much work is left. */
  readonly time?: number;
  /** Why it could not be measured. */
  readonly failed?: string;
}

const FORMAT = 1;

export class TuneState {
  readonly path: string;
  /** The program or the data changed: earlier trials lie in `<path>.old`. */
  readonly startedAnew: boolean;
  readonly #lines: Map<string, TrialLine>;

  private constructor(path: string, lines: ReadonlyMap<string, TrialLine>, startedAnew: boolean) {
    this.path = path;
    this.#lines = new Map(lines);
    this.startedAnew = startedAnew;
  }

  /** Opens or begins the file. A last line that was cut off is given up. Throws `HostError` where it cannot lie there, or something else does. */
  static open(path: string, subject: Subject): TuneState {
    try {
      return TuneState.#open(path, subject);
    } catch (error) {
      throw error instanceof HostError ? error : new HostError(`trials cannot be kept there (${(error as NodeJS.ErrnoException).code ?? String(error)}); name another file with --state`, path);
    }
  }

  static #open(path: string, subject: Subject): TuneState {
    const head = JSON.stringify({ format: FORMAT, ...subject });
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    if (text !== "" && !text.startsWith('{"format":')) throw new HostError("something else than trials is there; name another file with --state", path);
    const [first, ...rest] = text.split("\n");
    const isSame = first === head;
    const lines = isSame ? rest.flatMap(trialOf) : [];
    const startedAnew = text !== "" && !isSame;
    mkdirSync(dirname(path), { recursive: true });
    if (startedAnew) renameSync(path, `${path}.old`);
    const whole = [head, ...lines.map((l) => JSON.stringify(l)), ""].join("\n");
    if (whole !== text) writeFileSync(path, whole);
    return new TuneState(path, new Map(lines.map((l) => [keyOf(l.values, l.records), l])), startedAnew);
  }

  known(values: Levels | undefined, records: number): TrialLine | undefined {
    return this.#lines.get(keyOf(values, records));
  }

  add(line: TrialLine): void {
    this.#lines.set(keyOf(line.values, line.records), line);
    appendFileSync(this.path, `${JSON.stringify(line)}\n`);
  }
}

const keyOf = (values: Levels | undefined, records: number): string => JSON.stringify([values ? Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)) : [], records]);

function trialOf(text: string): TrialLine[] {
  try {
    const line = JSON.parse(text) as Partial<TrialLine>;
    return typeof line.records === "number" && typeof line.measures === "object" && typeof line.bytes === "number" ? [line as TrialLine] : [];
  } catch {
    return [];
  }
}
