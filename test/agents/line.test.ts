// How long the way to a person stays open of whom nothing is heard.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { WebSocket } from "ws";
import { WebSocketServer } from "ws";

import { HttpClient } from "../../agents/node/connection/http-client.ts";
import { Line } from "../../agents/node/streams/line.ts";

const pingEveryMs = 15_000;
const hourMs = 3_600_000;

let server: WebSocketServer;
let client: HttpClient;
let line: Line;
let person: WebSocket;
let closed: number | undefined;

beforeEach(async () => {
  server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  // A server that listens has one.
  const { port } = server.address() as AddressInfo;
  client = new HttpClient({ server: `http://127.0.0.1:${port}`, maxSockets: 1 });
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  const connected = once(server, "connection");
  const opened = await Line.open(client, { path: "/", bearer: "token", signal: new AbortController().signal });
  if (opened === null) throw new Error("the server takes everybody");
  line = opened;
  line.receive(() => {});
  [person] = await connected;
  closed = undefined;
  person.on("close", (code: number) => {
    closed = code;
  });
});

afterEach(async () => {
  vi.useRealTimers();
  person.terminate();
  await line.closed;
  client.close();
  server.close();
});

/** Every ping is answered, as by an engine on the way that knows nothing of the person. */
async function pass(forMs: number): Promise<void> {
  for (let leftMs = forMs; leftMs > 0 && line.isOpen; leftMs -= pingEveryMs) {
    const pinged = once(person, "ping");
    vi.advanceTimersByTime(pingEveryMs);
    if (!line.isOpen) return;
    await pinged;
    // The answer comes after this, on the same connection.
    const heard = new Promise((resolve) => person.ping("", false, resolve));
    await Promise.all([heard, once(person, "pong")]);
  }
}

test("a line on which nothing is said ends after four hours, though somebody on the way answers", async () => {
  await pass(4 * hourMs - pingEveryMs);
  expect(line.isOpen).toBe(true);
  await pass(2 * pingEveryMs);
  await line.closed;
  await vi.waitFor(() => expect(closed).toBe(1001));
}, 60_000);

test.each([
  ["by the node", () => line.send("a line")],
  ["by the person", () => new Promise<void>((resolve) => person.send("a word", () => resolve()))],
])(
  "a line on which something is said %s stays open for four hours more",
  async (_who, say) => {
    await pass(3 * hourMs);
    await say();
    await pass(3 * hourMs);
    expect(line.isOpen).toBe(true);
  },
  60_000,
);
