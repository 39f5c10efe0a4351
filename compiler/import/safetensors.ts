// Opens safetensors files: reads the header, checks every claim in it against the file, and never touches the data.
import type { Span } from "../../grammar/source.ts";
import { type Problem, report } from "../diagnostics/define.ts";
import { weights } from "../diagnostics/weights.ts";
import type { WeightRef } from "../graph/node.ts";
import { type Host, HostError } from "../host.ts";
import type { DType } from "../types/tensor.ts";
import { HeaderError, type HeaderTensor, readHeader } from "./safetensors-header.ts";

interface SafetensorsFile {
  readonly weights: ReadonlyMap<string, WeightRef>;
  /** Tensors of element types that the format has and we do not compute with, with that type. An error only for who wants one. */
  readonly unsupported: ReadonlyMap<string, string>;
}
export interface OpenedFile {
  readonly value: SafetensorsFile | undefined;
  readonly problems: readonly Problem[];
}

/** The format's own limit; a longer header is an attack or an accident. */
const LONGEST_HEADER = 100_000_000;
/** One damaged header would otherwise give a problem for each of its thousand tensors. */
const MOST_PROBLEMS = 8;

/** Element types of the format: bits an element, and what we call it. */
const STORED: Readonly<Record<string, { readonly bits: number; readonly dtype: DType | undefined }>> = {
  F64: { bits: 64, dtype: "f64" }, F32: { bits: 32, dtype: "f32" }, F16: { bits: 16, dtype: "f16" }, BF16: { bits: 16, dtype: "bf16" },
  I64: { bits: 64, dtype: "i64" }, I32: { bits: 32, dtype: "i32" }, I16: { bits: 16, dtype: "i16" }, I8: { bits: 8, dtype: "i8" },
  U8: { bits: 8, dtype: "u8" }, BOOL: { bits: 8, dtype: "bool" },
  U64: { bits: 64, dtype: undefined }, U32: { bits: 32, dtype: undefined }, U16: { bits: 16, dtype: "u16" }, C64: { bits: 64, dtype: undefined },
  F8_E4M3: { bits: 8, dtype: undefined }, F8_E5M2: { bits: 8, dtype: undefined }, F8_E8M0: { bits: 8, dtype: undefined },
  F6_E2M3: { bits: 6, dtype: undefined }, F6_E3M2: { bits: 6, dtype: undefined }, F4: { bits: 4, dtype: undefined },
};

/** `shown` is what people call the file. */
export function openSafetensors(host: Host, file: string, shown: string, span: Span | undefined): OpenedFile {
  const refused = (why: string): OpenedFile => ({ value: undefined, problems: [report(weights.W402, span, { file: shown, why })] });
  try {
    const size = host.stat(file)?.size ?? 0;
    if (size < 8) return refused(size === 0 ? "it is empty" : `it has ${size} bytes, and a header alone takes more`);
    const length = headerLength(host.readRange(file, 0, 8));
    if (length > LONGEST_HEADER) return refused(`its header claims ${BigInt(length)} bytes, and ${LONGEST_HEADER} are the most that the format allows`);
    if (length > size - 8) return refused(`its header claims ${length} bytes, and the file has ${size - 8} after the first eight`);
    const tensors = readHeader(host.readRange(file, 8, length));
    return placed(tensors, { file, shown, start: 8 + length, size, span });
  } catch (error) {
    if (error instanceof HeaderError) return refused(error.message);
    if (error instanceof HostError) return refused(error.reason);
    throw error;
  }
}

function headerLength(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
}

interface Place {
  readonly file: string;
  readonly shown: string;
  /** Where the data begins. */
  readonly start: number;
  readonly size: number;
  readonly span: Span | undefined;
}

function placed(tensors: readonly HeaderTensor[], at: Place): OpenedFile {
  const problems: Problem[] = [];
  const found = new Map<string, WeightRef>();
  const unsupported = new Map<string, string>();
  for (const tensor of tensors) {
    const stored = Object.hasOwn(STORED, tensor.dtype) ? STORED[tensor.dtype] : undefined;
    if (!stored) problems.push(report(weights.W404, at.span, { file: at.shown, tensor: tensor.name, dtype: tensor.dtype }));
    else {
      const why = misfit(tensor, stored.bits);
      if (why) problems.push(misplaced(tensor, at, why));
      else if (!stored.dtype) unsupported.set(tensor.name, tensor.dtype);
      else found.set(tensor.name, { kind: "weight-ref", name: tensor.name, file: at.file, offset: at.start + tensor.begin, length: tensor.end - tensor.begin, dtype: stored.dtype, shape: tensor.shape, ...(at.span ? { span: at.span } : {}) });
    }
    if (problems.length >= MOST_PROBLEMS) break;
  }
  if (problems.length === 0) problems.push(...layout(tensors, at));
  return { value: problems.length > 0 ? undefined : { weights: found, unsupported }, problems };
}

const misplaced = (tensor: HeaderTensor, at: Place, why: string): Problem => report(weights.W403, at.span, { file: at.shown, tensor: tensor.name, why });

/** Why a tensor's range and its shape cannot both be true. */
function misfit({ shape, begin, end }: HeaderTensor, bits: number): string | undefined {
  if (begin > end) return `it begins at ${begin}, after its end at ${end}`;
  const size = shape.reduce((product, s) => product * s, bits);
  if (!Number.isSafeInteger(size)) return `its shape [${shape.join(", ")}] has more elements than any file can hold`;
  if (size / 8 !== end - begin) return `its shape [${shape.join(", ")}] takes ${size / 8} bytes, and ${end - begin} are set aside`;
  return undefined;
}

/** Tensors fill the data without overlap and without a gap: what lies between them would be somebody's secret or a lost tensor. */
function layout(tensors: readonly HeaderTensor[], at: Place): Problem[] {
  const available = at.size - at.start;
  let reached = 0;
  let before: HeaderTensor | undefined;
  for (const tensor of [...tensors].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (tensor.begin < reached) return [misplaced(tensor, at, `it begins at ${tensor.begin}, inside of \`${before?.name}\``)];
    if (tensor.begin > reached) return [misplaced(tensor, at, `nothing claims the ${tensor.begin - reached} bytes before it`)];
    if (tensor.end > available) return [misplaced(tensor, at, `it ends at byte ${tensor.end} of the data, and the file has only ${available}`)];
    reached = tensor.end;
    before = tensor;
  }
  if (reached === available) return [];
  return [report(weights.W402, at.span, { file: at.shown, why: `${available - reached} bytes follow the last tensor, and no tensor claims them` })];
}
