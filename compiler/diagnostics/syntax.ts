// S: syntax. (bootstrap)
import { report, define, error, type Problem } from "./define.ts";
const syntax = define({ S101: error("This does not belong here", { says: (h: { found: string; expected: readonly string[] }) => `Found ${h.found}; expected ${h.expected.join(", ")}.` }) });
export const syntaxProblem = (p: any): Problem => report(syntax.S101, p.span, { found: p.found, expected: p.expected });
