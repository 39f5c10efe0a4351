/** The `.kiri` files of the project, and trees without their places. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";

const root = resolve(new URL("../..", import.meta.url).pathname);

export interface KiriFile {
  readonly path: string;
  readonly text: string;
}

export const kiriFiles: readonly KiriFile[] = ["stdlib", "pipelines"]
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(root, folder, name)))
  .filter((file) => file.endsWith(".kiri"))
  .sort()
  .map((file) => ({ path: relative(root, file), text: readFileSync(file, "utf8") }));

/** The tree as plain data, without spans. */
export function withoutSpans(tree: unknown): unknown {
  return JSON.parse(JSON.stringify(tree, (key, value: unknown) => (key === "span" ? undefined : value)));
}
