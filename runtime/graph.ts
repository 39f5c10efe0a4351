// One ONNX file open in this thread: tensors in, tensors out. It blocks while it computes; sessions run it in workers.
import type * as ort from "onnxruntime-common";
import type { DType } from "./artifact.d.ts";
import { reasonOf, refuse } from "./errors.ts";
import { loadOnnxRuntime } from "./onnxruntime.ts";
import { requireDevice } from "./providers.ts";
import { fromOnnx, toOnnx } from "./onnx-tensor.ts";
import { dtypeOfOnnx, type Tensor } from "./tensor.ts";

export interface GraphOptions {
  /** Threads inside of one operator; ONNX Runtime's default is one a core. */
  readonly threads?: number;
  /** An execution provider; it must work. `cpu` unless said otherwise. */
  readonly device?: string;
  /** What ONNX Runtime may rewrite; `all` unless said otherwise. */
  readonly optimization?: "none" | "basic" | "extended" | "all";
  /** Folder that external data lies in, where the model is given as bytes. */
  readonly dataFolder?: string;
  /** Where ONNX Runtime writes a profile; a time and `.json` are appended. */
  readonly profilePrefix?: string;
  /** `false`: memory that an operator frees goes back at once. Slower; for measuring how much a run needs. */
  readonly arena?: boolean;
  /** No repacking of weights: models that run once open ten times faster. */
  readonly once?: boolean;
}

export interface Port {
  readonly name: string;
  /** Undefined for what the runtime does not hand over (text, sequences). */
  readonly dtype: DType | undefined;
  /** Sizes, or the names of open ones. */
  readonly dims: readonly (number | string)[];
}

const LEVELS = { none: "disabled", basic: "basic", extended: "extended", all: "all" } as const;

export class Graph implements AsyncDisposable {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly device: string;
  readonly #session: ort.InferenceSession;
  readonly #Tensor: typeof ort.Tensor;
  #open = true;

  private constructor(session: ort.InferenceSession, Tensor: typeof ort.Tensor, device: string) {
    this.#session = session;
    this.#Tensor = Tensor;
    this.device = device;
    this.inputs = session.inputMetadata.map(port);
    this.outputs = session.outputMetadata.map(port);
  }

  /** Opens a file by its path (external data beside it), or a model's bytes. */
  static async open(model: string | Uint8Array, options: GraphOptions = {}): Promise<Graph> {
    const device = options.device ?? "cpu";
    await requireDevice(device);
    const { InferenceSession, Tensor } = await loadOnnxRuntime();
    const wanted: ort.InferenceSession.SessionOptions = {
      executionProviders: [device],
      graphOptimizationLevel: LEVELS[options.optimization ?? "all"],
      // Errors come as rejections; ONNX Runtime's own lines on stderr would only repeat them.
      logSeverityLevel: 4,
      ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads, interOpNumThreads: 1 }),
      ...(options.arena === false ? { enableCpuMemArena: false, enableMemPattern: false } : {}),
      ...(options.profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
      extra: {
        session: {
          ...(options.dataFolder === undefined ? {} : { model_external_initializers_file_folder_path: options.dataFolder }),
          ...(options.once ? { disable_prepacking: "1" } : {}),
        },
      },
    };
    try {
      const session = typeof model === "string" ? await InferenceSession.create(model, wanted) : await InferenceSession.create(model, wanted);
      return new Graph(session, Tensor, device);
    } catch (error) {
      // A device that is there and does not work; on the CPU it is the model.
      if (device !== "cpu") throw refuse("R722", { device, why: reasonOf(error) }, error);
      throw refuse("R708", { model: typeof model === "string" ? model : "the model", device, why: reasonOf(error) }, error);
    }
  }

  async run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const found = await this.#run(this.#feeds(inputs));
    return Object.fromEntries(Object.entries(found).map(([name, tensor]) => [name, fromOnnx(name, tensor)]));
  }

  /** Milliseconds of each of `repetitions` runs, tensors being converted before. */
  async time(inputs: Readonly<Record<string, Tensor>>, repetitions: number): Promise<number[]> {
    const feeds = this.#feeds(inputs);
    const times: number[] = [];
    for (let i = 0; i < repetitions; i++) {
      const start = performance.now();
      await this.#run(feeds);
      times.push(performance.now() - start);
    }
    return times;
  }

  /** Ends the profile, whose file is then complete. */
  endProfiling(): void {
    this.#session.endProfiling();
  }

  async release(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#session.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  #feeds(inputs: Readonly<Record<string, Tensor>>): Record<string, ort.Tensor> {
    return Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, toOnnx(this.#Tensor, name, tensor)]));
  }

  async #run(feeds: Record<string, ort.Tensor>): Promise<ort.InferenceSession.OnnxValueMapType> {
    try {
      return await this.#session.run(feeds);
    } catch (error) {
      throw refuse("R754", { why: reasonOf(error) }, error);
    }
  }
}

function port(value: ort.InferenceSession.ValueMetadata): Port {
  if (!value.isTensor) return { name: value.name, dtype: undefined, dims: [] };
  return { name: value.name, dtype: dtypeOfOnnx(value.type), dims: [...value.shape] };
}
