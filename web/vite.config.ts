import { defineConfig } from "vite";

// One script, one style and one worker, with plain names: a school's web server needs to know nothing of them.
export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "iife", rolldownOptions: { output: { entryFileNames: "worker.js" } } },
  build: {
    outDir: "../src/twofold/lab/page",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    rolldownOptions: { output: { entryFileNames: "lab.js", assetFileNames: "[name][extname]", codeSplitting: false } },
  },
});
