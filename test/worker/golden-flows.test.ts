// The life of a DaemonSet, step by step, with its Durable Objects gone between every two steps: nothing changes.
import { abortAllDurableObjects, evictAllDurableObjects } from "cloudflare:test";
import { beforeEach, describe, expect, it } from "vitest";

import type { Pod } from "../../src/model/pod.ts";
import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { newCluster, nodeNames } from "./support/cluster.ts";
import { tick } from "./support/cron.ts";
import { changeSet, createSet, daemonPods, getSet, image, reconcile } from "./support/daemonset.ts";
import { until } from "./support/until.ts";

const interruptions: readonly (readonly [string, () => Promise<void>])[] = [
  ["undisturbed", async () => {}],
  ["evicted between the steps", () => evictAllDurableObjects()],
  // What is broken off may lose pokes, and cron makes up for them.
  ["broken off between the steps", () => abortAllDurableObjects().then(() => tick())],
];

beforeEach(newCluster);

type Step = () => Promise<unknown>;

async function agentsOf(names: readonly string[]): Promise<readonly Agent[]> {
  const agents: Agent[] = [];
  for (const name of names) agents.push(await Agent.registered(name));
  return agents;
}

function obeying(agents: readonly Agent[]): readonly Step[] {
  return agents.map((agent) => () => agent.obey());
}

/** Enough turns of agents and controller for what one change of the DaemonSet asks for. */
function turns(agents: readonly Agent[], count: number): readonly Step[] {
  return Array.from({ length: count }, () => [() => reconcile(), ...obeying(agents)]).flat();
}

function isLeaving({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

async function summary() {
  const { status } = await getSet();
  const pods = (await daemonPods()).filter((pod) => !isLeaving(pod));
  return {
    nodes: pods.map(({ spec }) => spec.nodeName),
    images: [...new Set(pods.map(({ spec }) => spec.containers[0]?.image))],
    ready: status.numberReady,
    desired: status.desiredNumberScheduled,
    updated: status.updatedNumberScheduled ?? 0,
    revisions: (await api.list(api.revisions)).map((revision) => revision["revision"]).toSorted(),
  };
}

describe.each(interruptions)("%s", (_how, interrupt) => {
  async function live(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      await step();
      await interrupt();
    }
  }

  it("a rollout, an update and a rollback end as they should", async () => {
    const agents = await agentsOf(nodeNames(2));
    await live([
      () => createSet({ "spec.updateStrategy.rollingUpdate": { maxUnavailable: 2 } }),
      ...turns(agents, 2),
      reconcile,
    ]);
    const base = { nodes: nodeNames(2), ready: 2, desired: 2, updated: 2 };
    expect(await summary()).toEqual({ ...base, images: ["nginx:1.27"], revisions: [1] });
    await live([() => changeSet(image("nginx:2")), ...turns(agents, 3), reconcile]);
    expect(await summary()).toEqual({ ...base, images: ["nginx:2"], revisions: [1, 2] });
    await live([() => changeSet(image("nginx:1.27")), ...turns(agents, 3), reconcile]);
    expect(await summary()).toEqual({ ...base, images: ["nginx:1.27"], revisions: [2, 3] });
  });

  it("a node that stops matching loses its pod, and one that joins gets one", async () => {
    const agents = await agentsOf(["a", "b"]);
    await live([
      () => api.patch(`${api.nodes}/a`, { metadata: { labels: { role: "edge" } } }),
      () => createSet({ "spec.template.spec.nodeSelector": { role: "edge" } }),
      ...turns(agents, 2),
      () => api.patch(`${api.nodes}/a`, { metadata: { labels: { role: null } } }),
      () => api.patch(`${api.nodes}/b`, { metadata: { labels: { role: "edge" } } }),
      ...turns(agents, 3),
      reconcile,
    ]);
    expect(await summary()).toMatchObject({ nodes: ["b"], ready: 1, desired: 1, updated: 1 });
    expect(await daemonPods()).toHaveLength(1);
  });

  it("orphaned pods are adopted, and restarted by nobody", async () => {
    const agents = await agentsOf(["a", "b"]);
    await live([() => createSet(), ...turns(agents, 2)]);
    const before = (await daemonPods()).map(({ metadata }) => metadata.uid);
    await live([
      () => api.remove(`${api.daemonSets}/web`, { propagationPolicy: "Orphan" }),
      () => until("it is gone", async () => !(await api.exists(`${api.daemonSets}/web`))),
      () => createSet(),
      ...turns(agents, 2),
      reconcile,
    ]);
    expect((await daemonPods()).map(({ metadata }) => metadata.uid)).toEqual(before);
    expect(await summary()).toMatchObject({ ready: 2, updated: 2, revisions: [1] });
  });

  it("a foreground deletion ends with nothing left", async () => {
    const agents = await agentsOf(["a", "b"]);
    await live([
      () => createSet(),
      ...turns(agents, 2),
      () => api.remove(`${api.daemonSets}/web`, { propagationPolicy: "Foreground" }),
      () => until("all pods are to end", async () => (await daemonPods()).every(isLeaving)),
      ...obeying(agents),
      () => until("it is gone", async () => !(await api.exists(`${api.daemonSets}/web`))),
    ]);
    expect(await daemonPods()).toEqual([]);
    await until("the revisions are gone", async () => (await api.list(api.revisions)).length === 0);
  });
});
