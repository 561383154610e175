import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Node } from "../../src/model/node.ts";
import type { Pod } from "../../src/model/pod.ts";
import { nodeShard, shardOfNode } from "../../src/pokes.ts";
import { digestOf } from "../../src/store/credentials.ts";
import type { NewPod } from "../../src/store/pods.ts";
import { insertPods } from "../../src/store/pods.ts";
import { Agent, failedStatus, nodeReport, runningStatus } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { passSeconds, stopClock } from "./support/clock.ts";
import { head, logAfter, newCluster, run } from "./support/cluster.ts";
import { createSet, daemonPods, getSet, reconcile } from "./support/daemonset.ts";
import type { Intervention } from "./support/database.ts";
import { interposed, losingAnswerOf, useDatabase } from "./support/database.ts";
import { keepTemplate, newPod, podTemplate, storedPod } from "./support/pods.ts";

const name = "edge-1";

beforeEach(async () => {
  await newCluster();
  stopClock();
});
afterEach(() => {
  vi.useRealTimers();
});

function shard() {
  return nodeShard(env, shardOfNode(env, name));
}

async function getNode(): Promise<Node> {
  // The API's own answer.
  return (await api.get(`${api.nodes}/${name}`)) as Node;
}

async function getPod(pod = `web-${name}`): Promise<Pod> {
  // The API's own answer.
  return (await api.get(`${api.pods}/${pod}`)) as Pod;
}

function statusOf({ status }: Node | Pod, type: string): string | undefined {
  return status.conditions?.find((condition) => condition.type === type)?.status;
}

function taintsOf({ spec }: Node): readonly string[] {
  return (spec.taints ?? []).map(({ key, effect }) => `${key}:${effect}`).toSorted();
}

const unreachable = ["node.kubernetes.io/unreachable:NoExecute", "node.kubernetes.io/unreachable:NoSchedule"];

/** A pod on the node, as a controller would have made it; the shard is told. */
async function addPod(
  fields: Partial<NewPod> = {},
  tolerations: readonly object[] = [{ operator: "Exists" }],
): Promise<string> {
  const { spec } = podTemplate();
  // Typed stub: tolerations of the test's own.
  const template = podTemplate({
    spec: { ...spec, tolerations: [...tolerations] as NonNullable<typeof spec.tolerations> },
  });
  const pod = newPod(name, { template: await keepTemplate(template), createdMs: Date.now(), ...fields });
  await run(insertPods(env.DB, [pod], null, { nowMs: Date.now() }));
  await shard().poke();
  return pod.uid;
}

