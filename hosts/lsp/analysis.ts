// What is known of one open file: asked by every feature, on a disk and in a page alike.
import type { Problem } from "../../compiler/diagnostics/define.ts";
import type { Host } from "../../compiler/host.ts";
import type { Program } from "../../compiler/program.ts";
import type { LoadedModule } from "../../compiler/resolve/modules.ts";
import type { Source } from "../../grammar/source.ts";

/** One file with all that it uses, parsed and checked; nothing is elaborated with real sizes. */
export interface Analysis {
  readonly uri: string;
  /** Absolute. */
  readonly file: string;
  readonly root: string;
  readonly host: Host;
  readonly program: Program;
  readonly module: LoadedModule;
  readonly problems: readonly Problem[];
  readonly sources: ReadonlyMap<string, Source>;
  /** The absolute path of a file that the compiler names, one of the library too. */
  readonly fileOf: (path: string) => string;
  /** Tells states of a file apart without reading it; undefined where there is none. */
  readonly stateOf: (path: string) => string | undefined;
}
