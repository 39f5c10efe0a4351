// A model file and the files beside it: a host on its folder. A link to a model (a download cache) stands for the model.
import { realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import { type Problem, report } from "../compiler/diagnostics/define.ts";
import { imports } from "../compiler/diagnostics/import.ts";
import { hostError, NodeHost, type NodeHostOptions } from "./node-host.ts";

interface ModelHost {
  readonly host: NodeHost;
  /** Of the file, for the host. */
  readonly name: string;
}

/** `shown`: the file as its user wrote it. One that is not there, or may not be read, comes back as the problem. */
export function openModel(path: string, shown: string, options: Omit<NodeHostOptions, "root"> = {}): ModelHost | { readonly host: undefined; readonly problem: Problem } {
  try {
    const place = realpathSync(path);
    return { host: new NodeHost({ ...options, root: dirname(place) }), name: basename(place) };
  } catch (error) {
    return { host: undefined, problem: report(imports.I507, undefined, { file: shown, why: hostError(path, error).reason }) };
  }
}
