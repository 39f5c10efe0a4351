// Workers that share one model file: a run goes to whoever is free; a worker that ends unasked is replaced.
import type { Worker } from "node:worker_threads";
import { RuntimeError, refuse } from "./errors.ts";
import type { Port } from "./graph.ts";
import type { Device } from "./providers.ts";
import type { Tensor } from "./tensor.ts";
import type { Failure, FromWorker, ToWorker, WorkerOrder } from "./worker-messages.ts";
import { startWorker } from "./worker-start.ts";
import { WorkerState } from "./worker-state.ts";

type Outputs = Readonly<Record<string, Tensor>>;

interface Job {
  readonly message: (id: number) => ToWorker;
  readonly hand: ArrayBuffer[];
  /** The only one who can do it; undefined: anyone. */
  readonly only: Member | undefined;
  readonly resolve: (outputs: Outputs) => void;
  readonly reject: (error: unknown) => void;
}

interface Member {
  readonly worker: Worker;
  job: Job | undefined;
  /** Undefined until the model is open. */
  facts: Opened | undefined;
}

export interface Opened {
  readonly device: Device;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** So many replacements in a row that never opened the model: then there is no use in more. */
const MOST_FAILURES = 3;

export class Pool {
  #order: WorkerOrder;
  readonly #members = new Set<Member>();
  readonly #waiting: Job[] = [];
  #closed: Promise<void> | undefined;
  #failures = 0;
  #broken: RuntimeError | Error | undefined;
  #id = 0;

  private constructor(order: WorkerOrder) {
    this.#order = order;
  }

  /** The first worker says which device it is; the others take the same. */
  static async open(order: WorkerOrder, workers: number, onOpen: (opened: number) => void): Promise<{ pool: Pool; facts: Opened }> {
    const pool = new Pool(order);
    const facts = await pool.#add();
    pool.#order = { ...order, device: facts.device.name };
    onOpen(1);
    try {
      let opened = 1;
      await Promise.all(Array.from({ length: workers - 1 }, () => pool.#add().then(() => onOpen(++opened))));
    } catch (error) {
      await pool.close();
      throw error;
    }
    return { pool, facts };
  }

  run(inputs: Readonly<Record<string, Tensor>>, signal?: AbortSignal): Promise<Outputs> {
    const buffers = new Set(Object.values(inputs).map((t) => t.data.buffer as ArrayBuffer));
    return this.#submit((id) => ({ kind: "run", id, inputs }), [...buffers], signal);
  }

  /** Ends the profile of every worker; their files are then complete. */
  async endProfiling(): Promise<void> {
    const open = [...this.#members].filter((m) => m.facts);
    await Promise.all(open.map((only) => this.#submit((id) => ({ kind: "profile", id }), [], undefined, only)));
  }

  /** What waits is refused, what runs may end. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const job of this.#waiting.splice(0)) job.reject(refuse("R752", {}));
    await Promise.all([...this.#members].map((member) => this.#end(member)));
  }

  /** Waits for its run, however long that takes: ending a thread inside of ONNX Runtime would end the whole process. */
  #end({ worker }: Member): Promise<void> {
    return new Promise((resolve) => {
      worker.once("exit", () => resolve());
      worker.ref();
      worker.postMessage({ kind: "close" } satisfies ToWorker);
    });
  }

  #submit(message: Job["message"], hand: ArrayBuffer[], signal: AbortSignal | undefined, only?: Member): Promise<Outputs> {
    if (this.#closed) return Promise.reject(refuse("R752", {}));
    if (this.#broken) return Promise.reject(this.#broken);
    return new Promise<Outputs>((resolve, reject) => {
      // What waits is dropped; what runs already ends, and its result is discarded.
      const abort = (): void => {
        const at = this.#waiting.indexOf(job);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(signal?.reason);
      };
      const settled = (): void => signal?.removeEventListener("abort", abort);
      const job: Job = {
        message, hand, only,
        resolve: (outputs) => { settled(); resolve(outputs); },
        reject: (error) => { settled(); reject(error); },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.push(job);
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (const member of this.#members) {
      if (!member.facts || member.job) continue;
      const at = this.#waiting.findIndex((j) => j.only === undefined || j.only === member);
      const [job] = at < 0 ? [] : this.#waiting.splice(at, 1);
      if (!job) continue;
      member.job = job;
      // Only work keeps the process alive, not a worker that waits for it.
      member.worker.ref();
      member.worker.postMessage(job.message(++this.#id), job.hand);
    }
  }

  /** Starts a worker; resolves when it has the model open. */
  #add(): Promise<Opened> {
    const state = new WorkerState();
    const member: Member = { worker: startWorker({ order: this.#order, state: state.shared }), job: undefined, facts: undefined };
    state.watch();
    member.worker.once("exit", () => state.unwatch());
    this.#adopt(member);
    const { worker } = member;
    return new Promise<Opened>((resolve, reject) => {
      const opened = (message: FromWorker): void => {
        worker.off("exit", ended);
        worker.off("error", ended);
        if (message.kind !== "opened") {
          reject(message.kind === "unopened" ? errorOf(message.fault) : new Error(`a worker said ${message.kind} before it had opened anything`));
          return;
        }
        member.facts = { device: message.device, inputs: message.inputs, outputs: message.outputs };
        this.#failures = 0;
        worker.unref();
        resolve(member.facts);
        this.#dispatch();
      };
      const ended = (why: unknown): void => reject(refuse("R753", { why: whyEnded(why) }, why));
      worker.once("message", opened);
      worker.once("error", ended);
      worker.once("exit", ended);
    });
  }

  #adopt(member: Member): void {
    const { worker } = member;
    this.#members.add(member);
    let why: unknown;
    worker.on("message", (message: FromWorker) => {
      if (message.kind !== "done" && message.kind !== "failed") return;
      const { job } = member;
      member.job = undefined;
      worker.unref();
      if (message.kind === "done") job?.resolve(message.outputs);
      else job?.reject(errorOf(message.fault));
      this.#dispatch();
    });
    worker.on("error", (error) => {
      why = error;
    });
    worker.on("exit", (code) => {
      this.#members.delete(member);
      const ended = refuse("R753", { why: whyEnded(why ?? code) }, why);
      member.job?.reject(ended);
      member.job = undefined;
      for (const job of this.#waiting.filter((j) => j.only === member)) {
        this.#waiting.splice(this.#waiting.indexOf(job), 1);
        job.reject(ended);
      }
      if (!this.#closed && member.facts) this.#replace();
    });
  }

  #replace(): void {
    this.#add().catch((error: unknown) => {
      this.#failures++;
      if (this.#closed) return;
      if (this.#failures < MOST_FAILURES) return this.#replace();
      if (this.#members.size > 0) return;
      this.#broken = error instanceof Error ? error : new Error(String(error));
      for (const job of this.#waiting.splice(0)) job.reject(this.#broken);
    });
  }
}

const errorOf = (fault: Failure): Error => (fault.code === undefined ? new Error(fault.says) : new RuntimeError(fault));
const whyEnded = (why: unknown): string => (why instanceof Error ? why.message : `it stopped with code ${String(why)}`);
