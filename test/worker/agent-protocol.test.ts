// How machines become nodes, and how their agents talk to the control plane: by request and by socket.
import { evictDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { nodeShard, shardOfNode } from "../../src/pokes.ts";
import { insertPods } from "../../src/store/pods.ts";
import { paths, SyncAnswer } from "../../src/sync/messages.ts";
import { Agent, nodeReport } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { passSeconds, stopClock } from "./support/clock.ts";
import { newCluster, run } from "./support/cluster.ts";
import { keepTemplate, newPod } from "./support/pods.ts";
import { AgentSocket } from "./support/socket.ts";
import { until } from "./support/until.ts";

const name = "edge-1";
const joinTokens = "/apis/lares.dev/v1alpha1/jointokens";

beforeEach(newCluster);
afterEach(() => {
  vi.useRealTimers();
});

function shard() {
  return nodeShard(env, shardOfNode(env, name));
}

async function addPod(fields: Parameters<typeof newPod>[1] = {}): Promise<string> {
  await keepTemplate();
  const pod = newPod(name, fields);
  await run(insertPods(env.DB, [pod], null, { nowMs: Date.now() }));
  await shard().poke();
  return pod.uid;
}

/** A join token, as its creator was told it. */
async function joinToken(spec: object = {}, token = "machines"): Promise<string> {
  const created = await api.create(joinTokens, {
    apiVersion: "lares.dev/v1alpha1",
    kind: "JoinToken",
    metadata: { name: token },
    spec,
  });
  return String(Object(created["status"])["token"]);
}

async function post(
  path: string,
  token: string | null,
  body: unknown,
): Promise<{ code: number; body: Record<string, unknown> }> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await exports.default.fetch(`${api.server}${path}`, { method: "POST", headers, body: text });
  return { code: response.status, body: await response.json() };
}

const enrol = (token: string | null, node = name) => post(paths.enrol, token, { node });

function syncMessage(node: string, fields: object = {}) {
  return { protocol: 1, node, sequence: 1, have: { revision: 0, etag: "", templates: [] }, ...fields };
}

describe("enrolment", () => {
  it("gives a machine that shows a join token a credential for its node", async () => {
    const { code, body } = await enrol(await joinToken());
    expect(code).toBe(200);
    expect(body["node"]).toBe(name);
    const message = syncMessage(name, { register: true, nodeReport: nodeReport() });
    expect((await post(paths.sync, String(body["credential"]), message)).code).toBe(200);
    expect(await api.exists(`${api.nodes}/${name}`)).toBe(true);
  });

  it("gives the node what the token grants", async () => {
    const token = await joinToken({ labels: { zone: "a" }, taints: [{ key: "new", effect: "NoSchedule" }] });
    const { body } = await enrol(token);
    await post(paths.sync, String(body["credential"]), syncMessage(name, { register: true, nodeReport: nodeReport() }));
    const node = await api.get(`${api.nodes}/${name}`);
    expect(node).toMatchObject({ metadata: { labels: { zone: "a" } }, spec: { taints: [{ key: "new" }] } });
  });

  it("counts the uses of a token, and lets in no more than it may", async () => {
    const token = await joinToken({ maxUses: 3 });
    const codes = await Promise.all(
      Array.from({ length: 6 }, async (_, index) => (await enrol(token, `edge-${index}`)).code),
    );
    expect(codes.toSorted()).toEqual([200, 200, 200, 403, 403, 403]);
    expect((await api.get(`${joinTokens}/machines`))["status"]).toMatchObject({ uses: 3 });
  });

  it("tells the token to its creator and to nobody after", async () => {
    const token = await joinToken();
    const { text } = await api.call(`${joinTokens}/machines`);
    expect(text).not.toContain(token);
    const { results } = await env.DB.prepare("SELECT body FROM log UNION ALL SELECT body FROM objects").all<{
      body: string;
    }>();
    expect(results.filter(({ body }) => body.includes(token))).toEqual([]);
  });

  it.each<readonly [string, () => Promise<string | null>, string, number]>([
    ["no token", async () => null, name, 401],
    ["what is no token", async () => "x", name, 401],
    ["the token of a user", async () => api.adminToken, name, 401],
    [
      "a token with another secret",
      async () => (await joinToken()).replace(/.$/, (last) => (last === "0" ? "1" : "0")),
      name,
      401,
    ],
    ["a token for other names", () => joinToken({ nodeNames: ["other-*"] }), name, 403],
    ["a name that no node may have", () => joinToken(), "Not A Name", 422],
  ])("refuses %s", async (_what, token, node, code) => {
    expect((await enrol(await token(), node)).code).toBe(code);
  });

  it("refuses a token that was withdrawn, and one that is over", async () => {
    const withdrawn = await joinToken();
    await api.remove(`${joinTokens}/machines`);
    expect((await enrol(withdrawn)).code).toBe(401);
    // Another one of the same name is not the same one.
    await joinToken();
    expect((await enrol(withdrawn)).code).toBe(401);
    const over = await joinToken({ expirationSeconds: 600 }, "over");
    stopClock();
    passSeconds(601);
    expect((await enrol(over)).code).toBe(401);
  });

  it("lets one machine in of two that come under the same name at once", async () => {
    const token = await joinToken({ maxUses: 0 });
    const outcomes = await Promise.all([enrol(token), enrol(token)]);
    expect(outcomes.map(({ code }) => code).toSorted()).toEqual([200, 409]);
    const credential = String(outcomes.find(({ code }) => code === 200)?.body["credential"]);
    expect((await post(paths.sync, credential, syncMessage(name))).code).toBe(200);
  });

  it("refuses the name of a node that has joined, unless its place is to be taken", async () => {
    await enrol(await joinToken());
    expect((await enrol(await joinToken({}, "second"))).code).toBe(409);
    expect((await enrol(await joinToken({ replace: true }, "third"))).code).toBe(200);
  });

  it("shuts out the machine whose place was taken, whatever way it talks", async () => {
    const before = String((await enrol(await joinToken())).body["credential"]);
    await post(paths.sync, before, syncMessage(name, { register: true, nodeReport: nodeReport() }));
    const socket = await AgentSocket.opened(before);
    await enrol(await joinToken({ replace: true }, "second"));
    expect((await post(paths.sync, before, syncMessage(name))).code).toBe(401);
    expect(await AgentSocket.open(before)).toBe(401);
    await socket.closed();
  });
});

