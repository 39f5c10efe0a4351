// What stands behind an import of a .kiri file in a bundle: the module that a bundler plugin made names an artefact, and is told where it does not fit this runtime.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Manifest } from "./artifact.d.ts";
import { refuse } from "./errors.ts";
import type { LoadOptions, Session } from "./session.ts";

/** Version of what generated modules and the runtime say to each other. */
export const MODULE_FORMAT = 1;

/** The default export of an imported `.kiri` file. */
export interface Pipeline<I, O> {
  /** The artefact's directory. */
  readonly artifact: URL;
  readonly manifest: Manifest;
  /** Opens the artefact. Rejects with a `RuntimeError`; in a page with R761. */
  open(options?: LoadOptions): Promise<Session<I, O>>;
}

/** What a generated module knows of itself. */
export interface Generated {
  readonly format: number;
  /** Version of the compiler that wrote the module. */
  readonly kirigami: string;
  readonly artifact: URL;
  /** sha256 of the artefact's manifest, hex. */
  readonly sha256: string;
}

/** Folders above a bundle's file where the assets may lie. */
const MOST_ABOVE = 8;

/** Where the artefact of a generated module lies. Rejects with R762 where the two are not made for each other, with R763 where the artefact is of another build. */
export async function generatedArtifact({ format, kirigami, artifact, sha256 }: Generated): Promise<URL> {
  if (format !== MODULE_FORMAT) throw refuse("R762", { found: `${format}`, by: kirigami, wanted: `${MODULE_FORMAT}` });
  const place = above(artifact);
  const found = createHash("sha256").update(await readFile(new URL("manifest.json", place)).catch(() => "")).digest("hex");
  if (existsSync(new URL("manifest.json", place)) && found !== sha256) throw refuse("R763", { artifact: fileURLToPath(place), found, wanted: sha256 });
  return place;
}

/** A bundler may put the file that asks into a folder below the one that the assets are counted from. */
function above(artifact: URL): URL {
  const [, folder = "", name = ""] = /([^/]+\/)([^/]+\/)$/.exec(artifact.pathname) ?? [];
  let base = new URL("../../", artifact);
  for (let i = 0; i <= MOST_ABOVE; i++) {
    const place = new URL(folder + name, base);
    if (existsSync(new URL("manifest.json", place))) return place;
    base = new URL("../", base);
  }
  return artifact;
}
