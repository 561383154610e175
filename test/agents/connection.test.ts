import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generate } from "selfsigned";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { connector } from "../../agents/node/connection/connector.ts";
import { NodeCredentials } from "../../agents/node/connection/credentials.ts";
import { HttpClient } from "../../agents/node/connection/http-client.ts";
import { digestOfCredential, newCredential } from "../../agents/node/host/certificate-request.ts";
import { CredentialFile } from "../../agents/node/host/credential-file.ts";
import { systemClock } from "../../agents/node/host/system.ts";
import type { ConnectionKind } from "../../agents/node/options.ts";
import type { Clock, Connection, ConnectionProblem } from "../../agents/node/ports.ts";
import type { SyncAnswer, SyncRequest } from "../../src/sync/messages.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { assignedPod, template } from "./support/pods.ts";
import type { ServerOptions } from "./support/server.ts";
import { Server } from "./support/server.ts";

/** Real time that runs many times as fast where waiting is concerned. */
const hurriedClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now() * 200,
  setTimer: (delayMs, run) => systemClock.setTimer(delayMs / 200, run),
};

let server: Server;
let directory: string;
const opened: { connection: Connection; client: HttpClient }[] = [];
const servers: Server[] = [];

beforeEach(async () => {
  directory = ownDirectory("connection");
  server = await startServer();
});

