import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../countersign_review/console",
    emptyOutDir: true,
    // Data URLs would need a wider content security policy than 'self'.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The desk is one file, so that nothing delays the first case; screens that are opened seldom are files of their own.
    chunkSizeWarningLimit: 800,
  },
  server: {
    // `npm run dev` against a running review service.
    proxy: { "/api": "http://127.0.0.1:8100" },
  },
  test: {
    environment: "node",
    include: ["src/**/*.test.ts", "scripts/*.test.mjs"],
  },
});
