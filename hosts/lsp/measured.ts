// What was measured of a variant: the reports and profiles beside artefacts of `build/`, of this file as it stands and this variant.
import { join } from "node:path";
import type { Manifest } from "../../runtime/artifact.d.ts";
import { HostError } from "../../compiler/host.ts";
import type { Profile } from "../../runtime/session.ts";
import type { Report } from "../evaluation/report.ts";
import type { Measurements } from "./hover.ts";
import type { Analysis } from "./analysis.ts";

const FOLDER = "build";
/** Artefacts that are looked at. */
const MOST = 50;
/** Where `kiri profile ARTEFACT --json > ARTEFACT/profile.json` leaves its answer. */
const PROFILE = "profile.json";

export const measured: Measurements = { gates: gatesOf, times: profileOf };

/** Lines for a person, as the build wrote them down. */
function gatesOf(analysis: Analysis, variant: string): string[] {
  return artifactsOf(analysis, variant).flatMap(({ directory, digest }) => {
    const report = json<Report>(analysis.host, join(directory, "report.json"))?.value;
    if (report?.manifest !== digest) return [];
    return report.gates.map((g) => `${g.says}: measured ${Number(g.value.toPrecision(4))}${g.plain === undefined ? "" : `, plain ${Number(g.plain.toPrecision(4))}`}`);
  });
}

/** How long a run took in its nodes; `plain` without a variant. Undefined where nobody measured it as it stands. */
function profileOf(analysis: Analysis, variant: string | undefined): Profile | undefined {
  for (const { directory, digest } of artifactsOf(analysis, variant)) {
    const found = json<{ readonly manifest?: unknown; readonly profile?: Profile }>(analysis.host, join(directory, PROFILE))?.value;
    if (found?.manifest === digest && Array.isArray(found.profile?.nodes) && found.profile.runs > 0) return found.profile;
  }
  return undefined;
}

interface Artifact {
  readonly directory: string;
  /** sha256 of its manifest, hex: what was measured names it. */
  readonly digest: string;
}

function artifactsOf(analysis: Analysis, variant: string | undefined): Artifact[] {
  const { host, module } = analysis;
  return artifacts(host).flatMap((directory) => {
    const manifest = json<Manifest>(host, join(directory, "manifest.json"));
    if (manifest?.value.pipeline?.file !== module.path || manifest.value.pipeline.variant !== variant || !isCurrent(analysis, manifest.value)) return [];
    return [{ directory, digest: host.digest(manifest.bytes) }];
  });
}

/** Whether programs and configurations are those that it was built from. Weights are not read: others of the same shapes take as long. */
function isCurrent({ host, sources }: Analysis, { digests }: Manifest): boolean {
  return Object.entries(digests ?? {}).every(([path, digest]) => {
    if (path.endsWith(".kiri")) {
      const source = sources.get(path);
      return source !== undefined && host.digest(new TextEncoder().encode(source.text)) === digest;
    }
    if (!path.endsWith(".json")) return true;
    const found = json(host, join(host.root, path));
    return found !== undefined && host.digest(found.bytes) === digest;
  });
}

type Host = Analysis["host"];

function artifacts(host: Host): string[] {
  const below = (path: string): string[] => {
    try {
      return host.stat(path)?.isDirectory ? host.list(path).map((name) => join(path, name)) : [];
    } catch (error) {
      if (error instanceof HostError) return [];
      throw error;
    }
  };
  return below(join(host.root, FOLDER)).slice(0, MOST).flatMap((path) => [path, ...below(path)]).filter((path) => below(path).some((p) => p.endsWith("/manifest.json"))).slice(0, MOST);
}

function json<T>(host: Host, path: string): { readonly value: T; readonly bytes: Uint8Array } | undefined {
  try {
    if (!host.stat(path)) return undefined;
    const bytes = host.read(path);
    return { value: JSON.parse(new TextDecoder().decode(bytes)) as T, bytes };
  } catch (error) {
    if (error instanceof HostError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
