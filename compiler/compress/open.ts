// Values that a `compress` leaves open (`r: ?`): which there are, what each may be, and the block with values in their places.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { type Problem, report } from "../diagnostics/define.ts";
import { gates } from "../diagnostics/gates.ts";
import { Elaboration } from "../elaborate/elaboration.ts";
import { asFloat, evaluate } from "../elaborate/evaluate.ts";
import { paramType } from "../elaborate/static.ts";
import type { Scope } from "../elaborate/scope.ts";
import type { Value } from "../elaborate/value.ts";
import type { Program } from "../program.ts";

/** What stands for an open value: a number, or the text of one of its choices (`mlp_input`, `true`). */
export type Level = number | string;
/** By the names of the open values. */
export type Levels = Readonly<Record<string, Level>>;

/** One value that is open. */
export interface Opening {
  /** That of its parameter; `to[1]` in a tuple or a list, `tome.r` where two have the same. */
  readonly name: string;
  /** The fold or rewrite. */
  readonly of: string;
  readonly type: "Int" | "Float" | "choice";
  /** In order; undefined for a whole number of which only a trial can tell how large it may be. */
  readonly levels: readonly Level[] | undefined;
  /** Stands for it where a program is checked. */
  readonly first: Level;
  /** One of a `[?; 12]`. */
  readonly isListed: boolean;
  /** Of the whole `?`, `? in …`, `[?; 12]`. */
  readonly span: Span;
}

interface Found {
  readonly openings: readonly Opening[];
  readonly problems: readonly Problem[];
}

/** Steps of a Float that has no step of its own; both ends count. */
const STEPS = 20;
const MOST_LEVELS = 1000;
const MOST_IN_LIST = 256;

export function openingsOf(program: Program, compression: Ast.CompressDecl): Found {
  return new Finder(program).all(compression);
}

/** Values with which a program is looked at as a whole: the first of each domain, those in the middle, the last. Domains may hold some that do not go together. */
export function standIns(openings: readonly Opening[]): readonly Levels[] {
  const at = (share: number): Levels => Object.fromEntries(openings.map((o) => [o.name, share === 0 ? o.first : (o.levels?.[Math.floor((o.levels.length - 1) * share)] ?? o.first)]));
  return openings.length === 0 ? [{}] : [at(0), at(0.5), at(1)];
}

/** Whether something is left open: no program has to be known for that. */
export const isOpen = (compression: Ast.CompressDecl): boolean => compression.items.some((item) => holdsOpen(item));

function holdsOpen(node: unknown): boolean {
  if (typeof node !== "object" || node === null) return false;
  if ((node as { kind?: string }).kind === "open") return true;
  return Object.values(node).some(holdsOpen);
}

/** The block with a value in each open place. Every opening must have one. */
export function filled(compression: Ast.CompressDecl, openings: readonly Opening[], levels: Levels): Ast.CompressDecl {
  const bySpan = new Map<number, Opening[]>();
  for (const o of openings) bySpan.set(o.span.start, [...(bySpan.get(o.span.start) ?? []), o]);
  const replace = (node: unknown): unknown => {
    if (typeof node !== "object" || node === null) return node;
    if (Array.isArray(node)) return node.map(replace);
    const open = node as Ast.Open;
    if (open.kind === "open") {
      const own = (bySpan.get(open.span.start) ?? []).map((o) => literal(open, o.type, levels[o.name] ?? o.first));
      // Not in an argument: whoever evaluates it says so.
      if (own.length === 0) return open;
      return open.count ? { kind: "list", elements: own, span: open.span } : own[0];
    }
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, key === "span" ? value : replace(value)]));
  };
  return { ...compression, items: compression.items.map((item) => (holdsOpen(item) ? (replace(item) as Ast.CompressItem) : item)) };
}

/** How values are written in the place of what is open there, the last place first. */
export function edits(openings: readonly Opening[], levels: Levels): readonly { readonly span: Span; readonly text: string }[] {
  const spans = new Map<number, { span: Span; texts: string[]; isList: boolean }>();
  for (const o of openings) {
    const text = textOf(levels[o.name] ?? o.first, o.type);
    const known = spans.get(o.span.start);
    if (known) known.texts.push(text);
    else spans.set(o.span.start, { span: o.span, texts: [text], isList: o.isListed });
  }
  return [...spans.values()].sort((a, b) => b.span.start - a.span.start).map(({ span, texts, isList }) => ({ span, text: isList ? `[${texts.join(", ")}]` : (texts[0] ?? "") }));
}

const textOf = (level: Level, type: Opening["type"]): string => (typeof level === "number" ? (type === "Float" && Number.isInteger(level) ? level.toFixed(1) : `${level}`) : level);

