// How pods are written: each write guarded, and in the log.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { insertObjects, removeObjects } from "../../src/store/objects.ts";
import type { PodRow } from "../../src/store/pod-rows.ts";
import { loggedPodRow } from "../../src/store/pod-rows.ts";
import type { NewPod, Owner, StatusUpdate } from "../../src/store/pods.ts";
import { deletePods, insertPods, updatePodStatuses, updatePods } from "../../src/store/pods.ts";
import { daemonSet } from "../model/objects.ts";
import { addNodes, head, logAfter, newCluster, nodeNames, nodeRow, run } from "./support/cluster.ts";
import { keepTemplate, newPod, podTemplate, statusUpdate, storedPod, storedPods } from "./support/pods.ts";

const nowMs = Date.UTC(2026, 5, 1);
const owner: Owner = { namespace: "default", name: "web", uid: "set-1" };
const setKey = { resource: "daemonsets.apps", namespace: "default", name: "web" };

beforeEach(async () => {
  await newCluster();
  await keepTemplate();
});

function insert(pods: readonly NewPod[], of: Owner | null = null) {
  return run(insertPods(env.DB, pods, of, { nowMs }));
}

async function addSet(metadata: object = {}): Promise<void> {
  const set = daemonSet({ "metadata.uid": owner.uid });
  const object = { ...set, metadata: { ...set.metadata, ...metadata } };
  await run(insertObjects(env.DB, [{ ...setKey, object }], { nowMs }));
}

/** What the log says of each pod, and what the table says, must be the same. */
async function expectLogToMatch(seq: number): Promise<void> {
  const last = new Map((await logAfter(seq)).map((row) => [row.name, row]));
  const stored = await storedPods();
  for (const [name, row] of last) {
    if (row.type === "DELETED") expect(stored.has(name)).toBe(false);
    else expect(loggedPodRow(row)).toEqual(stored.get(name));
  }
}

describe("insertPods", () => {
  it("gives each pod a resourceVersion of its own, and logs exactly what it stored", async () => {
    const before = await head();
    const status = { phase: "Pending", conditions: [{ type: "PodScheduled", status: "True" }] };
    const written = await insert([newPod("a", { status, ownerUid: "x", hasFinalizers: true }), newPod("b")]);
    expect([...written.values()]).toEqual([before + 1, before + 2]);
    expect(await storedPod("web-a")).toMatchObject({
      status,
      ownerUid: "x",
      hasFinalizers: true,
      observation: 0,
      deletionMs: null,
    });
    expect((await logAfter(before)).map(({ type, seq }) => [type, seq])).toEqual([
      ["ADDED", before + 1],
      ["ADDED", before + 2],
    ]);
    await expectLogToMatch(before);
  });

  it("takes one pod for an owner, a node and a slot, and no second one", async () => {
    const written = await insert([
      newPod("a", { ownerUid: "x", name: "first" }),
      newPod("a", { ownerUid: "x", name: "second" }),
      newPod("a", { ownerUid: "x", name: "third", slot: 1 }),
      newPod("a", { ownerUid: "y", name: "fourth" }),
    ]);
    expect([...written.keys()]).toEqual(["default/first", "default/third", "default/fourth"]);
  });

  it("takes any number of pods without an owner on a node", async () => {
    expect((await insert([newPod("a", { name: "first" }), newPod("a", { name: "second" })])).size).toBe(2);
  });

  it("lets one of two controllers win who fill the same slot", async () => {
    const both = await Promise.all(["first", "second"].map((name) => insert([newPod("a", { name, ownerUid: "x" })])));
    expect(both.map(({ size }) => size).toSorted()).toEqual([0, 1]);
  });

  it("refuses a namespace that is going", async () => {
    await env.DB.prepare(
      "UPDATE objects SET body = json_set(body, '$.status.phase', 'Terminating') WHERE resource = 'namespaces' AND name = 'default'",
    ).run();
    const before = await head();
    expect((await insert([newPod("a")])).size).toBe(0);
    expect(await head()).toBe(before);
  });

  it("makes a DaemonSet's pods only while it is there and stays", async () => {
    await addNodes(["a"]);
    expect((await insert([newPod("a")], owner)).size).toBe(0);
    await addSet();
    expect((await insert([newPod("a")], { ...owner, uid: "another" })).size).toBe(0);
    expect((await insert([newPod("a")], owner)).size).toBe(1);
  });

  it("makes no pods for a DaemonSet that is going", async () => {
    await addNodes(["a"]);
    await addSet({ deletionTimestamp: "2026-06-01T00:00:00Z", finalizers: ["mine"] });
    expect((await insert([newPod("a")], owner)).size).toBe(0);
  });

  it("makes a DaemonSet's pods only on nodes that exist", async () => {
    await addSet();
    await addNodes(["a"]);
    expect([...(await insert([newPod("a"), newPod("gone")], owner)).keys()]).toEqual(["default/web-a"]);
  });

  it("takes more than fits one parameter, numbered without a gap", async () => {
    const status = { phase: "Pending", message: "x".repeat(2_000) };
    const pods = nodeNames(1_000).map((node) => newPod(node, { status }));
    const before = await head();
    const written = await insert(pods);
    expect([...written.values()]).toEqual(pods.map((_, index) => before + 1 + index));
  });
});

