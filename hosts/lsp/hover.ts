// Hover: what stands under the cursor, with its type; of a fold what it leaves and saves in this model, and what was measured of it.
import type { Hover } from "vscode-languageserver/node";
import type * as Ast from "../../grammar/ast.ts";
import { placements, large, percent, plainOf, sizedType, type Wish, wovenOf } from "./variants.ts";
import { fenced, headOf, paperOf, prose, sourceOf, valueText } from "./describe.ts";
import { importedFile } from "./imported.ts";
import type { Meaning } from "./meaning.ts";
import { nameAt } from "./names.ts";
import { declarationAt, observed } from "./observed.ts";
import { rangeOf } from "./ranges.ts";
import { nodeOf, nodesAt } from "./syntax.ts";
import type { Analysis } from "./analysis.ts";

/** What somebody measured of a variant of a file, as it stands; without a name of the plain model. */
export interface Measurements {
  /** A sentence for each gate. */
  readonly gates: (analysis: Analysis, variant: string) => readonly string[];
  readonly times: (analysis: Analysis, variant: string | undefined) => Times | undefined;
}

/** Milliseconds of some runs by node; see `Profile` of the runtime. */
interface Times {
  readonly runs: number;
  readonly milliseconds: number;
  readonly nodes: readonly { readonly milliseconds: number; readonly path: readonly string[]; readonly by: readonly string[] }[];
}

export async function hover(analysis: Analysis, offset: number, measured: Measurements, wish: Wish): Promise<Hover | undefined> {
  const nodes = nodesAt(analysis.module.ast, offset);
  const found = nameAt(analysis, offset);
  const compression = nodeOf(nodes, "compress");
  const parts = [
    ...(found ? about(analysis, found.means, offset) : (aboutFile(analysis, nodes) ?? valueHere(analysis, nodes, offset))),
    ...(compression ? await inCompression(analysis, compression, nodes, offset, found?.means, measured, wish) : []),
    ...(found ? await siteTypes(analysis, found.means, compression, measured, wish) : []),
  ].filter((p) => p !== "");
  if (parts.length === 0) return undefined;
  const span = found?.span ?? (nodes[nodes.length - 1] as { span: Ast.Ident["span"] }).span;
  return { contents: { kind: "markdown", value: parts.join("\n\n") }, range: rangeOf(analysis.module.source, span) };
}

function about(analysis: Analysis, means: Meaning, offset: number): string[] {
  const { declaration, node, module } = means;
  if (module && !declaration) return [fenced(`module ${module.path}`), prose(module.ast.doc)];
  if (declaration) {
    const home = [...analysis.program.modules.loaded.values()].find((m) => m.path === means.at.file);
    const doc = "doc" in declaration ? prose(declaration.doc) : "";
    return [fenced(headOf(declaration, sourceOf(analysis, means))), doc, home && home.ast !== analysis.module.ast ? paperOf(home.ast) : ""];
  }
  const own = declarationAt(analysis, offset);
  const value = own && valueAt(analysis, own, means, offset);
  const doc = node && "doc" in node ? prose(node.doc) : "";
  if (node && "kind" in node && node.kind !== "let") return [fenced(text(analysis, means, node.span)), doc];
  if (value) return [fenced(`${means.name}: ${value}`), `${word(means)}`, doc];
  if (node) return [fenced(text(analysis, means, node.span)), doc];
  return [fenced(`${word(means)} ${means.name}`)];
}

const word = ({ kind }: Meaning): string => (kind === "value" ? "a value" : kind === "axis" ? "an axis" : kind === "parameter" ? "a parameter" : `a ${kind}`);

