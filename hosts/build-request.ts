// A build as the cache asks for one: the variant that is meant, the artefact, declarations for editors, and problems with their frames.
import { openProgram } from "../compiler/program.ts";
import { build, type Looking, openHost } from "./build.ts";
import type { BuildRequest } from "./build-cache.ts";
import { type FramedProblem, framed } from "./framed-problem.ts";
import { moduleTypings } from "./module-typings.ts";

interface Made {
  /** Undefined with errors. */
  readonly artifact: string | undefined;
  readonly problems: readonly FramedProblem[];
  readonly typings: Readonly<Record<string, string>>;
}

export async function buildFor(request: BuildRequest, out: string, looking: Looking): Promise<Made> {
  const { root, file, pipeline, target, gates } = request;
  const { typings, unnamed } = await read(request, looking);
  const variant = request.compress ?? (request.plain ? undefined : unnamed);
  const { artifact, problems, sources } = await build({ root, file, target, out, gates, ...(pipeline === undefined ? {} : { pipeline }), ...(variant === undefined ? {} : { variant }) }, looking);
  return { artifact, problems: framed(problems, sources, root), typings };
}

/** What the program says before it is built; a program with errors says nothing. */
async function read({ root, file }: BuildRequest, looking: Looking): Promise<{ readonly typings: Made["typings"]; readonly unnamed: string | undefined }> {
  const { host } = openHost({ root, ...looking });
  if (!host) return { typings: {}, unnamed: undefined };
  try {
    const program = openProgram(host, file).value;
    return { typings: program ? (await moduleTypings(program)).files : {}, unnamed: program?.compressions.find((c) => c.as === undefined)?.target.name };
  } finally {
    host.close();
  }
}
