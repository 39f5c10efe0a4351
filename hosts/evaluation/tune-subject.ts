// What is tuned: the variant, what is open in it, and what it must keep.
import { type Compiled, compressionsOf } from "../../compiler/compile.ts";
import { isOpen, type Opening, openingsOf } from "../../compiler/compress/open.ts";
import { type Gate, resolveGates } from "../../compiler/compress/require.ts";
import { type Problem, report } from "../../compiler/diagnostics/define.ts";
import { gates as diagnostics } from "../../compiler/diagnostics/gates.ts";
import { nearest } from "../../compiler/diagnostics/suggest.ts";
import { Recorder } from "../../compiler/rewrite/record.ts";
import type * as Ast from "../../grammar/ast.ts";
import { type Budget, distinctMeasures, qualityNames, readBudget, requiredBudget, type Term } from "./budget.ts";

/** As a user says it; see `TuneOptions`. */
interface Wanted {
  readonly variant?: string;
  readonly budget?: string;
  readonly data?: string;
}

export interface Subject {
  readonly compression: Ast.CompressDecl;
  /** Its name. */
  readonly variant: string;
  readonly openings: readonly Opening[];
  readonly budget: readonly Term[];
  /** Every measure that is taken, once. */
  readonly measured: readonly Gate[];
}

const nameOf = (c: Ast.CompressDecl): string => c.as?.name ?? c.target.name;

/** No subject: the problems say why. */
export function subjectOf(plain: Compiled, { variant, budget, data }: Wanted): { readonly subject: Subject | undefined; readonly problems: readonly Problem[] } {
  const { program } = plain;
  const none = (...problems: readonly Problem[]): ReturnType<typeof subjectOf> => ({ subject: undefined, problems });
  const all = compressionsOf(program, plain);
  const open = all.filter(isOpen);
  if (variant !== undefined && !all.some((c) => nameOf(c) === variant)) return none(report(diagnostics.G602, undefined, { wanted: variant, near: nearest(variant, all.map(nameOf)), file: program.main.path }));
  const meant = variant === undefined ? open : open.filter((c) => nameOf(c) === variant);
  const [compression] = meant;
  if (!compression || meant.length > 1) return none(report(diagnostics.G631, compression?.target.span, { file: program.main.path, open: meant.map(nameOf) }));
  const { openings, problems } = openingsOf(program, compression);
  if (problems.length > 0) return none(...problems);
  const own = gatesOf(plain, compression);
  const others = all.filter((c) => c !== compression).flatMap((c) => gatesOf(plain, c).gates);
  if (own.problems.length > 0) return none(...own.problems);
  const on = (gate: Gate): Gate => (data === undefined ? gate : { ...gate, on: data });
  const gates = [...own.gates, ...others].filter((g) => g.kind === "quality").map(on);
  if (data !== undefined && !program.data.some((d) => d.name.name === data)) return none(report(diagnostics.G607, undefined, { name: data, near: nearest(data, program.data.map((d) => d.name.name)) }));
  const read: Budget = budget === undefined ? { terms: requiredBudget(own.gates.map(on)), problems: [] } : readBudget(budget, gates);
  if (read.problems.length > 0) return none(...read.problems);
  const bounded = read.terms.flatMap((t) => (t.gate ? [t.gate] : []));
  if (bounded.length === 0) return none(report(diagnostics.G632, undefined, { budget: budget ?? "", why: budget === undefined ? `${nameOf(compression)} requires nothing of quality, and no budget is given` : "it bounds no quality", has: qualityNames(gates) }));
  const measured = distinctMeasures([...bounded, ...own.gates.map(on)]);
  return { subject: { compression, variant: nameOf(compression), openings, budget: read.terms, measured }, problems: [] };
}

/** What a variant measures; that needs the pipeline's outputs and nothing of the folds. */
export function gatesOf(plain: Compiled, compression: Ast.CompressDecl): ReturnType<typeof resolveGates> {
  const items = compression.items.filter((i) => i.kind === "require" || i.kind === "report");
  return resolveGates({ ...plain, compression: { ...compression, items } }, new Recorder());
}
