// What nodes are given of ConfigMaps and Secrets: what their pods name, as it is now, and nothing else.
import { abortAllDurableObjects, evictAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import { bucketOf } from "../../src/core/buckets.ts";
import type { PodTemplate } from "../../src/model/pod-template.ts";
import { nodeShard, shardOfNode } from "../../src/pokes.ts";
import { insertPods } from "../../src/store/pods.ts";
import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { newCluster, run } from "./support/cluster.ts";
import { tick } from "./support/cron.ts";
import type { Meter } from "./support/database.ts";
import { interposed, metering, useDatabase } from "./support/database.ts";
import { keepTemplate, newPod, podTemplate } from "./support/pods.ts";
import { AgentSocket } from "./support/socket.ts";
import { until } from "./support/until.ts";

const configMaps = "/api/v1/namespaces/default/configmaps";
const secrets = "/api/v1/namespaces/default/secrets";
const account = `${api.serviceAccounts}/default`;

beforeEach(newCluster);

type Spec = Partial<PodTemplate["spec"]>;

function shardOf(node: string) {
  return nodeShard(env, shardOfNode(env, node));
}

const secretVolume = (name: string) => ({ name, secret: { secretName: name, defaultMode: 0o644 } });
const mapVolume = (name: string) => ({ name, configMap: { name, defaultMode: 0o644 } });

/** A pod on each of the nodes, in a namespace. */
async function addPods(nodes: readonly string[], spec: Spec, namespace = "default"): Promise<readonly string[]> {
  const template = await keepTemplate(podTemplate({ spec: { ...podTemplate().spec, ...spec } }));
  const pods = nodes.map((node) => newPod(node, { template, namespace, createdMs: Date.now() }));
  await run(insertPods(env.DB, pods, null, { nowMs: Date.now() }));
  for (const shard of new Set(nodes.map((node) => shardOfNode(env, node)))) await nodeShard(env, shard).poke();
  return pods.map(({ uid }) => uid);
}

async function newAgent(node = "edge-1"): Promise<Agent> {
  return (await Agent.registered(node)).wantObjects();
}

/** What the agent holds, by kind, namespace and name: keys and values, or null where it was told that there is none. */
function held(agent: Agent): Readonly<Record<string, object | null>> {
  const objects = [...(agent.objects ?? [])].map(([key, { version, content }]) => {
    if (version === "") return [key, null] as const;
    return [key, { ...content?.data, ...content?.binaryData }] as const;
  });
  return Object.fromEntries(objects);
}

async function putMap(name: string, data: object, path = configMaps): Promise<void> {
  await api.create(path, { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });
}

async function putSecret(name: string, text: string, path = secrets): Promise<void> {
  await api.create(path, { apiVersion: "v1", kind: "Secret", metadata: { name }, stringData: { key: text } });
}

describe("an agent", () => {
  it("is given what its pods name, and told what is not there", async () => {
    await putMap("settings", { colour: "blue" });
    await putSecret("password", "secret");
    const agent = await newAgent();
    await addPods(["edge-1"], { volumes: [mapVolume("settings"), mapVolume("none"), secretVolume("password")] });
    await agent.sync();
    expect(held(agent)).toEqual({
      "ConfigMap/default/settings": { colour: "blue" },
      "ConfigMap/default/none": null,
      "Secret/default/password": { key: btoa("secret") },
    });
    const { metadata } = await api.get(`${secrets}/password`);
    expect(agent.objects?.get("Secret/default/password")).toMatchObject({
      version: metadata.resourceVersion,
      content: { uid: metadata.uid, type: "Opaque", data: {} },
    });
  });

  it("is sent content once, and nothing while nothing changes", async () => {
    await putMap("settings", { colour: "blue" });
    const agent = await newAgent();
    await addPods(["edge-1"], { volumes: [mapVolume("settings")] });
    await agent.sync();
    const again = await agent.sync();
    expect([again.pods, again.objects]).toEqual([undefined, undefined]);
    agent.have = { ...agent.have, etag: "" };
    const whole = await agent.sync();
    expect(whole.objects?.map(({ content }) => content)).toEqual([undefined]);
  });

  it("that knows of no objects goes on as before, and is sent none", async () => {
    await putMap("settings", { colour: "blue" });
    const agent = await Agent.registered("edge-1");
    await addPods(["edge-1"], { volumes: [mapVolume("settings")] });
    const first = await agent.sync();
    expect(first.pods).toHaveLength(1);
    expect(first).not.toHaveProperty("objects");
    expect((await agent.sync()).pods).toBeUndefined();
  });

  it("is given nothing that its own pods do not name", async () => {
    await api.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "other" } });
    for (const name of ["mine", "theirs", "nobodys"]) await putSecret(name, name);
    await putSecret("mine", "elsewhere", "/api/v1/namespaces/other/secrets");
    const [mine, theirs] = [await newAgent("edge-1"), await newAgent("edge-2")];
    await addPods(["edge-1"], { volumes: [secretVolume("mine")] });
    await addPods(["edge-2"], { volumes: [secretVolume("theirs"), secretVolume("mine")] }, "other");
    await mine.sync();
    await theirs.sync();
    expect(held(mine)).toEqual({ "Secret/default/mine": { key: btoa("mine") } });
    expect(held(theirs)).toEqual({ "Secret/other/theirs": null, "Secret/other/mine": { key: btoa("elsewhere") } });
    // What it says that it has does not matter.
    mine.have = { revision: 0, etag: "", templates: [], objects: ["1", "2", "3"] };
    expect(JSON.stringify(await mine.sync())).not.toContain(btoa("theirs"));
  });

  it("is given nothing by a mirror pod, which a node makes itself", async () => {
    await putSecret("password", "secret");
    const agent = await newAgent();
    const metadata = { annotations: { "kubernetes.io/config.mirror": "x" } };
    const spec = { ...podTemplate().spec, volumes: [secretVolume("password")] };
    const template = await keepTemplate(podTemplate({ metadata, spec }));
    await run(insertPods(env.DB, [newPod("edge-1", { template })], null, { nowMs: Date.now() }));
    await shardOf("edge-1").poke();
    expect((await agent.sync()).pods).toHaveLength(1);
    expect(held(agent)).toEqual({});
  });

  it("is given the Secrets of its pods' ServiceAccounts to pull images with, and told of their say", async () => {
    await putSecret("registry", "secret");
    await api.patch(account, { imagePullSecrets: [{ name: "registry" }], automountServiceAccountToken: false });
    const agent = await newAgent();
    await addPods(["edge-1"], {});
    await agent.sync();
    expect(held(agent)).toEqual({ "Secret/default/registry": { key: btoa("secret") } });
    const [pod] = agent.pods.values();
    expect(pod?.serviceAccount).toEqual({ imagePullSecrets: ["registry"], automountServiceAccountToken: false });
    await api.patch(account, { imagePullSecrets: null, automountServiceAccountToken: null });
    await until("the ServiceAccount has no say", async () => {
      await agent.sync();
      return agent.objects?.size === 0;
    });
    expect([...agent.pods.values()][0]).not.toHaveProperty("serviceAccount");
  });

  it("forgets what its pods named when they are gone", async () => {
    await putSecret("password", "secret");
    const agent = await newAgent();
    const [uid = ""] = await addPods(["edge-1"], { volumes: [secretVolume("password")] });
    await agent.sync();
    await api.remove(`${api.pods}/web-edge-1`, { gracePeriodSeconds: 0 });
    await shardOf("edge-1").poke();
    await agent.sync();
    expect(agent.pods.has(uid)).toBe(false);
    expect(held(agent)).toEqual({});
    await tick();
    const { results } = await env.DB.prepare("SELECT * FROM object_readers").all();
    expect(results).toEqual([]);
  });

  it("is sent much content bit by bit", async () => {
    const names = ["a", "b", "c", "d", "e"];
    const large = "x".repeat(900_000);
    for (const name of names) await putMap(name, { large: `${name}${large}` });
    const agent = await newAgent();
    await addPods(["edge-1"], { volumes: names.map(mapVolume) });
    const counts: number[] = [];
    for (let rounds = 0; rounds < 5 && (rounds === 0 || agent.have.etag === ""); rounds += 1) {
      const { objects = [] } = await agent.sync();
      counts.push(objects.filter(({ content }) => content !== undefined).length);
    }
    expect(counts).toEqual([2, 2, 1]);
    const sizes = Object.values(held(agent)).map((data) => String(Object(data)["large"]).length);
    expect(sizes).toEqual(names.map(() => large.length + 1));
  });
});

