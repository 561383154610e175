// What upstream's unit and integration tests of the daemon controller say of failures, claims and new lives, each under
// upstream's name.
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { targetNode } from "../../src/durable/reconciling.ts";
import { insertPods } from "../../src/store/pods.ts";
import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { addNodes, head, logAfter, newCluster, nodeNames, run } from "./support/cluster.ts";
import {
  changeSet,
  controllerOf,
  createSet,
  daemonPods,
  getSet,
  pokeController,
  reconcile,
  storeSet,
} from "./support/daemonset.ts";
import type { Intervention } from "./support/database.ts";
import { failingAt, interposed, onceBefore, useDatabase } from "./support/database.ts";
import { keepTemplate, newPod, podTemplate } from "./support/pods.ts";

beforeEach(newCluster);
afterEach(() => {
  vi.restoreAllMocks();
});

async function nodesWithPods(): Promise<readonly string[]> {
  return (await daemonPods()).map(({ spec }) => spec.nodeName ?? "");
}

describe("TestExpectationsOnRecreate", () => {
  it("a DaemonSet of the same name begins anew: its first pass makes its pods, whatever is left of the one before", async () => {
    await Agent.registered("a");
    const { metadata } = await createSet();
    await reconcile();
    await api.remove(`${api.daemonSets}/web`);
    const again = await createSet();
    await reconcile();
    const pods = await daemonPods();
    const owners = pods.map((pod) => pod.metadata.ownerReferences?.[0]?.uid);
    expect(again.metadata.uid).not.toBe(metadata.uid);
    expect(owners.filter((uid) => uid === again.metadata.uid)).toHaveLength(1);
    expect((await getSet()).status).toMatchObject({ desiredNumberScheduled: 1, currentNumberScheduled: 1 });
  });
});

describe("a pass of which a part fails", () => {
  it("TestSimpleDaemonSetPodCreateErrors: counts the pods that were made, and tries the rest again", async () => {
    await addNodes(nodeNames(10));
    const set = await storeSet();
    const leave = onceBefore(/INSERT INTO pods/, async () => {
      for (const name of nodeNames(4)) await api.remove(`${api.nodes}/${name}`);
    });
    await useDatabase(controllerOf(set), interposed(leave));
    await pokeController(set);
    expect(await nodesWithPods()).toEqual(nodeNames(6, 4));
    expect((await getSet()).status).toMatchObject({
      desiredNumberScheduled: 6,
      currentNumberScheduled: 6,
      updatedNumberScheduled: 6,
    });
    await addNodes(nodeNames(4));
    await pokeController(set);
    expect(await nodesWithPods()).toEqual(nodeNames(10));
  });

  it("TestDaemonSetPodCreateExpectationsError: leaves nothing that it would wait for", async () => {
    await addNodes(nodeNames(3));
    const set = await storeSet();
    await useDatabase(controllerOf(set), interposed(failingAt(/INSERT INTO pods/)));
    await pokeController(set);
    await pokeController(set);
    expect(await nodesWithPods()).toEqual(nodeNames(3));
    const before = await head();
    await pokeController(set);
    expect(await head()).toBe(before);
  });

  it.each([
    ["sync error", /INSERT INTO pods/],
    ["status error", /UPDATE objects SET/],
  ])("TestSimpleDaemonSetUpdatesStatusError: %s: says so, and its alarm does it again", async (_what, statement) => {
    const complaints = vi.spyOn(console, "error").mockImplementation(() => {});
    await addNodes(nodeNames(2));
    const set = await storeSet();
    await useDatabase(controllerOf(set), interposed(failingAt(statement)));
    await pokeController(set);
    expect(complaints.mock.calls).toMatchObject([[{ message: "a pass failed" }]]);
    // The object sleeps in between; only the alarm is left of the pass.
    await evictDurableObject(controllerOf(set));
    expect(await runDurableObjectAlarm(controllerOf(set))).toBe(true);
    expect(await nodesWithPods()).toEqual(nodeNames(2));
    expect((await getSet()).status).toMatchObject({ desiredNumberScheduled: 2, currentNumberScheduled: 2 });
  });

  it("TestUpdateStatusDespitePodCreationFailure: says how many pods there should be, and why there are none", async () => {
    await addNodes(nodeNames(2));
    await createSet({ "spec.template.spec.priorityClassName": "later" });
    expect((await reconcile()).status).toMatchObject({
      desiredNumberScheduled: 2,
      currentNumberScheduled: 0,
      numberUnavailable: 2,
      observedGeneration: 1,
    });
    const events = await api.list("/api/v1/namespaces/default/events");
    expect(events.find((event) => event["reason"] === "FailedCreate")).toMatchObject({
      type: "Warning",
      message: expect.stringMatching(/^Error creating: .*later/),
    });
    await api.create("/apis/scheduling.k8s.io/v1/priorityclasses", {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name: "later" },
      value: 1_000,
    });
    await reconcile();
    expect(await nodesWithPods()).toEqual(nodeNames(2));
  });
});

