// Files and their imports: reads what a program uses, finds circles and clashes, and gives each module a scope.
import type * as Ast from "../../grammar/ast.ts";
import type { Source } from "../../grammar/source.ts";
import { type Problem, report } from "../diagnostics/define.ts";
import { names } from "../diagnostics/names.ts";
import { nearest } from "../diagnostics/suggest.ts";
import { Scope } from "../elaborate/scope.ts";
import type { Value } from "../elaborate/value.ts";
import type { Host } from "../host.ts";
import type { ModuleCache, ParsedText } from "./cache.ts";

export interface LoadedModule {
  /** `pipelines/scenes.kiri` relative to the project, or `std:folds/tome.kiri`. */
  readonly path: string;
  readonly source: Source;
  readonly ast: Ast.Module;
  readonly scope: Scope;
  readonly isLibrary: boolean;
  /** Modules that it uses, the prelude among them. */
  readonly imports: readonly LoadedModule[];
  /** Names of its own declarations. */
  readonly declared: ReadonlyMap<string, Ast.Declaration>;
}

const declaredName = (d: Ast.Declaration): Ast.Ident | undefined =>
  d.kind === "check" ? undefined : d.kind === "compress" ? undefined : d.name;

/** Stands for what an import should have brought. */
const MISSING = (): Value => ({ kind: "poison" });

/** Every file of one compilation. */
export class Modules {
  readonly problems: Problem[] = [];
  readonly loaded = new Map<string, LoadedModule>();
  readonly #host: Host;
  readonly #cache: ModuleCache;
  readonly #loading: string[] = [];
  readonly #declare: (module: LoadedModule, declaration: Ast.Declaration) => Value;

  /** `declare` makes the value of a declaration when its name is first read. */
  constructor(host: Host, cache: ModuleCache, declare: (module: LoadedModule, declaration: Ast.Declaration) => Value) {
    this.#host = host;
    this.#cache = cache;
    this.#declare = declare;
  }

  sources(): ReadonlyMap<string, Source> {
    return new Map([...this.loaded].map(([path, m]) => [path, m.source]));
  }

  /** Loads a file of the project by its path. */
  file(path: string): LoadedModule | undefined {
    const located = this.#host.locate(path, undefined);
    if (!located) {
      this.problems.push(report(names.N208, undefined, { path, root: this.#host.root }));
      return undefined;
    }
    const text = this.#text(located, path, undefined);
    return text === undefined ? undefined : this.#load(path, text, false);
  }

  /** Loads a program given as text (tests, editors). */
  text(path: string, text: string): LoadedModule {
    return this.#load(path, text, false);
  }

  library(path: string): LoadedModule | undefined {
    const key = `std:${path}.kiri`;
    const known = this.loaded.get(key);
    if (known) return known;
    const text = this.#host.library(path);
    return text === undefined ? undefined : this.#load(key, text, true);
  }

  #text(located: string, shown: string, at: Ast.Use | undefined): string | undefined {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(this.#host.read(located));
    } catch (e) {
      this.problems.push(report(names.N207, at?.span, { path: shown, why: e instanceof TypeError ? "it is not UTF-8 text" : e instanceof Error ? e.message : String(e) }));
      return undefined;
    }
  }

  #load(path: string, text: string, isLibrary: boolean): LoadedModule {
    const known = this.loaded.get(path);
    if (known) return known;
    const parsed = this.#cache.parse(path, text);
    const { source: from, ast } = parsed;
    this.problems.push(...parsed.problems);
    const declared = new Map<string, Ast.Declaration>();
    const imported = new Map<string, () => Value | undefined>();
    const values = new Map<string, Value>();
    const prelude = path === "std:core.kiri" ? undefined : this.library("core");
    const imports: LoadedModule[] = prelude ? [prelude] : [];
    const module: LoadedModule = {
      path, source: from, ast, isLibrary, declared, imports,
      scope: new Scope(prelude?.scope, (name) => {
        const made = values.get(name);
        if (made) return made;
        const declaration = declared.get(name);
        const value = declaration ? this.#declare(module, declaration) : imported.get(name)?.();
        if (value) values.set(name, value);
        return value;
      }, () => [...declared.keys(), ...imported.keys()]),
    };
    this.loaded.set(path, module);
    this.#loading.push(path);
    for (const declaration of ast.declarations) this.#claim(declared, declaration);
    for (const use of ast.uses) {
      const target = this.#use(module, use, imported);
      if (target) imports.push(target);
    }
    this.#unused(parsed, imported);
    this.#loading.pop();
    return module;
  }

