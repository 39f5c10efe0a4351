// The version of this package, as its package.json says.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "./node-host.ts";

let known: string | undefined;

export function version(): string {
  known ??= (JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as { version: string }).version;
  return known;
}