afterEach(async () => {
  for (const { connection, client } of opened.splice(0)) {
    connection.close();
    client.close();
  }
  for (const running of servers.splice(0)) await running.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function startServer(options: ServerOptions = {}): Promise<Server> {
  const started = new Server(options);
  servers.push(started);
  await started.start();
  return started;
}

type Line = {
  readonly connection: Connection;
  readonly answers: SyncAnswer[];
  readonly problems: ConnectionProblem[];
  readonly logs: string[];
  send(hold?: boolean): void;
};

type LineOptions = {
  readonly joinToken?: string | undefined;
  readonly ca?: string;
  readonly url?: string;
  readonly clock?: Clock;
  readonly pingEveryMs?: number;
};

function connect(kind: ConnectionKind, options: LineOptions = {}): Line {
  const { ca, clock = systemClock, url = server.url } = options;
  const joinToken = "joinToken" in options ? options.joinToken : server.joinToken;
  const client = new HttpClient({ server: url, maxSockets: 2, ...(ca === undefined ? {} : { ca }) });
  const store = new CredentialFile(join(directory, "credential"), { server: url, node: "node-1" });
  const own = {
    waiting: new CredentialFile(join(directory, "credential-waiting"), { server: url, node: "node-1" }),
    newCredential: () => newCredential("node-1"),
    digestOf: digestOfCredential,
    // The server's side of a real one is in the tests of the control plane.
    requestFor: (credential: string) => credential,
  };
  const credentials = new NodeCredentials({ node: "node-1", client, store, joinToken: () => joinToken, own });
  const answers: SyncAnswer[] = [];
  const problems: ConnectionProblem[] = [];
  const logs: string[] = [];
  const log = { info: (text: string) => void logs.push(text), warn: (text: string) => void logs.push(text) };
  const pings = options.pingEveryMs === undefined ? {} : { pingEveryMs: options.pingEveryMs };
  const connection = connector(kind, { client, credentials, clock, log, ...pings })({
    answered: (answer) => void answers.push(answer),
    failed: (problem) => void problems.push(problem),
  });
  opened.push({ connection, client });
  let sequence = 0;
  const send = (hold = false) => {
    sequence += 1;
    const have = { revision: 0, etag: sequence === 1 ? "" : server.plane("node-1").etag, templates: [] };
    const request: SyncRequest = { protocol: 1, node: "node-1", sequence, have };
    connection.send(request, hold);
  };
  return { connection, answers, problems, logs, send };
}

function until(condition: () => boolean, what: string): Promise<void> {
  return vi.waitFor(() => expect(condition(), what).toBe(true), { timeout: 20_000, interval: 5 });
}

describe("enrolment", () => {
  test("makes a credential once, keeps it for itself alone, and uses it from then on", async () => {
    const line = connect("poll");
    line.send();
    await until(() => line.answers.length === 1, "an answer");
    const path = join(directory, "credential");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
      server: server.url,
      node: "node-1",
      credential: server.credentials.get("node-1"),
    });
    expect(server.credentials.get("node-1")).toMatch(/^laresnode_node-1_[0-9a-f]{64}$/);
    const later = connect("poll", { joinToken: undefined });
    later.send();
    await until(() => later.answers.length === 1, "an answer");
    expect(server.enrolments).toBe(1);
  });

  test("closes a credential file that others could read", async () => {
    const content = { server: server.url, node: "node-1", credential: "c" };
    writeFileSync(join(directory, "credential"), JSON.stringify(content), { mode: 0o644 });
    server.credentials.set("node-1", "c");
    const line = connect("poll", { joinToken: undefined });
    line.send();
    await until(() => line.answers.length === 1, "an answer");
    expect(statSync(join(directory, "credential")).mode & 0o777).toBe(0o600);
  });

  test("is let in once, also where it never hears of that, in this life or another", async () => {
    server.losesEnrolments = true;
    const line = connect("poll");
    line.send();
    await until(() => line.problems.length === 1, "a problem");
    expect(line.problems[0]?.kind).toBe("unreachable");
    expect(statSync(join(directory, "credential-waiting")).mode & 0o777).toBe(0o600);
    // The token has no use left.
    const later = connect("poll", { joinToken: "wrong" });
    later.send();
    await until(() => later.answers.length === 1, "an answer");
    expect(server.enrolments).toBe(2);
    expect(existsSync(join(directory, "credential-waiting"))).toBe(false);
    const last = connect("poll", { joinToken: undefined });
    last.send();
    await until(() => last.answers.length === 1, "an answer");
  });

  test("waits where somebody has to let it in, with one credential of its own, also in another life", async () => {
    server.approval = "pending";
    const line = connect("poll");
    line.send();
    await until(() => line.problems.length === 1, "a problem");
    expect(line.problems[0]).toEqual({
      kind: "waiting",
      message: "CertificateSigningRequest r is not approved yet: kubectl certificate approve r",
    });
    expect(statSync(join(directory, "credential-waiting")).mode & 0o777).toBe(0o600);
    // The token is needed no more.
    const later = connect("poll", { joinToken: undefined });
    later.send();
    await until(() => later.problems.length === 1, "a problem");
    expect(later.problems[0]?.kind).toBe("waiting");
    expect(server.requests.size).toBe(1);
    server.approval = "approved";
    later.send();
    await until(() => later.answers.length === 1, "an answer");
    expect([...server.requests]).toEqual([server.credentials.get("node-1")]);
    expect(existsSync(join(directory, "credential-waiting"))).toBe(false);
    const last = connect("poll", { joinToken: undefined });
    last.send();
    await until(() => last.answers.length === 1, "an answer");
  });

  test("says when it was denied, and asks anew once that is forgotten", async () => {
    server.approval = "pending";
    const line = connect("poll");
    line.send();
    await until(() => line.problems.length === 1, "a problem");
    server.approval = "denied";
    line.send();
    await until(() => line.problems.length === 2, "a problem");
    expect(line.problems[1]).toEqual({
      kind: "refused",
      message: "cannot enrol: status 403: request r was denied: no",
    });
    server.requests.clear();
    server.approval = "pending";
    line.send();
    await until(() => line.problems.length === 3, "a problem");
    expect(line.problems[2]?.kind).toBe("waiting");
    expect(server.requests.size).toBe(1);
  });

  test("is refused with a token that is not known", async () => {
    const line = connect("poll", { joinToken: "wrong" });
    line.send();
    await until(() => line.problems.length === 1, "a problem");
    expect(line.problems[0]).toEqual({
      kind: "refused",
      message: "cannot enrol: status 401: the join token is not known",
    });
  });

  test("says so when there is neither credential nor token", async () => {
    const line = connect("poll", { joinToken: undefined });
    line.send();
    await until(() => line.problems.length === 1, "a problem");
    expect(line.problems[0]).toEqual({ kind: "refused", message: "there is no credential and no join token" });
  });

  test("enrols anew when its credential is not accepted any more", async () => {
    const line = connect("poll");
    line.send();
    await until(() => line.answers.length === 1, "an answer");
    server.credentials.set("node-1", "another");
    line.send();
    await until(() => line.problems.length === 1, "a problem");
    expect(line.problems[0]?.kind).toBe("refused");
    line.send();
    await until(() => line.answers.length === 2, "an answer again");
    expect(server.enrolments).toBe(2);
  });
});