/** A number as it would be read from a file; one of the choices as it stands there. */
function literal(open: Ast.Open, type: Opening["type"], level: Level): Ast.Expr {
  const { span } = open;
  if (typeof level !== "number") return choicesOf(open).find((c) => c.text === level)?.expr ?? { kind: "bool", value: level === "true", span };
  const number: Ast.Expr = { kind: "number", value: Math.abs(level), isInteger: type === "Int", span };
  return level < 0 ? { kind: "unary", op: "-", operand: number, span } : number;
}

/** Elements of `? in [keys, mlp_input]` that are names, texts or truth values. */
function choicesOf(open: Ast.Open): { readonly text: string; readonly expr: Ast.Expr }[] {
  if (open.domain?.kind !== "list") return [];
  return open.domain.elements.flatMap((expr) => {
    const text = choiceText(expr);
    return text === undefined ? [] : [{ text, expr }];
  });
}

function choiceText(expr: Ast.Expr): string | undefined {
  switch (expr.kind) {
    case "name": return expr.name;
    case "bool": return `${expr.value}`;
    case "string": return JSON.stringify(expr.value);
    case "member": {
      const object = choiceText(expr.object);
      return object === undefined ? undefined : `${object}.${expr.name.name}`;
    }
    default: return undefined;
  }
}

class Finder {
  readonly #program: Program;
  readonly #e: Elaboration;
  readonly #found: Opening[] = [];
  readonly #problems: Problem[] = [];
  #of = "";

  constructor(program: Program) {
    this.#program = program;
    this.#e = new Elaboration(program.host, true);
  }

