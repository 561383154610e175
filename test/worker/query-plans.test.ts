// What is asked often goes by an index: its cost is that of what it finds, not of the fleet.

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { Part } from "../../src/store/batch.ts";
import { readNodeCredentials } from "../../src/store/credentials.ts";
import { readDefinition, readOutlines } from "../../src/store/definitions.ts";
import { readHead, readLog, readLogEnds, requireNothingLostSince, trimLog } from "../../src/store/log.ts";
import { followObjects, readFollowers, unfollowObjects } from "../../src/store/named-objects.ts";
import { readNodes, readNodesByName } from "../../src/store/nodes.ts";
import {
  countObjects,
  insertObjects,
  readObject,
  readObjects,
  readObjectsByKey,
  readObjectsOfBuckets,
  readObjectsOfNamespace,
  readOwnedKeys,
  removeExpired,
  removeObjects,
  requireRv,
  updateObjects,
} from "../../src/store/objects.ts";
import {
  countPods,
  deletePods,
  insertPods,
  insertTemplates,
  readKeepingAway,
  readPod,
  readPods,
  readPodsByKey,
  readPodsOfBuckets,
  readPodsOfNode,
  readPodsOfOwner,
  readTemplates,
  readUnscheduledPods,
  updatePodStatuses,
  updatePods,
} from "../../src/store/pods.ts";
import { addNodes, newCluster, nodeNames, nodeRow, run } from "./support/cluster.ts";
import { explained, scansOf } from "./support/explain.ts";
import { keepTemplate, newPod, podTemplate, statusUpdate, storedPods } from "./support/pods.ts";

const nowMs = Date.UTC(2026, 5, 1);
const owner = { namespace: "default", name: "web", uid: "set-1" };
const nodeKey = { resource: "nodes", namespace: "", name: "node-00001" };
const podKey = { namespace: "default", name: "web-node-00001", uid: "u" };
const row = nodeRow("node-00001");
const pod = { ...newPod("node-00001"), rv: 5, status: null, observation: 0, deletionMs: null, graceSeconds: null };

beforeAll(async () => {
  await newCluster();
  await keepTemplate();
  await addNodes(nodeNames(500));
  await run(
    insertPods(
      env.DB,
      nodeNames(500).map((node) => newPod(node)),
      null,
      { nowMs },
    ),
  );
  expect((await storedPods()).size).toBe(500);
});