describe("registration", () => {
  it("makes the Node of an agent that starts, as it reports it and as its join token grants", async () => {
    const agent = await Agent.enrolled(name, {
      labels: { zone: "a" },
      taints: [{ key: "new", effect: "NoSchedule" }],
    });
    const answer = await agent.sync({
      register: true,
      nodeReport: nodeReport({ nodeInfo: { kubeletVersion: "v1.34.0" } }),
    });
    expect(answer).toMatchObject({ registered: true, acknowledged: 1, pods: [] });
    const node = await getNode();
    expect(node.metadata.labels).toEqual({ "kubernetes.io/os": "linux", zone: "a" });
    expect(node.spec.taints).toEqual([{ key: "new", effect: "NoSchedule" }]);
    expect(node.status.nodeInfo.kubeletVersion).toBe("v1.34.0");
    expect(statusOf(node, "Ready")).toBe("True");
  });

  it("lets no agent give its node a role", async () => {
    const labels = {
      "kubernetes.io/hostname": "h",
      "node-role.kubernetes.io/control-plane": "",
      "node-restriction.kubernetes.io/x": "",
    };
    await Agent.registered(name, { labels });
    expect((await getNode()).metadata.labels).toEqual({ "kubernetes.io/hostname": "h" });
  });

  it("says no to an agent that goes on when its Node was deleted, and makes a new one when it starts again", async () => {
    const agent = await Agent.registered(name);
    const before = (await getNode()).metadata.uid;
    await api.remove(`${api.nodes}/${name}`);
    await shard().poke();
    expect(await agent.sync({ nodeReport: nodeReport() })).toMatchObject({ registered: false });
    expect(await api.exists(`${api.nodes}/${name}`)).toBe(false);
    expect(await agent.sync({ register: true, nodeReport: nodeReport() })).toMatchObject({ registered: true });
    expect((await getNode()).metadata.uid).not.toBe(before);
  });

  it("registers nobody who does not ask for it", async () => {
    const agent = await Agent.enrolled(name);
    expect(await agent.sync({ nodeReport: nodeReport() })).toMatchObject({ registered: false });
  });

  it("keeps labels that users gave the Node, and the taints", async () => {
    const agent = await Agent.registered(name);
    const spec = { taints: [{ key: "x", effect: "NoSchedule" }] };
    await api.patch(`${api.nodes}/${name}`, { metadata: { labels: { mine: "1", "kubernetes.io/os": "plan9" } }, spec });
    await shard().poke();
    await agent.sync({ register: true, nodeReport: nodeReport({ capacity: { cpu: "8" } }) });
    const node = await getNode();
    expect(node.metadata.labels).toEqual({ mine: "1", "kubernetes.io/os": "linux" });
    expect(node.spec.taints).toEqual(spec.taints);
    expect(node.status.capacity).toEqual({ cpu: "8" });
  });

  it("writes nothing for a report that says nothing new", async () => {
    const agent = await Agent.registered(name);
    const before = await head();
    await agent.sync({ nodeReport: nodeReport() });
    await agent.sync();
    expect(await head()).toBe(before);
  });

  it("taints a node that reports pressure, and takes the taint away", async () => {
    const agent = await Agent.registered(name);
    const ready = { type: "Ready", status: "True", reason: "", message: "" } as const;
    const pressure = (status: "True" | "False") => [ready, { type: "DiskPressure", status, reason: "", message: "" }];
    await agent.sync({ nodeReport: nodeReport({ conditions: pressure("True") }) });
    expect(taintsOf(await getNode())).toEqual(["node.kubernetes.io/disk-pressure:NoSchedule"]);
    await agent.sync({ nodeReport: nodeReport({ conditions: pressure("False") }) });
    expect(taintsOf(await getNode())).toEqual([]);
  });
});

describe("an assignment", () => {
  it("is sent once, with the templates that the agent lacks", async () => {
    const agent = await Agent.registered(name);
    const uid = await addPod();
    const first = await agent.sync();
    expect(first.pods?.map((pod) => pod.uid)).toEqual([uid]);
    expect(Object.keys(first.templates ?? {})).toEqual(first.pods?.map(({ template }) => template));
    const second = await agent.sync();
    expect([second.pods, second.revision, second.etag]).toEqual([undefined, first.revision, first.etag]);
  });

  it("is sent again to an agent that lost its disk, under a revision above what it had", async () => {
    const agent = await Agent.registered(name);
    await addPod();
    const first = await agent.sync();
    agent.have = { revision: first.revision + 100, etag: "another", templates: [] };
    const again = await agent.sync();
    expect(again.revision).toBeGreaterThan(first.revision + 100);
    expect(again.pods).toHaveLength(1);
  });

  it("tells of the end of a pod, and how long it has", async () => {
    const agent = await Agent.registered(name);
    const uid = await addPod();
    await agent.sync();
    await api.remove(`${api.pods}/web-${name}`, { gracePeriodSeconds: 7 });
    await shard().poke();
    await agent.sync();
    expect(agent.pods.get(uid)?.deletion).toMatchObject({ gracePeriodSeconds: 7 });
  });

  it("holds the pods of the agent's own node alone", async () => {
    const other = await Agent.registered("other-node");
    const agent = await Agent.registered(name);
    await addPod();
    expect((await agent.sync()).pods).toHaveLength(1);
    expect((await other.sync()).pods ?? []).toEqual([]);
  });
});

