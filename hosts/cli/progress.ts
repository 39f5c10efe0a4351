// Progress on standard error: one bar a stage on a terminal that somebody watches, one plain line a stage elsewhere.
import { Presets, SingleBar } from "cli-progress";
import { type Io, isWatched } from "./io.ts";

interface Stage {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

export class ProgressLines {
  readonly #io: Io;
  readonly #isSilent: boolean;
  #bar: SingleBar | undefined;
  #stage: string | undefined;

  /** `isSilent`: for `--json`, whose readers want no lines. */
  constructor(io: Io, isSilent = false) {
    this.#io = io;
    this.#isSilent = isSilent;
  }

  readonly update = ({ stage, done, total }: Stage): void => {
    if (this.#isSilent) return;
    if (!isWatched(this.#io)) {
      if (stage !== this.#stage) this.#io.stderr.write(`${stage}\n`);
      this.#stage = stage;
      return;
    }
    if (stage !== this.#stage || !this.#bar) {
      this.end();
      this.#stage = stage;
      const shape = { ...Presets.shades_classic, format: "{stage} {bar} {value}/{total} {eta_formatted}", stream: this.#io.stderr as unknown as NodeJS.WritableStream, clearOnComplete: true, hideCursor: true, barsize: 24 };
      this.#bar = new SingleBar(shape);
      this.#bar.start(total, done, { stage });
    } else {
      this.#bar.setTotal(total);
      this.#bar.update(done);
    }
  };

  /** Takes the bar away; called before anything else is written. */
  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#stage = undefined;
  }
}
