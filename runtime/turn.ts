// Long work in JavaScript lets others have their turn: timers and other requests go on while pictures and texts are prepared.

/** Milliseconds after which others get their turn. */
const LONGEST = 8;

export class Turn {
  #since = performance.now();
  readonly #signal: AbortSignal | undefined;

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** True when it is time to `await pass()`; asking costs little. */
  get over(): boolean {
    return performance.now() - this.#since > LONGEST;
  }

  /** Rejects with the signal's reason where nobody waits for the work any more. */
  async pass(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#signal?.throwIfAborted();
    this.#since = performance.now();
  }
}
