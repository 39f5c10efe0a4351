// How many runs may be under way, and how many may wait for that: first come, first served.
import { refuse } from "./errors.ts";

export class Queue {
  readonly #waiting: { enter: () => void; refuse: (error: unknown) => void }[] = [];
  #free: number;
  readonly #most: number;

  /** `underway` at once; `most` wait, and more are refused. */
  constructor(underway: number, most: number) {
    this.#free = underway;
    this.#most = most;
  }

  /** Resolves when it is this one's turn; then `leave` must be called once. */
  enter(signal?: AbortSignal): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    if (this.#waiting.length >= this.#most) return Promise.reject(refuse("R751", { most: this.#most }));
    return new Promise((resolve, reject) => {
      const done = (): void => signal?.removeEventListener("abort", abort);
      const entry = {
        enter: () => { done(); resolve(); },
        refuse: (error: unknown) => { done(); reject(error); },
      };
      const abort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.push(entry);
    });
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next) next.enter();
    else this.#free++;
  }

  /** Refuses all that wait. */
  drain(error: unknown): void {
    for (const entry of this.#waiting.splice(0)) entry.refuse(error);
  }
}
