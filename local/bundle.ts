// Turns the sources into what runs: one module for workerd, one file for Node on a machine that has nothing else.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** The Worker as one ES module, as wrangler would bundle it. */
export async function bundleWorker(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(projectRoot, "src/index.ts")],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    platform: "neutral",
    mainFields: ["browser", "module", "main"],
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    logLevel: "error",
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error("esbuild must yield one file");
  return file.text;
}

/** A program of agents/ as one CommonJS file at `outfile`, for Node 20 and newer. */
export async function bundleAgent(entry: "node" | "fleet", outfile: string): Promise<void> {
  mkdirSync(dirname(outfile), { recursive: true });
  await build({
    entryPoints: [join(projectRoot, "agents", entry, "main.ts")],
    bundle: true,
    outfile,
    format: "cjs",
    target: "node20",
    platform: "node",
    // The engine keeps the text of a program; names stay, for traces that can be read.
    minifySyntax: true,
    minifyWhitespace: true,
    ...(entry === "node" ? { banner: { js: "#!/usr/bin/env node" } } : {}),
    // Optional accelerators of ws that are not there and not missed.
    external: ["bufferutil", "utf-8-validate"],
    logLevel: "error",
  });
}
