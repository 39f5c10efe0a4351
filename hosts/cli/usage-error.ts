// What the person at the command line has to do otherwise: exit code 2.
import { HostError } from "../../compiler/host.ts";

export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** What is told of a failure that its user can mend; undefined for all others. */
export function mistakeText(error: unknown): string | undefined {
  if (error instanceof UsageError) return `kiri: ${error.message}\n${error.hint ? `${error.hint}\n` : ""}`;
  if (error instanceof HostError) return `kiri: ${error.message}\n`;
  if (isRuntimeError(error)) return `kiri: ${error.code}  ${error.title}\n${error.says}\n${error.next}   More: kiri explain ${error.code}\n`;
  return undefined;
}

/** A mistake that the runtime reports; told by its code, so that the runtime need not be in memory. */
const isRuntimeError = (error: unknown): error is Error & { code: string; title: string; says: string; next: string } =>
  error instanceof Error && /^R\d{3}$/.test(String((error as { code?: unknown }).code)) && "says" in error;
