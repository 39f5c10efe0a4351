// What a fold must beat at the same budget: where it stands, a fold of the library keeps as many tokens and looks at none of them.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Elaboration } from "../elaborate/elaboration.ts";
import { makeFold } from "../elaborate/fold.ts";
import { Scope } from "../elaborate/scope.ts";
import { type FoldInstance, sizeValue, type Value } from "../elaborate/value.ts";
import type { Modules } from "../resolve/modules.ts";
import { constant, type Dim } from "../types/dim.ts";
import { companionsOf } from "./companion.ts";

const LIBRARY = "folds/control";
const FOLD = "random_keep";
/** The rule by which the control takes along whatever goes with the tokens. */
const RULE = "pick";

export interface Control {
  readonly type: Extract<Value, { kind: "fold-type" }>;
  readonly seed: number;
}

export function controlOf(modules: Modules, seed: number): Control {
  const type = modules.library(LIBRARY)?.scope.get(FOLD);
  if (type?.kind !== "fold-type") throw new Error(`the library has no fold ${FOLD}`);
  return { type, seed };
}

/** Whether a fold is one of the library's controls. */
export const isControl = (decl: Ast.FoldDecl): boolean => decl.span.file === `std:${LIBRARY}.kiri`;

/** Seeds of the places of one model; those of another model begin behind them. */
const MOST_PLACES = 1000;

/** The control that keeps `keep` tokens at the `place`-th place; every place draws others. */
export function controlFold(e: Elaboration, { type, seed }: Control, place: number, keep: Dim, span: Span): FoldInstance {
  const scope = new Scope(type.scope);
  scope.set("keep", sizeValue(keep));
  scope.set("seed", sizeValue(constant(seed * MOST_PLACES + place)));
  return makeFold(e, type, scope, span);
}

/** What goes along with the tokens of a fold goes along with those of its control. */
export const controlledCompanions = (fold: Ast.FoldDecl): Ast.Companion[] => companionsOf(fold).map((c) => ({ ...c, by: { ...c.by, name: RULE } }));
