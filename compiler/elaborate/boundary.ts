// The pipeline's edge: pictures and texts become tensors by a step of the host, declared here and carried out by the runtime.
import type { Span } from "../../grammar/source.ts";
import { shapes } from "../diagnostics/shapes.ts";
import { type Dim, symbol } from "../types/dim.ts";
import type { DType } from "../types/tensor.ts";
import type { Elaboration } from "./elaboration.ts";
import { evaluate } from "./evaluate.ts";
import { fail } from "./fail.ts";
import { projectPath } from "./model.ts";
import { describe, type Tensor, tensor, type Value } from "./value.ts";

/** The implicit batch axis of every pipeline. */
export const BATCH = "B";
export const BATCH_SIZE = symbol(BATCH);

export function graphInput(e: Elaboration, name: string, dtype: DType, dims: readonly Dim[], axes: readonly string[]): Tensor {
  const known = e.inputs.find((i) => i.name === name);
  const node = e.b.input(name, dtype, dims);
  if (!known) e.inputs.push({ name, node, axes });
  return tensor(node, axes);
}

/** Decoded pixels u8[B, Channels, H, W] of a picture, resized by the host. */
export function imagePixels(e: Elaboration, picture: Value | undefined, o: { channels: Dim; height: Dim; width: Dim; resize: string }, span: Span): Value {
  if (picture?.kind !== "boundary" || picture.type !== "image") return fail(shapes.T302, span, { param: "picture", found: picture ? describe(picture) : "nothing", wanted: "image" });
  const known = (d: Dim, what: string): number => e.arena.facts.number(d) ?? (e.checking ? 1 : fail(shapes.B321, span, { what: `The ${what} of the picture`, found: d.key }));
  e.hostSteps.push({ kind: "image", input: picture.name, tensor: picture.name, channels: known(o.channels, "channels"), height: known(o.height, "height"), width: known(o.width, "width"), resize: o.resize });
  return graphInput(e, picture.name, "u8", [BATCH_SIZE, o.channels, o.height, o.width], [BATCH, "Channels", "H", "W"]);
}

/** `words.encode(sentence)`: { ids: i64[B, N], mask: i64[B, N], types: i64[B, N] } by the host's tokenizer. */
export function encodeText(e: Elaboration, method: Extract<Value, { kind: "host-method" }>, args: readonly Value[], span: Span): Value {
  const [text] = args;
  const { decl, scope } = method.tokenizer;
  if (text?.kind !== "boundary" || text.type !== "text") return fail(shapes.T302, span, { param: "text", found: text ? describe(text) : "nothing", wanted: "text" });
  const from = decl.from ? evaluate(e, decl.from, scope) : undefined;
  const directory = projectPath(e, from, decl.from?.span ?? decl.span);
  const length = e.freshDim("N");
  const tensors = { ids: `${text.name}.ids`, mask: `${text.name}.mask`, types: `${text.name}.types` };
  const limit = scope.get("max_length");
  e.hostSteps.push({ kind: "text", input: text.name, tokenizer: directory, tensors, maxLength: limit?.kind === "size" ? (e.arena.facts.number(limit.dim) ?? 512) : 512 });
  e.files.add(`${directory}/tokenizer.json`);
  const one = (name: string): Value => graphInput(e, name, "i64", [BATCH_SIZE, length], [BATCH, "N"]);
  // Only what the pipeline uses becomes an input; an unused tensor is dropped when the graph is cut to what its outputs need.
  return { kind: "record", type: undefined, fields: new Map([["ids", one(tensors.ids)], ["mask", one(tensors.mask)], ["types", one(tensors.types)]]) };
}
