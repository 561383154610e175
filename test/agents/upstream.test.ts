// The node's way to the control plane, over connections that are really secured.
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import tls from "node:tls";
import { generate } from "selfsigned";
import { expect, onTestFinished, test, vi } from "vitest";

import { HttpClient } from "../../agents/node/connection/http-client.ts";
import { systemClock } from "../../agents/node/host/system.ts";
import { textOf, Upstream } from "../../agents/node/local-api/upstream.ts";

test("connections share what is needed to trust the server, however many there are", async () => {
  const { private: key, cert } = await generate([{ name: "commonName", value: "127.0.0.1" }], {
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
  });
  const server = createServer({ key, cert }, (_request, response) => {
    response.setHeader("connection", "close");
    response.end("yes");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  // A server that listens has one.
  const { port } = server.address() as AddressInfo;
  const client = new HttpClient({ server: `https://127.0.0.1:${port}`, ca: cert, maxSockets: 1 });
  const upstream = new Upstream({ client, clock: systemClock, isAway: () => false });
  onTestFinished(() => {
    upstream.close();
    client.close();
  });
  const contexts = vi.spyOn(tls, "createSecureContext");
  onTestFinished(() => contexts.mockRestore());
  for (let asked = 0; asked < 3; asked += 1) {
    const answer = await upstream.ask({ method: "GET", path: "/version", headers: {}, body: undefined });
    if (answer === "away") throw new Error("the server answers everybody");
    expect(await textOf(answer, 1024)).toBe("yes");
  }
  expect(contexts).not.toHaveBeenCalled();
});
