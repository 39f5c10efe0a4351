// Milliseconds of one run by node, as `kiri profile --json` prints them.
import { UsageError } from "./usage-error.ts";

/** `text`: what the command printed; `name` stands in the message where it is something else. */
export function timesOf(text: string, name: string): ReadonlyMap<string, number> {
  const wrong = (): UsageError => new UsageError(`${name} is not what kiri profile --json prints.`, `kiri profile ARTEFACT --json > ${name}`);
  let profile: { readonly runs?: unknown; readonly nodes?: unknown } | undefined;
  try {
    ({ profile } = JSON.parse(text) as { profile?: typeof profile });
  } catch {
    throw wrong();
  }
  const runs = profile?.runs;
  if (typeof runs !== "number" || !Array.isArray(profile?.nodes)) throw wrong();
  const nodes = profile.nodes as readonly { readonly name?: unknown; readonly milliseconds?: unknown }[];
  return new Map(nodes.flatMap(({ name, milliseconds }) => (typeof name === "string" && typeof milliseconds === "number" ? [[name, milliseconds / Math.max(1, runs)] as const] : [])));
}
