// esbuild: its own hooks, because they show the source line of a mistake.
import { dirname, resolve } from "node:path";
import type { PluginBuild } from "esbuild";
import type { UnpluginOptions } from "unplugin";
import { type Imported, Imports, placeArtifact } from "./imports.ts";
import { moduleCode } from "./module-code.ts";
import type { BundlerOptions } from "./options.ts";
import { NATIVE, PLUGIN } from "./names.ts";
import { resolveImport } from "./request.ts";
import { esbuildMessage } from "./told.ts";

const NAMESPACE = "kirigami";

export function esbuildPart(options: BundlerOptions): UnpluginOptions {
  return { name: PLUGIN, esbuild: { setup: (build) => setUp(build, new Imports(options)) } };
}

function setUp(build: PluginBuild, imports: Imports): void {
  const { initialOptions } = build;
  const { platform = "browser", format = platform === "node" ? "cjs" : "iife", logLevel = "warning" } = initialOptions;
  const folder = initialOptions.outdir ?? (initialOptions.outfile === undefined ? undefined : dirname(initialOptions.outfile));
  const output = folder === undefined ? undefined : resolve(initialOptions.absWorkingDir ?? process.cwd(), folder);
  /** By id, of the latest build. */
  const loaded = new Map<string, Imported>();
  build.onStart(() => loaded.clear());
  build.onResolve({ filter: /\.kiri(\?|$)/ }, ({ path, importer, resolveDir, kind }) => {
    const from = importer === "" || kind === "entry-point" ? resolve(resolveDir, "entry") : importer;
    const id = resolveImport(path, from);
    if (id === undefined) return undefined;
    return { path: id, namespace: NAMESPACE };
  });
  build.onResolve({ filter: NATIVE }, ({ path }) => ({ path, external: true }));
  build.onLoad({ filter: /.*/, namespace: NAMESPACE }, async ({ path: id }) => {
    const found = await imports.load(id, { assets: "assets", serves: false });
    if (!found) return undefined;
    const { files, folders, missing } = found.build ? found.build.watched : found.watched;
    const watches = { watchFiles: [...files, ...missing], watchDirs: [...folders] };
    const warnings = (found.build ?? found).warnings.map(esbuildMessage);
    if (!found.build) return { errors: found.errors.map(esbuildMessage), warnings, ...watches };
    loaded.set(id, found);
    if (["verbose", "debug", "info"].includes(logLevel)) process.stderr.write(`${found.says}\n`);
    const base = format === "cjs" ? `require("node:url").pathToFileURL(__filename)` : format === "esm" ? "import.meta.url" : "document.baseURI";
    const contents = moduleCode({ build: found.build, url: `new URL(${JSON.stringify(`${found.directory}/`)}, ${base})`, isForPage: platform !== "node" });
    return { contents, loader: "js", resolveDir: dirname(id), warnings, ...watches };
  });
  build.onEnd(async ({ errors }) => {
    if (errors.length > 0 || output === undefined || initialOptions.write === false) return;
    for (const one of loaded.values()) await placeArtifact(one, output);
  });
}
