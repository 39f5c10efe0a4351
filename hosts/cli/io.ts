// What a command line touches: streams, environment, working directory. Tests pass their own.
import type { Readable } from "node:stream";
import pc from "picocolors";
import type { Paint, Role } from "../../compiler/diagnostics/render.ts";

interface Output {
  write(text: string | Uint8Array): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by SIGINT. */
  readonly signal: AbortSignal;
}

/** NO_COLOR and FORCE_COLOR as their users expect them; else colours on a terminal only. */
function hasColours(io: Io, to: Output): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: refused, TERM: terminal } = io.env;
  if (forced !== undefined && forced !== "") return forced !== "0" && forced !== "false";
  if (refused !== undefined && refused !== "") return false;
  return to.isTTY === true && terminal !== "dumb";
}

export type Colours = ReturnType<typeof pc.createColors>;

export const colours = (io: Io, to: Output): Colours => pc.createColors(hasColours(io, to));

/** The painter of reports for a stream. */
export function painter(io: Io, to: Output): Paint {
  const c = colours(io, to);
  const roles: Record<Role, (text: string) => string> = {
    error: (t) => c.bold(c.red(t)), warning: (t) => c.bold(c.yellow(t)), title: c.bold, place: c.cyan, gutter: c.dim, label: c.blue, next: c.green,
  };
  return (role, text) => (text === "" ? "" : roles[role](text));
}

/** Bars and other moving lines: on a terminal that is watched by a person. */
export const isWatched = (io: Io): boolean => io.stderr.isTTY === true && (io.env.CI ?? "") === "" && io.env.TERM !== "dumb";

/** Everything that comes from standard input. */
export async function readStdin(io: Io): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of io.stdin) chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : (chunk as Buffer));
  return Buffer.concat(chunks);
}
