// What a node shard does about nodes that fall silent, that are tainted and that are gone.
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Agent, failedStatus, nodeReport } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { passSeconds, stopClock } from "./support/clock.ts";
import { head, logAfter, newCluster } from "./support/cluster.ts";
import { createSet, daemonPods, getSet, reconcile } from "./support/daemonset.ts";
import { keepTemplate, podTemplate, storedPod } from "./support/pods.ts";
import { addPod, getNode, getPod, name, shard, statusOf, taintsOf } from "./support/shard.ts";

beforeEach(async () => {
  await newCluster();
  stopClock();
});
afterEach(() => {
  vi.useRealTimers();
});

const unreachable = ["node.kubernetes.io/unreachable:NoExecute", "node.kubernetes.io/unreachable:NoSchedule"];

describe("a node that is not heard", () => {
  it("is unknown after its grace, with its taints, and its pods are not ready", async () => {
    const agent = await Agent.registered(name);
    const uid = await addPod();
    await agent.sync();
    await agent.sync({ pods: [agent.report(uid)] });
    passSeconds(49);
    await shard().sweep();
    expect(statusOf(await getNode(), "Ready")).toBe("True");
    passSeconds(1);
    await shard().sweep();
    const node = await getNode();
    expect([statusOf(node, "Ready"), taintsOf(node)]).toEqual(["Unknown", unreachable]);
    const pod = await getPod();
    expect([statusOf(pod, "Ready"), pod.status.phase]).toEqual(["False", "Running"]);
    expect(pod.metadata.deletionTimestamp).toBeUndefined();
    const events = await api.list("/api/v1/events");
    expect(events.map((event) => event["reason"])).toContain("NodeNotReady");
  });

  it("costs nothing more while it stays away", async () => {
    await Agent.registered(name);
    await addPod();
    passSeconds(60);
    await shard().sweep();
    const before = await head();
    passSeconds(3_600);
    await shard().sweep();
    await shard().sweep();
    expect(await head()).toBe(before);
  });

  it("is asked to say everything again when it is heard again, and is well then", async () => {
    const agent = await Agent.registered(name);
    const uid = await addPod();
    await agent.sync();
    await agent.sync({ pods: [agent.report(uid)] });
    passSeconds(60);
    await shard().sweep();
    expect((await agent.sync()).resend).toBe(true);
    const answer = await agent.sync({ nodeReport: nodeReport(), pods: [agent.report(uid)] });
    expect(answer.resend).toBeUndefined();
    const node = await getNode();
    expect([statusOf(node, "Ready"), taintsOf(node)]).toEqual(["True", []]);
    expect(statusOf(await getPod(), "Ready")).toBe("True");
  });

  it("is asked to say everything of its pods though it came back with news of itself", async () => {
    const agent = await Agent.registered(name);
    const uid = await addPod();
    await agent.sync();
    await agent.sync({ pods: [agent.report(uid)] });
    passSeconds(60);
    await shard().sweep();
    const moved = nodeReport({ addresses: [{ type: "InternalIP", address: "10.0.0.7" }] });
    expect((await agent.sync({ nodeReport: moved })).resend).toBe(true);
    expect((await agent.sync({ nodeReport: moved, pods: [agent.report(uid)] })).resend).toBeUndefined();
    expect(statusOf(await getPod(), "Ready")).toBe("True");
  });

  it("is not lost while it is heard", async () => {
    const agent = await Agent.registered(name);
    for (let minute = 0; minute < 5; minute += 1) {
      passSeconds(40);
      await agent.sync();
      await shard().sweep();
    }
    expect(statusOf(await getNode(), "Ready")).toBe("True");
  });

  it("that never said how it is has a minute to start", async () => {
    await api.create(api.nodes, { apiVersion: "v1", kind: "Node", metadata: { name } });
    await shard().sweep();
    passSeconds(59);
    await shard().sweep();
    expect(statusOf(await getNode(), "Ready")).toBeUndefined();
    passSeconds(1);
    expect(await runDurableObjectAlarm(shard())).toBe(true);
    const ready = (await getNode()).status.conditions?.find(({ type }) => type === "Ready");
    expect(ready).toMatchObject({ status: "Unknown", reason: "NodeStatusNeverUpdated" });
  });

  it("since the shard woke is given its full grace", async () => {
    await Agent.registered(name);
    passSeconds(3_600);
    await evictDurableObject(shard());
    await shard().sweep();
    passSeconds(49);
    await shard().sweep();
    expect(statusOf(await getNode(), "Ready")).toBe("True");
    passSeconds(1);
    expect(await runDurableObjectAlarm(shard())).toBe(true);
    expect(statusOf(await getNode(), "Ready")).toBe("Unknown");
  });
});

