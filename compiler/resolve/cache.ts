// What is known of files whose text has not changed: kept as long as the host lives, so that a warm process parses and checks the library once.
import type * as Ast from "../../grammar/ast.ts";
import { parse } from "../../grammar/parse.ts";
import { type Source, source } from "../../grammar/source.ts";
import { Unchanged } from "../../grammar/unchanged.ts";
import { type Problem, report } from "../diagnostics/define.ts";
import { shapes } from "../diagnostics/shapes.ts";
import { syntaxProblem } from "../diagnostics/syntax.ts";
import type { Host } from "../host.ts";
import { depthOf, mentionsOf } from "./mentions.ts";
import type { LoadedModule } from "./modules.ts";

/** Syntax in syntax; an expression is two to four deep in the one around it. */
const DEEPEST_TREE = 2_000;

export interface ParsedText {
  readonly text: string;
  readonly source: Source;
  readonly ast: Ast.Module;
  readonly problems: readonly Problem[];
  /** Whether anything in it mentions a name. */
  readonly mentions: (name: string) => boolean;
}

interface Checked {
  /** The trees that decided the result: the module's own and those that it reaches. */
  readonly of: readonly Ast.Module[];
  readonly problems: readonly Problem[];
  readonly sound: SoundDeclarations;
}

export class ModuleCache {
  readonly #parsed = new Map<string, ParsedText>();
  readonly #unchanged = new Map<string, Unchanged>();
  readonly #checked = new Map<string, Checked>();
  readonly #library: ModuleCache | undefined;

  /** `library`: where modules of the standard library are kept, which are the same for every host. */
  constructor(library?: ModuleCache) {
    this.#library = library;
  }

  parse(path: string, text: string): ParsedText {
    if (this.#library && path.startsWith("std:")) return this.#library.parse(path, text);
    const known = this.#parsed.get(path);
    if (known?.text === text) return known;
    const from = source(path, text);
    const unchanged = this.#unchanged.get(path) ?? new Unchanged();
    this.#unchanged.set(path, unchanged);
    const { ast: whole, problems } = parse(from, unchanged);
    // What is deeper than the stack of who walks it is left out, and told.
    const deep = whole.declarations.filter((d) => depthOf(d, DEEPEST_TREE) > DEEPEST_TREE);
    const ast = deep.length === 0 ? whole : { ...whole, declarations: whole.declarations.filter((d) => !deep.includes(d)) };
    const told = [...problems.map(syntaxProblem), ...deep.map((d) => report(shapes.T321, d.span, { limit: DEEPEST_TREE }))];
    const entry: ParsedText = { text, source: from, ast, problems: told, mentions: (name) => ast.declarations.some((d) => mentionsOf(d).has(name)) };
    this.#parsed.set(path, entry);
    return entry;
  }

  /** What checking a module said; asked again only where its text, or one that it uses, is another. */
  checks(module: LoadedModule, check: (sound: SoundDeclarations) => readonly Problem[]): readonly Problem[] {
    if (this.#library && module.isLibrary) return this.#library.checks(module, check);
    const of = [...reached(module)].map((m) => m.ast);
    const known = this.#checked.get(module.path);
    if (known && known.of.length === of.length && known.of.every((ast, i) => ast === of[i])) return known.problems;
    const isSameAround = known !== undefined && known.of.length === of.length && known.of.slice(1).every((ast, i) => ast === of[i + 1]);
    const sound = new SoundDeclarations(module, isSameAround ? known.sound : undefined);
    const problems = check(sound);
    this.#checked.set(module.path, { of, problems, sound });
    return problems;
  }
}

/** Texts are told apart by numbers, so that sets of them can be compared at a glance. */
let lastNumber = 0;

/** Declarations in which nothing was found. One whose text is the same, and that of all it mentions, is not looked at again. */
export class SoundDeclarations {
  /** Steps that a check took, by the texts that it depends on. */
  readonly #steps = new Map<string, number>();
  readonly #before: ReadonlyMap<string, number> | undefined;
  /** Numbers of the texts of this state of the file, comments before them left out. */
  readonly #numbers = new Map<string, number>();
  readonly #known: ReadonlyMap<string, number> | undefined;
  readonly #module: LoadedModule;
  readonly #uses: string;
  readonly #mentions = new Map<Ast.Declaration, readonly Ast.Declaration[]>();

  /** `before`: of the module as it was, where what it imports is still the same. */
  constructor(module: LoadedModule, before: SoundDeclarations | undefined) {
    this.#module = module;
    // Not what was before it: a long session would keep every state of a file.
    this.#before = before === undefined ? undefined : before.#steps;
    this.#known = before === undefined ? undefined : before.#numbers;
    this.#uses = module.ast.uses.map((u) => this.#number(u)).join(" ");
  }

  /** The steps that checking it took, where it is known to be sound; undefined: it must be checked. */
  known(d: Ast.Declaration): number | undefined {
    const key = this.#key(d);
    const steps = this.#before?.get(key);
    if (steps !== undefined) this.#steps.set(key, steps);
    return steps;
  }

  add(d: Ast.Declaration, steps: number): void {
    this.#steps.set(this.#key(d), steps);
  }

  #number({ span }: { readonly span: Ast.Declaration["span"] }): number {
    const text = this.#module.source.text.slice(span.start, span.end);
    const own = this.#numbers.get(text) ?? this.#known?.get(text) ?? ++lastNumber;
    this.#numbers.set(text, own);
    return own;
  }

  /** Every text of the module that decides what is said of a declaration. */
  #key(d: Ast.Declaration): string {
    const all = new Set([d]);
    for (const one of all) for (const next of this.#mentioned(one)) all.add(next);
    return `${this.#uses}|${[...all].map((one) => this.#number(one)).join(" ")}`;
  }

  #mentioned(d: Ast.Declaration): readonly Ast.Declaration[] {
    const known = this.#mentions.get(d);
    if (known) return known;
    const { declared } = this.#module;
    const made: Ast.Declaration[] = [];
    for (const name of mentionsOf(d)) {
      const found = declared.get(name);
      if (found) made.push(found);
    }
    this.#mentions.set(d, made);
    return made;
  }
}

function reached(module: LoadedModule, into: Set<LoadedModule> = new Set()): Set<LoadedModule> {
  if (into.has(module)) return into;
  into.add(module);
  for (const next of module.imports) reached(next, into);
  return into;
}

const caches = new WeakMap<Host, ModuleCache>();

/** The cache that belongs to a host. */
export function cacheOf(host: Host): ModuleCache {
  const known = caches.get(host);
  if (known) return known;
  const made = new ModuleCache();
  caches.set(host, made);
  return made;
}
