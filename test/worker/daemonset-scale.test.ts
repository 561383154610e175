// Work follows changes, not the size of the fleet.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Part } from "../../src/store/batch.ts";
import { trimLog } from "../../src/store/log.ts";
import type { Written } from "../../src/store/objects.ts";
import { insertObjects, removeObjects, updateObjects } from "../../src/store/objects.ts";
import { insertPods, updatePodStatuses } from "../../src/store/pods.ts";
import { runningStatus } from "./support/agent.ts";
import { addNodes, head, logAfter, newCluster, nodeNames, nodeRow, run } from "./support/cluster.ts";
import { controllerOf, getSet, pokeController, storeSet } from "./support/daemonset.ts";
import type { Meter } from "./support/database.ts";
import { interposed, meteredStorage, metering, useDatabase } from "./support/database.ts";
import { newPod, statusUpdate, storedPods } from "./support/pods.ts";

beforeEach(newCluster);
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A DaemonSet whose controller's reading and writing is counted, with its pods on so many nodes. */
async function meteredSet(nodes: number) {
  await addNodes(nodeNames(nodes));
  const set = await storeSet();
  const meter: Meter = { rowsRead: 0, rowsWritten: 0 };
  await useDatabase(controllerOf(set), interposed(metering(meter)));
  await pokeController(set);
  expect((await getSet()).status.currentNumberScheduled).toBe(nodes);
  return { set, meter };
}

async function costOf(meter: Meter, work: () => Promise<unknown>): Promise<Meter> {
  const before = { ...meter };
  await work();
  return { rowsRead: meter.rowsRead - before.rowsRead, rowsWritten: meter.rowsWritten - before.rowsWritten };
}

async function costOfOneNode(nodes: number): Promise<Meter> {
  await newCluster();
  const { set, meter } = await meteredSet(nodes);
  return costOf(meter, async () => {
    await addNodes(["one-more"]);
    await pokeController(set);
  });
}

async function reportReady(names: readonly string[]): Promise<void> {
  const pods = await storedPods();
  const rows = [...pods.values()].filter(({ node }) => names.includes(node));
  const updates = rows.map((row) => statusUpdate(row, { status: runningStatus() }));
  await run(updatePodStatuses(env.DB, updates, { nowMs: Date.now() }));
}

async function forgetLog(): Promise<void> {
  const limits = { beforeMs: Date.now() + 60_000, keep: 0, limit: 100_000 };
  while ((await run(trimLog(env.DB, limits))) > 0);
}

describe("the cost", () => {
  it("of a node that joins is no higher in a large fleet than in a small one", async () => {
    const small = await costOfOneNode(10);
    const large = await costOfOneNode(2_000);
    expect(large.rowsRead).toBeLessThanOrEqual(small.rowsRead);
    expect(large.rowsWritten).toBeLessThanOrEqual(small.rowsWritten);
    expect(small.rowsRead).toBeLessThan(100);
    expect(small.rowsWritten).toBeLessThan(15);
  });

  it("of a pod that gets ready is the same in a small fleet and a large one", async () => {
    const costs: Meter[] = [];
    for (const nodes of [10, 500]) {
      await newCluster();
      const { set, meter } = await meteredSet(nodes);
      costs.push(
        await costOf(meter, async () => {
          await reportReady(["node-00003"]);
          await pokeController(set);
        }),
      );
    }
    const [small, large] = costs;
    expect(large).toEqual(small);
    expect(large?.rowsWritten).toBeLessThan(10);
  });

  it("of a look at a fleet in which nothing happened is a few rows read, and none written", async () => {
    const { set, meter } = await meteredSet(500);
    const cost = await costOf(meter, () => pokeController(set));
    expect(cost.rowsWritten).toBe(0);
    expect(cost.rowsRead).toBeLessThan(20);
  });
});

