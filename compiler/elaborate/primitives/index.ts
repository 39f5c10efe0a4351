// The primitives behind the `extern fn`s of the library: what each does to named tensors. Names, docs and defaults stand in the `.kiri` files.
import type { Span } from "../../../grammar/source.ts";
import type { Elaboration } from "../elaboration.ts";
import type { Value } from "../value.ts";
import { boundary } from "./boundary.ts";
import { elementwise } from "./elementwise.ts";
import { making } from "./making.ts";
import { movement } from "./movement.ts";
import { reduction } from "./reduction.ts";

export interface PrimitiveCall {
  readonly values: ReadonlyMap<string, Value>;
  readonly span: Span;
}
export type Primitive = (e: Elaboration, call: PrimitiveCall) => Value;
export type PrimitiveTable = Readonly<Record<string, Primitive>>;

export const primitives: ReadonlyMap<string, Primitive> = new Map(Object.entries({ ...elementwise, ...reduction, ...movement, ...making, ...boundary }));