describe("TestStoreDaemonSetStatus", () => {
  /** Does something before each batch that writes a DaemonSet's status, as often as is said. */
  function beforeStatus(times: number, work: () => Promise<unknown>): Intervention {
    let left = times;
    return async (sql, proceed) => {
      if (left > 0 && sql.some((statement) => /UPDATE objects SET/.test(statement))) {
        left -= 1;
        await work();
      }
      return proceed();
    };
  }

  it.each([
    ["succeed immediately", 0],
    ["succeed after one update failure", 1],
    ["succeed after two", 2],
  ])("%s: the status is right when the pass is over", async (_what, conflicts) => {
    await addNodes(nodeNames(2));
    const set = await storeSet();
    let label = 0;
    const conflict = () => {
      label += 1;
      return changeSet({ "metadata.labels": { label: String(label) } });
    };
    await useDatabase(controllerOf(set), interposed(beforeStatus(conflicts, conflict)));
    await pokeController(set);
    const after = await getSet();
    expect(after.status).toMatchObject({ desiredNumberScheduled: 2, currentNumberScheduled: 2, observedGeneration: 1 });
    expect(after.metadata.labels?.["label"]).toBe(conflicts === 0 ? undefined : String(conflicts));
  });

  it("is not written again when it would say the same", async () => {
    await addNodes(nodeNames(2));
    const set = await storeSet();
    const before = await head();
    await pokeController(set);
    const writes = (await logAfter(before)).filter(({ resource }) => resource === "daemonsets.apps");
    expect(writes.length).toBeLessThanOrEqual(2);
    await pokeController(set);
    expect((await logAfter(before)).filter(({ resource }) => resource === "daemonsets.apps")).toEqual(writes);
  });
});

describe("TestGetNodesToDaemonPods", () => {
  const matching = { app: "web" };
  const other = { app: "other" };

  it.each([
    ["an own pod that matches", matching, "own", "own"],
    ["an orphan that matches", matching, "none", "own"],
    ["an own pod that does not match, which is let go", other, "own", "none"],
    ["another's pod that matches", matching, "foreign", "foreign"],
    ["another's pod that does not match", other, "foreign", "foreign"],
    ["an orphan that does not match", other, "none", "none"],
  ])("%s", async (_which, labels, owner, after) => {
    await addNodes(["a"]);
    const set = await storeSet({ "spec.template.spec.nodeName": "a", "spec.updateStrategy": { type: "OnDelete" } });
    const ownerUid = owner === "none" ? null : owner === "own" ? set.uid : "foreign";
    const reference = { apiVersion: "apps/v1", kind: "DaemonSet", name: "web", uid: ownerUid ?? "", controller: true };
    const ownerReferences = ownerUid === null ? [] : [reference];
    const template = await keepTemplate(podTemplate({ metadata: { labels, ownerReferences } }));
    await run(insertPods(env.DB, [newPod("a", { name: "one", template, ownerUid })], null, { nowMs: Date.now() }));
    await pokeController(set);
    const pods = await daemonPods();
    const [uid] = (pods.find(({ metadata }) => metadata.name === "one")?.metadata.ownerReferences ?? []).map(
      (reference) => reference.uid,
    );
    expect(uid).toBe(after === "none" ? undefined : after === "own" ? set.uid : "foreign");
    // Where it is not the DaemonSet's, the node gets a pod of the DaemonSet's own.
    expect(pods).toHaveLength(after === "own" ? 1 : 2);
  });

  it("a pod that has ended and is to go is passed over, though a finalizer holds it", async () => {
    const agent = await Agent.registered("a");
    await createSet({ "spec.template.metadata.finalizers": ["example.com/mine"] });
    await reconcile();
    await agent.obey();
    const [held] = await daemonPods();
    await api.remove(`${api.pods}/${held?.metadata.name}`);
    await agent.sync();
    const uid = held?.metadata.uid ?? "";
    await agent.sync({ pods: [agent.report(uid, { ended: true, status: { phase: "Succeeded" } })] });
    await reconcile();
    const pods = await daemonPods();
    expect(pods.map(({ metadata }) => [metadata.uid === uid, metadata.deletionTimestamp !== undefined])).toEqual(
      expect.arrayContaining([
        [true, true],
        [false, false],
      ]),
    );
    expect(pods).toHaveLength(2);
  });
});

describe("TestGetTargetNodeName", () => {
  const pinnedTo = (...names: readonly string[]) => ({
    ...podTemplate().spec,
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In" as const, values: [...names] }] }],
        },
      },
    },
  });

  it.each([
    ["a pod that is bound", "node-1", podTemplate().spec, "node-1"],
    ["a pod that is pinned", "", pinnedTo("node-1"), "node-1"],
    ["a pod that is bound elsewhere than it is pinned", "node-2", pinnedTo("node-1"), "node-2"],
    ["a pod that is pinned to several", "", pinnedTo("node-1", "node-2"), null],
    ["a pod that is neither", "", podTemplate().spec, null],
  ])("%s", (_which, node, spec, target) => {
    const row = { ...newPod(node), rv: 1, status: null, observation: 0, deletionMs: null, graceSeconds: null };
    expect(targetNode(row, podTemplate({ spec }))).toBe(target);
  });
});
