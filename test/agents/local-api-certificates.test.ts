import { X509Certificate } from "node:crypto";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

import { AuthorityFiles } from "../../agents/node/local-api/authority-files.ts";
import { ownDirectory } from "../containers/own-directory.ts";

const nowMs = Date.UTC(2026, 5, 1);
const dayMs = 86_400_000;
let directory: string;

beforeEach(() => {
  directory = ownDirectory("authority");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function files(atMs = nowMs): AuthorityFiles {
  return new AuthorityFiles(join(directory, "local-api"), "node-1", atMs);
}

/** What a client says to a server with this certificate that it reaches by `name`. */
async function greet(name: string, addresses: readonly string[]): Promise<string> {
  const known = files();
  const { key, certificate } = known.serving(addresses, nowMs);
  const server = createServer({ key, cert: certificate }, (_request, response) => response.end("hello"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // Whatever comes of it is what the listener saw.
  const { port } = server.address() as AddressInfo;
  const answer = await new Promise<string>((resolve) => {
    const asked = request({ host: "127.0.0.1", port, servername: name, ca: known.ca }, (response) => {
      response.setEncoding("utf8");
      response.on("data", (text: string) => resolve(text));
    });
    asked.on("error", (error) => resolve(error.message));
    asked.end();
  });
  await new Promise((resolve) => server.close(resolve));
  return answer;
}

it.each(["kubernetes.default.svc", "node-1", "localhost"])("a client trusts what is served as %s", async (name) => {
  expect(await greet(name, ["127.0.0.1"])).toBe("hello");
});

it("a client does not trust it as anybody else", async () => {
  expect(await greet("example.com", ["127.0.0.1"])).toContain("does not match certificate's altnames");
});

it("what is served names addresses of both kinds", () => {
  const { certificate } = files().serving(["127.0.0.1", "fd00::1:2", "::1", "192.0.2.7"], nowMs);
  const shown = new X509Certificate(certificate);
  for (const address of ["127.0.0.1", "fd00::1:2", "::1", "192.0.2.7"]) expect(shown.checkIP(address)).toBe(address);
  expect(shown.checkIP("192.0.2.8")).toBeUndefined();
});

it("the authority and what it signed are kept, for the agent's eyes alone", () => {
  const first = files();
  const served = first.serving(["127.0.0.1"], nowMs);
  const second = files(nowMs + dayMs);
  expect(second.ca).toBe(first.ca);
  expect(second.serving(["127.0.0.1"], nowMs + dayMs)).toEqual(served);
  for (const name of ["authority", "serving"]) {
    expect(statSync(join(directory, "local-api", name)).mode & 0o777).toBe(0o600);
  }
});

it("what is served is renewed in time, and when the node is reached by another address", () => {
  const known = files();
  const served = known.serving(["127.0.0.1"], nowMs);
  expect(known.serving(["127.0.0.1"], nowMs + 200 * dayMs)).toEqual(served);
  expect(known.serving(["127.0.0.1"], nowMs + 300 * dayMs)).not.toEqual(served);
  expect(known.serving(["127.0.0.1", "192.0.2.9"], nowMs).certificate).not.toBe(served.certificate);
});

it("a clock that stands at 1970 makes certificates that are good when it is set", () => {
  const known = files(0);
  const shown = new X509Certificate(known.serving([], 0).certificate);
  expect(Date.parse(shown.validFrom)).toBe(0);
  expect(Date.parse(shown.validTo)).toBeGreaterThan(nowMs);
  expect(Date.parse(new X509Certificate(known.ca).validTo)).toBeGreaterThan(Date.UTC(2070, 0, 1));
});

it("files that cannot be read are made anew", () => {
  const before = files().ca;
  writeFileSync(join(directory, "local-api/authority"), "{");
  const after = files();
  expect(after.ca).not.toBe(before);
  expect(
    new X509Certificate(after.serving([], nowMs).certificate).verify(new X509Certificate(after.ca).publicKey),
  ).toBe(true);
});
