// The page's script and style: built into the package, or made by esbuild where kirigami runs from its sources.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface PageParts {
  readonly script: string;
  readonly style: string;
}

const place = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

let made: Promise<PageParts> | undefined;

export function pageParts(): Promise<PageParts> {
  made ??= parts();
  return made;
}

async function parts(): Promise<PageParts> {
  const style = readFileSync(place("./page/page.css"), "utf8");
  const built = place("./page/main.js");
  return { script: existsSync(built) ? readFileSync(built, "utf8") : await bundled(place("./page/main.ts")), style };
}

/** One script that needs nothing else. */
async function bundled(entry: string): Promise<string> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, minify: true, format: "iife", platform: "browser", target: "es2022", charset: "utf8", write: false, logLevel: "silent" });
  return outputFiles[0]?.text ?? "";
}
