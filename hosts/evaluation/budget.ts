// What a tuned variant must keep: `accuracy_drop <= 0.01 and flops <= 0.8`, read by the language's own parser.
import type { Gate } from "../../compiler/compress/require.ts";
import { type Problem, report } from "../../compiler/diagnostics/define.ts";
import { gates as diagnostics } from "../../compiler/diagnostics/gates.ts";
import type * as Ast from "../../grammar/ast.ts";
import { parse } from "../../grammar/parse.ts";
import { source } from "../../grammar/source.ts";
import { keeps } from "./gates.ts";

type Comparison = NonNullable<Gate["comparison"]>;

/** One bound. */
export interface Term {
  /** As it was written: `accuracy_drop <= 0.01`. */
  readonly says: string;
  /** The measure; undefined for `flops`, the multiply-adds inside blocks against the plain model's. */
  readonly gate: Gate | undefined;
  /** The loss against the plain model is meant. */
  readonly drop: boolean;
  readonly comparison: Comparison;
  readonly bound: number;
}

export interface Budget {
  readonly terms: readonly Term[];
  /** Of what could not be read. */
  readonly problems: readonly Problem[];
}

/** `iou.accuracy(label; k: 3)`: the value of the model itself, whatever the gate makes of it. */
const calledAs = (gate: Gate): string => gate.shown.replace(/^drop of /, "");

/** `accuracy` of `iou.accuracy(label; k: 3)`. */
const shortName = (gate: Gate): string => calledAs(gate).replace(/\(.*$/s, "").split(".").pop() ?? gate.shown;

/** `accuracy(label) on held_out`. */
export const measureName = (gate: Gate): string => `${calledAs(gate)} on ${gate.on}`;

/** How a budget can call what is measured: `accuracy`, `accuracy_drop`. */
export const qualityNames = (measured: readonly Gate[]): string[] => [...new Set(measured.flatMap((g) => [shortName(g), `${shortName(g)}_drop`]))];

/** Every measure on its data, once; speed is none. */
export const distinctMeasures = (gates: readonly Gate[]): Gate[] => [...new Map(gates.flatMap((g) => (g.kind === "quality" ? [[measureName(g), g] as const] : []))).values()];

class Unreadable extends Error {}

/** Bounds on what `measured` measures. */
export function readBudget(text: string, measured: readonly Gate[]): Budget {
  const has = [...qualityNames(measured), "flops"];
  const from = source("budget", `check "budget" { (${text}) }`);
  const { ast, problems } = parse(from);
  const [check] = ast.declarations;
  const written = (expr: Ast.Expr): string => from.text.slice(expr.span.start, expr.span.end);
  try {
    const result = check?.kind === "check" ? check.body.result : undefined;
    if (text.trim() === "") throw new Unreadable("there is no bound in it");
    if (problems.length > 0 || !result || ast.declarations.length !== 1) throw new Unreadable("it is no comparison of a measure with a number");
    return { terms: comparisons(result).flatMap((c) => termsOf(c, measured, has, written)), problems: [] };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { terms: [], problems: [report(diagnostics.G632, undefined, { budget: text, why: error.message, has })] };
  }
}

/** What a variant requires of itself, as a budget. */
export function requiredBudget(gates: readonly Gate[]): readonly Term[] {
  return gates.flatMap((gate) => (gate.kind === "quality" && gate.required && gate.comparison && gate.bound !== undefined ? [{ says: `${shortName(gate)}${gate.drop ? "_drop" : ""} ${gate.comparison} ${gate.bound}`, gate, drop: gate.drop, comparison: gate.comparison, bound: gate.bound }] : []));
}

function comparisons(expr: Ast.Expr): Ast.Binary[] {
  if (expr.kind === "tuple") return expr.elements.flatMap(comparisons);
  if (expr.kind === "binary" && expr.op === "and") return [...comparisons(expr.left), ...comparisons(expr.right)];
  if (expr.kind === "binary" && isComparison(expr.op)) return [expr];
  throw new Unreadable("it is no comparison of a measure with a number, nor several joined by `and`");
}

const isComparison = (op: string): op is Comparison => op === "<=" || op === ">=" || op === "<" || op === ">";

function termsOf({ op, left, right }: Ast.Binary, measured: readonly Gate[], has: readonly string[], written: (expr: Ast.Expr) => string): Term[] {
  const bound = right.kind === "unary" && right.op === "-" && right.operand.kind === "number" ? -right.operand.value : right.kind === "number" ? right.value : undefined;
  if (bound === undefined) throw new Unreadable(`${written(right)} is no number`);
  const text = written(left).replace(/\s+/g, "");
  const common = { comparison: op as Comparison, bound };
  const says = `${written(left)} ${op} ${written(right)}`;
  if (text === "flops") return [{ says, gate: undefined, drop: false, ...common }];
  const names = (gate: Gate, drop: string): boolean => text === `${shortName(gate)}${drop}` || text === `${calledAs(gate).replace(/\s+/g, "")}${drop}`;
  for (const drop of [false, true]) {
    const own = distinctMeasures(measured.filter((g) => names(g, drop ? "_drop" : "")));
    if (own.length > 0) return own.map((gate) => ({ says, gate, drop, ...common }));
  }
  throw new Unreadable(`nothing here measures ${written(left)}${has.length > 1 ? "" : "; a `report` or `require` line says what is measured, and on which data"}`);
}

/** What a bound is compared with; undefined where it was not measured. */
export interface Figures {
  readonly measures: Readonly<Record<string, number>>;
  readonly flops: number | undefined;
}

export function figureOf(term: Term, own: Figures, plain: Figures): number | undefined {
  if (!term.gate) return own.flops;
  const name = measureName(term.gate);
  const [value, before] = [own.measures[name], plain.measures[name]];
  if (value === undefined) return undefined;
  return term.drop ? (before === undefined ? undefined : before - value) : value;
}

export const keepsAll = (terms: readonly Term[], own: Figures, plain: Figures): boolean => terms.every((t) => keeps(figureOf(t, own, plain) ?? Number.NaN, t.comparison, t.bound));

/** How far inside the tightest bound; negative outside, also where a bound itself is not allowed. */
export function slackOf(terms: readonly Term[], own: Figures, plain: Figures): number {
  const slack = Math.min(...terms.map((t) => {
    const value = figureOf(t, own, plain);
    return value === undefined || Number.isNaN(value) ? Number.NEGATIVE_INFINITY : t.comparison.startsWith("<") ? t.bound - value : value - t.bound;
  }));
  return keepsAll(terms, own, plain) ? Math.max(0, slack) : Math.min(slack, -Number.MIN_VALUE);
}
