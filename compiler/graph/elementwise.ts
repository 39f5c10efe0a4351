// Ops that compute each element of their result by itself, so that they mean the same with other axes and sizes around it.
import { BINARY_OPS, UNARY_OPS } from "./build.ts";

/** Of one operand. */
export const SINGLE: ReadonlySet<string> = new Set([...UNARY_OPS, "cast", "clip", "hardSigmoid", "gelu", "silu"]);
/** Of operands that are stretched to each other. */
export const BROADCASTS: ReadonlySet<string> = new Set([...BINARY_OPS, "where"]);
