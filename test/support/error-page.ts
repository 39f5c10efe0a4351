// Pages of diagnostics, docs/errors/<code>.md: read into their parts, and their programs run through the compiler.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compileProgram } from "../../compiler/compile.ts";
import type { Problem } from "../../compiler/diagnostics/define.ts";
import { inOrder, render, type Sources } from "../../compiler/diagnostics/render.ts";
import { runClaims } from "../../compiler/claims.ts";
import { planConstants, streamConstants, UnusableWeight } from "../../compiler/emit/constants.ts";
import { openProgram, type Program } from "../../compiler/program.ts";
import { packageRoot } from "../../hosts/node-host.ts";
import { madeFile, PageHost } from "./page-host.ts";

export const PAGES = join(packageRoot(), "docs", "errors");

/** Files by their path below `pipelines/`; the program itself is `page.kiri`. */
export type PageFiles = ReadonlyMap<string, Uint8Array>;

export interface Page {
  readonly code: string;
  readonly title: string;
  readonly text: string;
  /** Several sets of files, each of which has the problem. Empty where a program cannot have it. */
  readonly wrong: readonly PageFiles[];
  readonly right: PageFiles | undefined;
  /** What the first wrong program is told; undefined where there is none. */
  readonly message: string | undefined;
  readonly hasWayOut: boolean;
}

export const pageCodes = (): string[] => readdirSync(PAGES).filter((f) => f.endsWith(".md")).map((f) => f.slice(0, -".md".length)).sort();

export function readPage(code: string): Page {
  return parsePage(code, readFileSync(join(PAGES, `${code}.md`), "utf8"));
}

export function parsePage(code: string, text: string): Page {
  const head = /^# (\S+) (.*)\n\n?[^\n#]/.exec(text);
  if (!head || head[1] !== code) throw new Error(`${code}.md: it starts with "# ${code} Title" and why the problem is one`);
  const sections = new Map(text.split(/^## /m).slice(1).map((s): [string, string] => [s.slice(0, s.indexOf("\n")), s.slice(s.indexOf("\n") + 1)]));
  for (const name of sections.keys()) if (!["Wrong", "Right", "Message", "Way out"].includes(name)) throw new Error(`${code}.md: there is no section "${name}"`);
  const blocks = (section: string): Block[] => [...(sections.get(section) ?? "").matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)].map((m) => ({ kind: m[1] ?? "", name: m[2], text: m[3] ?? "" }));
  const right = programsIn(code, blocks("Right"));
  if (right.length > 1) throw new Error(`${code}.md: one right program is enough`);
  return {
    code, title: head[2] ?? "", text, wrong: programsIn(code, blocks("Wrong")), right: right[0],
    message: blocks("Message").find((b) => b.kind === "text")?.text, hasWayOut: sections.has("Way out"),
  };
}

interface Block {
  readonly kind: string;
  readonly name: string | undefined;
  readonly text: string;
}

/** A ```kiri block without a name begins a program; named ones and ```files blocks belong to it. */
function programsIn(code: string, blocks: readonly Block[]): PageFiles[] {
  const out: Map<string, Uint8Array>[] = [];
  for (const { kind, name, text } of blocks) {
    const bytes = new TextEncoder().encode(text);
    if (kind === "kiri" && name === undefined) out.push(new Map([["page.kiri", bytes]]));
    const current = out[out.length - 1];
    if (!current) throw new Error(`${code}.md: a program, a kiri block without a name, stands first`);
    if (kind === "kiri" && name !== undefined) current.set(name, bytes);
    if (kind === "files")
      for (const line of text.split("\n").filter(Boolean)) {
        const at = line.indexOf(": ");
        current.set(line.slice(0, at), madeFile(line.slice(0, at), line.slice(at + 2)));
      }
  }
  return out;
}

export interface Told {
  readonly problems: readonly Problem[];
  readonly sources: Sources;
}

/** Everything that the compiler says to a program: checked, every variant compiled, its constants computed, its claims decided. */
export async function told(files: PageFiles): Promise<Told> {
  const host = new PageHost(packageRoot(), new Map([...files].map(([name, bytes]) => [`pipelines/${name}`, bytes])));
  const opened = openProgram(host, "pipelines/page.kiri");
  const problems = [...opened.problems];
  if (opened.value && !problems.some((p) => p.severity === "error")) problems.push(...(await compiledProblems(opened.value, host)), ...(opened.value.checks.length > 0 ? (await runClaims(host, "pipelines/page.kiri")).problems : []));
  host.close();
  const distinct = new Map(problems.map((p) => [`${p.code} ${p.span?.file} ${p.span?.start} ${p.says}`, p]));
  return { problems: inOrder([...distinct.values()]), sources: opened.sources };
}

async function compiledProblems(program: Program, host: PageHost): Promise<Problem[]> {
  const problems: Problem[] = [];
  const variants = [undefined, ...program.compressions.map((c) => c.as?.name ?? c.target.name)];
  for (const pipeline of program.pipelines)
    for (const variant of variants) {
      const { value, problems: found } = compileProgram(program, { pipeline: pipeline.name.name, target: "cpu", ...(variant === undefined ? {} : { variant }) });
      problems.push(...found);
      if (!value) continue;
      const planned = await planConstants(value.fused, host);
      problems.push(...planned.problems);
      try {
        for await (const _ of streamConstants(planned.value, host));
      } catch (error) {
        if (!(error instanceof UnusableWeight)) throw error;
        problems.push(error.problem);
      }
    }
  return problems;
}

/** As a user sees it, but for where the project lies: `/project`, so that pages are the same in every clone. */
export const rendered = ({ problems, sources }: Told): string => problems.map((p) => render(p, sources)).join("\n").replaceAll(packageRoot(), "/project");

/** The page with this message under `## Message`. */
export function withMessage(text: string, message: string): string {
  const block = `## Message\n\`\`\`text\n${message}\`\`\`\n`;
  const at = text.search(/^## Message$/m);
  return at < 0 ? `${text.trimEnd()}\n\n${block}` : `${text.slice(0, at)}${block}`;
}