describe("a report about a pod", () => {
  async function running() {
    const agent = await Agent.registered(name);
    const uid = await addPod();
    await agent.sync();
    return { agent, uid };
  }

  it("is stored, with its transitions dated by the control plane's clock", async () => {
    const { agent, uid } = await running();
    await agent.sync({ pods: [agent.report(uid)] });
    const pod = await getPod();
    expect(pod.status.phase).toBe("Running");
    const ready = pod.status.conditions?.find(({ type }) => type === "Ready");
    expect(ready?.lastTransitionTime).toBe(`${new Date().toISOString().slice(0, 19)}Z`);
  });

  it("is durable once it is acknowledged, and not acknowledged before", async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isHeld = false;
    const hold: Intervention = async (sql, proceed) => {
      if (!sql.some((statement) => /UPDATE pods SET rv/.test(statement))) return proceed();
      isHeld = true;
      await released;
      return proceed();
    };
    await useDatabase(shard(), interposed(hold));
    const { agent, uid } = await running();
    let isAcknowledged = false;
    const answered = agent.sync({ pods: [agent.report(uid)] }).then(() => {
      isAcknowledged = true;
    });
    await vi.waitUntil(() => isHeld);
    expect([isAcknowledged, (await storedPod(`web-${name}`))?.phase]).toEqual([false, "Pending"]);
    release();
    await answered;
    expect((await storedPod(`web-${name}`))?.phase).toBe("Running");
  });

  it("that comes again changes nothing", async () => {
    const { agent, uid } = await running();
    const report = agent.report(uid);
    await agent.sync({ pods: [report] });
    const before = await head();
    expect((await agent.sync({ pods: [report] })).acknowledged).toBeGreaterThan(0);
    expect(await head()).toBe(before);
  });

  it("that comes late changes nothing", async () => {
    const { agent, uid } = await running();
    const late = agent.report(uid, { status: failedStatus });
    await agent.sync({ pods: [agent.report(uid)] });
    await agent.sync({ pods: [late] });
    expect((await getPod()).status.phase).toBe("Running");
  });

  it.each([
    ["a pod that does not exist", async () => "no-such-uid"],
    [
      "a pod of another node",
      async () => addPod({ node: "elsewhere", bucket: 1, name: "elsewhere", uid: "elsewhere" }),
    ],
  ])("about %s is ignored", async (_what, uidOf) => {
    const agent = await Agent.registered(name);
    const uid = await uidOf();
    const before = await head();
    await agent.sync({ pods: [{ uid, observation: 5, status: runningStatus() }] });
    expect(await head()).toBe(before);
  });

  it("that cannot be read is ignored, and what came with it is taken", async () => {
    const { agent, uid } = await running();
    const other = await addPod({ name: "other", slot: 1 });
    await agent.sync();
    await agent.sync({ pods: [agent.report(uid, { status: { phase: 7 } }), agent.report(other)] });
    expect([(await getPod()).status.phase, (await getPod("other")).status.phase]).toEqual(["Pending", "Running"]);
  });

  it("of many agents goes into one transaction", async () => {
    const { agent, uid } = await running();
    const others = await Promise.all(
      Array.from({ length: 12 }, (_, index) => `edge-${index + 2}`)
        .filter((other) => shardOfNode(env, other) === shardOfNode(env, name))
        .map((other) => Agent.registered(other)),
    );
    let commits = 0;
    const before = await head();
    const counting: Intervention = (sql, proceed) => {
      if (sql.some((statement) => /UPDATE objects SET rv/.test(statement))) commits += 1;
      return proceed();
    };
    await useDatabase(shard(), interposed(counting));
    const sick = nodeReport({ conditions: [{ type: "Ready", status: "False", reason: "", message: "" }] });
    await Promise.all([agent, ...others].map((one) => one.sync({ nodeReport: sick })));
    expect((await logAfter(before)).filter(({ resource }) => resource === "nodes")).toHaveLength(others.length + 1);
    expect(commits).toBeLessThanOrEqual(2);
    expect(uid).toBeDefined();
  });

  it("whose answer was lost is taken once, when it is sent again", async () => {
    const agent = await Agent.registered(name);
    const uid = await addPod();
    await agent.sync();
    await useDatabase(shard(), interposed(losingAnswerOf(/UPDATE pods SET rv/)));
    const report = agent.report(uid);
    const message = agent.message({ pods: [report] });
    const failed = await shard()
      .sync(message, digestOf(agent.token), 0)
      .then(() => null, String);
    expect(failed).toContain("Network connection lost");
    expect(await agent.sync({ pods: [report] })).toMatchObject({ registered: true });
    expect((await logAfter(0)).filter((row) => row.type === "MODIFIED" && row.uid === uid)).toHaveLength(1);
  });

  it("that the pod has ended removes it, if it was to end", async () => {
    const { agent, uid } = await running();
    await agent.sync({ pods: [agent.report(uid, { ended: true })] });
    expect(await storedPod(`web-${name}`)).toBeDefined();
    await api.remove(`${api.pods}/web-${name}`);
    await shard().poke();
    await agent.sync();
    await agent.sync({ pods: [agent.report(uid, { ended: true })] });
    expect(await storedPod(`web-${name}`)).toBeUndefined();
    expect((await agent.sync()).pods).toEqual(undefined);
    expect([...agent.pods.keys()]).toEqual([]);
  });

  it("that the pod has ended leaves it to its finalizers", async () => {
    const { spec } = podTemplate();
    const finalizers = ["example.com/mine"];
    const agent = await Agent.registered(name);
    const template = await keepTemplate(podTemplate({ metadata: { finalizers }, spec }));
    const uid = await addPod({ template, hasFinalizers: true });
    await agent.sync();
    await api.remove(`${api.pods}/web-${name}`);
    await shard().poke();
    await agent.sync();
    await agent.sync({ pods: [agent.report(uid, { ended: true, status: { phase: "Succeeded" } })] });
    expect(await storedPod(`web-${name}`)).toMatchObject({ graceSeconds: 0, phase: "Succeeded" });
    await api.patch(`${api.pods}/web-${name}`, { metadata: { finalizers: null } });
    expect(await storedPod(`web-${name}`)).toBeUndefined();
  });

  it("about a pod that was removed by force does not bring it back", async () => {
    const { agent, uid } = await running();
    const late = agent.report(uid);
    await api.remove(`${api.pods}/web-${name}`, { gracePeriodSeconds: 0 });
    await agent.sync({ pods: [late] });
    expect(await storedPod(`web-${name}`)).toBeUndefined();
    await shard().poke();
    expect((await agent.sync()).pods ?? []).toEqual([]);
  });

  it("tells people what happened on the node, about its own pods and itself", async () => {
    const { agent, uid } = await running();
    const event = { type: "Warning" as const, reason: "BackOff", message: "again", count: 1, firstAt: "", lastAt: "" };
    await agent.sync({
      events: [{ ...event, podUid: uid, fieldPath: "spec.containers{c}" }, event, { ...event, podUid: "other" }],
    });
    const events = (await api.list("/api/v1/events")).filter((one) => one["reason"] === "BackOff");
    const subjects = events.map((one) => Object(one["involvedObject"])["kind"]).toSorted();
    expect(subjects).toEqual(["Node", "Pod"]);
    expect(events[0]).toMatchObject({ source: { component: "kubelet", host: name } });
  });
});

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

  it("that was never heard since the shard woke is given its full grace", async () => {
    await api.create(api.nodes, { apiVersion: "v1", kind: "Node", metadata: { name } });
    await shard().sweep();
    passSeconds(49);
    await shard().sweep();
    expect(statusOf(await getNode(), "Ready")).toBeUndefined();
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
    for (let minute = 0; minute < 10; minute += 1) {
      passSeconds(29.9);
      await agent.sync();
      await shard().sweep();
    }
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
    for (let step = 0; step < 9; step += 1) {
      passSeconds(30);
      await agent.sync();
      await shard().sweep();
    }
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
