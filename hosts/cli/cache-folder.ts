// Where a user's programs keep what they can make again: the digests of large files, from one process to the next.
import { isAbsolute, join } from "node:path";

/** As the XDG directories say; on Windows where local data of programs lie. Undefined where the environment names no home: then nothing is kept. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { XDG_CACHE_HOME: named, LOCALAPPDATA: local, HOME: home } = env;
  const above = [named, local, home && join(home, ".cache")].find((path) => path !== undefined && isAbsolute(path));
  return above && join(above, "kirigami");
}