describe("a credential", () => {
  it.each<readonly [string, () => Promise<string | null>]>([
    ["without one", async () => null],
    ["with the token of a user", async () => api.adminToken],
    ["with a join token", () => joinToken()],
    ["with one that was never given", async () => `laresnode_${name}_${"1".repeat(64)}`],
  ])("is asked of an agent: %s it is let in nowhere", async (_what, tokenOf) => {
    const token = await tokenOf();
    expect((await post(paths.sync, token, syncMessage(name))).code).toBe(401);
    expect(await AgentSocket.open(token)).toBe(401);
  });

  it("of one node says nothing for another", async () => {
    const agent = await Agent.registered(name);
    await Agent.registered("other");
    expect((await post(paths.sync, agent.token, syncMessage("other"))).code).toBe(403);
    const socket = await AgentSocket.opened(agent.token);
    socket.send(JSON.stringify(syncMessage("other")));
    expect(await socket.closed()).toBe(4400);
  });

  it("opens nothing of the API, which wants a user's", async () => {
    const agent = await Agent.registered(name);
    for (const path of [api.pods, api.nodes, "/api", "/apis", "/openapi/v3", joinTokens]) {
      expect((await api.call(path, { token: agent.token })).code).toBe(401);
    }
  });

  it("is kept as a digest only", async () => {
    const { body } = await enrol(await joinToken());
    const { results } = await env.DB.prepare("SELECT * FROM node_credentials").all();
    expect(JSON.stringify(results)).not.toContain(String(body["credential"]).split("_").at(-1));
  });
});

describe("a message by request", () => {
  it.each<readonly [string, unknown]>([
    ["what is no JSON", "{"],
    ["another protocol", syncMessage(name, { protocol: 2 })],
    ["a field that is not known", syncMessage(name, { more: 1 })],
    ["a report without a number", syncMessage(name, { pods: [{ uid: "u" }] })],
    ["a book", syncMessage(name, { events: [{ message: "x".repeat(300_000) }] })],
  ])("is refused when it is %s", async (_what, body) => {
    const agent = await Agent.registered(name);
    expect((await post(paths.sync, agent.token, body)).code).toBe(400);
  });

  it("is refused with the field that is wrong", async () => {
    const agent = await Agent.registered(name);
    const { body } = await post(paths.sync, agent.token, syncMessage(name, { pods: [{ uid: "u" }] }));
    expect(body["error"]).toMatch(/^not a sync message: pods\.0\.observation: Invalid input/);
  });

  it("is answered at once with what there is", async () => {
    const agent = await Agent.registered(name);
    const uid = await addPod();
    const { body } = await post(paths.sync, agent.token, agent.message());
    const answer = SyncAnswer.parse(body);
    expect(answer.pods?.map((pod) => pod.uid)).toEqual([uid]);
    expect(answer.nextSyncMs).toBe(10_000);
  });

  it("that waits is answered when there is something to say", async () => {
    const agent = await Agent.registered(name);
    let isAnswered = false;
    const answered = post(`${paths.sync}?wait=20`, agent.token, agent.message()).finally(() => {
      isAnswered = true;
    });
    await until("the shard holds the question", async () => (await shard().lastSeen([name]))[name]);
    expect(isAnswered).toBe(false);
    const uid = await addPod();
    expect(SyncAnswer.parse((await answered).body).pods?.map((pod) => pod.uid)).toEqual([uid]);
  });

  it("that waits is answered in the end, though there is nothing to say", async () => {
    const agent = await Agent.registered(name);
    const { code, body } = await post(`${paths.sync}?wait=0.05`, agent.token, agent.message());
    expect([code, SyncAnswer.parse(body).pods]).toEqual([200, undefined]);
  });
});

