import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Addresses are relative, so the pages work behind any sub-path.
export default defineConfig({
  base: "./",
  plugins: [react()],
  build: { outDir: "../build/web", emptyOutDir: true, target: "es2022", sourcemap: false },
  server: { proxy: Object.fromEntries(
    ["/d", "/u", "/v1", "/health"].map((path) => [path, "http://127.0.0.1:8080"])) },
});