describe("the decision for one node change", () => {
  /** A DaemonSet with a working pod on each of so many nodes, all but one of which its controller comes upon at once. */
  async function settledFleet(nodes: number) {
    await newCluster();
    const { set, meter } = await meteredSet(1);
    const [prototype] = (await storedPods()).values();
    if (prototype === undefined) throw new Error("the first node has its pod");
    const { template, ownerUid } = prototype;
    for (let first = 1; first < nodes; first += insertedAtOnce) {
      const names = nodeNames(Math.min(insertedAtOnce, nodes - first), first);
      await addNodes(names);
      await run(
        insertPods(
          env.DB,
          names.map((node) => newPod(node, { template, ownerUid, status: runningStatus(), phase: "Running" })),
          null,
          { nowMs: Date.now() },
        ),
      );
    }
    await reportReady(nodeNames(1));
    await forgetLog();
    await pokeController(set);
    expect((await getSet()).status).toMatchObject({ desiredNumberScheduled: nodes, currentNumberScheduled: nodes });
    return { set, meter };
  }

  /** Rows read and written, in the database and in the ledger, when a node joins, is tainted and leaves. */
  async function costsOfChanges(nodes: number) {
    const { set, meter } = await settledFleet(nodes);
    const ledger = await meteredStorage(controllerOf(set));
    const row = nodeRow("one-more");
    const uid = row.object.metadata.uid ?? "";
    const taints = [{ key: "x", effect: "NoExecute" }];
    const tainted = nodeRow("one-more", { "metadata.uid": uid, "spec.taints": taints });
    const key = { resource: row.resource, namespace: row.namespace, name: row.name, uid };
    const changes: readonly Part<Written>[] = [
      insertObjects(env.DB, [row], { nowMs: Date.now() }),
      updateObjects(env.DB, [{ ...tainted, expectRv: null, previous: null }], { nowMs: Date.now() }),
      removeObjects(env.DB, [{ ...key, expectRv: null, owners: [] }], { nowMs: Date.now() }),
    ];
    const costs: object[] = [];
    for (const change of changes) {
      expect((await run(change)).size).toBe(1);
      const before = ledger();
      const database = await costOf(meter, () => pokeController(set));
      const after = ledger();
      const kept = { read: after.rowsRead - before.rowsRead, written: after.rowsWritten - before.rowsWritten };
      costs.push({ database, ledger: kept });
    }
    return costs;
  }

  const insertedAtOnce = 5_000;

  it("costs the same in a fleet of 10 and of 100,000", { timeout: 120_000 }, async () => {
    const small = await costsOfChanges(10);
    const large = await costsOfChanges(100_000);
    expect(large).toEqual(small);
  });
});

describe("a large fleet", () => {
  it("gets all its pods in one pass, each once", async () => {
    await meteredSet(2_000);
    const nodes = [...(await storedPods()).values()].map(({ node }) => node);
    expect(nodes.toSorted()).toEqual(nodeNames(2_000));
  });
});

describe("a log that was trimmed", () => {
  it("under a controller makes it count everything anew, and it goes on as before", async () => {
    const { set } = await meteredSet(20);
    await addNodes(nodeNames(5, 20));
    await reportReady(nodeNames(10));
    await forgetLog();
    await pokeController(set);
    expect((await getSet()).status).toMatchObject({
      desiredNumberScheduled: 25,
      currentNumberScheduled: 25,
      numberReady: 10,
    });
    expect((await storedPods()).size).toBe(25);
  });

  it("changes nothing for a controller that had read it all", async () => {
    const { set } = await meteredSet(5);
    await forgetLog();
    const before = await head();
    await evictDurableObject(controllerOf(set));
    await pokeController(set);
    expect(await logAfter(before)).toEqual([]);
  });
});

describe("the recount", () => {
  it("after hours finds nothing to put right", async () => {
    const complaints = vi.spyOn(console, "error");
    const { set } = await meteredSet(50);
    await reportReady(nodeNames(25));
    await pokeController(set);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 7 * 60 * 60_000 });
    const before = await head();
    await pokeController(set);
    expect(complaints.mock.calls).toEqual([]);
    expect(await head()).toBe(before);
  });

  it("puts right a ledger that is wrong, and says so", async () => {
    const complaints = vi.spyOn(console, "error").mockImplementation(() => {});
    const { set } = await meteredSet(5);
    await runInDurableObject(controllerOf(set), (_object, { storage }) => {
      storage.sql.exec("DELETE FROM entries WHERE name = 'node-00003'");
    });
    await evictDurableObject(controllerOf(set));
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 7 * 60 * 60_000 });
    await pokeController(set);
    expect(complaints.mock.calls).toMatchObject([[{ message: "the ledger was wrong", nodes: ["node-00003"] }]]);
    expect((await getSet()).status.desiredNumberScheduled).toBe(5);
    expect((await storedPods()).size).toBe(5);
  });

  it("does not take for a mistake what happens while it counts", async () => {
    const complaints = vi.spyOn(console, "error");
    await addNodes(nodeNames(5));
    const set = await storeSet();
    let isArmed = false;
    const database = interposed(async (sql, proceed) => {
      if (isArmed && sql.some((statement) => /FROM pods WHERE namespace/.test(statement))) {
        isArmed = false;
        await reportReady(nodeNames(5));
      }
      return proceed();
    });
    await useDatabase(controllerOf(set), database);
    await pokeController(set);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 7 * 60 * 60_000 });
    isArmed = true;
    await pokeController(set);
    expect(complaints.mock.calls).toEqual([]);
    await pokeController(set);
    expect((await getSet()).status.numberReady).toBe(5);
  });
});
