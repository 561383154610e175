// The control plane on one machine: the same Worker, in the same engine as Cloudflare's, with its state on disk.
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { parse } from "smol-toml";
import * as z from "zod";

import { bundleWorker, projectRoot } from "./bundle.ts";
import { applyMigrations } from "./migrations.ts";

/** What is read of wrangler.toml; the rest concerns Cloudflare alone. */
const Configuration = z.object({
  name: z.string(),
  compatibility_date: z.string(),
  compatibility_flags: z.array(z.string()),
  triggers: z.object({ crons: z.array(z.literal("* * * * *")).length(1) }),
  vars: z.record(z.string(), z.string()),
  d1_databases: z.array(z.object({ binding: z.string(), database_name: z.string() })).length(1),
  durable_objects: z.object({ bindings: z.array(z.object({ name: z.string(), class_name: z.string() })) }),
});

export type ControlPlaneOptions = {
  readonly stateDir: string;
  /** SHA-256, in hex, of the administrator's token. */
  readonly adminTokenDigest: string;
  /** Overrides of the variables in wrangler.toml. */
  readonly vars?: Readonly<Record<string, string>>;
  /** Where what the Worker logs is appended. */
  readonly logFile: string;
};

/** The parts of a D1 database that are used from outside the Worker. */
type D1Like = Parameters<typeof applyMigrations>[0];

export type ControlPlane = {
  /** `http://127.0.0.1:PORT`: the Worker's own socket, without TLS. */
  readonly url: string;
  readonly port: number;
  /** The database underneath, for what is prepared or measured from outside. */
  database(): Promise<D1Like>;
  /** Runs the cron trigger now, beside the minutes when it runs by itself. */
  runCron(): Promise<void>;
  stop(): Promise<void>;
};

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const configuration = Configuration.parse(parse(readFileSync(join(projectRoot, "wrangler.toml"), "utf8")));
  const [database] = configuration.d1_databases;
  const miniflare = openMiniflare(
    convertV4MiniflareOptions({
      name: configuration.name,
      modules: [{ type: "ESModule", path: "worker.mjs", contents: await bundleWorker() }],
      compatibilityDate: configuration.compatibility_date,
      compatibilityFlags: configuration.compatibility_flags,
      d1Databases: { [database?.binding ?? ""]: database?.database_name ?? "" },
      durableObjects: Object.fromEntries(
        configuration.durable_objects.bindings.map(({ name, class_name }) => [
          name,
          { className: class_name, useSQLite: true },
        ]),
      ),
      bindings: { ...configuration.vars, ...options.vars, ADMIN_TOKEN_SHA256: options.adminTokenDigest },
      resourcePersistencePath: join(options.stateDir, "control-plane"),
      // The Worker's own socket: the one beside it goes through a development proxy that is three times slower.
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
      handleStructuredLogs: ({ timestamp, level, message }) => {
        appendFileSync(options.logFile, `${new Date(timestamp).toISOString()} ${level} ${message}\n`);
      },
      log: new Log(LogLevel.NONE),
      logRequests: false,
      // Nothing is fetched from, or told to, anywhere else.
      cf: false,
      telemetry: { enabled: false },
    }),
  );
  await miniflare.ready;
  await applyMigrations(await miniflare.getD1Database(database?.binding ?? ""), join(projectRoot, "migrations"));
  const url = await miniflare.unsafeGetDirectURL();
  const runCron = async () => {
    const worker = await miniflare.getWorker(configuration.name);
    await worker.scheduled({ cron: "* * * * *", scheduledTime: new Date() });
  };
  const stopCron = eachMinute(runCron);
  return {
    url: url.origin,
    port: Number(url.port),
    database: () => miniflare.getD1Database(database?.binding ?? ""),
    runCron,
    stop: async () => {
      stopCron();
      await miniflare.dispose();
    },
  };
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Miniflare would end this process at a signal, at once; whoever started it ends it in good order instead. */
function openMiniflare(options: ConstructorParameters<typeof Miniflare>[0]): Miniflare {
  const before = new Map(signals.map((signal) => [signal, process.listeners(signal)]));
  const miniflare = new Miniflare(options);
  for (const signal of signals) {
    for (const listener of process.listeners(signal)) {
      if (before.get(signal)?.includes(listener) !== true) process.removeListener(signal, listener);
    }
  }
  return miniflare;
}

/** Runs `tick` at the start of each minute, one run at a time; returns what ends that. */
function eachMinute(tick: () => Promise<void>): () => void {
  let timer: ReturnType<typeof setTimeout>;
  let stopped = false;
  const schedule = () => {
    timer = setTimeout(run, 60_000 - (Date.now() % 60_000));
    timer.unref();
  };
  const run = async () => {
    // While workerd restarts there is nothing to run; the next minute will do.
    await tick().catch(() => {});
    if (!stopped) schedule();
  };
  schedule();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
