import { createServer as createHttpServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";

import { hostNetwork } from "../../agents/node/host/network.ts";
import { ask, countAnswer, noRun } from "../../agents/node/pod/probe.ts";
import type { Network } from "../../agents/node/ports.ts";
import { FakeRuntime } from "../../agents/node/runtime/fake.ts";
import type { ExecResult, Result } from "../../agents/node/runtime/runtime.ts";
import { fail, ok } from "../../agents/node/runtime/runtime.ts";
import { withVerdict } from "../../agents/node/worker/prober.ts";
import type { Probe } from "../../src/model/probe.ts";
import { container, probe } from "./support/pods.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

const servers: { close(): unknown }[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  // A TCP server's address is never a string.
  return (server.address() as AddressInfo).port;
}

class ExecRuntime extends FakeRuntime {
  answer: Result<ExecResult> = ok({ stdout: "", stderr: "", exitCode: 0 });

  override async execSync(): Promise<Result<ExecResult>> {
    return this.answer;
  }
}

const runtime = new ExecRuntime({ clock: new VirtualClock() });

function put(fields: Partial<Probe>, network: Network = hostNetwork) {
  const target = {
    container: container({ ports: [{ name: "web", containerPort: 8080, protocol: "TCP" }] }),
    containerId: "c",
    podIp: "127.0.0.1",
  };
  return ask(probe(fields), target, { runtime, network });
}

describe("a row of answers", () => {
  test.each([
    ["one success is enough", "s", 1, 3, [true]],
    ["three failures are needed", "fff", 1, 3, [null, null, false]],
    ["a success in between starts the row again", "ffsff", 1, 3, [null, null, true, null, null]],
    ["every answer after the needed ones says it again", "fffff", 1, 3, [null, null, false, false, false]],
    ["two successes may be needed", "sfss", 2, 1, [null, false, null, true]],
  ] as const)("%s", (_, answers, successThreshold, failureThreshold, expected) => {
    let run = noRun;
    const verdicts = [...answers].map((letter) => {
      const counted = countAnswer({ successThreshold, failureThreshold }, run, letter === "s" ? "success" : "failure");
      run = counted.run;
      return counted.verdict;
    });
    expect(verdicts).toEqual(expected);
  });

  test.each([
    ["readiness", true, { containerId: "c", ready: true }],
    ["readiness", false, { containerId: "c", ready: false }],
    ["startup", true, { containerId: "c", started: true }],
    ["startup", false, { containerId: "c", unhealthy: "startup" }],
    ["liveness", true, { containerId: "c" }],
    ["liveness", false, { containerId: "c", unhealthy: "liveness" }],
  ] as const)("of %s that means %s is remembered of this container alone", (kind, verdict, expected) => {
    expect(withVerdict(undefined, { containerId: "c", probe: kind, verdict })).toEqual(expected);
    const other = { containerId: "other", ready: true, started: true };
    expect(withVerdict(other, { containerId: "c", probe: kind, verdict })).toEqual(expected);
  });

  test("that says nothing new changes nothing", () => {
    const health = { containerId: "c", ready: true };
    expect(withVerdict(health, { containerId: "c", probe: "readiness", verdict: true })).toBe(health);
  });
});

describe("a command", () => {
  test.each<[string, Result<ExecResult>, string, string]>([
    ["that ends with 0", ok({ stdout: "fine", stderr: "", exitCode: 0 }), "success", "fine"],
    ["that ends with anything else", ok({ stdout: "no ", stderr: "luck", exitCode: 2 }), "failure", "no luck"],
    ["that takes too long", fail("timeout", ""), "failure", 'command timed out: "check me" timed out after 1s'],
    ["that cannot be run", fail("failed", "not found"), "error", "not found"],
  ])("%s", async (_, answer, result, output) => {
    runtime.answer = answer;
    expect(await put({ exec: { command: ["check", "me"] } })).toEqual({ result, output });
  });
});

describe("a request", () => {
  async function answering(status: number, headers: Record<string, string> = {}): Promise<number> {
    return listening(createHttpServer((_, response) => response.writeHead(status, headers).end("body")));
  }

  const get = (port: number | string, fields: object = {}) =>
    put({ httpGet: { path: "/healthz", port, scheme: "HTTP", ...fields } });

  test.each([
    [200, "success", ""],
    [204, "success", ""],
    [399, "success", ""],
    [404, "failure", "HTTP probe failed with statuscode: 404"],
    [503, "failure", "HTTP probe failed with statuscode: 503"],
  ])("answered with %i", async (status, result, output) => {
    expect(await get(await answering(status))).toEqual({ result, output });
  });

  test("sends the headers it is given, and says who asks", async () => {
    const seen: object[] = [];
    const port = await listening(
      createHttpServer((request, response) => {
        seen.push({ url: request.url, agent: request.headers["user-agent"], extra: request.headers["x-extra"] });
        response.end();
      }),
    );
    await get(port, { path: "/a?b=c", httpHeaders: [{ name: "X-Extra", value: "1" }] });
    expect(seen).toEqual([{ url: "/a?b=c", agent: "kube-probe/1.32", extra: "1" }]);
  });

  test("follows redirects on its host only", async () => {
    const target = await answering(500);
    const near = await answering(302, { location: `http://127.0.0.1:${target}/elsewhere` });
    expect((await get(near)).result).toBe("failure");
    const far = await answering(302, { location: "http://other.example/" });
    expect((await get(far)).result).toBe("success");
    const loop = await listening(
      createHttpServer((_, response) => response.writeHead(302, { location: "/again" }).end()),
    );
    expect((await get(loop)).output).toContain("stopped after 10 redirects");
  });

  test("fails when nobody listens, and when nobody answers in time", async () => {
    const port = await listening(createServer());
    servers.pop()?.close();
    expect((await get(port)).output).toBe(
      `Get "http://127.0.0.1:${port}/healthz": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    );
    const silent = await listening(createServer());
    const answer = await hostNetwork.httpGet({
      scheme: "HTTP",
      host: "127.0.0.1",
      port: silent,
      path: "/",
      headers: [],
      timeoutMs: 50,
      containerId: "c",
    });
    expect(answer).toMatchObject({ ok: false, message: expect.stringContaining("context deadline exceeded") });
  });

  test("goes to a port by its name, and is no answer where there is none", async () => {
    const asked: number[] = [];
    const network: Network = {
      ...hostNetwork,
      httpGet: async ({ port }) => {
        asked.push(port);
        return { ok: true, statusCode: 200, leftHost: false };
      },
    };
    const byName = (port: string) => put({ httpGet: { path: "/", port, scheme: "HTTP" } }, network);
    expect((await byName("web")).result).toBe("success");
    expect(asked).toEqual([8080]);
    expect(await byName("none")).toEqual({ result: "error", output: "port none not found" });
  });
});

describe("a connection", () => {
  test("succeeds when somebody listens, and fails when nobody does", async () => {
    const port = await listening(createServer());
    expect(await put({ tcpSocket: { port } })).toEqual({ result: "success", output: "" });
    servers.pop()?.close();
    expect(await put({ tcpSocket: { port } })).toEqual({
      result: "failure",
      output: `dial tcp 127.0.0.1:${port}: connect: connection refused`,
    });
  });
});

describe("a call of the gRPC health service", () => {
  async function serving(health: number, status = "0"): Promise<{ port: number; asked: Buffer[] }> {
    const asked: Buffer[] = [];
    const server = createHttp2Server();
    server.on("stream", (stream) => {
      stream.on("data", (chunk: Buffer) => asked.push(chunk));
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, health]));
    });
    return { port: await listening(server), asked };
  }

  test.each([
    [1, "0", "success", ""],
    [2, "0", "failure", 'service unhealthy (responded with "NOT_SERVING")'],
    [0, "5", "failure", "error: health rpc probe failed: rpc error: code = NotFound desc = "],
    [
      ...([0, "12", "failure"] as const),
      "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ",
    ],
    [0, "99", "failure", "error: health rpc probe failed: rpc error: code = Code(99) desc = "],
  ])("answered with health %i and status %s", async (health, status, result, output) => {
    const { port } = await serving(health, status);
    expect(await put({ grpc: { port, service: "" } })).toEqual({ result, output });
  });

  test("names the service that is meant", async () => {
    const { port, asked } = await serving(1);
    await put({ grpc: { port, service: "db" } });
    expect(Buffer.concat(asked)).toEqual(Buffer.from([0, 0, 0, 0, 4, 0x0a, 2, 0x64, 0x62]));
  });

  test("fails when nobody is there", async () => {
    const { port } = await serving(1);
    servers.pop()?.close();
    expect((await put({ grpc: { port, service: "" } })).result).toBe("failure");
  });
});
