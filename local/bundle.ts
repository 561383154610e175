// Turns the sources into what runs: one module for workerd, one file for Node on a machine that has nothing else.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";

import type { BuildOptions, Plugin } from "esbuild";
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

const engineDirectory = join(projectRoot, "agents/node/engine");

/** What of the engine and of ws costs much memory for what an agent uses of it makes room for less. */
const leaner: Plugin = {
  name: "leaner",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:fs\/promises$/ }, () => ({ path: join(engineDirectory, "file-promises.ts") }));
    // No connection of the agent's offers compression, and zlib is a megabyte.
    const compression = { path: "permessage-deflate", namespace: "none" };
    onResolve({ filter: /^\.\/(lib\/)?permessage-deflate(\.js)?$/ }, () => compression);
    const contents = `module.exports = { extensionName: "permessage-deflate" };`;
    onLoad({ filter: /./, namespace: "none" }, () => ({ contents, loader: "js" }));
  },
};

/** How a program for Node is put together: the engine holds all of its text as long as it runs, so names are short. */
const forNode: BuildOptions = {
  bundle: true,
  format: "cjs",
  target: "node20",
  platform: "node",
  minify: true,
  // Optional accelerators of ws that are not there and not missed.
  external: ["bufferutil", "utf-8-validate"],
  inject: [join(engineDirectory, "performance.ts")],
  logLevel: "error",
};

/** Half of the program, and only needed where there are manifests. */
const rarelyNeeded = [join(projectRoot, "agents/node/static-pods/manifest.ts")];

/**
 * Keeps modules that are imported dynamically as compressed text until they are: the engine holds all of a program's
 * text, and has looked through it once, whether it is ever run or not.
 */
const keptPacked: Plugin = {
  name: "kept packed",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\./ }, ({ path, resolveDir, kind }) => {
      const file = join(resolveDir, path);
      return kind === "dynamic-import" && rarelyNeeded.includes(file) ? { path: file, namespace: "packed" } : undefined;
    });
    onLoad({ filter: /./, namespace: "packed" }, async ({ path }) => {
      const { outputFiles } = await build({ ...forNode, entryPoints: [path], plugins: [leaner], write: false });
      const packed = brotliCompressSync(outputFiles?.[0]?.contents ?? "").toString("base64");
      const contents = `
        const { brotliDecompressSync } = require("node:zlib");
        const text = brotliDecompressSync(Buffer.from(${JSON.stringify(packed)}, "base64")).toString();
        new Function("module", "exports", "require", text)(module, exports, require);`;
      return { contents, loader: "js" };
    });
  },
};

/** A program of agents/ as one CommonJS file at `outfile`, for Node 20 and newer. */
export async function bundleAgent(entry: "node" | "fleet", outfile: string): Promise<void> {
  mkdirSync(dirname(outfile), { recursive: true });
  await build({
    ...forNode,
    entryPoints: [join(projectRoot, "agents", entry, "main.ts")],
    outfile,
    plugins: [leaner, keptPacked],
    ...(entry === "node" ? { banner: { js: "#!/usr/bin/env node" } } : {}),
  });
}
