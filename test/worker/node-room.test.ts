import { abortAllDurableObjects, evictAllDurableObjects } from "cloudflare:test";
import { beforeEach, describe, expect, it } from "vitest";

import type { KubeObject } from "../../src/model/meta.ts";
import type { Pod } from "../../src/model/pod.ts";
import { given, named, podOf, scheduledCondition, waitingPod } from "./support/admission.ts";
import { Agent, nodeReport } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { tick } from "./support/cron.ts";
import { changeSet, createSet, daemonPods, getSet, reconcile } from "./support/daemonset.ts";
import { until } from "./support/until.ts";

const requests = (cpu: string) => ({ "spec.template.spec.containers[0].resources": { requests: { cpu } } });
const hostPort = {
  "spec.template.spec.containers[0].ports": [{ containerPort: 80, hostPort: 8080 }],
};
const events = "/api/v1/namespaces/default/events";

async function eventsOf(reason: string): Promise<readonly KubeObject[]> {
  return (await api.list(events)).filter((event) => event["reason"] === reason);
}

async function withdrawn(agent: Agent, set: string): Promise<void> {
  await api.remove(`${api.daemonSets}/${set}`);
  await until(`the pod of ${set} is gone`, async () => {
    await agent.obey();
    return (await podOf(set)) === undefined;
  });
}

beforeEach(newCluster);

describe("a daemon pod for which its node has no room", () => {
  it("waits, is given to nobody, and says why", async () => {
    const agent = await Agent.registered("edge-1");
    await Agent.registered("edge-2", { allocatable: { cpu: "32" } });
    await createSet({ ...named("big"), ...requests("5") });
    await reconcile("big");
    const pod = await waitingPod("big");
    const message =
      "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.";
    expect(pod.spec.nodeName).toBeUndefined();
    expect(pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution).toEqual({
      nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["edge-1"] }] }],
    });
    expect(pod.status.phase).toBe("Pending");
    expect(scheduledCondition(pod)).toMatchObject({ reason: "Unschedulable", message });
    expect(await eventsOf("FailedScheduling")).toMatchObject([
      { type: "Warning", message, source: { component: "default-scheduler" } },
    ]);
    expect(await given(agent)).toEqual([]);
    expect(await api.list(`${api.pods}?fieldSelector=spec.nodeName=edge-1`)).toEqual([]);
    const { status } = await reconcile("big");
    expect(status).toMatchObject({ desiredNumberScheduled: 2, currentNumberScheduled: 2, numberReady: 0 });
  });

  it("is given to its agent once another has gone", async () => {
    const agent = await Agent.registered("edge-1");
    await createSet({ ...named("first"), ...requests("3") });
    await reconcile("first");
    await createSet({ ...named("second"), ...requests("2") });
    await reconcile("second");
    await waitingPod("second");
    await agent.obey();
    expect(await given(agent)).toEqual(["first"]);
    await withdrawn(agent, "first");
    await until("the second is given", async () => (await given(agent)).includes("second"));
    const pod = await podOf("second");
    expect(pod?.spec.nodeName).toBe("edge-1");
    expect(scheduledCondition(pod)).toMatchObject({ status: "True" });
  });

  it("is given to its agent once the node has more", async () => {
    const agent = await Agent.registered("edge-1");
    await createSet(requests("5"));
    await reconcile();
    await waitingPod("web");
    await agent.sync({ nodeReport: nodeReport({ allocatable: { cpu: "8", memory: "8Gi" } }) });
    await until("the pod is given", async () => (await given(agent)).length === 1);
  });

  it("goes at once when it is deleted, and the next one does not wait for its grace", async () => {
    await Agent.registered("edge-1");
    await createSet(requests("5"));
    await reconcile();
    const pod = await waitingPod("web");
    await changeSet(requests("1"));
    await reconcile();
    await until("there is another", async () => {
      const now = await podOf("web");
      return now !== undefined && now.metadata.uid !== pod.metadata.uid && scheduledCondition(now)?.status === "True";
    });
  });

  it("keeps its place when it is labelled", async () => {
    await Agent.registered("edge-1");
    await createSet(requests("5"));
    await reconcile();
    const { metadata } = await waitingPod("web");
    await api.patch(`${api.pods}/${metadata.name}`, { metadata: { labels: { seen: "yes" } } });
    expect((await getSet()).status).toMatchObject({ currentNumberScheduled: 1 });
    expect(await podOf("web")).toMatchObject({ metadata: { uid: metadata.uid, labels: { seen: "yes" } } });
    await reconcile();
    expect(await daemonPods()).toHaveLength(1);
  });
});

