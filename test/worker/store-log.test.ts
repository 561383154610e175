import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { bucketOf } from "../../src/core/buckets.ts";
import type { KubeObject } from "../../src/model/meta.ts";
import type { Part } from "../../src/store/batch.ts";
import { runBatch, StalePremise } from "../../src/store/batch.ts";
import type { Concern, LogPage } from "../../src/store/log.ts";
import { readHead, readLog, requireNothingLostSince, trimLog } from "../../src/store/log.ts";
import { insertObjects, removeObjects } from "../../src/store/objects.ts";
import type { PodRow } from "../../src/store/pod-rows.ts";
import { deletePods, insertPods, updatePodStatuses, updatePods } from "../../src/store/pods.ts";
import { addNodes, head, newCluster, nodeNames, run } from "./support/cluster.ts";
import { keepTemplate, newPod, statusUpdate, storedPods } from "./support/pods.ts";

const nowMs = Date.UTC(2026, 5, 1);

beforeEach(newCluster);

const everything: Concern = { kind: "resources", resources: ["nodes", "pods", "namespaces", "events"] };

function read(cursor: number, limit = 1_000, concern: Concern = everything): Promise<LogPage> {
  return run(readLog(env.DB, { cursor, limit, concern }));
}

async function forgetLog(keep = 0): Promise<void> {
  await run(trimLog(env.DB, { beforeMs: Date.now() + 60_000, keep, limit: 100_000 }));
}

function names({ changes }: LogPage): readonly string[] {
  return changes.map(({ name }) => name);
}

describe("the log", () => {
  it("is never empty, so that it always knows the last number", async () => {
    await forgetLog();
    const last = await head();
    await addNodes(["a"]);
    expect(await run(readHead(env.DB))).toBe(last + 1);
  });
});

describe("readLog", () => {
  it("goes on from a cursor, in order, as far as the limit goes", async () => {
    const before = await head();
    await addNodes(nodeNames(5));
    const first = await read(before, 3);
    expect(first.changes.map(({ seq }) => seq)).toEqual([before + 1, before + 2, before + 3]);
    expect(first).toMatchObject({ hasMore: true, hasGap: false, reached: before + 3, head: before + 5 });
    const rest = await read(first.reached, 3);
    expect(names(rest)).toEqual(["node-00003", "node-00004"]);
    expect(rest).toMatchObject({ hasMore: false, reached: before + 5 });
  });

  it("says that it reached the end, though nothing there was of concern", async () => {
    const before = await head();
    await addNodes(["a"]);
    expect(await read(before, 10, { kind: "resources", resources: ["pods"] })).toMatchObject({
      changes: [],
      hasMore: false,
      reached: before + 1,
    });
  });

  it("tells when something after the cursor was forgotten, and only then", async () => {
    const before = await head();
    await addNodes(nodeNames(3));
    await forgetLog();
    expect((await read(before)).hasGap).toBe(true);
    expect((await read(before + 1)).hasGap).toBe(true);
    expect((await read(before + 2)).hasGap).toBe(false);
    expect((await read(before + 3)).hasGap).toBe(false);
  });

  it.each<readonly [string, Concern, readonly string[]]>([
    ["of resources", { kind: "resources", resources: ["pods"] }, ["web-a", "web-b", "other"]],
    ["of one resource", { kind: "scope", resource: "pods", namespace: null, name: null }, ["web-a", "web-b", "other"]],
    ["of a namespace", { kind: "scope", resource: "pods", namespace: "kube-system", name: null }, ["other"]],
    ["of one name", { kind: "scope", resource: "pods", namespace: "default", name: "web-b" }, ["web-b"]],
    ["of a DaemonSet", { kind: "daemonSet", namespace: "default" }, ["a", "b", "web-a", "web-b"]],
    [
      "of a shard, but for its own",
      { kind: "buckets", first: bucketOf("a"), last: bucketOf("a"), exceptOrigin: "me" },
      ["a"],
    ],
  ])("finds the changes %s", async (_what, concern, found) => {
    const before = await head();
    await addNodes(["a", "b"]);
    await keepTemplate();
    await run(insertPods(env.DB, [newPod("a")], null, { nowMs, origin: "me" }));
    await run(
      insertPods(env.DB, [newPod("b"), newPod("b", { namespace: "kube-system", name: "other" })], null, { nowMs }),
    );
    expect(names(await read(before, 100, concern))).toEqual(found);
  });

  it("finds what may leave garbage: owners that went, objects that are going, and new ones that are owned", async () => {
    const key = (name: string) => ({ resource: "configmaps", namespace: "default", name });
    const object = (name: string, metadata: object = {}): KubeObject => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: "default", uid: `uid-of-${name}`, creationTimestamp: null, ...metadata },
    });
    const insert = (name: string, metadata: object = {}) =>
      run(insertObjects(env.DB, [{ ...key(name), object: object(name, metadata) }], { nowMs }));
    const remove = (name: string) =>
      run(removeObjects(env.DB, [{ ...key(name), uid: `uid-of-${name}`, expectRv: null, owners: [] }], { nowMs }));
    const before = await head();
    await insert("plain");
    await insert("owner");
    const ownerReferences = [{ apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: "uid-of-owner" }];
    await insert("owned", { ownerReferences });
    await insert("going", { deletionTimestamp: "2026-06-01T00:00:00Z" });
    await remove("plain");
    await remove("owner");
    const { changes } = await read(before, 100, { kind: "garbage" });
    expect(changes.map(({ type, name }) => `${type} ${name}`)).toEqual(["ADDED owned", "ADDED going", "DELETED owner"]);
  });
});