  all(compression: Ast.CompressDecl): Found {
    for (const item of compression.items) {
      if (item.kind !== "place-fold" && item.kind !== "place-rewrite") continue;
      this.#of = item.with.callee.kind === "name" ? item.with.callee.name : item.with.callee.kind === "member" ? item.with.callee.name.name : "";
      this.#visit(item.with, undefined, undefined, "");
    }
    return { openings: this.#named(), problems: this.#problems };
  }

  /** Two of one name are told apart by what they are of, then by a number. */
  #named(): Opening[] {
    const count = (names: readonly string[], name: string): number => names.filter((n) => n === name).length;
    const short = this.#found.map((o) => o.name);
    const long = this.#found.map((o) => (count(short, o.name) > 1 ? `${o.of}.${o.name}` : o.name));
    return this.#found.map((o, i) => {
      const name = long[i] as string;
      return { ...o, name: count(long, name) > 1 ? `${name} (${count(long.slice(0, i), name) + 1})` : name };
    });
  }

  #visit(node: unknown, param: Ast.Param | undefined, home: Scope | undefined, name: string): void {
    if (typeof node !== "object" || node === null) return;
    const expr = node as Ast.Expr;
    switch (expr.kind) {
      case "open": return this.#open(expr, param, home, name);
      case "call": return this.#call(expr, param, home, name);
      case "tuple": case "list": {
        for (const [i, x] of expr.elements.entries()) this.#visit(x, fieldOf(param, home, i), home, `${name}[${i}]`);
        return;
      }
      default: for (const [key, value] of Object.entries(node)) if (key !== "span") this.#visit(value, param, home, name);
    }
  }

  #call(call: Ast.Call, outer: Ast.Param | undefined, outerHome: Scope | undefined, outerName: string): void {
    const callee = this.#callee(call.callee);
    const [params, home] = callee ? parametersOf(callee) : [[], undefined];
    let position = 0;
    for (const argument of call.args) {
      const param = argument.name ? params.find((p) => p.name.name === argument.name?.name) : params[position++];
      this.#visit(argument.value, param ?? outer, param ? home : outerHome, param?.name.name ?? argument.name?.name ?? outerName);
    }
  }

  #callee(expr: Ast.Expr): Value | undefined {
    const { scope } = this.#program.main;
    if (expr.kind === "name") return scope.get(expr.name);
    if (expr.kind !== "member" || expr.object.kind !== "name") return undefined;
    const object = scope.get(expr.object.name);
    return object?.kind === "module" ? object.module.scope.get(expr.name.name) : undefined;
  }

  #open(open: Ast.Open, param: Ast.Param | undefined, home: Scope | undefined, name: string): void {
    const wrong = (why: string): void => void this.#problems.push(report(gates.G634, open.span, { name: name || "this value", why }));
    const type = typeOf(param, home);
    const domain = this.#domain(open, type, param);
    if (typeof domain === "string") return wrong(domain);
    const { levels } = domain;
    if (levels && levels.length === 0) return wrong("there is no value in it");
    if (levels && levels.length > MOST_LEVELS) return wrong(`${levels.length} values are too many; give it a \`step\``);
    const of = this.#of;
    const made = { of, span: open.span, isListed: open.count !== undefined, ...domain };
    if (!open.count) this.#found.push({ ...made, name });
    else {
      const count = this.#number(open.count);
      if (count === undefined || !Number.isInteger(count) || count < 1 || count > MOST_IN_LIST) return wrong(`how many there are must be a whole number from 1 to ${MOST_IN_LIST}`);
      for (let i = 0; i < count; i++) this.#found.push({ ...made, name: `${name}[${i}]` });
    }
  }

  /** What an open value may be, or why that cannot be said. */
  #domain(open: Ast.Open, type: string | undefined, param: Ast.Param | undefined): Pick<Opening, "type" | "levels" | "first"> | string {
    const { domain } = open;
    if (!domain) return this.#defaultDomain(type, param);
    if (domain.kind === "range") return this.#range(domain, type);
    if (domain.kind !== "list") return "a domain is a range (`? in 2..16`) or a list (`? in [0.1, 0.2]`)";
    const choices = choicesOf(open);
    if (choices.length === domain.elements.length && choices.length > 0) return { type: "choice", levels: choices.map((c) => c.text), first: choices[0]?.text ?? "" };
    const numbers = domain.elements.map((x) => this.#number(x));
    if (numbers.some((n) => n === undefined)) return "its values must be numbers, or names and truth values";
    const levels = [...new Set(numbers as number[])].sort((a, b) => a - b);
    const isFloat = type === "Float" || levels.some((n) => !Number.isInteger(n));
    return isFloat && type === "Int" ? "a whole number is wanted" : { type: isFloat ? "Float" : "Int", levels, first: levels[0] ?? 0 };
  }

  #defaultDomain(type: string | undefined, param: Ast.Param | undefined): Pick<Opening, "type" | "levels" | "first"> | string {
    if (type === "Int") return { type: "Int", levels: undefined, first: 1 };
    if (type === "Bool") return { type: "choice", levels: ["false", "true"], first: "false" };
    if (type !== "Float") return "say what it may be: `? in 2..16`, `? in [0.1, 0.2]`, `? in [keys, mlp_input]`";
    const usual = param?.default ? this.#number(param.default) : undefined;
    // A share, or a quarter of what is usual to four times that.
    const levels = usual === undefined || (usual >= 0 && usual <= 1) ? evenly(0, 1) : Array.from({ length: STEPS + 1 }, (_, i) => short(usual * 4 ** ((2 * i) / STEPS - 1)));
    return { type: "Float", levels, first: levels[STEPS / 2] ?? 0.5 };
  }

  #range({ from, to, step }: Ast.Range, type: string | undefined): Pick<Opening, "type" | "levels" | "first"> | string {
    const [low, high, by] = [from, to, step].map((x) => (x ? this.#number(x) : undefined));
    if (low === undefined || high === undefined || (step && by === undefined)) return "a range needs two numbers: `? in 2..16`";
    if (by !== undefined && by <= 0) return "its step must be positive";
    const isFloat = type === "Float" || [from, to, step].some((x) => x !== undefined && !isWhole(x));
    if (isFloat && type === "Int") return "a whole number is wanted";
    if (isFloat && high < low) return "there is no value in it";
    if (!isFloat) {
      const levels: number[] = [];
      for (let n = low; n < high && levels.length <= MOST_LEVELS; n += by ?? 1) levels.push(n);
      return { type: "Int", levels, first: low };
    }
    if (by === undefined) return { type: "Float", levels: evenly(low, high), first: low };
    const count = Math.min(MOST_LEVELS + 1, Math.floor((high - low) / by + 1e-9) + 1);
    return { type: "Float", levels: Array.from({ length: count }, (_, i) => short(low + i * by)), first: low };
  }

  #number(expr: Ast.Expr): number | undefined {
    return this.#e.attempt(() => asFloat(this.#e, evaluate(this.#e, expr, this.#program.main.scope)));
  }
}

const isWhole = (expr: Ast.Expr): boolean => expr.kind !== "number" || expr.isInteger;

/** Without the digits that only arithmetic brings. */
const short = (n: number): number => Number(n.toPrecision(6));

const evenly = (low: number, high: number): number[] => [...new Set(Array.from({ length: STEPS + 1 }, (_, i) => short(low + ((high - low) * i) / STEPS)))];

function parametersOf(value: Value): readonly [readonly Ast.Param[], Scope | undefined] {
  switch (value.kind) {
    case "fold-type": case "rewrite-type": case "layer-type": return [value.decl.params, value.scope];
    case "fn": return [[...value.decl.signature.params, ...value.decl.signature.statics], value.scope];
    default: return [[], undefined];
  }
}

/** The field of a record that a tuple stands for; of a list the parameter itself, whose elements are of one type. */
function fieldOf(param: Ast.Param | undefined, home: Scope | undefined, at: number): Ast.Param | undefined {
  if (!param?.type || !home) return param;
  const type = paramType(param, home);
  return type.record ? type.record.decl.fields[at] : param;
}

function typeOf(param: Ast.Param | undefined, home: Scope | undefined): string | undefined {
  if (!param || !home) return undefined;
  const type = paramType(param, home);
  const name = type.element?.name ?? type.name;
  return name === "Dim" ? "Int" : name;
}
