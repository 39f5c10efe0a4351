// A language server that ends is started again, but not for ever: one that ends over and over tells its user so.

/** Ends within this many milliseconds count together. */
const WINDOW = 180_000;
/** The server is started again after so many of them. */
const MOST = 4;

export class Restarts {
  #ends: number[] = [];

  /** Whether to start it again; `now` in milliseconds. */
  ended(now: number): boolean {
    this.#ends = [...this.#ends.filter((at) => now - at < WINDOW), now];
    return this.#ends.length <= MOST;
  }

  /** Somebody started it by hand: it gets its chances again. */
  forgive(): void {
    this.#ends = [];
  }
}