describe("updatePodStatuses", () => {
  const running = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };

  async function report(row: PodRow, observation: number, fields: Partial<StatusUpdate> = {}) {
    const update = statusUpdate(row, { status: running, observation, ...fields });
    return run(updatePodStatuses(env.DB, [update], { nowMs, origin: "shard" }));
  }

  async function onePod(): Promise<PodRow> {
    await insert([newPod("a")]);
    const row = await storedPod("web-a");
    if (row === undefined) throw new Error("the pod was just made");
    return row;
  }

  it("takes a later report, and logs it with the phase before", async () => {
    const row = await onePod();
    const before = await head();
    expect((await report(row, 3)).size).toBe(1);
    expect(await storedPod("web-a")).toMatchObject({
      phase: "Running",
      status: running,
      observation: 3,
      rv: before + 1,
    });
    const [logged] = await logAfter(before);
    expect(JSON.parse(logged?.previous ?? "")).toEqual({
      fields: { "status.phase": "Pending", "status.podIP": "", "status.podIPs": "" },
      lost: false,
      before: { status: null },
    });
    expect(logged?.origin).toBe("shard");
    await expectLogToMatch(before);
  });

  it("logs the addresses before, when they change", async () => {
    const row = await onePod();
    const podIPs = [{ ip: "10.0.0.1" }, { ip: "fd00::1" }];
    await report(row, 1, { status: { ...running, podIP: "10.0.0.1", podIPs } });
    const before = await head();
    await report(row, 2, { status: { ...running, podIP: "10.0.0.2", podIPs: [{ ip: "10.0.0.2" }] } });
    expect(JSON.parse((await logAfter(before))[0]?.previous ?? "")).toMatchObject({
      fields: { "status.podIP": "10.0.0.1", "status.podIPs": "10.0.0.1,fd00::1" },
    });
  });

  it("says nothing of the phase before when it is the same", async () => {
    const row = await onePod();
    await report(row, 1);
    const before = await head();
    await report(row, 2);
    expect((await logAfter(before)).map(({ previous }) => previous)).toEqual([null]);
  });

  it.each<readonly [string, number]>([
    ["one that comes again", 3],
    ["one that comes late", 2],
  ])("drops a report: %s", async (_what, observation) => {
    const row = await onePod();
    await report(row, 3);
    const before = await head();
    expect((await report(row, observation, { phase: "Failed" })).size).toBe(0);
    expect([await head(), (await storedPod("web-a"))?.phase]).toEqual([before, "Running"]);
  });

  it("drops a report about another pod of the same name", async () => {
    const row = await onePod();
    expect((await report(row, 3, { uid: "another" })).size).toBe(0);
  });

  it("takes a write of the control plane's own only if the pod is as it was read", async () => {
    const row = await onePod();
    expect((await report(row, 0, { expectRv: row.rv + 1 })).size).toBe(0);
    expect((await report(row, 0, { expectRv: row.rv })).size).toBe(1);
  });

  it("takes as many as there are in one transaction, and leaves out the late ones", async () => {
    await insert(nodeNames(500).map((node) => newPod(node)));
    const rows = [...(await storedPods()).values()];
    await report(rows[7] ?? (await onePod()), 9);
    const before = await head();
    const updates = rows.map((row) => statusUpdate(row, { status: running }));
    const written = await run(updatePodStatuses(env.DB, updates, { nowMs }));
    expect(written.size).toBe(499);
    const log = await logAfter(before);
    expect(log.map(({ name, seq }) => [`default/${name}`, seq])).toEqual([...written]);
    await expectLogToMatch(before);
  });
});

