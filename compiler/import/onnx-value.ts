// What a name of an ONNX file stands for while it is imported: a node, and its elements where they are sizes that are known.
import { type Build, literal, values } from "../graph/build.ts";
import type { Literal, Node } from "../graph/node.ts";
import { type Dim, asNumber, constant } from "../types/dim.ts";
import type { DType, TensorType } from "../types/tensor.ts";
import { Kept } from "./onnx-use.ts";

/** Longer lists of whole numbers are data, not sizes. */
export const MOST_SIZES = 64;

export class Value {
  readonly type: TensorType;
  /** The elements of a small tensor of whole numbers, row by row, where they are known as sizes. Its own sizes are plain numbers then. */
  readonly sizes: readonly Dim[] | undefined;
  #node: Node | undefined;
  readonly #make: () => Node;

  constructor(type: TensorType, sizes: readonly Dim[] | undefined, make: () => Node) {
    this.type = type;
    this.sizes = sizes;
    this.#make = make;
  }

  /** Made when it is first asked for: most arithmetic of shapes is of no use once the sizes are known. */
  get node(): Node {
    this.#node ??= this.#make();
    return this.#node;
  }

  /** The elements, where they are plain numbers. */
  get numbers(): readonly number[] | undefined {
    const known = this.sizes?.map(asNumber);
    return known?.includes(undefined) ? undefined : (known as number[] | undefined);
  }
}

/** A node as a value; small constants of whole numbers are known. */
export function asValue(node: Node): Value {
  return new Value(node.type, constantSizes(node), () => node);
}

/** A node whose elements are known besides. */
export const valueWith = (node: Node, sizes: readonly Dim[] | undefined): Value => new Value(node.type, sizes, () => node);

/** Sizes as a tensor of the given shape; a list of them unless one is given. Throws `Kept` where a file gives a shape that holds more or fewer. */
export function valueOfSizes(o: Build, dtype: DType, sizes: readonly Dim[], dims: readonly number[] = [sizes.length]): Value {
  if (!dims.every((d) => d >= 0) || dims.reduce((a, b) => a * b, 1) !== sizes.length) throw new Kept(`${sizes.length} numbers do not fill the shape [${dims.join(", ")}]`);
  return new Value({ dtype, dims: dims.map(constant) }, sizes, () => {
    const known = sizes.map(asNumber);
    if (!known.includes(undefined)) return o.const(dtype, dims, literal(dtype, known as number[]));
    const single = (d: Dim): Node => (asNumber(d) === undefined ? o.reshape(o.sizeOf(d), [1]) : o.tensor("i64", [1], [asNumber(d) as number]));
    const [only] = sizes;
    const whole = sizes.length === 1 && dims.length === 0 ? o.sizeOf(only as Dim) : sizes.length === 1 ? single(only as Dim) : o.concat(sizes.map(single), 0);
    return o.cast(dims.length < 2 ? whole : o.reshape(whole, dims), dtype);
  });
}

const WHOLE: ReadonlySet<DType> = new Set(["i64", "i32", "bool"]);

function constantSizes(node: Node): readonly Dim[] | undefined {
  if (node.op !== "const" || !WHOLE.has(node.type.dtype)) return undefined;
  const { bytes, dtype } = node.attrs.value as Literal;
  if (bytes.length > MOST_SIZES * 8) return undefined;
  const list = values({ kind: "literal", dtype, bytes });
  return list.every(Number.isSafeInteger) ? list.map(constant) : undefined;
}
