// What a name of a file stands for, and where it is meant.
import type { LoadedModule } from "../../compiler/resolve/modules.ts";
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";

export type NameKind = "declaration" | "parameter" | "value" | "axis" | "field" | "method" | "part" | "weight" | "site" | "module" | "variant" | "carry";

/** What a name stands for. Two are the same where they are bound at the same place. */
export interface Meaning {
  readonly name: string;
  readonly kind: NameKind;
  /** Absolute path of the file that binds it. */
  readonly file: string;
  readonly at: Span;
  /** What declares it, where that is a declaration. */
  readonly declaration?: Ast.Declaration;
  /** What says more of it: a parameter, a statement, a part. */
  readonly node?: Ast.Param | Ast.Let | Ast.SubLayer | Ast.WeightParam | Ast.FnDecl | Ast.Carry;
  readonly module?: LoadedModule;
}

export interface Occurrence {
  readonly span: Span;
  readonly means: Meaning;
}

export const sameMeaning = (a: Meaning, b: Meaning): boolean => a.file === b.file && a.at.start === b.at.start && a.at.end === b.at.end && a.name === b.name;
