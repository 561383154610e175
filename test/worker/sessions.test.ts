import { exports } from "cloudflare:workers";
import { assert, beforeEach, expect, it } from "vitest";

import type { SessionOffer } from "../../src/sync/messages.ts";
import { paths } from "../../src/sync/messages.ts";
import { Agent } from "./support/agent.ts";
import { call, create, list, patch, request, server } from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { AgentSocket } from "./support/socket.ts";
import { until } from "./support/until.ts";

const pods = "/api/v1/namespaces/default/pods";
const exec = `${pods}/one/exec?container=c&command=ls&stdout=true`;
const socketHeaders = { upgrade: "websocket", "sec-websocket-protocol": "v5.channel.k8s.io" };

let agent: Agent;
let line: AgentSocket;

beforeEach(async () => {
  await newCluster();
  agent = await Agent.registered("node-1");
  line = await AgentSocket.opened(agent.token);
  const spec = { nodeName: "node-1", containers: [{ name: "c", image: "busybox" }] };
  await create(pods, { apiVersion: "v1", kind: "Pod", metadata: { name: "one" }, spec });
});

function open(path = exec, headers: Record<string, string> = socketHeaders): Promise<Response> {
  return exports.default.fetch(request(path, { headers }));
}

async function offered(): Promise<SessionOffer> {
  return until("a session is offered", () => line.answers.flatMap(({ sessions = [] }) => sessions).at(-1));
}

function dial(id: string, token = agent.token): Promise<Response> {
  const headers = { upgrade: "websocket", authorization: `Bearer ${token}` };
  return exports.default.fetch(`${server}${paths.sessions}/${id}`, { headers });
}

