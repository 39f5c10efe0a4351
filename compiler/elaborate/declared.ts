// A tensor of which only the declared type is known: what checking a declaration by itself works on.
import type * as Ast from "../../grammar/ast.ts";
import { shapes } from "../diagnostics/shapes.ts";
import type { Dim } from "../types/dim.ts";
import { type DType, isDType } from "../types/tensor.ts";
import type { Elaboration } from "./elaboration.ts";
import { asSize, evaluate } from "./evaluate.ts";
import { fail } from "./fail.ts";
import type { Scope } from "./scope.ts";
import { sizeValue, type Tensor } from "./value.ts";

/** A graph input of the declared type: a symbol for every open axis, which is then known in `scope`. */
export function declaredTensor(e: Elaboration, type: Ast.TensorType, name: string, scope: Scope): Tensor {
  if (!isDType(type.dtype)) return fail(shapes.T312, type.span, { name: type.dtype, near: [] });
  const [axes, dims]: [string[], Dim[]] = [[], []];
  for (const a of type.axes) {
    if (a.kind === "rest") {
      axes.push(e.named.anonymous());
      dims.push(e.freshDim("Rest"));
    } else if (a.kind === "sized") {
      axes.push(e.named.anonymous());
      dims.push(asSize(e, evaluate(e, a.size, scope), a.span));
    } else {
      const known = scope.get(a.name.name);
      const size = a.kind === "axis" && a.size ? asSize(e, evaluate(e, a.size, scope), a.span) : known?.kind === "size" ? known.dim : e.freshDim(a.name.name);
      if (!scope.own().has(a.name.name)) scope.set(a.name.name, sizeValue(size));
      axes.push(a.name.name);
      dims.push(size);
    }
  }
  return e.at(type.span, () => e.standIn(name, type.dtype as DType, dims, axes));
}
