// A thread that ends while ONNX Runtime computes in it takes the whole process down with it (an abort, whatever the exit code).
// So a worker marks when it is inside, and a process that exits waits for that and lets nothing new begin.

const INSIDE = 0;
const STOPPED = 1;
/** Milliseconds that an exit waits at most. */
const LONGEST = 60_000;

const live = new Set<WorkerState>();

export class WorkerState {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(shared = new SharedArrayBuffer(8)) {
    this.shared = shared;
    this.#words = new Int32Array(shared);
  }

  /** In the worker: runs `body`; once the process is about to exit, it never begins. */
  async inside<T>(body: () => Promise<T>): Promise<T> {
    Atomics.store(this.#words, INSIDE, 1);
    if (Atomics.load(this.#words, STOPPED) === 1) {
      this.#leave();
      return new Promise<never>(() => undefined);
    }
    try {
      return await body();
    } finally {
      this.#leave();
    }
  }

  /** In the session's thread: from now on an exit waits for this worker. */
  watch(): void {
    if (live.size === 0) process.on("exit", waitForAll);
    live.add(this);
  }

  unwatch(): void {
    live.delete(this);
    if (live.size === 0) process.off("exit", waitForAll);
  }

  stop(): void {
    Atomics.store(this.#words, STOPPED, 1);
  }

  wait(until: number): void {
    while (Atomics.load(this.#words, INSIDE) === 1 && performance.now() < until) Atomics.wait(this.#words, INSIDE, 1, until - performance.now());
  }

  #leave(): void {
    Atomics.store(this.#words, INSIDE, 0);
    Atomics.notify(this.#words, INSIDE);
  }
}

function waitForAll(): void {
  for (const state of live) state.stop();
  const until = performance.now() + LONGEST;
  for (const state of live) state.wait(until);
}
