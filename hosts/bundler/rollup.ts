// Rollup and those who speak its language: Rolldown, Vite.
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { UnpluginBuildContext, UnpluginContext, UnpluginOptions } from "unplugin";
import { MANIFEST } from "../../compiler/emit/manifest.ts";
import { type Imported, Imports, placeArtifact } from "./imports.ts";
import { moduleCode } from "./module-code.ts";
import { NATIVE, PLUGIN } from "./names.ts";
import type { BundlerOptions } from "./options.ts";
import { parseId, resolveImport } from "./request.ts";
import { rollupLog } from "./told.ts";

/** What Rollup's context has beyond unplugin's; `environment` in Vite only. */
interface RollupContext {
  info?(message: string): void;
  readonly environment?: { readonly config: { readonly consumer: "client" | "server" } };
}
type Context = UnpluginBuildContext & UnpluginContext & RollupContext;

/** What of Vite's configuration decides something here. */
interface ViteConfig {
  readonly command: "build" | "serve";
  readonly build: { readonly assetsDir: string };
  readonly logger: { info(message: string): void };
}

/** What of Vite's server is used: a file that appears where a build looked in vain changes a module that Vite does not connect with it. */
interface ViteServer {
  readonly watcher: { on(event: "add", listener: (path: string) => void): unknown };
  readonly environments: Readonly<Record<string, { readonly moduleGraph: { getModuleById(id: string): object | undefined }; reloadModule(module: object): Promise<void> }>>;
}

type Chunks = Readonly<Record<string, { readonly type: string; readonly moduleIds?: readonly string[] }>>;

export function rollupPart(options: BundlerOptions, framework: string): UnpluginOptions {
  const imports = new Imports(options);
  const loaded = new Map<string, Imported>();
  /** Where a file may appear, by the id of the module that it would change. */
  const awaited = new Map<string, ReadonlySet<string>>();
  let config: ViteConfig | undefined;
  let platform: string | undefined;
  const serves = (): boolean => config?.command === "serve";

  /** The manifest is an asset of the bundler, so that it tells each chunk the way to the artefact; the other files follow when the bundle is written. */
  async function urlOf(context: Context, one: Imported, isForPage: boolean): Promise<string> {
    const { build, directory } = one;
    if (serves()) {
      const { href, pathname } = pathToFileURL(`${build.artifact}/`);
      return isForPage ? `new URL(${JSON.stringify(`/@fs${pathname}`)}, import.meta.url)` : `new URL(${JSON.stringify(href)})`;
    }
    // Vite drops assets of a server's bundle, and tells paths from the site's root; the runtime looks for the folder from the chunk upward.
    if (framework === "vite" && !isForPage) return `new URL(${JSON.stringify(`./${directory}/`)}, import.meta.url)`;
    // unplugin's type forgets what Rollup's function returns.
    const emit: (asset: Parameters<Context["emitFile"]>[0]) => unknown = context.emitFile;
    const reference = emit({ type: "asset", fileName: `${directory}/${MANIFEST}`, source: await readFile(join(build.artifact, MANIFEST)) });
    const manifest = `import.meta.ROLLUP_FILE_URL_${String(reference)}`;
    return framework === "vite" ? `new URL(".", new URL(${manifest}, import.meta.url))` : `new URL(".", ${manifest})`;
  }

  /** Only what a chunk of this output holds is placed beside it: an environment of several may have none of it. */
  async function writeBundle({ dir, file }: { readonly dir?: string | undefined; readonly file?: string | undefined }, bundle: Chunks): Promise<void> {
    const output = dir ?? (file === undefined ? undefined : dirname(file));
    if (output === undefined) return;
    const inside = new Set(Object.values(bundle).flatMap((chunk) => chunk.moduleIds ?? []));
    for (const [id, one] of loaded) if (inside.has(id)) await placeArtifact(one, output);
  }

  function configureServer({ watcher, environments }: ViteServer): void {
    watcher.on("add", (path) => {
      for (const [id, missing] of awaited) {
        if (!missing.has(path)) continue;
        for (const environment of Object.values(environments)) {
          const module = environment.moduleGraph.getModuleById(id);
          if (module) void environment.reloadModule(module);
        }
      }
    });
  }

  return {
    name: PLUGIN,
    enforce: "pre",
    resolveId(id, importer) {
      if (NATIVE.test(id)) return serves() ? undefined : { id, external: true };
      return resolveImport(id, importer);
    },
    load: {
      filter: { id: /\.kiri(?:\?|$)/ },
      async handler(this: UnpluginBuildContext & UnpluginContext, id) {
        const context = this as Context;
        const found = await imports.load(id, { assets: config?.build.assetsDir ?? "assets", serves: serves() });
        if (!found) return null;
        const { files, missing } = found.build ? found.build.watched : found.watched;
        for (const path of serves() ? files : [...files, ...missing]) this.addWatchFile(path);
        awaited.set(id, new Set(missing));
        const { warnings } = found.build ?? found;
        for (const warning of warnings) this.warn(rollupLog(warning, id));
        if (!found.build) {
          const [first, ...others] = found.errors;
          if (first) this.error(rollupLog(first, parseId(id)?.path ?? id, others));
          return null;
        }
        loaded.set(id, found);
        if (config) config.logger.info(found.says);
        else context.info?.(found.says);
        const isForPage = context.environment ? context.environment.config.consumer === "client" : platform === "browser";
        return moduleCode({ build: found.build, url: await urlOf(context, found, isForPage), isForPage });
      },
    },
    vite: { configResolved: (resolved: ViteConfig) => { config = resolved; }, configureServer, writeBundle },
    rollup: { writeBundle },
    rolldown: { options: (input: { platform?: string }) => { platform = input.platform; }, writeBundle },
  };
}