describe("updatePods", () => {
  it("replaces a pod that is as it was read, and logs what selectors saw before", async () => {
    await insert([newPod("a")]);
    const row = await storedPod("web-a");
    const template = await keepTemplate(podTemplate({ metadata: { labels: { app: "other" } } }));
    const before = await head();
    const previous = { labels: { app: "web" } };
    expect(
      (await run(updatePods(env.DB, row === undefined ? [] : [{ ...row, template, previous }], { nowMs }))).size,
    ).toBe(1);
    expect(await storedPod("web-a")).toMatchObject({ template, rv: before + 1 });
    expect(JSON.parse((await logAfter(before))[0]?.previous ?? "")).toEqual(previous);
    await expectLogToMatch(before);
  });

  it("leaves out one that changed, and one whose slot is taken", async () => {
    await insert([
      newPod("a", { name: "stale" }),
      newPod("a", { name: "orphan" }),
      newPod("a", { name: "own", ownerUid: "x" }),
    ]);
    const rows = await storedPods();
    const change = (name: string, fields: Partial<PodRow>) => {
      const row = rows.get(name);
      return row === undefined ? [] : [{ ...row, ...fields, previous: null }];
    };
    const before = await head();
    const written = await run(
      updatePods(env.DB, [...change("stale", { rv: 1 }), ...change("orphan", { ownerUid: "x" })], { nowMs }),
    );
    expect([written.size, await head()]).toEqual([0, before]);
    expect((await run(updatePods(env.DB, change("orphan", { ownerUid: "x", slot: 1 }), { nowMs }))).size).toBe(1);
  });
});

