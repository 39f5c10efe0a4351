// How a diagnostic is declared and reported. Detection passes data; sentences are written here, in this folder, only.
import type { Span } from "../../grammar/source.ts";
import type { Fix } from "./fix.ts";

export type Severity = "error" | "warning";

/** A second place that belongs to the report: where the wish came from. */
export interface Label {
  readonly span: Span;
  readonly says: string;
}

/** What a user is shown, as data. `render.ts` makes text, JSON and SARIF of it. */
export interface Problem {
  readonly code: string;
  readonly severity: Severity;
  readonly title: string;
  readonly says: string;
  readonly next: string | undefined;
  /** Undefined where no source line is to blame (a weight file, a folder). */
  readonly span: Span | undefined;
  readonly labels: readonly Label[];
  /** Changes of the text that would mend it, the likeliest first. */
  readonly fixes: readonly Fix[];
}

interface Template<H> {
  readonly severity: Severity;
  readonly title: string;
  readonly says: (holes: H) => string;
  readonly next: ((holes: H) => string) | undefined;
  readonly fixes: ((holes: H) => readonly Fix[]) | undefined;
}

/** A registered diagnostic: reporting it demands its holes. */
export interface Entry<H> extends Template<H> {
  readonly code: string;
}

interface Prose<H> {
  readonly says: (holes: H) => string;
  readonly next?: (holes: H) => string;
  readonly fixes?: (holes: H) => readonly Fix[];
}

export const error = <H>(title: string, prose: Prose<H>): Template<H> => ({ severity: "error", title, says: prose.says, next: prose.next, fixes: prose.fixes });
export const warning = <H>(title: string, prose: Prose<H>): Template<H> => ({ severity: "warning", title, says: prose.says, next: prose.next, fixes: prose.fixes });

/** Every code there is; `docs/errors/<code>.md` must exist for each. */
export const registry = new Map<string, Entry<never>>();

export function define<T extends Record<string, Template<never>>>(entries: T): { readonly [K in keyof T]: T[K] extends Template<infer H> ? Entry<H> : never } {
  const out: Record<string, Entry<never>> = {};
  for (const [code, template] of Object.entries(entries)) {
    if (registry.has(code)) throw new Error(`diagnostic ${code} is defined twice`);
    const entry = { ...template, code };
    registry.set(code, entry);
    out[code] = entry;
  }
  return out as { readonly [K in keyof T]: T[K] extends Template<infer H> ? Entry<H> : never };
}

export function report<H>(entry: Entry<H>, span: Span | undefined, holes: H, labels: readonly Label[] = []): Problem {
  return { code: entry.code, severity: entry.severity, title: entry.title, says: entry.says(holes), next: entry.next?.(holes), span, labels, fixes: entry.fixes?.(holes) ?? [] };
}
