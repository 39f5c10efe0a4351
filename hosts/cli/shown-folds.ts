// `kiri run --show folds`: records through a traced model, and which of their tokens went together, as a drawing, marked text or numbers.
import type { Manifest } from "../../runtime/artifact.d.ts";
import type { ImageInput } from "../../runtime/media/image.ts";
import { Inputs } from "../../runtime/record.ts";
import type { Session } from "../../runtime/session.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import { TRACE } from "../../compiler/compress/trace.ts";
import { foldedPanels, classMap, mostFrequent, pixelsOf } from "../evaluation/show-folds.ts";
import { gridOf, tally, type TokenGroups, tokenGroups, traceOf } from "../evaluation/token-groups.ts";
import { drawPanels, type Panel } from "../picture.ts";
import { foldedText, type Piece, piecesOf } from "./folded-text.ts";
import type { Colours } from "./io.ts";
import type { NamedRecord } from "./records.ts";
import { flatOutputs, type OutputRecord } from "./results.ts";
import { UsageError } from "./usage-error.ts";

/** Where the traced artefact lies, and what it is called. */
export interface Traced {
  readonly directory: string;
  readonly variant: string;
}

interface Shown {
  readonly name: string;
  /** Without the trace. */
  readonly output: OutputRecord;
  readonly tokens: TokenGroups;
  /** Where the pipeline takes a text whose tokens are folded. */
  readonly text?: { readonly text: string; readonly pieces: readonly Piece[] };
  /** Where it takes a picture; `seen` is its size as the model takes it, `grid` its patches among the tokens. */
  readonly picture?: { readonly value: ImageInput; readonly seen: Size; readonly grid: ReturnType<typeof gridOf> };
}
interface Size {
  readonly width: number;
  readonly height: number;
}

interface Watch {
  readonly signal: AbortSignal;
  readonly onRecord: (done: number, total: number) => void;
}

/** One record at a time, so that no text is padded. */
export async function shownFolds(session: Session, { directory, variant }: Traced, records: readonly NamedRecord[], { signal, onRecord }: Watch): Promise<readonly Shown[]> {
  const { manifest } = session;
  if (!manifest.outputs.some((o) => o.name === TRACE)) throw new UsageError(`The folds of ${variant} cannot be shown: nothing is folded there, or a fold has neither a way back (\`up\`) nor a rule for masks and positions, which are what tells them.`);
  const inputs = new Inputs(manifest);
  const shown: Shown[] = [];
  for (const { name, record } of records) {
    const { [TRACE]: trace, ...output } = await session.run(record, { signal });
    const tokens = tokenGroups(traceOf({ [TRACE]: trace as Tensor }) ?? []);
    shown.push({ name, output, tokens, ...(await givenOf(manifest, directory, inputs.flatten(record, ""), tokens)) });
    onRecord(shown.length, records.length);
  }
  return shown;
}

/** The text or the picture that the tokens are of. */
async function givenOf(manifest: Manifest, directory: string, values: ReadonlyMap<string, unknown>, { groups }: TokenGroups): Promise<Pick<Shown, "text" | "picture">> {
  for (const step of manifest.steps) {
    const value = values.get(step.input);
    if (step.kind === "image") return { picture: { value: value as ImageInput, seen: { width: step.width, height: step.height }, grid: gridOf(groups.length, step) } };
    const pieces = await piecesOf(directory, step, value as string, groups);
    if (pieces) return { text: { text: value as string, pieces } };
  }
  return {};
}

/** Rows of one drawing; more are a picture that nobody can look at. */
const MOST_DRAWN = 24;

/** Pictures with their groups, a row each. Undefined where there are none. */
export async function drawFolds(shown: readonly Shown[], variant: string, path: string): Promise<{ readonly drawn: number; readonly all: number } | undefined> {
  const pictured = shown.filter((s) => s.picture?.grid);
  if (pictured.length === 0) return undefined;
  const rows: Panel[][] = [];
  for (const { name, output, tokens, picture: given } of pictured.slice(0, MOST_DRAWN)) {
    if (!given) continue;
    const picture = await pixelsOf(given.value);
    const values = { ...Object.fromEntries(flatOutputs(output).flatMap(([field, value]) => (typeof value === "object" ? [[field, value]] : []))), [TRACE]: traceTensor(tokens) };
    const background = mostFrequent(classMap(values)?.classes ?? []);
    rows.push([{ kind: "picture", title: name, picture }, ...foldedPanels(values, { picture, seen: given.seen, variant, caption: variant, background })]);
  }
  await drawPanels(rows, path);
  return { drawn: rows.length, all: pictured.length };
}

const traceTensor = ({ groups }: TokenGroups): Tensor => ({ dtype: "i64", dims: [groups.length], data: BigInt64Array.from(groups, BigInt) });

/** For people: a line of numbers, then the marked text; groups by number where tokens are of neither text nor picture. */
export function foldsText({ name, tokens, text, picture }: Shown, colours: Colours): string {
  const head = `${colours.bold(name)}: ${tally(tokens)}\n`;
  if (text) return `${head}  ${foldedText(text.text, text.pieces, colours)}\n`;
  return picture?.grid ? head : `${head}  ${tokens.groups.map((g) => (g < 0 ? "–" : g)).join(" ")}\n`;
}

/** For programs. */
export function foldsJson({ tokens, text, picture }: Shown): object {
  const { groups, ...counts } = tokens;
  return { tokens: groups.length, ...counts, groups, ...(text ? { pieces: text.pieces } : {}), ...(picture?.grid ? { grid: picture.grid } : {}) };
}