describe.each(["poll", "long-poll", "socket", "auto"] as const)("the %s connection", (kind) => {
  test("brings the answer to a message", async () => {
    server.plane("node-1").assign([assignedPod()], { t1: template() });
    const line = connect(kind);
    line.send();
    await until(() => line.answers.length === 1, "an answer");
    expect(line.answers[0]).toMatchObject({ acknowledged: 1, revision: 1, pods: [{ uid: "uid-1" }] });
    line.send();
    await until(() => line.answers.length === 2, "another answer");
    expect(line.problems).toEqual([]);
  });

  test("fails when nobody is there, and works when somebody is there again", async () => {
    const line = connect(kind);
    line.send();
    await until(() => line.answers.length === 1, "an answer");
    await server.stop();
    if (kind === "poll" || kind === "long-poll") line.send();
    await until(() => line.problems.length === 1, "a problem");
    line.send();
    await until(() => line.problems.length === 2, "another problem");
    expect(line.problems.every((problem) => problem.kind === "unreachable")).toBe(true);
    await server.start();
    line.send();
    await until(() => line.answers.length === 2, "an answer again");
  });

  test("tells when it is not accepted", async () => {
    const line = connect(kind, { joinToken: undefined });
    const content = { server: server.url, node: "node-1", credential: "revoked" };
    writeFileSync(join(directory, "credential"), JSON.stringify(content));
    const again = connect(kind, { joinToken: undefined });
    again.send();
    await until(() => again.problems.length === 1, "a problem");
    expect(again.problems[0]?.kind).toBe("refused");
    expect(line.answers).toEqual([]);
  });

  test("trusts a certificate that it was given, and no other", async () => {
    const { private: key, cert } = await generate([{ name: "commonName", value: "127.0.0.1" }], {
      extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
    });
    const secure = await startServer({ tls: { key, cert } });
    const stranger = connect(kind, { url: secure.url });
    stranger.send();
    await until(() => stranger.problems.length === 1, "a problem");
    expect(stranger.problems[0]?.message).toMatch(/self.signed|certificate/);
    const friend = connect(kind, { url: secure.url, ca: cert });
    friend.send();
    await until(() => friend.answers.length === 1, "an answer");
  });

  test("says nothing any more once it is closed", async () => {
    const line = connect(kind);
    line.send();
    line.connection.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(line.answers).toEqual([]);
    expect(line.problems).toEqual([]);
  });
});

describe("requests", () => {
  test("go over one connection that is kept", async () => {
    const line = connect("poll");
    for (let sent = 1; sent <= 5; sent++) {
      line.send();
      await until(() => line.answers.length === sent, "an answer");
    }
    expect(server.connections).toBe(1);
  });

  test.each([
    ["no JSON", 200, "<html>", /none of Lares/],
    ["something else", 200, '{"kind":"Status"}', /none of Lares/],
    ["an error", 500, '{"message":"database is away"}', /status 500: database is away/],
    ["a redirect", 302, "", /status 302/],
    ["more than is sensible", 200, `"${"x".repeat(9 * 1024 * 1024)}"`, /longer than/],
  ])("fail when the answer is %s", async (_, status, body, message) => {
    server.credentials.set("node-1", "c");
    writeFileSync(
      join(directory, "credential"),
      JSON.stringify({ server: server.url, node: "node-1", credential: "c" }),
    );
    server.fixed = { status, body };
    const line = connect("poll");
    line.send();
    await until(() => line.problems.length === 1, "a problem");
    expect(line.problems[0]).toMatchObject({ kind: "unreachable" });
    expect(line.problems[0]?.message).toMatch(message);
  });

  test("are held until there is news, and others go beside them", async () => {
    const line = connect("long-poll");
    expect(line.connection.holdsQuestions()).toBe(true);
    line.send();
    await until(() => line.answers.length === 1, "an answer");
    line.send(true);
    await until(() => server.heldQuestions === 1, "a held question");
    line.send();
    await until(() => line.answers.length === 2, "an answer beside it");
    server.plane("node-1").assign([assignedPod()], { t1: template() });
    await until(() => line.answers.length === 3, "the held answer");
    expect(line.answers[2]).toMatchObject({ acknowledged: 2, pods: [{ uid: "uid-1" }] });
    expect(server.asked).toContain("POST /agent/v1/sync?wait=25");
  });
});

