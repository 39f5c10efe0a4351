// Sizes of a file's inputs that a call makes one: exporters give a name to each, and do not know that texts and their masks are equally long.
import type { OnnxValue } from "./onnx-file.ts";
import { companionOf } from "./recognised.ts";

/** Of sizes that are the same in every call the name that stands for all: the records come first in each input, and a mask or positions have as many tokens as what they belong to. */
export function alike(inputs: readonly OnnxValue[]): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  const [first] = inputs;
  for (const input of inputs) {
    if (input !== first && first) join(out, sizeAt(first, 0), sizeAt(input, 0));
    if (companionOf(input.name) === undefined) continue;
    const texts = inputs.find((i) => companionOf(i.name) === undefined && stem(i.name) === stem(input.name));
    if (texts) join(out, sizeAt(texts, 1), sizeAt(input, 1));
  }
  return out;
}

function join(into: Map<string, string>, name: number | string | undefined, other: number | string | undefined): void {
  if (typeof name !== "string" || typeof other !== "string") return;
  const known = into.get(name) ?? name;
  if (known !== other) into.set(other, known);
}

const sizeAt = ({ type }: OnnxValue, axis: number): number | string | undefined => (type?.kind === "tensor" ? type.dims?.[axis] : undefined);
/** `decoder_` of `decoder_input_ids` and `decoder_attention_mask`. */
const stem = (name: string): string => name.replace(/(attention_)?mask|position_ids|positions?|input_ids|ids|tokens/g, "");
