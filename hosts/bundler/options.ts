// What the plugin can be told.
import type { TargetName } from "../../compiler/targets/target.ts";

export interface BundlerOptions {
  /** The project, which no path of a program leaves; the nearest folder with a package.json above a program unless given. */
  readonly root?: string;
  /** Of imports that name none themselves (`?pipeline=…`): needed where a file has several. */
  readonly pipeline?: string;
  /** Of imports that name none themselves (`?compress=…`, `?plain`): the `compress … as NAME` to weave in. */
  readonly compress?: string;
  /** Of imports that name none themselves (`?target=…`); `cpu` unless given. */
  readonly target?: TargetName;
  /** Measure what programs require; on in a build, off in a development server unless given. */
  readonly gates?: boolean;
  /** Write declarations beside programs, for `tsc` and editors; on unless given. */
  readonly types?: boolean;
  /** Folder for artefacts in the output; `assets` unless given, or what the bundler has for that. */
  readonly assets?: string;
  /** Where builds are kept; `node_modules/.cache/kirigami` of the project unless given. */
  readonly cache?: string;
  /** Hash every input in full, also large files whose size and times are as before. */
  readonly verify?: boolean;
}