describe("nothing reads a whole table", () => {
  it.each<readonly [string, (db: D1Database) => Part<unknown>]>([
    ["making objects", (db) => insertObjects(db, [row], { nowMs })],
    ["changing objects", (db) => updateObjects(db, [{ ...row, expectRv: 5, previous: null }], { nowMs })],
    ["removing objects", (db) => removeObjects(db, [{ ...nodeKey, uid: "u", expectRv: 5, owners: ["o"] }], { nowMs })],
    ["forgetting events", (db) => removeExpired(db, nowMs, 10)],
    ["reading an object", (db) => readObject(db, nodeKey)],
    [
      "listing the objects of a namespace",
      (db) => readObjects(db, { resource: "nodes", namespace: "", after: null, limit: 10 }),
    ],
    [
      "listing the objects of all namespaces",
      (db) =>
        readObjects(db, { resource: "configmaps", namespace: null, after: { namespace: "a", name: "b" }, limit: 10 }),
    ],
    ["reading the nodes, page by page", (db) => readNodes(db, "a", 10)],
    ["reading nodes by name", (db) => readNodesByName(db, ["a", "b"])],
    ["reading objects by key", (db) => readObjectsByKey(db, [nodeKey])],
    ["following what pods name", (db) => followObjects(db, [nodeKey], 1)],
    ["following it no more", (db) => unfollowObjects(db, [nodeKey], 1)],
    ["finding who follows an object", (db) => readFollowers(db, [nodeKey])],
    ["reading the nodes of a shard", (db) => readObjectsOfBuckets(db, 0, 511)],
    ["reading all that is in a namespace", (db) => readObjectsOfNamespace(db, "default", 10)],
    ["finding the definition of a kind", (db) => readDefinition(db, "widgets.example.com", "")],
    ["finding what definitions have changed", (db) => readOutlines(db, { "widgets.example.com": "u/5" })],
    ["finding what an owner owns", (db) => readOwnedKeys(db, ["u"])],
    ["making a DaemonSet's pods", (db) => insertPods(db, [newPod("node-00001")], owner, { nowMs })],
    ["taking reports", (db) => updatePodStatuses(db, [statusUpdate(podKey)], { nowMs })],
    ["changing pods", (db) => updatePods(db, [{ ...pod, previous: null }], { nowMs })],
    ["deleting pods", (db) => deletePods(db, [{ ...podKey, graceSeconds: null }], { nowMs })],
    ["reading a pod", (db) => readPod(db, "default", "web-node-00001")],
    ["listing the pods of a namespace", (db) => readPods(db, { namespace: "default", after: null, limit: 10 })],
    ["listing the pods of all namespaces", (db) => readPods(db, { namespace: null, after: podKey, limit: 10 })],
    ["reading pods by key", (db) => readPodsByKey(db, [podKey])],
    ["reading the pods of a node", (db) => readPodsOfNode(db, pod.bucket, "node-00001")],
    ["reading the pods of a shard", (db) => readPodsOfBuckets(db, 0, 511)],
    ["finding pods that the scheduler has to look at", (db) => readUnscheduledPods(db, 10)],
    ["finding pods that keep others away", (db) => readKeepingAway(db)],
    ["keeping templates", (db) => insertTemplates(db, new Map([["t", podTemplate()]]))],
    ["reading credentials", (db) => readNodeCredentials(db, ["a", "b"])],
    ["reading templates", (db) => readTemplates(db, ["t"])],
    [
      "counting the objects of a namespace",
      (db) => countObjects(db, { resource: "configmaps", namespace: "default", after: null, limit: 10 }),
    ],
    [
      "counting the objects of all namespaces",
      (db) => countObjects(db, { resource: "configmaps", namespace: null, after: podKey, limit: 10 }),
    ],
    ["counting the pods of a namespace", (db) => countPods(db, { namespace: "default", after: podKey, limit: 10 })],
    ["counting the pods of all namespaces", (db) => countPods(db, { namespace: null, after: podKey, limit: 10 })],
    ["asking for the last number", (db) => readHead(db)],
    ["asking how far back the log goes", (db) => readLogEnds(db)],
    ["asking whether an object is as it was", (db) => requireRv(db, nodeKey, 5)],
    ["asking whether anything was lost", (db) => requireNothingLostSince(db, 5, owner)],
    [
      "following the log",
      (db) => readLog(db, { cursor: 5, limit: 10, concern: { kind: "daemonSet", namespace: "default" } }),
    ],
    [
      "following what concerns a shard",
      (db) =>
        readLog(db, { cursor: 5, limit: 10, concern: { kind: "buckets", first: 0, last: 511, exceptOrigin: "x" } }),
    ],
    ["trimming the log", (db) => trimLog(db, { beforeMs: nowMs, keep: 10, limit: 10 })],
  ])("%s", async (_what, partOf) => {
    const steps = await explained(partOf);
    expect(steps.length).toBeGreaterThan(0);
    expect(scansOf(steps)).toEqual([]);
  });
});

describe("rows read and written", () => {
  async function metered(part: Part<unknown>) {
    const results = await env.DB.batch([...part.statements]);
    const sum = (name: "rows_read" | "rows_written") =>
      results.reduce((total, { meta }) => total + (meta[name] ?? 0), 0);
    return { read: sum("rows_read"), written: sum("rows_written") };
  }

  it("of one report are those of one pod, however many there are", async () => {
    const stored = (await storedPods()).get("web-node-00007");
    const key = { namespace: "default", name: "web-node-00007", uid: stored?.uid ?? "" };
    const cost = await metered(updatePodStatuses(env.DB, [statusUpdate(key)], { nowMs }));
    expect(cost.read).toBeLessThan(20);
    expect(cost.written).toBeLessThanOrEqual(2);
  });

  it("of what an owner without pods leaves behind are few, however many pods there are", async () => {
    expect((await metered(readPodsOfOwner(env.DB, "nobody", "default"))).read).toBeLessThan(5);
  });

  it("of one new pod are those of one pod, however many there are", async () => {
    const cost = await metered(insertPods(env.DB, [newPod("node-00008", { name: "another" })], null, { nowMs }));
    expect(cost.read).toBeLessThan(20);
    // The row, its two indexes and the log.
    expect(cost.written).toBeLessThanOrEqual(4);
  });
});
