// Farm: the hooks of unplugin, but the artefact goes past the bundler, which would hold its weights as lists of numbers.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { UnpluginBuildContext, UnpluginContext, UnpluginOptions } from "unplugin";
import type { FramedProblem } from "../framed-problem.ts";
import { type Imported, Imports, placeArtifact } from "./imports.ts";
import { moduleCode } from "./module-code.ts";
import { NATIVE, PLUGIN } from "./names.ts";
import type { BundlerOptions } from "./options.ts";
import { resolveImport } from "./request.ts";
import { withPlace } from "./told.ts";

/** What of Farm's configuration decides something here; all of it may be left out. */
interface FarmConfig {
  readonly root?: string;
  readonly logger?: { info(message: string): void };
  readonly compilation?: { readonly mode?: string; readonly output?: { readonly path?: string; readonly targetEnv?: string } };
}

export function farmPart(options: BundlerOptions): UnpluginOptions {
  const imports = new Imports(options);
  /** By the folder in the output. */
  const loaded = new Map<string, Imported>();
  let config: FarmConfig = {};
  const serves = (): boolean => config.compilation?.mode === "development";
  const output = (): string => resolve(config.root ?? process.cwd(), config.compilation?.output?.path ?? "dist");

  const tell = (text: string): void => {
    if (config.logger) config.logger.info(text);
    else process.stderr.write(`${text}\n`);
  };

  return {
    name: PLUGIN,
    enforce: "pre",
    resolveId: (id, importer) => (NATIVE.test(id) ? { id, external: true } : resolveImport(id, importer)),
    load: {
      filter: { id: /\.kiri(?:\?|$)/ },
      async handler(this: UnpluginBuildContext & UnpluginContext, id) {
        const found = await imports.load(id, { assets: "assets", serves: serves() });
        if (!found) return null;
        const { files, missing } = (found.build ?? found).watched;
        for (const path of [...files, ...missing]) this.addWatchFile(path);
        for (const warning of (found.build ?? found).warnings) tell(withPlace(warning));
        if (!found.build) {
          for (const error of found.errors) tell(withPlace(error));
          throw ended(found.errors[0]);
        }
        loaded.set(found.directory, found);
        tell(found.says);
        const isForPage = /browser/.test(config.compilation?.output?.targetEnv ?? "browser");
        // A text that stands in `new URL` itself is an asset to Farm, and a folder is none.
        const place = `[${JSON.stringify(`./${found.directory}/`)}].join("")`;
        const url = serves() ? `new URL(${JSON.stringify(pathToFileURL(`${found.build.artifact}/`).href)})` : `new URL(${place}, import.meta.url)`;
        return moduleCode({ build: found.build, url, isForPage });
      },
    },
    farm: {
      configResolved: (resolved: FarmConfig) => { config = resolved; },
      writeResources: { executor: async () => { for (const one of loaded.values()) await placeArtifact(one, output()); } },
    },
  };
}

/** Farm prints what ends a module as a literal of its own language, line breaks escaped; so it gets one line, and the frame is told before. */
function ended(problem: FramedProblem | undefined): Error {
  if (!problem) return new Error("a build that failed says why");
  const { place, message } = problem;
  const error = new Error(`${place ? `${place.shown}:${place.line}:${place.column} ` : ""}${message.split("\n")[0] ?? ""}`);
  error.stack = "";
  return error;
}