function text(analysis: Analysis, means: Meaning, span: Ast.Ident["span"]): string {
  const all = sourceOf(analysis, means)?.text.slice(span.start, span.end) ?? means.name;
  const first = all.split("\n")[0] ?? "";
  return first === all ? all : first.replace(/\s*\{\s*$/, "");
}

/** What a name is worth where the cursor is. */
function valueAt(analysis: Analysis, own: Ast.Declaration, means: Meaning, offset: number): string | undefined {
  const seen = observed(analysis, own);
  for (const [name, value] of seen.bound) if (name.span.start === means.at.start && name.span.file === means.at.file) return valueText(value);
  for (const [expr, value] of seen.values) if (expr.kind === "name" && expr.name === means.name && expr.span.start <= offset && offset <= expr.span.end) return valueText(value);
  for (const [expr, scope] of seen.scopes) {
    const value = expr.span.start >= means.at.start ? scope.get(means.name) : undefined;
    if (value && value.kind !== "word") return valueText(value);
  }
  return undefined;
}

/** The name of an imported file: its blocks and their places. */
function aboutFile(analysis: Analysis, nodes: readonly object[]): string[] | undefined {
  const model = nodeOf(nodes as Parameters<typeof nodeOf>[0], "model");
  const file = model?.imported && nodes[nodes.length - 1] === model.imported ? importedFile(analysis, model) : undefined;
  if (!file) return undefined;
  return file.stacks.length === 0 ? ["No transformer blocks are found in it."] : file.stacks.map(({ name, blocks, sites }) => `\`${name}[0..${blocks}]\` with ${sites.join(", ")}`);
}

/** The type of an expression that is no name. */
function valueHere(analysis: Analysis, nodes: readonly { readonly span: Ast.Ident["span"] }[], offset: number): string[] {
  const own = declarationAt(analysis, offset);
  if (!own) return [];
  const seen = observed(analysis, own);
  for (const node of [...nodes].reverse()) {
    const value = seen.values.get(node as Ast.Expr);
    if (value && value.kind !== "poison") return [fenced(valueText(value))];
  }
  return [];
}

/** The place where a fold is placed: what it does to the tokens and to the work of this model. */
async function inCompression(analysis: Analysis, compression: Ast.CompressDecl, nodes: readonly { readonly span: Ast.Ident["span"] }[], offset: number, means: Meaning | undefined, measured: Measurements, wish: Wish): Promise<string[]> {
  const item = nodeOf(nodes, "place-fold") ?? nodeOf(nodes, "place-rewrite");
  const all = placements(compression);
  if (item) {
    if (item.with.callee.span.start <= offset && offset > item.with.callee.span.end) return [];
    const at = all.indexOf(item);
    const [plain, before, after] = [await plainOf(analysis, compression.target.name, wish), await wovenOf(analysis, compression, at, wish), await wovenOf(analysis, compression, at + 1, wish)];
    if (!plain || !before || !after) return [];
    const places = after.selectors[at]?.resolved ?? [];
    const timed = timeOf(measured.times(analysis, variantOf(compression)), (n) => n.by.includes(lastName(item.with.callee)));
    return [[`**${places.length === 1 ? "one place" : `${places.length} places`}**: ${places.slice(0, 4).join(", ")}${places.length > 4 ? ", …" : ""}`, tokens(before.cost.tokens?.leaving, after.cost.tokens?.leaving), work(plain.cost.total, before.cost.total, after.cost.total), timed].filter((l) => l !== "").join("  \n")];
  }
  const isName = means?.kind === "variant" || (offset >= compression.span.start && offset <= compression.span.start + "compress".length);
  if (!isName) return [];
  const [plain, woven] = [await plainOf(analysis, compression.target.name, wish), await wovenOf(analysis, compression, all.length, wish)];
  const gates = measured.gates(analysis, variantOf(compression));
  const [times, plainTimes] = [measured.times(analysis, variantOf(compression)), measured.times(analysis, undefined)];
  const timed = times ? `measured: ${perRun(times.milliseconds, times)} a run in its nodes${plainTimes ? `, plain ${perRun(plainTimes.milliseconds, plainTimes)}` : ""}` : "";
  return [plain && woven ? [tokens(woven.cost.tokens?.entering, woven.cost.tokens?.leaving), work(plain.cost.total, plain.cost.total, woven.cost.total)].join("  \n") : "", timed, gates.length > 0 ? `measured: ${gates.join("  \n")}` : ""];
}

const variantOf = ({ as, target }: Ast.CompressDecl): string => as?.name ?? target.name;
const lastName = (callee: Ast.Expr): string => (callee.kind === "member" ? callee.name.name : callee.kind === "name" ? callee.name : "");
const perRun = (milliseconds: number, { runs }: Times): string => `${Number((milliseconds / runs).toPrecision(3))} ms`;

/** How long the nodes took that are meant, where anybody measured it. */
function timeOf(profile: Times | undefined, isMeant: (node: Times["nodes"][number]) => boolean): string {
  const own = profile?.nodes.filter(isMeant) ?? [];
  if (!profile || own.length === 0) return "";
  const milliseconds = own.reduce((sum, n) => sum + n.milliseconds, 0);
  return `measured: ${perRun(milliseconds, profile)} a run, ${percent(milliseconds / profile.milliseconds)} of all its nodes`;
}

const tokens = (before: number | string | undefined, after: number | string | undefined): string => (before === undefined || after === undefined ? "" : `tokens: ${before} → ${after}`);

const work = (plain: number, before: number, after: number): string =>
  `work: ${large(before)} → ${large(after)} multiply-adds a record, ${percent(after / plain)} of the plain model`;

/** A site or a part, with the sizes of the first model that has it. */
async function siteTypes(analysis: Analysis, means: Meaning, compression: Ast.CompressDecl | undefined, measured: Measurements, wish: Wish): Promise<string[]> {
  if (means.kind !== "site" && means.kind !== "part") return [];
  const [model] = analysis.program.models;
  const plain = model && (await plainOf(analysis, model.name.name, wish));
  if (!plain) return [];
  const named = [...plain.elaboration.sites].filter(([path]) => path.endsWith(`.${means.name}`) || path.replace(/\[\d+\]/g, "").endsWith(`.${means.name}.output`));
  const types = new Map<string, number>();
  for (const [, site] of named) {
    const type = sizedType(plain, site.tensor);
    types.set(type, (types.get(type) ?? 0) + 1);
  }
  const isBelow = (path: string): boolean => path.split(".").some((s) => s.replace(/\[\d+\]$/, "") === means.name);
  const timed = means.kind === "part" ? timeOf(measured.times(analysis, compression && variantOf(compression)), (n) => n.path.some(isBelow)) : "";
  const cost = [...plain.cost.byPath].filter(([path]) => isBelow(path)).reduce((sum, [, macs]) => sum + macs, 0);
  return [
    ...[...types].slice(0, 3).map(([type, count]) => `in ${plain.pipeline.name.name}: \`${type}\`${count > 1 ? `, ${count} times` : ""}`),
    ...(cost > 0 ? [`${large(cost)} multiply-adds, ${percent(cost / plain.cost.total)} of the model`] : []),
    timed,
  ];
}
