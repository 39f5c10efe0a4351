// The state of one elaboration: the graph that grows, and what it needs from the outside. One instance a compiled pipeline (or a checked declaration).
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { type Problem, report } from "../diagnostics/define.ts";
import { shapes } from "../diagnostics/shapes.ts";
import { nearest } from "../diagnostics/suggest.ts";
import { Build } from "../graph/build.ts";
import { Arena, type Guard, type GraphInput, Mismatch, type Node } from "../graph/node.ts";
import type { Host } from "../host.ts";
import { infer } from "../ops/index.ts";
import { type Dim, symbol } from "../types/dim.ts";
import type { DType } from "../types/tensor.ts";
import { Fail, Silent } from "./fail.ts";
import type { Checkpoint } from "../import/checkpoint.ts";
import type { HostStep } from "./host-step.ts";
import { Budget, DEEPEST_CALLS } from "./limits.ts";
import { Named } from "./named.ts";
import type { Scope } from "./scope.ts";
import type { Tensor, Value } from "./value.ts";

/** A named place in a model: a value that a fold may replace or read. */
export interface Site {
  readonly path: string;
  readonly tensor: Tensor;
  readonly span: Span;
}

/** Where the weights of the model that is being elaborated come from. */
interface WeightSource {
  readonly checkpoint: Checkpoint | undefined;
  /** Weights asked for, with the shape that the layer declares. */
  readonly wanted: { readonly name: string; readonly shape: readonly number[]; readonly span: Span }[];
  /** Seed of made-up weights, where the model is `from random(seed: …)`. */
  readonly seed: number | undefined;
}

/** Sees an elaboration go by; several values at one place where a body is elaborated more than once. */
export interface Watch {
  expression(expr: Ast.Expr, value: Value, scope: Scope): void;
  /** A name that a statement binds. */
  bound(name: Ast.Ident, value: Value): void;
}

export class Elaboration {
  readonly arena = new Arena(infer);
  readonly b = new Build(this.arena);
  readonly named = new Named(this.b);
  readonly problems: Problem[] = [];
  readonly sites = new Map<string, Site>();
  readonly guards: Guard[] = [];
  readonly hostSteps: HostStep[] = [];
  readonly inputs: GraphInput[] = [];
  /** Files whose content decided something: for digests. */
  readonly files = new Set<string>();
  readonly host: Host;
  /** True while a declaration is checked by itself: compile-time parameters are symbols and nothing is loaded. */
  readonly checking: boolean;
  readonly budget: Budget;
  /** Told of every value: what an editor shows at a place. */
  watch: Watch | undefined;
  weights: WeightSource | undefined;
  /** Instance path of the layer whose body runs. */
  path = "";
  /** The fold or rewrite whose body runs. */
  by: string | undefined;
  readonly #calls: Span[] = [];
  readonly #running = new Set<object>();
  readonly #symbols = new Set<string>();
  readonly #some = new Map<string, Dim>();

  constructor(host: Host, checking: boolean, budget = new Budget()) {
    this.host = host;
    this.budget = budget;
    this.checking = checking;
    this.arena.facts.trusting = checking;
  }

  /** A size symbol that no other size has. */
  fresh(name: string): string {
    let unique = name;
    for (let i = 1; this.#symbols.has(unique); i++) unique = `${name}.${i}`;
    this.#symbols.add(unique);
    return unique;
  }

  freshDim(name: string): ReturnType<typeof symbol> {
    return symbol(this.fresh(name));
  }

  /** A size that stands for another, whose value is a fact: what follows is polymorphic in it, so tokens can be folded there. */
  sealedDim(name: string, value: Dim): Dim {
    const made = this.freshDim(name);
    this.arena.facts.know(made.key, value);
    return made;
  }

  /** A size that a caller's values decide and no symbol of the declaration: it fits every other size. */
  openDim(name: string): ReturnType<typeof symbol> {
    const made = this.fresh(name);
    this.arena.facts.leaveOpen(made);
    return symbol(made);
  }

  /** The count that a run decides for where `mask` holds; the same mask has the same count. */
  someOf(mask: Node, least: number, name: string): Dim {
    const key = `${mask.id} ${least}`;
    const made = this.#some.get(key) ?? this.freshDim(name);
    this.#some.set(key, made);
    return made;
  }

  /** Adds a condition that a run checks before it computes; sizes that come out of the computation are no part of it. */
  guard(guard: Guard): void {
    const { facts } = this.arena;
    const late = [guard.left, guard.right].flatMap((d) => [...facts.symbolsOf(d)]).find((name) => this.arena.makerOf(name));
    if (late !== undefined) throw new Fail(report(shapes.T323, guard.span, { clause: guard.says, size: late }));
    this.guards.push(guard);
  }

  /** Runs the body of a call; problems inside library files are told at the call that led there. */
  calling<T>(span: Span, body: () => T): T {
    if (this.#calls.length >= DEEPEST_CALLS) throw new Fail(report(shapes.T321, span, { limit: DEEPEST_CALLS }));
    this.#calls.push(span);
    try {
      return body();
    } finally {
      this.#calls.pop();
    }
  }

  /** Runs what a declaration says; it may not need itself on the way. */
  once<T>(declaration: object, name: string, span: Span, body: () => T): T {
    if (this.#running.has(declaration)) throw new Fail(report(shapes.T320, span, { name }));
    this.#running.add(declaration);
    try {
      return body();
    } finally {
      this.#running.delete(declaration);
    }
  }

  /** Runs `body`; a misfit of the graph becomes a report at `span`. */
  at<T>(span: Span, body: () => T): T {
    try {
      return this.arena.within({ span, path: this.path, by: this.by }, body);
    } catch (e) {
      if (e instanceof Mismatch) throw new Fail(report(shapes.T301, span, { why: e.message, found: e.found, wanted: e.wanted, axis: e.missing && { name: e.missing.name, near: [...new Set([...nearest(e.missing.name, e.missing.known), ...e.missing.known])] } }));
      throw e;
    }
  }

  /** Remembers a problem; where it lies in a library file, the user's own line comes first. */
  report(problem: Problem): void {
    const lifted = this.#lifted(problem);
    const same = this.problems.some((p) => p.code === lifted.code && p.says === lifted.says && p.span?.file === lifted.span?.file && p.span?.start === lifted.span?.start);
    if (!same) this.problems.push(lifted);
  }

  #lifted(problem: Problem): Problem {
    if (!problem.span?.file.startsWith("std:")) return problem;
    const own = [...this.#calls].reverse().find((s) => !s.file.startsWith("std:"));
    if (!own) return problem;
    return { ...problem, span: own, labels: [{ span: problem.span, says: "it happens here" }, ...problem.labels] };
  }

  /** A tensor of which only the type is known, where a declaration is checked by itself. */
  standIn(name: string, dtype: DType, dims: readonly Dim[], axes: readonly string[]): Tensor {
    return { kind: "tensor", node: this.b.input(this.fresh(name), dtype, dims), axes };
  }

  /** Runs `body`; a user's mistake in it is reported and gives `undefined`. */
  attempt<T>(body: () => T): T | undefined {
    try {
      return body();
    } catch (e) {
      if (e instanceof Silent) return undefined;
      if (!(e instanceof Fail)) throw e;
      this.report(e.problem);
      return undefined;
    }
  }
}
