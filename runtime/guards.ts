// Sizes of a run: symbols are read off the inputs, defined ones are worked out, every other size and condition is checked against them.
import type { Manifest, TensorPort } from "./artifact.d.ts";
import { refuse } from "./errors.ts";
import { type Evaluate, parseSize, type Sizes, symbolOf } from "./size.ts";
import type { Tensor } from "./tensor.ts";

const HOLDS: Readonly<Record<Manifest["guards"][number]["comparison"], (a: number, b: number) => boolean>> = {
  "==": (a, b) => a === b, "!=": (a, b) => a !== b, "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
};

interface Axis {
  readonly name: string;
  readonly symbol: string | undefined;
  readonly size: Evaluate;
  readonly text: string;
}

export class Guards {
  readonly #inputs: readonly { readonly port: TensorPort; readonly axes: readonly Axis[] }[];
  readonly #defined: readonly { readonly name: string; readonly value: Evaluate }[];
  readonly #guards: readonly (Manifest["guards"][number] & { readonly a: Evaluate; readonly b: Evaluate })[];

  constructor(manifest: Manifest) {
    this.#inputs = manifest.graph.inputs.map((port) => ({
      port,
      axes: port.axes.map(({ name, size }) => ({ name, symbol: symbolOf(size), size: parseSize(size), text: String(size) })),
    }));
    this.#defined = (manifest.sizes ?? []).map(({ name, size }) => ({ name, value: parseSize(size) }));
    this.#guards = manifest.guards.map((g) => ({ ...g, a: parseSize(g.left), b: parseSize(g.right) }));
  }

  /** Refuses a run whose sizes do not fit each other, or for which a `where` clause does not hold. */
  check(tensors: ReadonlyMap<string, Tensor>, known: Sizes): void {
    const sizes = new Map(known);
    for (const { port, axes } of this.#inputs) {
      const tensor = this.#tensor(port, tensors);
      for (const [i, { symbol }] of axes.entries()) if (symbol !== undefined && !sizes.has(symbol)) sizes.set(symbol, tensor.dims[i] ?? 0);
    }
    const read = [...sizes];
    for (const { name, value } of this.#defined) {
      const size = sizes.has(name) ? undefined : value(sizes);
      if (size !== undefined) sizes.set(name, size);
    }
    for (const { port, axes } of this.#inputs) {
      const { dims } = this.#tensor(port, tensors);
      const wanted = axes.map((a) => a.size(sizes));
      const wrong = dims.length !== axes.length ? axes[0] : axes.find((_, i) => wanted[i] !== undefined && wanted[i] !== dims[i]);
      if (dims.length !== axes.length || wrong) {
        throw refuse("R734", { name: port.name, found: `[${dims.join(", ")}]`, wanted: `[${axes.map((a, i) => (wanted[i] === undefined || a.text === String(wanted[i]) ? a.text : `${a.text} = ${wanted[i]}`)).join(", ")}]`, why: "the batch axis first", at: "" });
      }
    }
    for (const guard of this.#guards) {
      const [a, b] = [guard.a(sizes), guard.b(sizes)];
      // A size that no input tells cannot be checked here; the graph itself still refuses what it cannot compute.
      if (a === undefined || b === undefined || HOLDS[guard.comparison](a, b)) continue;
      throw refuse("R739", { says: guard.says, place: guard.place, found: `${sided(guard.left, a)} ${guard.comparison} ${sided(guard.right, b)} is wrong`, sizes: read.map(([name, size]) => `${name} = ${size}`).join(", ") });
    }
  }

  #tensor(port: TensorPort, tensors: ReadonlyMap<string, Tensor>): Tensor {
    const found = tensors.get(port.name);
    if (!found) throw refuse("R714", { where: "The graph", name: port.name });
    return found;
  }
}

const sided = (size: number | string, value: number): string => (String(size) === String(value) ? String(value) : `(${size} = ${value})`);