describe("a socket", () => {
  async function connected() {
    const agent = await Agent.registered(name);
    const socket = await AgentSocket.opened(agent.token);
    return { agent, socket };
  }

  it("is not opened by an ordinary request", async () => {
    const agent = await Agent.registered(name);
    expect(await AgentSocket.open(agent.token, {})).toBe(426);
  });

  it("carries the same messages as requests", async () => {
    const { agent, socket } = await connected();
    const message = agent.message({ nodeReport: nodeReport({ capacity: { cpu: "16" } }) });
    expect(await socket.ask(message)).toMatchObject({ acknowledged: message.sequence, registered: true });
    expect(await api.get(`${api.nodes}/${name}`)).toMatchObject({ status: { capacity: { cpu: "16" } } });
  });

  it("tells the agent of a pod without being asked, once", async () => {
    const { agent, socket } = await connected();
    agent.take(await socket.ask(agent.message()));
    const uid = await addPod();
    const pushed = await socket.next();
    expect([pushed.acknowledged, pushed.pods?.map((pod) => pod.uid)]).toEqual([0, [uid]]);
    agent.take(pushed);
    await shard().poke();
    expect(await socket.ask(agent.message())).not.toHaveProperty("pods");
  });

  it("tells the agent when a pod is to end, and when its node was deleted", async () => {
    const { agent, socket } = await connected();
    const uid = await addPod();
    agent.take(await socket.ask(agent.message()));
    socket.answers.length = 0;
    await api.remove(`${api.pods}/web-${name}`);
    const ending = await until("the end is told", () =>
      socket.answers.find(({ pods }) => pods?.some((pod) => pod.uid === uid && pod.deletion !== undefined)),
    );
    agent.take(ending);
    await api.remove(`${api.nodes}/${name}`);
    await until("the deletion is told", () => socket.answers.some(({ registered }) => !registered));
  });

  it("is cut off for what is no message", async () => {
    const { socket } = await connected();
    socket.send("hello");
    expect(await socket.closed()).toBe(4400);
  });

  it("is answered when it pings, without waking anybody", async () => {
    const { socket } = await connected();
    socket.send("ping");
    await until("a pong comes", () => socket.texts.includes("pong"));
  });

  it("is asked to sync seldom when its line is to be silent", async () => {
    const agent = await Agent.registered(name);
    const socket = await AgentSocket.opened(agent.token, "?ping=75");
    expect((await socket.ask(agent.message())).nextSyncMs).toBe(1_800_000);
    const usual = await AgentSocket.opened(agent.token);
    expect((await usual.ask(agent.message())).nextSyncMs).toBe(300_000);
  });

  it("outlives the sleep of its shard: what is told, and what is asked, gets through", async () => {
    const { agent, socket } = await connected();
    agent.take(await socket.ask(agent.message()));
    await evictDurableObject(shard());
    const uid = await addPod();
    agent.take(await socket.next());
    expect([...agent.pods.keys()]).toEqual([uid]);
    await evictDurableObject(shard());
    const answer = await socket.ask(agent.message({ pods: [agent.report(uid)] }));
    expect(answer.acknowledged).toBeGreaterThan(0);
    expect(await api.get(`${api.pods}/web-${name}`)).toMatchObject({ status: { phase: "Running" } });
  });

  it("that is closed with its shard is opened anew, and nothing is told twice", async () => {
    const { agent, socket } = await connected();
    await addPod();
    agent.take(await socket.ask(agent.message()));
    await evictDurableObject(shard(), { webSockets: "close" });
    await socket.closed();
    const again = await AgentSocket.opened(agent.token);
    expect(await again.ask(agent.message())).not.toHaveProperty("pods");
  });

  it("gives way to a newer one of the same node", async () => {
    const { agent, socket } = await connected();
    const newer = await AgentSocket.opened(agent.token);
    expect(await socket.closed()).toBe(4000);
    expect(await newer.ask(agent.message())).toMatchObject({ registered: true });
  });

  it("is closed when its node counts as lost", async () => {
    stopClock();
    const { socket } = await connected();
    passSeconds(60);
    await shard().sweep();
    expect(await socket.closed()).toBe(4001);
    expect(await api.get(`${api.nodes}/${name}`)).toMatchObject({
      status: { conditions: expect.arrayContaining([expect.objectContaining({ type: "Ready", status: "Unknown" })]) },
    });
  });

  it("that closes starts the node's grace at what was heard last", async () => {
    stopClock();
    const { socket } = await connected();
    passSeconds(20);
    socket.close();
    const seen = await until("the shard has noticed", async () => {
      const { [name]: atMs = 0 } = await shard().lastSeen([name]);
      return atMs > 0 ? atMs : null;
    });
    expect(Date.now() - seen).toBeGreaterThanOrEqual(20_000);
  });
});
