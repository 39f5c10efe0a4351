// Exit codes, as docs and scripts rely on them.

export const EXIT = {
  success: 0,
  /** Diagnostics with errors, more warnings than allowed, or a gate that failed. */
  failed: 1,
  /** Wrong usage, or input that cannot be read. */
  usage: 2,
  /** A bug of ours. */
  internal: 3,
  /** SIGINT. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
