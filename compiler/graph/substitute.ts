// Sizes in the attributes of a node, replaced.
import { type Dim, isDim, substitute } from "../types/dim.ts";
import type { Attr, Attrs } from "./node.ts";

/** Attributes with symbols replaced. */
export function substituteAttrs(attrs: Attrs, values: ReadonlyMap<string, Dim>): Attrs {
  if (values.size === 0) return attrs;
  const out: Record<string, Attr> = {};
  for (const [key, value] of Object.entries(attrs)) {
    if (isDim(value)) out[key] = substitute(value, values);
    else if (Array.isArray(value) && value.some(isDim)) out[key] = (value as readonly Dim[]).map((d) => substitute(d, values));
    else out[key] = value;
  }
  return out;
}
