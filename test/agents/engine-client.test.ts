// How the agent asks an engine. The engine here is a small server on a socket of its own.
import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { EngineClient } from "../../agents/node/runtime/docker/engine-client.ts";

const directory = mkdtempSync(join(tmpdir(), "lares-client-"));
const socketPath = join(directory, "engine.sock");
let server: Server;

beforeAll(async () => {
  server = createServer(({ url = "" }, response) => {
    if (url === "/version") response.end(JSON.stringify({ ApiVersion: "1.41", MinAPIVersion: "1.12" }));
    else if (url.endsWith("/logs")) response.write("a line, and no end\n");
    else response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

describe("a client of an engine", () => {
  test("goes on asking while it listens to the logs of as many containers as a node may have", async () => {
    const client = new EngineClient({ socketPath });
    const ids = Array.from({ length: 110 }, (_, index) => index);
    const streams = await Promise.all(ids.map((id) => client.stream("GET", `/containers/${id}/logs`)));
    expect(await Promise.all(ids.map((id) => client.get(`/containers/${id}/json`)))).toEqual(ids.map(() => ({})));
    const cut = Promise.allSettled(streams.map((stream) => stream.toArray()));
    client.close();
    expect((await cut).every(({ status }) => status === "rejected")).toBe(true);
  });
});
