// The least that the same work can cost on this machine: a Worker that does nothing else, SQLite without anything around.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import WebSocket from "ws";

/**
 * Answers requests, messages over sockets that a Durable Object holds, and reads and writes rows of D1 as they come: a row
 * by its name, all rows below a name, a row and its log row in one batch.
 */
const bareWorker = `
import { DurableObject } from "cloudflare:workers";
export class Bare extends DurableObject {
  async fetch() {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }
  webSocketMessage(socket, message) { socket.send(message.slice(0, 300)); }
  async answer() { return "ok"; }
}
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const object = env.BARE.get(env.BARE.idFromName("bare-" + (url.searchParams.get("o") ?? "0")));
    if (request.headers.get("upgrade") === "websocket") return object.fetch(request);
    if (url.pathname === "/object") return new Response(await object.answer());
    const name = url.searchParams.get("name");
    if (url.pathname === "/setup") {
      await env.DB.exec("CREATE TABLE rows (name TEXT PRIMARY KEY, body TEXT)");
      await env.DB.exec("CREATE TABLE log (seq INTEGER PRIMARY KEY, body TEXT)");
    }
    if (url.pathname === "/read") {
      const row = await env.DB.prepare("SELECT body FROM rows WHERE name = ?1").bind(name).first();
      return new Response(row.body);
    }
    if (url.pathname === "/list") {
      const query = env.DB.prepare("SELECT body FROM rows WHERE name > ?1 AND name < ?1 || '~' ORDER BY name");
      const { results } = await query.bind(name).all();
      return new Response(results.map(({ body }) => body).join());
    }
    if (url.pathname === "/write") {
      const body = await request.text();
      const write = env.DB.prepare("INSERT INTO rows VALUES (?1, ?2) ON CONFLICT DO UPDATE SET body = excluded.body");
      await env.DB.batch([write.bind(name, body), env.DB.prepare("INSERT INTO log (body) VALUES (?1)").bind(body)]);
      return new Response(body);
    }
    return new Response("ok");
  },
};`;

export type Bare = { readonly url: string; stop(): Promise<void> };

export async function startBareWorker(compatibilityDate: string): Promise<Bare> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: [{ type: "ESModule", path: "bare.mjs", contents: bareWorker }],
      compatibilityDate,
      durableObjects: { BARE: { className: "Bare", useSQLite: true } },
      d1Databases: { DB: "bare" },
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
      log: new Log(LogLevel.NONE),
      logRequests: false,
      cf: false,
      telemetry: { enabled: false },
    }),
  );
  await miniflare.ready;
  const url = await miniflare.unsafeGetDirectURL();
  await fetch(`${url.origin}/setup`);
  return { url: url.origin, stop: () => miniflare.dispose() };
}

/** This process holds the simulated nodes' sockets as well, and may open so many files. */
const mostSockets = 1_000;

/** Milliseconds for `messages` messages to be sent to bare objects and answered, each socket waiting for its answer. */
export async function exchangeMs(bare: Bare, messages: number): Promise<number> {
  const open = await openSockets(bare, Math.min(mostSockets, messages));
  const report = "x".repeat(1_200);
  const startedAtMs = performance.now();
  for (let sent = 0; sent < messages; sent += open.length) {
    await Promise.all(
      open.map(
        (socket) =>
          new Promise<void>((resolve) => {
            socket.once("message", () => resolve());
            socket.send(report);
          }),
      ),
    );
  }
  const tookMs = performance.now() - startedAtMs;
  for (const socket of open) socket.terminate();
  return tookMs;
}

async function openSockets({ url }: Bare, count: number): Promise<readonly WebSocket[]> {
  const sockets: WebSocket[] = [];
  const atOnce = 200;
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(atOnce, count - sockets.length) }, (_, index) => {
      const socket = new WebSocket(`${url.replace("http", "ws")}/?o=${index % 8}`, { perMessageDeflate: false });
      return new Promise<WebSocket>((resolve, reject) =>
        socket.once("open", () => resolve(socket)).once("error", reject),
      );
    });
    sockets.push(...(await Promise.all(some)));
  }
  return sockets;
}

/** Milliseconds for SQLite alone to keep `pods` pods, a log row for each of `changes` changes, and as many updates. */
export function sqliteMs(pods: number, changes: number): number {
  const dir = mkdtempSync(join(tmpdir(), "lares-bench-"));
  const db = new DatabaseSync(join(dir, "raw.sqlite"));
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  db.exec("CREATE TABLE pods (namespace TEXT, name TEXT, node TEXT, body TEXT, PRIMARY KEY (namespace, name))");
  db.exec("CREATE UNIQUE INDEX by_node ON pods (node); CREATE TABLE log (seq INTEGER PRIMARY KEY, body TEXT)");
  const insert = db.prepare("INSERT INTO pods VALUES ('default', ?, ?, ?)");
  const update = db.prepare("UPDATE pods SET body = ? WHERE namespace = 'default' AND name = ?");
  const log = db.prepare("INSERT INTO log (body) VALUES (?)");
  const small = "x".repeat(300);
  const large = "y".repeat(1_200);
  const startedAtMs = performance.now();
  inGroups(db, pods, (index) => {
    insert.run(`pod-${index}`, `node-${index}`, small);
    log.run(small);
  });
  for (let change = 1; change < changes; change += 1) {
    inGroups(db, pods, (index) => {
      update.run(`${large}${change}`, `pod-${index}`);
      log.run(large);
    });
  }
  const tookMs = performance.now() - startedAtMs;
  db.close();
  rmSync(dir, { recursive: true });
  return tookMs;
}

/** Runs `write` for each, in transactions of the size of a controller's burst. */
function inGroups(db: DatabaseSync, count: number, write: (index: number) => void): void {
  const groupSize = 250;
  for (let first = 0; first < count; first += groupSize) {
    db.exec("BEGIN");
    for (let index = first; index < Math.min(count, first + groupSize); index += 1) write(index);
    db.exec("COMMIT");
  }
}
