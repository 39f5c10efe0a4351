// `npm run playground`: a static site in build/playground; it loads nothing from anywhere else.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const root = fileURLToPath(new URL(".", import.meta.url));

export default defineConfig({
  root, base: "./", publicDir: false, clearScreen: false, logLevel: "warn",
  // A model is no text for the bundle, however small it is.
  build: { outDir: fileURLToPath(new URL("../../build/playground", import.meta.url)), emptyOutDir: true, target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 2000 },
  // The features of the language server that a page has need its numbers for kinds, and nothing of the server itself.
  resolve: { alias: { "vscode-languageserver/node": "vscode-languageserver-types" } },
  worker: { format: "es" },
});
