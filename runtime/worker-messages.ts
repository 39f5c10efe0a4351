// What a session and its workers say to each other. Tensors are handed over, not copied.
import type { PlainFault } from "./errors.ts";
import type { GraphOptions, Port } from "./graph.ts";
import type { Device } from "./providers.ts";
import type { Tensor } from "./tensor.ts";

/** What a worker opens when it starts. */
export interface WorkerOrder {
  readonly model: string;
  /** `auto`, or the name of a provider. */
  readonly device: string;
  readonly options: Omit<GraphOptions, "device">;
}

/** The order, and the memory by which the session sees whether the worker is inside of ONNX Runtime. */
export interface WorkerData {
  readonly order: WorkerOrder;
  readonly state: SharedArrayBuffer;
}

export type ToWorker =
  | { readonly kind: "run"; readonly id: number; readonly inputs: Readonly<Record<string, Tensor>> }
  /** Ends the profile and says which file it is in; the worker then opens the model again. */
  | { readonly kind: "profile"; readonly id: number }
  | { readonly kind: "close" };

export type FromWorker =
  | { readonly kind: "opened"; readonly device: Device; readonly inputs: readonly Port[]; readonly outputs: readonly Port[] }
  | { readonly kind: "unopened"; readonly fault: Failure }
  | { readonly kind: "done"; readonly id: number; readonly outputs: Readonly<Record<string, Tensor>> }
  | { readonly kind: "failed"; readonly id: number; readonly fault: Failure };

/** An error as plain data; without a code where it is our own mistake. */
export type Failure = PlainFault | { readonly code: undefined; readonly says: string };