describe("host ports", () => {
  it("are held by one pod of a node at a time", async () => {
    const agent = await Agent.registered("edge-1");
    await createSet({ ...named("first"), ...hostPort });
    await reconcile("first");
    await createSet({ ...named("second"), ...hostPort });
    await reconcile("second");
    expect(scheduledCondition(await waitingPod("second"))?.message).toContain(
      "1 node(s) didn't have free ports for the requested pod ports",
    );
    await agent.obey();
    expect(await given(agent)).toEqual(["first"]);
  });
});

describe("a more important daemon pod", () => {
  it("takes the place of a less important one, which is given its grace", async () => {
    const agent = await Agent.registered("edge-1");
    await api.create("/apis/scheduling.k8s.io/v1/priorityclasses", { metadata: { name: "high" }, value: 1000 });
    await createSet({ ...named("low"), ...requests("3") });
    await reconcile("low");
    await agent.obey();
    await createSet({ ...named("vip"), ...requests("2"), "spec.template.spec.priorityClassName": "high" });
    await reconcile("vip");
    const vip = await waitingPod("vip");
    expect(vip.status.nominatedNodeName).toBe("edge-1");
    const low = await until("the less important one goes", async () => {
      const pod = await podOf("low");
      return pod?.metadata.deletionTimestamp === undefined ? null : pod;
    });
    expect(low.metadata.deletionGracePeriodSeconds).toBe(30);
    expect(low.status.conditions).toContainEqual(
      expect.objectContaining({ type: "DisruptionTarget", reason: "PreemptionByScheduler" }),
    );
    expect(await eventsOf("Preempted")).toMatchObject([
      { type: "Normal", message: `Preempted by pod ${vip.metadata.uid} on node edge-1` },
    ]);
    await until("the important one is given", async () => {
      await agent.obey();
      return (await given(agent)).includes("vip");
    });
    expect((await podOf("vip"))?.status.nominatedNodeName).toBeUndefined();
    // The other comes back, and waits for its turn.
    await reconcile("low");
    await waitingPod("low");
    expect(await given(agent)).toEqual(["vip"]);
  });
});

describe("a pod that was put on a node by name", () => {
  const pinned = (name: string, cpu: string) => ({
    metadata: { name },
    spec: { nodeName: "edge-1", containers: [{ name: "c", image: "nginx", resources: { requests: { cpu } } }] },
  });

  it("is given to the agent when it fits, and rejected when it does not", async () => {
    const agent = await Agent.registered("edge-1");
    await api.create(api.pods, pinned("fits", "3"));
    await api.create(api.pods, pinned("misfit", "2"));
    const rejected = await until("the misfit is rejected", async () => {
      const pod = await api.get(`${api.pods}/misfit`);
      return (pod as Pod).status.phase === "Failed" ? pod : null;
    });
    expect(rejected["status"]).toMatchObject({
      reason: "OutOfcpu",
      message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000",
    });
    await agent.sync();
    expect(agent.pods.size).toBe(1);
    expect(await eventsOf("OutOfcpu")).toHaveLength(1);
    await api.remove(`${api.pods}/misfit`);
    expect(await api.exists(`${api.pods}/misfit`)).toBe(false);
  });
});

describe.each([
  ["evicted", () => evictAllDurableObjects()],
  ["broken off", () => abortAllDurableObjects().then(() => tick())],
])("with the shard %s between all steps", (_how, interrupt) => {
  it("a pod that was given stays so, and one that waits goes on waiting", async () => {
    const agent = await Agent.registered("edge-1");
    await createSet({ ...named("first"), ...requests("3") });
    await reconcile("first");
    await interrupt();
    expect(await given(agent)).toEqual(["first"]);
    await createSet({
      ...named("second"),
      ...requests("3"),
      "spec.template.spec.priorityClassName": "system-node-critical",
    });
    await interrupt();
    expect(await given(agent)).toEqual(["first"]);
    await reconcile("second");
    await waitingPod("second");
    await interrupt();
    // The agent has said nothing yet of what it runs; the more important pod asks for its end, and nobody takes it away.
    expect(await given(agent)).toEqual(["first"]);
    expect([...agent.pods.values()][0]?.deletion).toBeDefined();
  });
});