describe("a change", () => {
  async function connected(node: string): Promise<{ readonly agent: Agent; readonly socket: AgentSocket }> {
    const agent = await newAgent(node);
    await addPods([node], { volumes: [mapVolume("settings"), secretVolume("password")] });
    const socket = await AgentSocket.opened(agent.token);
    agent.take(await socket.ask(agent.message()));
    return { agent, socket };
  }

  it("is pushed to the agents of nodes whose pods name the object, and to no others", async () => {
    await putMap("settings", { colour: "blue" });
    await putSecret("password", "secret");
    const { agent, socket } = await connected("edge-1");
    const idle = await newAgent("edge-2");
    const other = await AgentSocket.opened(idle.token);
    idle.take(await other.ask(idle.message()));
    await api.patch(`${configMaps}/settings`, { data: { colour: "red" } });
    const pushed = await socket.next();
    expect(pushed.objects?.filter(({ content }) => content !== undefined)).toHaveLength(1);
    agent.take(pushed);
    expect(held(agent)).toMatchObject({ "ConfigMap/default/settings": { colour: "red" } });
    expect(agent.have.etag).not.toBe("");
    await api.remove(`${secrets}/password`);
    agent.take(await socket.next());
    expect(held(agent)).toMatchObject({ "Secret/default/password": null });
    await putSecret("password", "another");
    agent.take(await socket.next());
    expect(held(agent)).toMatchObject({ "Secret/default/password": { key: btoa("another") } });
    expect(await socket.ask(agent.message())).not.toHaveProperty("objects");
    expect(other.answers).toEqual([]);
  });

  it("that comes before an object is first named is seen, and so is one that comes after", async () => {
    const { agent, socket } = await connected("edge-1");
    expect(held(agent)).toEqual({ "ConfigMap/default/settings": null, "Secret/default/password": null });
    await putMap("settings", { colour: "blue" });
    agent.take(await socket.next());
    expect(held(agent)).toMatchObject({ "ConfigMap/default/settings": { colour: "blue" } });
  });

  it.each([
    ["evicted", () => evictAllDurableObjects()],
    ["broken off", () => abortAllDurableObjects().then(() => tick())],
  ])("reaches the agent with the shard %s between all steps", async (_how, interrupt) => {
    await putMap("settings", { colour: "blue" });
    const agent = await newAgent();
    await addPods(["edge-1"], { volumes: [mapVolume("settings")] });
    await interrupt();
    await agent.sync();
    await interrupt();
    await api.patch(`${configMaps}/settings`, { data: { colour: "red" } });
    await interrupt();
    await agent.sync();
    await interrupt();
    await until("the agent has the latest", async () => {
      await agent.sync();
      return JSON.stringify(held(agent)) === JSON.stringify({ "ConfigMap/default/settings": { colour: "red" } });
    });
    await interrupt();
    const { pods, objects } = await agent.sync();
    expect([pods, objects]).toEqual([undefined, undefined]);
  });

  it("of which the shard was not told is found by cron", async () => {
    await putMap("settings", { colour: "blue" });
    const { agent, socket } = await connected("edge-1");
    await env.DB.exec("DELETE FROM object_readers");
    await api.patch(`${configMaps}/settings`, { data: { colour: "red" } });
    await tick();
    agent.take(await until("the agent is told", () => socket.answers.shift()));
    expect(held(agent)).toMatchObject({ "ConfigMap/default/settings": { colour: "red" } });
  });
});

