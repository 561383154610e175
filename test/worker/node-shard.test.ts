// A node shard and the agents of its nodes: who they are, what they are told to run, and what they say of it.
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { shardOfNode } from "../../src/pokes.ts";
import { digestOf } from "../../src/store/credentials.ts";
import { Agent, failedStatus, nodeReport, runningStatus } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { stopClock } from "./support/clock.ts";
import { head, logAfter, newCluster } from "./support/cluster.ts";
import type { Intervention } from "./support/database.ts";
import { interposed, losingAnswerOf, useDatabase } from "./support/database.ts";
import { keepTemplate, podTemplate, storedPod } from "./support/pods.ts";
import { addPod, getNode, getPod, name, shard, statusOf, taintsOf } from "./support/shard.ts";

beforeEach(async () => {
  await newCluster();
  stopClock();
});
afterEach(() => {
  vi.useRealTimers();
});

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

  it("tells of the conditions that others write, which its agent's reports leave as they are", async () => {
    const agent = await Agent.registered(name);
    const uid = await addPod();
    await agent.obey();
    expect(agent.pods.get(uid)).not.toHaveProperty("conditions");
    const letIn = { type: "example.com/let-in", status: "True" };
    const patch = { status: { conditions: [letIn] } };
    await api.patch(`${api.pods}/web-${name}/status`, patch, "application/strategic-merge-patch+json");
    await shard().poke();
    expect((await agent.sync()).pods).toHaveLength(1);
    expect(agent.pods.get(uid)?.conditions).toEqual({ "example.com/let-in": "True" });
    await agent.sync({ pods: [agent.report(uid)] });
    expect(statusOf(await getPod(), letIn.type)).toBe("True");
    expect((await agent.sync()).pods).toBeUndefined();
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
