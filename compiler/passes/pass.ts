// How a pass is declared. Exact ones only: the compiler never approximates on its own.
import type { Graph, Level } from "../graph/node.ts";
import type { Recorder } from "../rewrite/record.ts";
import type { Rule } from "../rewrite/rule.ts";
import type { TargetTable } from "../targets/target.ts";

interface PassText {
  /** A graph of an earlier level is one of this level too. */
  readonly needs: Level;
  readonly leaves: Level;
  /** Same outputs to the tolerance table, for every input; shown by a test. */
  readonly exact: boolean;
  /** Fused ops that it makes: counted afterwards, for `expect fused`. */
  readonly makes?: readonly string[];
  /** False where the target does not profit. */
  readonly for?: (target: TargetTable) => boolean;
  readonly rules?: readonly Rule[] | ((target: TargetTable) => readonly Rule[]);
  /** For what is not expressible as rules. */
  readonly run?: (graph: Graph, target: TargetTable, record: Recorder) => Graph;
}
export interface Pass extends PassText {
  readonly name: string;
}

export const pass = (name: string, text: PassText): Pass => ({ name, ...text });
