// `import pipeline from "./digits.kiri"` in Vite, Rollup, Rolldown, webpack, Rspack, esbuild and Farm: `import kirigami from "kirigami/bundler"`, then `kirigami.vite()`.
import { createUnplugin, type UnpluginInstance } from "unplugin";
import { esbuildPart } from "./esbuild.ts";
import { farmPart } from "./farm.ts";
import type { BundlerOptions } from "./options.ts";
import { rollupPart } from "./rollup.ts";
import { webpackPart } from "./webpack.ts";

export type { TargetName } from "../../compiler/targets/target.ts";
export type { BundlerOptions } from "./options.ts";

const kirigami: UnpluginInstance<BundlerOptions | undefined, false> = createUnplugin((options: BundlerOptions | undefined = {}, meta) => {
  switch (meta.framework) {
    case "esbuild": return esbuildPart(options);
    case "webpack": return webpackPart(options, meta.webpack.compiler);
    case "rspack": return webpackPart(options, meta.rspack.compiler);
    case "farm": return farmPart(options);
    default: return rollupPart(options, meta.framework);
  }
});

export default kirigami;
export const { vite, rollup, rolldown, webpack, rspack, esbuild, farm } = kirigami;
