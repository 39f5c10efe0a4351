// The language server that comes with the extension: `kiri lsp`, for folders that have no kirigami of their own.
import process from "node:process";
import { serve } from "../lsp/server.ts";

await serve(process.stdin, process.stdout);
process.exit(0);
