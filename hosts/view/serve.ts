// The page on loopback, made anew each time it is asked for, until the signal ends it.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

interface ServeOptions {
  /** 0: a free one. */
  readonly port: number;
  readonly signal: AbortSignal;
  /** Told where the page is. */
  readonly onListening: (address: string) => void;
}

/** Resolves when `signal` is aborted; rejects where the port cannot be had. */
export function serve(page: () => Promise<string>, { port, signal, onListening }: ServeOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer((request, response) => {
      // A page of somebody else's that calls this address by a name of its own gets nothing.
      const asked = (request.headers.host ?? "").replace(/:\d+$/, "");
      if (asked !== "127.0.0.1" && asked !== "localhost") return void response.writeHead(403).end();
      if (request.method !== "GET" || request.url !== "/") return void response.writeHead(404).end();
      page().then(
        (text) => response.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store", "x-content-type-options": "nosniff" }).end(text),
        (error: unknown) => response.writeHead(500, { "content-type": "text/plain; charset=utf-8" }).end(error instanceof Error ? error.message : String(error)),
      );
    });
    const end = (): void => {
      server.close(() => resolve());
      server.closeAllConnections();
    };
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      onListening(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true });
    });
  });
}
