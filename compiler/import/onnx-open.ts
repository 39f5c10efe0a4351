// A model file opened: found, walked, and what is wrong with it told as a problem.
import { type Problem, report } from "../diagnostics/define.ts";
import { imports } from "../diagnostics/import.ts";
import { type Host, HostError } from "../host.ts";
import { type OnnxModel, readModel } from "./onnx-file.ts";
import { Unusable } from "./onnx-inline.ts";
import { Corrupt, Window } from "./protobuf.ts";

interface OpenModel {
  readonly model: OnnxModel;
  readonly window: Window;
  /** Its path for the host, and as people know it. */
  readonly place: string;
  readonly file: string;
}

/** What `body` makes of the model at `path`; throws `Corrupt`, `Unusable` and `HostError` in it become problems. */
export function openModel<T>(host: Host, path: string, body: (open: OpenModel) => { readonly value: T; readonly problems: readonly Problem[] }): { readonly value: T | undefined; readonly problems: readonly Problem[] } {
  const file = path.startsWith(`${host.root}/`) ? path.slice(host.root.length + 1) : path;
  const failed = (problem: Problem): { value: undefined; problems: Problem[] } => ({ value: undefined, problems: [problem] });
  const closed = (why: string): { value: undefined; problems: Problem[] } => failed(report(imports.I507, undefined, { file, why }));
  try {
    const place = host.locate(path, undefined);
    if (place === undefined) return closed("it lies outside of the project");
    const facts = host.stat(place);
    if (!facts) return closed("it does not exist");
    if (facts.isDirectory) return closed("it is a directory");
    const window = new Window({ size: facts.size, read: (offset, length) => host.readRange(place, offset, length) });
    return body({ model: readModel(window), window, place, file });
  } catch (error) {
    if (error instanceof Corrupt) return failed(report(imports.I501, undefined, { file, why: error.message, offset: error.offset }));
    if (error instanceof Unusable) return failed(error.problem);
    if (error instanceof HostError) return closed(error.reason);
    throw error;
  }
}