describe("rows read", () => {
  const count = 40;
  /** Nodes of one shard. */
  const nodes = Array.from({ length: 4000 }, (_, index) => `edge-${index}`)
    .filter((node) => shardOfNode(env, node) === shardOfNode(env, "edge-0") && bucketOf(node) >= 0)
    .slice(0, count);

  async function metered(meter: Meter): Promise<readonly Agent[]> {
    await useDatabase(shardOf("edge-0"), interposed(metering(meter)));
    const agents = await Promise.all(nodes.map((node) => newAgent(node)));
    await addPods(nodes, { volumes: [mapVolume("settings")] });
    for (const agent of agents) await agent.sync();
    return agents;
  }

  it("for a change of an object that many nodes are given are as many as for one, and none while nothing changes", async () => {
    const meter = { rowsRead: 0, rowsWritten: 0 };
    await putMap("settings", { colour: "blue" });
    const agents = await metered(meter);
    await api.patch(`${configMaps}/settings`, { data: { colour: "red" } });
    const before = { ...meter };
    await shardOf("edge-0").poke();
    for (const agent of agents) await agent.sync();
    expect(agents.map(held)).toEqual(agents.map(() => ({ "ConfigMap/default/settings": { colour: "red" } })));
    // The ends of the log, its row, the object.
    expect(meter.rowsRead - before.rowsRead).toBeLessThan(12);
    expect(meter.rowsWritten).toBe(before.rowsWritten);
    const idle = { ...meter };
    for (const agent of agents) await agent.sync();
    expect(meter).toEqual(idle);
  });

  it("do not grow with the size of what is changed and not named", async () => {
    const meter = { rowsRead: 0, rowsWritten: 0 };
    await putMap("settings", { colour: "blue" });
    await metered(meter);
    const { results } = await env.DB.prepare("SELECT shard FROM object_readers WHERE name = 'unnamed'").all();
    expect(results).toEqual([]);
    const before = meter.rowsRead;
    await putMap("unnamed", { large: "x".repeat(100_000) });
    await new Promise((resolve) => setTimeout(resolve, 100));
    // Nobody woke the shard for it.
    expect(meter.rowsRead).toBe(before);
  });
});
