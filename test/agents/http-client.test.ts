import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";

import { HttpClient } from "../../agents/node/connection/http-client.ts";

/** A server that answers the first request of each connection, and hangs up on the next. */
async function forgetfulServer(answers: boolean): Promise<{ readonly server: string; readonly asked: () => number }> {
  const used = new WeakSet<Socket>();
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    if (!answers || used.has(request.socket)) return void request.socket.destroy();
    used.add(request.socket);
    response.end("yes");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { server: `http://127.0.0.1:${port}`, asked: () => asked };
}

const post = { path: "/", bearer: "secret", body: "{}", timeoutMs: 5_000 };

test("a kept connection that the server closed meanwhile costs no failure", async () => {
  const { server, asked } = await forgetfulServer(true);
  const client = new HttpClient({ server, maxSockets: 1 });
  onTestFinished(() => client.close());
  const results = [await client.post(post), await client.post(post), await client.post(post)];
  expect(results).toEqual(Array.from({ length: 3 }, () => ({ ok: true, status: 200, body: "yes" })));
  expect(asked()).toBe(5);
});

test("a server that hangs up on a new connection is a failure, and is not asked again", async () => {
  const { server, asked } = await forgetfulServer(false);
  const client = new HttpClient({ server, maxSockets: 1 });
  onTestFinished(() => client.close());
  expect(await client.post(post)).toEqual({ ok: false, message: "socket hang up" });
  expect(asked()).toBe(1);
});
