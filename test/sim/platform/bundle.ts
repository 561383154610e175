// Builds the code under test, the real one, into one script, and runs that with the simulated platform around it.
import { readdir, readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { dirname, relative, resolve } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { compileFunction } from "node:vm";
import type { Plugin } from "esbuild";
import { build } from "esbuild";
import type { Agent } from "../../../agents/node/agent.ts";
import type { connector } from "../../../agents/node/connection/connector.ts";
import type { NodeCredentials } from "../../../agents/node/connection/credentials.ts";
import type { ControlPlaneTokens } from "../../../agents/node/connection/tokens.ts";
import type { FakeNetwork, FakeRuntime } from "../../../agents/node/runtime/fake.ts";
import type { PathVolumes } from "../../../agents/node/volume/path-volumes.ts";
import type { ObjectKind } from "./bindings.ts";
import type { DurableClass } from "./durable-object.ts";
import { globals, surroundings } from "./globals.ts";
import type { Mutation } from "./source.ts";
import { prepared } from "./source.ts";
import type { WorkerCode } from "./worker.ts";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

const entry = `
export { ControllerManager, DaemonSetController, NodeShard, Scheduler, SelectorController, WatchHub } from "./src/index.ts";
export { newApp } from "./src/api/app.ts";
export { everyMinute } from "./src/cron.ts";
export { Agent } from "./agents/node/agent.ts";
export { connector } from "./agents/node/connection/connector.ts";
export { PathVolumes } from "./agents/node/volume/path-volumes.ts";
export { NodeCredentials } from "./agents/node/connection/credentials.ts";
export { ControlPlaneTokens } from "./agents/node/connection/tokens.ts";
export { FakeNetwork, FakeRuntime } from "./agents/node/runtime/fake.ts";
`;

type Exports = Readonly<Record<ObjectKind, DurableClass>> & {
  readonly newApp: () => Pick<WorkerCode, "fetch">;
  readonly everyMinute: (env: unknown, nowMs: number) => Promise<void>;
  readonly Agent: typeof Agent;
  readonly connector: typeof connector;
  readonly PathVolumes: typeof PathVolumes;
  readonly NodeCredentials: typeof NodeCredentials;
  readonly ControlPlaneTokens: typeof ControlPlaneTokens;
  readonly FakeNetwork: typeof FakeNetwork;
  readonly FakeRuntime: typeof FakeRuntime;
};

export type Code = Omit<Exports, "newApp" | "everyMinute"> & {
  /** Begins an isolate of the Worker. */
  readonly loadWorker: () => WorkerCode;
};

/** Modules of the platform, by name. */
const modules: Readonly<Record<string, unknown>> = {
  "cloudflare:workers": {
    DurableObject: class {
      readonly ctx: unknown;
      readonly env: unknown;
      constructor(ctx: unknown, env: unknown) {
        this.ctx = ctx;
        this.env = env;
      }
    },
  },
  ws: { WebSocket: simulatedWs() },
  "node:http": { Agent: class {}, request: noNetwork },
  "node:https": { Agent: class {}, request: noNetwork },
  "node:tls": { createSecureContext: () => ({}) },
  // Of these nothing is used that would reach out of the simulated world.
  "node:net": { isIPv6 },
  "node:stream": { PassThrough },
};

function noNetwork(): never {
  throw new Error("the simulated world has no network of this kind");
}

/** `new WebSocket(...)` of the ws package; who opens it is whose turn it is. */
function simulatedWs() {
  const open = function WebSocket(url: URL, options: unknown) {
    return surroundings().connect(url, options);
  };
  return Object.assign(open, { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 });
}

function preparing(mutation: Mutation | null, built: Set<string>): Plugin {
  return {
    name: "prepare",
    setup: ({ onLoad }) => {
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const file = relative(root, path);
        if (file.startsWith("node_modules") || file.startsWith("..")) return undefined;
        built.add(file);
        return { contents: prepared(file, await readFile(path, "utf8"), mutation), loader: "ts" };
      });
    },
  };
}

/** The script; `mutation` plants a bug in it. Throws when the source is not as the simulator knows it. */
async function buildScript(mutation: Mutation | null = null): Promise<string> {
  const built = new Set<string>();
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: root, loader: "ts" },
    absWorkingDir: root,
    bundle: true,
    write: false,
    format: "cjs",
    platform: "neutral",
    target: "es2024",
    mainFields: ["module", "main"],
    conditions: ["workerd", "import"],
    external: Object.keys(modules),
    plugins: [preparing(mutation, built)],
    logLevel: "silent",
  });
  if (mutation !== null && !built.has(mutation.file)) {
    throw new Error(`the planted bug's file ${mutation.file} is not part of the code under test`);
  }
  return outputFiles[0]?.text ?? "";
}

/** Runs the script once; every simulated world of the process then uses what it exports. */
function loadScript(script: string): Code {
  const names = Object.keys(globals);
  const run = compileFunction(script, ["module", "require", ...names], { filename: "lares-under-test.js" });
  // What `entry` exports.
  const module = { exports: {} as Exports };
  run(module, (name: string) => modules[name], ...names.map((name) => globals[name]));
  const { newApp, everyMinute, ...code } = module.exports;
  return {
    ...code,
    loadWorker: () => {
      const app = newApp();
      return {
        fetch: (request, env, context) => app.fetch(request, env, context),
        // As src/index.ts does.
        scheduled: async (controller, env, context) => {
          const { waitUntil } = context as { waitUntil(work: Promise<unknown>): void };
          const { scheduledTime } = controller as { readonly scheduledTime: number };
          waitUntil(everyMinute(env, scheduledTime));
        },
      };
    },
  };
}

export async function loadCode(mutation: Mutation | null = null): Promise<Code> {
  return loadScript(await buildScript(mutation));
}

/** SQL of the migrations, in their order. */
export async function migrations(): Promise<readonly string[]> {
  const files = (await readdir(resolve(root, "migrations"))).filter((file) => file.endsWith(".sql")).sort();
  return Promise.all(files.map((file) => readFile(resolve(root, "migrations", file), "utf8")));
}
