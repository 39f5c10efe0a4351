// The names that a whole file has: its own declarations, what it uses, and the prelude.
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Meaning, NameKind, Occurrence } from "./meaning.ts";
import type { Table } from "./scopes.ts";
import type { Analysis } from "./analysis.ts";

export class ModuleNames {
  readonly #analysis: Analysis;
  readonly table: Table = new Map();
  /** Those in `use`. */
  readonly found: Occurrence[] = [];

  constructor(analysis: Analysis) {
    this.#analysis = analysis;
    const { ast } = analysis.module;
    for (const d of ast.declarations) if (d.kind !== "check" && d.kind !== "compress") this.table.set(d.name.name, this.declared(d, d.name));
    for (const use of ast.uses) this.#use(use);
  }

  meaning(name: Ast.Ident, kind: NameKind, more: Pick<Meaning, "declaration" | "node" | "module"> = {}): Meaning {
    return { name: name.name, kind, file: this.#analysis.fileOf(name.span.file), at: name.span, ...more };
  }

  declared(d: Ast.Declaration, name: Ast.Ident): Meaning {
    return this.meaning(name, "declaration", { declaration: d });
  }

  #use(use: Ast.Use): void {
    const path = `${use.path.map((p) => p.name).join("/")}.kiri`;
    const target = this.#analysis.module.imports.find((m) => m.path === path || m.path === `std:${path}` || m.path.endsWith(`/${path}`));
    const last = use.path[use.path.length - 1];
    if (!last) return;
    const file = target && { name: last.name, kind: "module" as const, file: this.#analysis.fileOf(target.path), at: { file: target.path, start: 0, end: 0 }, module: target };
    this.#add({ file: last.span.file, start: use.path[0]?.span.start ?? last.span.start, end: last.span.end }, file);
    if (!use.names) {
      const name = use.alias ?? last;
      if (file) this.table.set(name.name, use.alias ? { ...this.meaning(use.alias, "module"), ...(target ? { module: target } : {}) } : file);
      if (use.alias && file) this.#add(use.alias.span, this.table.get(use.alias.name));
      return;
    }
    for (const name of use.names) {
      const declaration = target?.declared.get(name.name);
      if (!declaration || declaration.kind === "check" || declaration.kind === "compress") continue;
      const means = this.declared(declaration, declaration.name);
      this.table.set(name.name, means);
      this.#add(name.span, means);
    }
  }

  /** A name of the prelude. */
  prelude(name: string): Meaning | undefined {
    const declaration = this.#analysis.module.imports.find((m) => m.path === "std:core.kiri")?.declared.get(name);
    return declaration && declaration.kind !== "check" && declaration.kind !== "compress" ? this.declared(declaration, declaration.name) : undefined;
  }

  #add(span: Span, means: Meaning | undefined): void {
    if (means && span.end > span.start) this.found.push({ span, means });
  }
}
