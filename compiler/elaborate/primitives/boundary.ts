// What only the host can do, as functions of the language.
import type { Elaboration } from "../elaboration.ts";
import { imagePixels } from "../boundary.ts";
import type { Value } from "../value.ts";
import { given, sizeOf, wordOf } from "./arguments.ts";
import type { PrimitiveCall, PrimitiveTable } from "./index.ts";

function pixels(e: Elaboration, c: PrimitiveCall): Value {
  return imagePixels(e, given(c, "picture"), { channels: sizeOf(e, c, "channels"), height: sizeOf(e, c, "height"), width: sizeOf(e, c, "width"), resize: e.checking ? "none" : wordOf(c, "resize") }, c.span);
}

export const boundary: PrimitiveTable = { pixels };
