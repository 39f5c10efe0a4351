// What was measured of a variant: the reports beside artefacts of `build/`, of this file and this variant.
import { join } from "node:path";
import type { Manifest } from "../../runtime/artifact.d.ts";
import { HostError } from "../../compiler/host.ts";
import type { Report } from "../evaluation/report.ts";
import type { Analysis } from "./workspace.ts";

const FOLDER = "build";
/** Artefacts that are looked at. */
const MOST = 50;

/** Lines for a person, as the build wrote them down. */
export function measuredOf({ host, module }: Analysis, variant: string): string[] {
  return artifacts(host).flatMap((directory) => {
    const manifest = json<Manifest>(host, join(directory, "manifest.json"));
    if (manifest?.pipeline?.file !== module.path || (manifest.pipeline.variant ?? "") !== variant) return [];
    const report = json<Report>(host, join(directory, "report.json"));
    return (report?.gates ?? []).map((g) => `${g.says}: measured ${Number(g.value.toPrecision(4))}${g.plain === undefined ? "" : `, plain ${Number(g.plain.toPrecision(4))}`}`);
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

function json<T>(host: Host, path: string): T | undefined {
  try {
    return host.stat(path) ? (JSON.parse(new TextDecoder().decode(host.read(path))) as T) : undefined;
  } catch (error) {
    if (error instanceof HostError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
