// metrics.k8s.io: what nodes and pods use, asked of the agents when somebody reads it.
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import type { SyncRequest } from "../../src/sync/messages.ts";
import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { head, logAfter, newCluster } from "./support/cluster.ts";
import { addPod, name } from "./support/shard.ts";
import { AgentSocket } from "./support/socket.ts";

const base = "/apis/metrics.k8s.io/v1beta1";

beforeEach(newCluster);
afterEach(() => {
  vi.useRealTimers();
});

function usageOf(podUid: string): NonNullable<SyncRequest["usage"]> {
  return {
    windowMs: 1000,
    node: { cpuNanoCores: 250_000_000, workingSetBytes: 512 * 1024 * 1024 },
    containers: [{ podUid, name: "main", cpuNanoCores: 1_500_000, workingSetBytes: 10_000_000 }],
  };
}

/** An agent on a socket that says what is used as soon as it is asked. */
async function connected(agent: Agent, podUid: string): Promise<AgentSocket> {
  const socket = await AgentSocket.opened(agent.token);
  agent.take(await socket.ask(agent.message()));
  void (async () => {
    for (;;) {
      const answer = await socket.next();
      agent.take(answer);
      if (answer.usage === true) socket.send(agent.message({ usage: usageOf(podUid) }));
    }
  })().catch(() => {});
  return socket;
}

it("tells what a node and its pods use, and writes nothing for it", async () => {
  const agent = await Agent.registered(name);
  const uid = await addPod();
  const socket = await connected(agent, uid);
  const before = await head();
  const node = await api.get(`${base}/nodes/${name}`);
  expect(node).toMatchObject({
    kind: "NodeMetrics",
    apiVersion: "metrics.k8s.io/v1beta1",
    metadata: { name, labels: { "kubernetes.io/os": "linux" } },
    window: "1.000s",
    usage: { cpu: "250000000n", memory: "524288Ki" },
  });
  const [pod, ...others] = await api.list(`${base}/namespaces/default/pods`);
  expect(others).toEqual([]);
  expect(pod).toMatchObject({
    metadata: { name: `web-${name}`, namespace: "default" },
    containers: [{ name: "main", usage: { cpu: "1500000n", memory: "9766Ki" } }],
  });
  expect(await logAfter(before)).toEqual([]);
  socket.close();
});

it("picks by labels, as kubectl top -l asks", async () => {
  const agent = await Agent.registered(name);
  const socket = await connected(agent, "");
  expect(await api.list(`${base}/nodes?labelSelector=kubernetes.io/os%3Dlinux`)).toHaveLength(1);
  expect(await api.list(`${base}/nodes?labelSelector=kubernetes.io/os%3Dplan9`)).toEqual([]);
  socket.close();
});

it("leaves out nodes whose agents do not answer, and says so of one that is named", async () => {
  const agent = await Agent.registered(name);
  const socket = await AgentSocket.opened(agent.token);
  agent.take(await socket.ask(agent.message()));
  expect(await api.list(`${base}/nodes`)).toEqual([]);
  const { code, body } = await api.call(`${base}/nodes/${name}`);
  expect(code).toBe(404);
  expect(body).toMatchObject({ reason: "NotFound", message: `nodemetrics.metrics.k8s.io "${name}" not found` });
  socket.close();
});

it("asks an agent that polls with its next answer", async () => {
  const agent = await Agent.registered(name);
  expect(await api.list(`${base}/nodes`)).toEqual([]);
  expect(await agent.sync()).toMatchObject({ usage: true });
  expect((await agent.sync({ usage: usageOf("") })).usage).toBeUndefined();
  expect(await api.list(`${base}/nodes`)).toHaveLength(1);
});

it("can be read only", async () => {
  const { code } = await api.call(`${base}/nodes`, { method: "POST", body: {} });
  expect(code).toBe(405);
  const list = await api.get(base);
  expect(list).toMatchObject({ resources: [{ name: "nodes", verbs: ["get", "list"] }, { name: "pods" }] });
});
