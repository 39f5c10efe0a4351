import { vite as kirigami } from "kirigami/bundler";
import { defineConfig } from "vite";

export default defineConfig({ plugins: [kirigami()], build: { ssr: "src/main.js", outDir: "out/vite" } });
