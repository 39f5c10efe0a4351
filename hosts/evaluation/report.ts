// `report.json` of an artefact: what its gates measured, on which data and machine. It lies beside the files that the manifest lists, and none of them depends on it.
import { arch, availableParallelism, cpus, platform } from "node:os";
import { type ArtifactFile, heldFile } from "../../compiler/emit/artifact-file.ts";
import type { Precision } from "../../compiler/precision.ts";
import { onnxRuntimeVersion } from "../../runtime/onnxruntime.ts";
import { version } from "../version.ts";

const REPORT = "report.json";

export interface MeasuredGate {
  /** As its author wrote it, on one line. */
  readonly says: string;
  /** `file:line:column`. */
  readonly place: string;
  readonly required: boolean;
  /** The figure that is compared. */
  readonly value: number;
  /** What the plain model reaches, where that was needed: for `drop of` and `speedup`. */
  readonly plain?: number;
  readonly comparison?: "<=" | ">=" | "<" | ">";
  readonly bound?: number;
  /** Undefined where nothing is required. */
  readonly holds?: boolean;
  /** Name of the data, or the target. */
  readonly on: string;
}

export interface Report {
  readonly format: 1;
  readonly kirigami: string;
  /** sha256 of the manifest of the artefact that was measured. */
  readonly manifest: string;
  readonly gates: readonly MeasuredGate[];
  /** Data by name: its file, that file's digest, how many records. */
  readonly data: Readonly<Record<string, { readonly file: string; readonly sha256: string; readonly records: number }>>;
  /** What is in half precision and what is not; absent where none was asked for. */
  readonly precision?: Precision;
  readonly machine: { readonly platform: string; readonly arch: string; readonly processor: string; readonly cores: number; readonly node: string; readonly onnxruntime: string };
}

export function machine(): Report["machine"] {
  return { platform: platform(), arch: arch(), processor: cpus()[0]?.model.trim() ?? "unknown", cores: availableParallelism(), node: process.versions.node, onnxruntime: onnxRuntimeVersion() ?? "missing" };
}

export function reportOf(parts: Omit<Report, "format" | "kirigami" | "machine">): Report {
  return { format: 1, kirigami: version(), ...parts, machine: machine() };
}

export const reportFile = (report: Report): ArtifactFile => heldFile(REPORT, `${JSON.stringify(report, undefined, 2)}\n`);