  #claim(declared: Map<string, Ast.Declaration>, declaration: Ast.Declaration): void {
    const name = declaredName(declaration);
    if (!name || name.name === "") return;
    const before = declared.get(name.name);
    if (before) {
      const first = declaredName(before) as Ast.Ident;
      this.problems.push(report(names.N203, name.span, { name: name.name }, [{ span: first.span, says: "the first one" }]));
    } else declared.set(name.name, declaration);
  }

  #use(module: LoadedModule, use: Ast.Use, imported: Map<string, () => Value | undefined>): LoadedModule | undefined {
    const target = this.#find(module, use);
    const bind = (name: Ast.Ident, value: () => Value | undefined): void => {
      const clash = module.declared.get(name.name);
      if (clash || imported.has(name.name)) {
        const label = clash ? [{ span: (declaredName(clash) as Ast.Ident).span, says: "declared here" }] : [];
        this.problems.push(report(names.N203, name.span, { name: name.name }, label));
      } else imported.set(name.name, value);
    };
    if (!use.names) {
      const name = use.alias ?? use.path[use.path.length - 1];
      if (name) bind(name, target ? () => ({ kind: "module", module: target }) : MISSING);
      return target;
    }
    for (const name of use.names) {
      if (target && !target.declared.has(name.name)) {
        this.problems.push(report(names.N209, name.span, { name: name.name, module: target.path, near: nearest(name.name, target.declared.keys()) }));
        bind(name, MISSING);
      } else bind(name, target ? () => target.scope.get(name.name) : MISSING);
    }
    return target;
  }

  #find(module: LoadedModule, use: Ast.Use): LoadedModule | undefined {
    const path = use.path.map((p) => p.name).join("/");
    const circle = (key: string): boolean => {
      const at = this.#loading.indexOf(key);
      if (at < 0) return false;
      this.problems.push(report(names.N202, use.span, { circle: [...this.#loading.slice(at), key] }));
      return true;
    };
    if (!module.isLibrary) {
      const folder = module.path.includes("/") ? module.path.slice(0, module.path.lastIndexOf("/") + 1) : "";
      for (const candidate of new Set([`${folder}${path}.kiri`, `${path}.kiri`])) {
        const located = this.#host.locate(candidate, undefined);
        if (!located || this.#host.stat(located)?.isDirectory !== false) continue;
        if (circle(candidate)) return undefined;
        const text = this.#text(located, candidate, use);
        return text === undefined ? undefined : this.#load(candidate, text, false);
      }
    }
    if (circle(`std:${path}.kiri`)) return undefined;
    const found = this.library(path);
    if (!found) {
      const known = this.#host.libraryPaths().map((p) => p.replaceAll("/", "."));
      this.problems.push(report(names.N201, use.span, { path: use.path.map((p) => p.name).join("."), near: nearest(path.replaceAll("/", "."), known) }));
    }
    return found;
  }

  #unused({ ast, mentions }: ParsedText, imported: ReadonlyMap<string, unknown>): void {
    for (const use of ast.uses)
      for (const name of use.names ?? [use.alias ?? use.path[use.path.length - 1]])
        // What could not be found is told already.
        if (name && imported.has(name.name) && !mentions(name.name) && imported.get(name.name) !== MISSING) this.problems.push(report(names.N204, name.span, { name: name.name }));
  }
}