describe("deletePods", () => {
  async function deleted(name: string, graceSeconds: number | null, atMs: number = nowMs) {
    const row = await storedPod(name);
    const key = { namespace: "default", name, uid: row?.uid ?? "", graceSeconds };
    return run(deletePods(env.DB, [key], { nowMs: atMs }));
  }

  it("gives a pod on a node its time to end", async () => {
    await insert([newPod("a")]);
    const before = await head();
    const marked = { graceSeconds: 30, deletionMs: nowMs + 30_000 };
    expect([...(await deleted("web-a", 30)).values()]).toEqual([{ rv: before + 1, marked }]);
    expect(await storedPod("web-a")).toMatchObject({ ...marked, rv: before + 1 });
    expect((await logAfter(before)).map(({ type }) => type)).toEqual(["MODIFIED"]);
    await expectLogToMatch(before);
  });

  it.each<readonly [string, Partial<NewPod>, number]>([
    ["with no grace", {}, 0],
    ["bound to no node", { node: "", bucket: -1, name: "web-a" }, 30],
    ["that failed", { phase: "Failed" }, 30],
    ["that succeeded", { phase: "Succeeded" }, 30],
  ])("removes a pod at once %s", async (_what, fields, graceSeconds) => {
    await insert([newPod("a", fields)]);
    const before = await head();
    const written = await deleted("web-a", graceSeconds);
    expect([...written.values()]).toEqual([{ rv: before + 1, marked: null }]);
    expect(await storedPod("web-a")).toBeUndefined();
    expect((await logAfter(before)).map(({ type }) => type)).toEqual(["DELETED"]);
  });

  it("gives a pod the time that its own template says, unless it is told another", async () => {
    const { spec } = podTemplate();
    const slow = await keepTemplate(podTemplate({ spec: { ...spec, terminationGracePeriodSeconds: 600 } }));
    const none = await keepTemplate(podTemplate({ spec: { ...spec, terminationGracePeriodSeconds: 0 } }));
    await insert([newPod("a", { template: slow }), newPod("b", { template: none })]);
    await deleted("web-a", null);
    await deleted("web-b", null);
    expect([...(await storedPods()).values()].map(({ name, graceSeconds }) => [name, graceSeconds])).toEqual([
      ["web-a", 600],
    ]);
  });

  it("only ever shortens the grace, and writes nothing else", async () => {
    await insert([newPod("a")]);
    await deleted("web-a", 30);
    const before = await head();
    await deleted("web-a", 60, nowMs + 1_000);
    await deleted("web-a", 30, nowMs + 1_000);
    expect(await head()).toBe(before);
    await deleted("web-a", 5, nowMs + 1_000);
    expect(await storedPod("web-a")).toMatchObject({ graceSeconds: 5, deletionMs: nowMs + 6_000 });
  });

  it("keeps a pod that a finalizer holds, with its time over", async () => {
    await insert([newPod("a", { hasFinalizers: true })]);
    await deleted("web-a", 0);
    expect(await storedPod("web-a")).toMatchObject({ graceSeconds: 0, deletionMs: nowMs });
    const before = await head();
    await deleted("web-a", 0, nowMs + 1_000);
    expect(await head()).toBe(before);
  });

  it("lets be another pod of the same name", async () => {
    await insert([newPod("a")]);
    const key = { namespace: "default", name: "web-a", uid: "another", graceSeconds: 0 };
    expect((await run(deletePods(env.DB, [key], { nowMs }))).size).toBe(0);
    expect(await storedPod("web-a")).toBeDefined();
  });

  it("removes and marks in one transaction, each under a number of its own", async () => {
    await insert([newPod("a"), newPod("b", { phase: "Failed" }), newPod("c")]);
    const before = await head();
    const keys = [...(await storedPods()).values()].map(({ namespace, name, uid }) => ({
      namespace,
      name,
      uid,
      graceSeconds: 30,
    }));
    const written = await run(deletePods(env.DB, keys, { nowMs }));
    const log = await logAfter(before);
    const numbers = new Map([...written].map(([name, { rv }]) => [name, rv]));
    expect(new Map(log.map(({ name, seq }) => [`default/${name}`, seq]))).toEqual(numbers);
    expect(new Set(log.map(({ seq }) => seq)).size).toBe(3);
    expect(log.map(({ type, name }) => `${type} ${name}`).toSorted()).toEqual([
      "DELETED web-b",
      "MODIFIED web-a",
      "MODIFIED web-c",
    ]);
    await expectLogToMatch(before);
  });
});

describe("removal and return", () => {
  it("never brings back the slot of a pod that is there", async () => {
    await addSet();
    const row = nodeRow("a");
    await run(insertObjects(env.DB, [row], { nowMs }));
    await insert([newPod("a", { ownerUid: owner.uid })], owner);
    const gone = { resource: "nodes", namespace: "", name: "a", uid: row.object.metadata.uid ?? "" };
    const removed = await run(removeObjects(env.DB, [{ ...gone, expectRv: null, owners: [] }], { nowMs }));
    expect(removed.size).toBe(1);
    await addNodes(["a"]);
    expect((await insert([newPod("a", { ownerUid: owner.uid, name: "twin" })], owner)).size).toBe(0);
    expect((await insert([newPod("a", { ownerUid: owner.uid, name: "twin", slot: 1 })], owner)).size).toBe(1);
  });
});