function refuse(id: string, body: unknown): Promise<Response> {
  const headers = { authorization: `Bearer ${agent.token}` };
  return exports.default.fetch(`${server}${paths.sessions}/${id}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
}

/** What comes by a socket, and how it ends. */
function heard(socket: WebSocket) {
  const messages: string[] = [];
  const end: { code: number | null } = { code: null };
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => {
    messages.push(typeof data === "string" ? data : new TextDecoder().decode(data as ArrayBuffer));
  });
  socket.addEventListener("close", ({ code }) => {
    end.code = code;
  });
  socket.accept();
  return { messages, end };
}

async function opened(): Promise<{
  readonly person: WebSocket;
  readonly taker: WebSocket;
  readonly offer: SessionOffer;
}> {
  const answer = open();
  const offer = await offered();
  const { webSocket: taker } = await dial(offer.id);
  const { webSocket: person } = await answer;
  assert(taker !== null && person !== null, "both are connected");
  return { person, taker, offer };
}

it("a session is offered to the pod's node, and bytes go both ways until one side ends it", async () => {
  const { person, taker, offer } = await opened();
  expect(offer).toMatchObject({ container: "c", wish: { kind: "exec", command: ["ls"], stdout: true, tty: false } });
  const [byPerson, byAgent] = [heard(person), heard(taker)];
  person.send("down");
  taker.send("up");
  await until("both have heard", () => byPerson.messages.length > 0 && byAgent.messages.length > 0);
  expect([byPerson.messages, byAgent.messages]).toEqual([["up"], ["down"]]);
  taker.close(1000, "done");
  expect(await until("the person's end closes", () => byPerson.end.code ?? false)).toBe(1000);
});

it("the client's protocol is the one that it is answered with", async () => {
  const answer = open();
  await dial((await offered()).id);
  expect((await answer).headers.get("sec-websocket-protocol")).toBe("v5.channel.k8s.io");
  expect((await open(exec, { ...socketHeaders, "sec-websocket-protocol": "channel.k8s.io" })).status).toBe(400);
});

it("nobody but the agent of the pod's node opens it, and only once", async () => {
  const other = await Agent.registered("node-2");
  const answer = open();
  const { id } = await offered();
  expect((await dial(id, other.token)).status).toBe(404);
  expect((await dial(id, agent.token.replace(/0$/, "1"))).status).toBe(401);
  expect((await dial(id, "lares-test-administrator")).status).toBe(401);
  expect((await dial("0".repeat(64))).status).toBe(404);
  expect((await dial(id)).status).toBe(101);
  expect((await dial(id)).status).toBe(404);
  expect((await answer).status).toBe(101);
});

it("what the agent refuses is refused in its words, whichever way it is asked", async () => {
  const message = 'container not found ("c")';
  for (const headers of [socketHeaders, { upgrade: "SPDY/3.1" }]) {
    line.answers.splice(0);
    const answer = open(exec, headers);
    await refuse((await offered()).id, { code: 500, message });
    const { status } = await answer;
    expect([status, await (await answer).text()]).toEqual([500, message]);
  }
});

it("SPDY is told that it is not spoken, and takes no session", async () => {
  const answer = open(exec, { upgrade: "SPDY/3.1" });
  expect((await dial((await offered()).id)).status).toBe(409);
  expect(await (await answer).json()).toMatchObject({ code: 400, reason: "BadRequest" });
});

it("a node without an agent is not waited for", async () => {
  line.close();
  const spec = { nodeName: "node-9", containers: [{ name: "c", image: "busybox" }] };
  await create(pods, { apiVersion: "v1", kind: "Pod", metadata: { name: "lost" }, spec });
  const answer = await call(`${pods}/lost/log`);
  expect(answer.body).toMatchObject({ code: 503, message: expect.stringContaining("is not connected") });
});

it("a session that has begun is told of on its pod, by who, and one that was refused is not", async () => {
  const refused = open();
  await refuse((await offered()).id, { code: 500, message: "no" });
  await refused;
  line.answers.splice(0);
  await opened();
  const events = await until("there is an event", async () => {
    const found = (await list("/api/v1/namespaces/default/events")).filter((event) => event["reason"] === "Exec");
    return found.length > 0 && found;
  });
  expect(events).toMatchObject([
    {
      message: 'User "lares:admin" ran ["ls"]',
      count: 1,
      involvedObject: { name: "one", fieldPath: "spec.containers{c}" },
    },
  ]);
});

it("a namespace's label forbids sessions, or all but logs", async () => {
  await patch("/api/v1/namespaces/default", { metadata: { labels: { "lares.dev/sessions": "logs" } } });
  expect((await open()).status).toBe(403);
  const log = call(`${pods}/one/log`);
  await refuse((await offered()).id, { code: 400, message: "waiting" });
  expect((await log).body).toMatchObject({ code: 400, message: "waiting" });
  for (const label of ["none", "a slip"].map((word) => word.replace(" ", "-"))) {
    await patch("/api/v1/namespaces/default", { metadata: { labels: { "lares.dev/sessions": label } } });
    expect((await call(`${pods}/one/log`)).body).toMatchObject({ code: 403, reason: "Forbidden" });
  }
});

it("a log comes as the agent sends it, and the agent hears what has gone out", async () => {
  const answer = exports.default.fetch(request(`${pods}/one/log?follow=true`, {}));
  const { webSocket: taker } = await dial((await offered()).id);
  assert(taker !== null, "the agent is connected");
  const byAgent = heard(taker);
  taker.send(new TextEncoder().encode("first\n"));
  const reader = (await answer).body?.getReader();
  assert(reader !== undefined, "there is a body");
  const { value } = await reader.read();
  expect(new TextDecoder().decode(value)).toBe("first\n");
  await until("the agent hears of it", () => byAgent.messages.at(-1) === "6");
  taker.close(1000);
  expect((await reader.read()).done).toBe(true);
});

it("a log that says nothing ends with its reader", async () => {
  const reading = new AbortController();
  const asked = new Request(request(`${pods}/one/log?follow=true`, {}), { signal: reading.signal });
  const answer = exports.default.fetch(asked);
  const { webSocket: taker } = await dial((await offered()).id);
  assert(taker !== null, "the agent is connected");
  const byAgent = heard(taker);
  expect((await answer).status).toBe(200);
  reading.abort();
  await until("the agent's end is closed", () => byAgent.end.code === 1000);
});

it("whoever takes the node's place cuts off the sessions of who had it", async () => {
  const { person } = await opened();
  const byPerson = heard(person);
  const { nodeShard, shardOfNode } = await import("../../src/pokes.ts");
  const { env } = await import("cloudflare:workers");
  await nodeShard(env, shardOfNode(env, "node-1")).shutOut("node-1");
  await until("the session is cut", () => byPerson.end.code !== null);
});
