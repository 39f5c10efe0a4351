// Reading the arguments of a primitive: each reader gives the value as wanted or reports what was found.
import { shapes } from "../../diagnostics/shapes.ts";
import { type Dim, multiply } from "../../types/dim.ts";
import type { Elaboration } from "../elaboration.ts";
import { asFloat, asSize, asTensor } from "../evaluate.ts";
import { fail } from "../fail.ts";
import { NONE } from "../value.ts";
import { describe, type SizedName, type Tensor, type Value } from "../value.ts";
import type { PrimitiveCall } from "./index.ts";

export const given = (c: PrimitiveCall, name: string): Value | undefined => {
  const value = c.values.get(name);
  return value === NONE ? undefined : value;
};

const wrong = (c: PrimitiveCall, name: string, wanted: string): never => {
  const value = c.values.get(name);
  return fail(shapes.T302, c.span, { param: name, found: value ? describe(value) : "nothing", wanted });
};

export function tensorOf(e: Elaboration, c: PrimitiveCall, name: string, like?: Tensor): Tensor {
  const value = given(c, name);
  return (value && asTensor(e, value, like, c)) ?? wrong(c, name, "a tensor");
}

export function wordOf(c: PrimitiveCall, name: string): string {
  const value = given(c, name);
  return value?.kind === "word" ? value.name : value?.kind === "text" ? value.value : wrong(c, name, "a name");
}

export function wordsOf(c: PrimitiveCall, name: string): readonly string[] {
  const value = given(c, name);
  return value?.kind === "words" ? value.names : value?.kind === "word" ? [value.name] : wrong(c, name, "names of axes");
}

export function sizeOf(e: Elaboration, c: PrimitiveCall, name: string): Dim {
  const value = given(c, name);
  return value ? asSize(e, value, c.span) : wrong(c, name, "Int");
}

export function integerOf(e: Elaboration, c: PrimitiveCall, name: string): number {
  return e.arena.facts.number(sizeOf(e, c, name)) ?? wrong(c, name, "a number known at compile time");
}

export function floatOf(e: Elaboration, c: PrimitiveCall, name: string): number {
  const value = given(c, name);
  return (value && asFloat(e, value)) ?? wrong(c, name, "Float");
}

export function boolOf(c: PrimitiveCall, name: string): boolean {
  const value = given(c, name);
  return value?.kind === "bool" ? value.value : wrong(c, name, "Bool");
}

/** A `Grid` record: its sides as numbers, where they are known, and its cells. */
interface GridArgument {
  readonly sides: readonly [number, number] | undefined;
  readonly area: Dim;
}

/** Sides may be open only where a declaration is checked by itself. */
export function gridOf(e: Elaboration, c: PrimitiveCall, name: string): GridArgument {
  const value = given(c, name);
  if (value?.kind !== "record") return wrong(c, name, "Grid");
  const side = (field: string): Dim => {
    const v = value.fields.get(field);
    return v?.kind === "size" ? v.dim : wrong(c, name, "Grid");
  };
  const [height, width] = [side("h"), side("w")];
  const [h, w] = [e.arena.facts.number(height), e.arena.facts.number(width)];
  if (h !== undefined && w !== undefined) return { sides: [h, w], area: multiply(height, width) };
  return e.checking ? { sides: undefined, area: multiply(height, width) } : wrong(c, name, "a Grid of known size");
}

export function intoOf(c: PrimitiveCall, name: string): { from: readonly SizedName[]; to: readonly SizedName[] } {
  const value = given(c, name);
  return value?.kind === "into" ? value : wrong(c, name, "an axis form such as `C into (H, D)`");
}

/** `count: near as J`: the size, and the name of the axis that it makes. */
export function namedSizeOf(e: Elaboration, c: PrimitiveCall, name: string, fallback: string): { dim: Dim; name: string } {
  const value = given(c, name);
  if (value?.kind === "named-size") return value;
  return { dim: value ? asSize(e, value, c.span) : wrong(c, name, "a size"), name: fallback };
}
