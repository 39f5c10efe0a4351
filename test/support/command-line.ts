// The command line in this process, on streams that remember.
import { Readable } from "node:stream";
import { main } from "../../hosts/cli/command-line.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  /** Standard output as bytes. */
  readonly bytes: Buffer;
  readonly err: string;
}

export interface RunIn {
  readonly cwd: string;
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTerminal?: boolean;
  readonly signal?: AbortSignal;
}

export async function kiri({ cwd, stdin, env = {}, isTerminal = false, signal }: RunIn, ...args: readonly string[]): Promise<Ran> {
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  const stream = (into: Buffer[]) => ({ write: (text: string | Uint8Array) => into.push(Buffer.from(text)), isTTY: isTerminal, columns: 100 });
  const code = await main(args, {
    stdin: Readable.from(stdin === undefined ? [] : [Buffer.from(stdin)]), stdout: stream(out), stderr: stream(err), cwd, env, signal: signal ?? new AbortController().signal,
  });
  const bytes = Buffer.concat(out);
  return { code, out: bytes.toString("utf8"), bytes, err: Buffer.concat(err).toString("utf8") };
}

/** The envelope that every `--json` answer has. */
export interface Answer {
  readonly format: number;
  readonly kirigami: string;
  readonly command: string;
  readonly ok: boolean;
  readonly exit: number;
  readonly problems: readonly { readonly code: string; readonly severity: string; readonly place: { readonly file: string; readonly line: number; readonly column: number } | null }[];
  readonly [field: string]: unknown;
}

export const answer = (ran: Ran): Answer => JSON.parse(ran.out) as Answer;
