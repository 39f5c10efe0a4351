// webpack, and Rspack, which is made after it.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { UnpluginBuildContext, UnpluginContext, UnpluginOptions } from "unplugin";
import type { Compiler, LoaderContext, Module, WebpackError } from "webpack";
import { MANIFEST } from "../../compiler/emit/manifest.ts";
import type { FramedProblem } from "../framed-problem.ts";
import { type Imported, Imports, placeArtifact } from "./imports.ts";
import { moduleCode } from "./module-code.ts";
import { NATIVE, PLUGIN } from "./names.ts";
import type { BundlerOptions } from "./options.ts";
import { parseId } from "./request.ts";
import { withPlace } from "./told.ts";

/** What is kept with a module, in webpack's own cache too: a module that is not loaded again still has its artefact. */
interface Kept {
  readonly build: Imported["build"];
  readonly directory: string;
}
const KEPT = "kirigami";

/** Rspack's compiler has all that is used here of webpack's. */
export function webpackPart(options: BundlerOptions, given: object): UnpluginOptions {
  const compiler = given as Compiler;
  const imports = new Imports(options);
  const { webpack } = compiler;
  const log = compiler.getInfrastructureLogger(PLUGIN);
  new webpack.ExternalsPlugin("import", [NATIVE]).apply(compiler);

  /** What the modules of the compilation have, each once. */
  let kept = new Map<string, Kept>();
  compiler.hooks.thisCompilation.tap(PLUGIN, (compilation) => {
    compilation.hooks.processAssets.tapPromise({ name: PLUGIN, stage: webpack.Compilation.PROCESS_ASSETS_STAGE_ADDITIONAL }, async () => {
      kept = new Map();
      for (const module of compilation.modules) {
        const found = (module.buildInfo as Record<string, unknown> | undefined)?.[KEPT] as Kept | undefined;
        if (found) kept.set(found.directory, found);
      }
      for (const { build, directory } of kept.values()) compilation.emitAsset(`${directory}/${MANIFEST}`, new webpack.sources.RawSource(await readFile(join(build.artifact, MANIFEST))));
    });
  });
  compiler.hooks.afterEmit.tapPromise(PLUGIN, async () => {
    for (const one of kept.values()) await placeArtifact({ ...one, says: "" }, compiler.outputPath);
  });

  return {
    name: PLUGIN,
    load: {
      filter: { id: /\.kiri(?:\?|$)/ },
      async handler(this: UnpluginBuildContext & UnpluginContext, id) {
        const native = this.getNativeBuildContext?.();
        const loader = native && "loaderContext" in native ? (native.loaderContext as LoaderContext<unknown> | undefined) : undefined;
        const found = await imports.load(id, { assets: "assets", serves: false });
        if (!found) return null;
        const { files, folders, missing } = found.build ? found.build.watched : found.watched;
        for (const path of files) this.addWatchFile(path);
        for (const path of missing) loader?.addMissingDependency(path);
        for (const path of folders) loader?.addContextDependency(path);
        for (const warning of (found.build ?? found).warnings) this.warn(withPlace(warning));
        const module = loader?._module;
        if (!found.build) {
          const errors = found.errors.map((problem) => errorOf(webpack, problem, module));
          // Rspack's modules take no errors; there the first one ends the loading.
          if (typeof module?.addError !== "function") throw errors[0] ?? new Error("a build that failed says why");
          for (const error of errors) module.addError(error);
          return `throw new Error(${JSON.stringify(`${parseId(id)?.path ?? id} was not compiled`)});`;
        }
        log.info(found.says);
        if (module?.buildInfo) (module.buildInfo as Record<string, unknown>)[KEPT] = { build: found.build, directory: found.directory } satisfies Kept;
        return moduleCode({ build: found.build, url: `new URL(__webpack_public_path__ + ${JSON.stringify(`${found.directory}/`)}, __webpack_base_uri__)`, isForPage: compiler.platform?.node === false });
      },
    },
  };
}

/** webpack prints a message of its own with the line, where an error says where it is and hides its stack. */
function errorOf(webpack: Compiler["webpack"], problem: FramedProblem, module: Module | undefined): WebpackError {
  const error = new webpack.WebpackError(withPlace(problem));
  const { place } = problem;
  error.hideStack = true;
  error.stack = "";
  if (place) error.loc = { start: { line: place.line, column: place.column - 1 }, end: { line: place.endLine, column: place.endColumn - 1 } };
  if (module) error.module = module;
  return error;
}