describe("the socket", () => {
  test("brings what the control plane says by itself", async () => {
    const line = connect("socket");
    line.send();
    await until(() => line.answers.length === 1, "an answer");
    server.plane("node-1").assign([assignedPod()], { t1: template() });
    await until(() => line.answers.length === 2, "an answer unasked");
    expect(line.answers[1]).toMatchObject({ acknowledged: 0, pods: [{ uid: "uid-1" }] });
    expect(line.connection.holdsQuestions()).toBe(false);
  });

  test("lives on pings, and is given up when they are not answered", async () => {
    const line = connect("socket", { clock: hurriedClock });
    line.send();
    await until(() => line.answers.length === 1, "an answer");
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(line.problems).toEqual([]);
    server.pongs = false;
    await until(() => line.problems.length === 1, "a problem");
    expect(line.problems).toEqual([{ kind: "unreachable", message: "nothing was heard for 30 s" }]);
  });

  test("that is mostly silent is told of, is tried seldom, and is given up soon after a ping without an answer", async () => {
    const line = connect("socket", { clock: hurriedClock, pingEveryMs: 75_000 });
    line.send();
    await until(() => line.answers.length === 1, "an answer");
    expect(server.asked).toContain("UPGRADE /agent/v1/socket?ping=75");
    await new Promise((resolve) => setTimeout(resolve, 1200));
    // Three pings by the hurried clock, four at most.
    expect(server.pings).toBeGreaterThanOrEqual(2);
    expect(server.pings).toBeLessThanOrEqual(4);
    expect(line.problems).toEqual([]);
    server.pongs = false;
    await until(() => line.problems.length === 1, "a problem");
    expect(line.problems).toEqual([{ kind: "unreachable", message: "nothing was heard for 30 s" }]);
  });

  test("tells once that it broke, though nothing was on its way", async () => {
    const line = connect("socket");
    line.send();
    await until(() => line.answers.length === 1, "an answer");
    server.open.get("node-1")?.close(1012, "restarting");
    await until(() => line.problems.length === 1, "a problem");
    expect(line.problems).toEqual([{ kind: "unreachable", message: "the socket was closed (1012 restarting)" }]);
  });

  test("is given up when what comes is none of Lares", async () => {
    const line = connect("socket");
    line.send();
    await until(() => line.answers.length === 1, "an answer");
    server.open.get("node-1")?.send("hello");
    await until(() => line.problems.length === 1, "a problem");
  });
});

describe("the connection that finds its own way", () => {
  test("takes requests where sockets are refused, and the socket again when it is let through", async () => {
    server.upgrades = "refuse";
    const line = connect("auto", { clock: hurriedClock });
    line.send();
    await until(() => line.answers.length === 1, "an answer");
    expect(line.problems).toEqual([]);
    expect(line.connection.holdsQuestions()).toBe(true);
    expect(line.logs).toEqual(["no socket gets through; trying requests"]);
    expect(server.asked.filter((asked) => asked.startsWith("UPGRADE"))).toHaveLength(1);
    server.upgrades = "accept";
    await new Promise((resolve) => setTimeout(resolve, 600_000 / 200));
    // A question to be held opens the socket again.
    expect(line.connection.holdsQuestions()).toBe(true);
    line.send(true);
    await until(() => line.answers.length === 2, "an answer by socket");
    expect(line.connection.holdsQuestions()).toBe(false);
    expect(server.open.size).toBe(1);
  });

  test("does not hold a server that is away against sockets", async () => {
    const line = connect("auto");
    line.send();
    await until(() => line.answers.length === 1, "an answer");
    server.fixed = { status: 503, body: "" };
    server.upgrades = "refuse";
    server.open.get("node-1")?.terminate();
    await until(() => line.problems.length === 1, "a problem");
    line.send();
    await until(() => line.problems.length === 2, "a problem");
    server.fixed = undefined;
    server.upgrades = "accept";
    line.send();
    await until(() => line.answers.length === 2, "an answer");
    expect(server.open.size).toBe(1);
  });
});