describe("trimLog", () => {
  async function seqs(): Promise<readonly number[]> {
    const { results } = await env.DB.prepare("SELECT seq FROM log ORDER BY seq").all<{ seq: number }>();
    return results.map(({ seq }) => seq);
  }

  it("forgets what is old and not among the last, as many as it may", async () => {
    await addNodes(nodeNames(10));
    const all = await seqs();
    const limits = { beforeMs: Date.now() + 60_000, keep: 3, limit: 4 };
    expect(await run(trimLog(env.DB, limits))).toBe(4);
    expect(await seqs()).toEqual(all.slice(4));
    while ((await run(trimLog(env.DB, limits))) > 0);
    expect(await seqs()).toEqual(all.slice(-4));
  });

  it("keeps what is young, however much there is", async () => {
    await addNodes(nodeNames(10));
    const before = await seqs();
    await run(trimLog(env.DB, { beforeMs: Date.now() - 60_000, keep: 0, limit: 1_000 }));
    // Only the row with which the log begins is older than all.
    expect(await seqs()).toEqual(before.slice(1));
  });
});

describe("requireNothingLostSince", () => {
  const key = { namespace: "default", uid: "set-1" };

  async function holds(seq: number | null): Promise<boolean> {
    try {
      await runBatch(env.DB, [requireNothingLostSince(env.DB, seq, key)]);
      return true;
    } catch (error) {
      if (error instanceof StalePremise) return false;
      throw error;
    }
  }

  it("holds while nothing happened, and when nothing is asked", async () => {
    expect([await holds(await head()), await holds(null)]).toEqual([true, true]);
  });

  it("holds no more once a node changed", async () => {
    const seen = await head();
    await addNodes(["a"]);
    expect([await holds(seen), await holds(await head()), await holds(null)]).toEqual([false, true, true]);
  });

  it("holds while pods of the owner come and get better, and whatever happens to those of others", async () => {
    await keepTemplate();
    await run(insertPods(env.DB, [newPod("a", { ownerUid: "other" }), newPod("b")], null, { nowMs }));
    const seen = await head();
    await run(insertPods(env.DB, [newPod("c", { ownerUid: "set-1" })], null, { nowMs }));
    const rows = await storedPods();
    const updates = [...rows.values()].map((row) => statusUpdate(row, { lost: row.ownerUid === "other" }));
    await run(updatePodStatuses(env.DB, updates, { nowMs }));
    expect(await holds(seen)).toBe(true);
  });

  it.each<readonly [string, (row: PodRow) => Part<unknown>]>([
    ["is ready no more", (row) => updatePodStatuses(env.DB, [statusUpdate(row, { lost: true })], { nowMs })],
    ["is to end", (row) => deletePods(env.DB, [{ ...row, graceSeconds: 30 }], { nowMs })],
    ["is removed", (row) => deletePods(env.DB, [{ ...row, graceSeconds: 0 }], { nowMs })],
    ["is made another's by a user", (row) => updatePods(env.DB, [{ ...row, previous: { lost: true } }], { nowMs })],
  ])("holds no more once a pod of the owner %s", async (_what, losing) => {
    await keepTemplate();
    await run(insertPods(env.DB, [newPod("a", { ownerUid: "set-1" })], null, { nowMs }));
    const seen = await head();
    const [row] = (await storedPods()).values();
    if (row === undefined) throw new Error("the pod was just made");
    await run(losing(row));
    expect([await holds(seen), await holds(await head())]).toEqual([false, true]);
  });

  it("holds when a pod that was to end does end", async () => {
    await keepTemplate();
    await run(insertPods(env.DB, [newPod("a", { ownerUid: "set-1" })], null, { nowMs }));
    const [row] = (await storedPods()).values();
    const key = { namespace: "default", name: "web-a", uid: row?.uid ?? "" };
    await run(deletePods(env.DB, [{ ...key, graceSeconds: 30 }], { nowMs }));
    const seen = await head();
    await run(deletePods(env.DB, [{ ...key, graceSeconds: 0 }], { nowMs }));
    expect(await holds(seen)).toBe(true);
  });
});