describe("a node that is deleted", () => {
  async function withPod() {
    const agent = await Agent.registered(name);
    const uid = await addPod();
    await agent.sync();
    await agent.sync({ pods: [agent.report(uid)] });
    await api.remove(`${api.nodes}/${name}`);
    await shard().poke();
    return { agent, uid };
  }

  it("keeps its pods for forty seconds, then they are collected", async () => {
    await withPod();
    passSeconds(39);
    await shard().sweep();
    expect(await storedPod(`web-${name}`)).toBeDefined();
    passSeconds(1);
    const before = await head();
    expect(await runDurableObjectAlarm(shard())).toBe(true);
    expect(await storedPod(`web-${name}`)).toBeUndefined();
    const log = (await logAfter(before)).filter(({ resource }) => resource === "pods");
    expect(log.map(({ type }) => type)).toEqual(["MODIFIED", "DELETED"]);
    expect(JSON.parse(log[0]?.body ?? "")).toMatchObject({
      phase: "Failed",
      status: {
        conditions: expect.arrayContaining([
          expect.objectContaining({ type: "DisruptionTarget", reason: "DeletionByPodGC" }),
        ]),
      },
    });
  });

  it("keeps them when it comes back in time", async () => {
    const { agent, uid } = await withPod();
    passSeconds(30);
    const answer = await agent.sync({ register: true, nodeReport: nodeReport(), pods: [agent.report(uid)] });
    expect(answer.registered).toBe(true);
    passSeconds(3_600);
    await agent.sync();
    await shard().sweep();
    expect((await storedPod(`web-${name}`))?.uid).toBe(uid);
  });

  it("leaves no trace of pods that a finalizer holds but themselves, written once", async () => {
    await Agent.registered(name);
    const template = await keepTemplate(podTemplate({ metadata: { finalizers: ["example.com/mine"] } }));
    await addPod({ template, hasFinalizers: true });
    await api.remove(`${api.nodes}/${name}`);
    await shard().poke();
    passSeconds(60);
    await shard().sweep();
    expect(await storedPod(`web-${name}`)).toMatchObject({ phase: "Failed", graceSeconds: 0 });
    const before = await head();
    passSeconds(60);
    await shard().sweep();
    expect(await head()).toBe(before);
  });
});

/** Time passes in steps, after each of which the node is heard and the shard looks after itself. */
async function passHeard(agent: Agent, steps: number, seconds: number): Promise<void> {
  for (let step = 0; step < steps; step += 1) {
    passSeconds(seconds);
    await agent.sync();
    await shard().sweep();
  }
}

describe("a NoExecute taint", () => {
  const bad = { key: "bad", effect: "NoExecute" };

  async function taint(taints: readonly object[] | null): Promise<void> {
    await api.patch(`${api.nodes}/${name}`, { spec: { taints } });
    await shard().poke();
  }

  async function isLeaving(): Promise<boolean> {
    const pod = await storedPod(`web-${name}`);
    return pod === undefined || pod.deletionMs !== null;
  }

  it("drives away a pod that does not tolerate it, at once, and says why", async () => {
    await Agent.registered(name);
    await addPod({}, []);
    await taint([bad]);
    const pod = await getPod();
    expect(pod.metadata.deletionGracePeriodSeconds).toBe(30);
    expect(statusOf(pod, "DisruptionTarget")).toBe("True");
    const events = await api.list("/api/v1/events");
    expect(events.map((event) => event["reason"])).toContain("TaintManagerEviction");
  });

  it("leaves a pod that tolerates it", async () => {
    await Agent.registered(name);
    await addPod({}, [{ key: "bad", operator: "Exists" }]);
    await taint([bad]);
    passSeconds(86_400);
    await shard().sweep();
    expect(await isLeaving()).toBe(false);
  });

  it("drives away a pod that tolerates it for a while, when that is over", async () => {
    const agent = await Agent.registered(name);
    await addPod({}, [{ key: "bad", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 }]);
    await taint([bad]);
    await passHeard(agent, 10, 29.9);
    expect(await isLeaving()).toBe(false);
    passSeconds(1);
    expect(await runDurableObjectAlarm(shard())).toBe(true);
    expect(await isLeaving()).toBe(true);
  });

  it("that goes in time drives nobody away, and gives the full time when it comes back", async () => {
    const agent = await Agent.registered(name);
    await addPod({}, [{ key: "bad", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 }]);
    await taint([bad]);
    passSeconds(20);
    await taint(null);
    passSeconds(20);
    await agent.sync();
    await taint([bad]);
    await passHeard(agent, 9, 30);
    expect(await isLeaving()).toBe(false);
    passSeconds(31);
    await shard().sweep();
    expect(await isLeaving()).toBe(true);
  });

  it("drives a failed pod away at once, and its agent is told to forget it", async () => {
    const agent = await Agent.registered(name);
    const uid = await addPod({}, []);
    await agent.sync();
    await agent.sync({ pods: [agent.report(uid, { status: failedStatus })] });
    await taint([bad]);
    expect(await storedPod(`web-${name}`)).toBeUndefined();
    await agent.sync();
    expect([...agent.pods.keys()]).toEqual([]);
  });

  it("drives daemon pods away, and their DaemonSet makes none before it goes", async () => {
    const agent = await Agent.registered(name);
    await createSet();
    await reconcile();
    await agent.obey();
    await taint([bad]);
    await reconcile();
    expect((await daemonPods()).map(({ metadata }) => metadata.deletionTimestamp !== undefined)).toEqual([true]);
    await agent.obey();
    await reconcile();
    expect([await daemonPods(), (await getSet()).status.desiredNumberScheduled]).toEqual([[], 0]);
    await taint(null);
    await reconcile();
    expect(await daemonPods()).toHaveLength(1);
  });
});

describe("a lease", () => {
  it("is as fresh as the node was heard, and never written", async () => {
    const agent = await Agent.registered(name);
    passSeconds(17);
    await agent.sync();
    const before = await head();
    const lease = await api.get(`/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${name}`);
    expect(lease["spec"]).toMatchObject({
      holderIdentity: name,
      renewTime: new Date().toISOString().replace(/Z$/, "000Z"),
    });
    expect(await head()).toBe(before);
  });
});
