// What runs each minute makes up for whatever was lost: each test here leaves out the poke that would have done it sooner.
import { evictAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { everyMinute } from "../../src/cron.ts";
import { insertObjects, removeObjects } from "../../src/store/objects.ts";
import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { passSeconds, stopClock } from "./support/clock.ts";
import { addNodes, head, newCluster, newUid, nodeNames, nodeRow, run } from "./support/cluster.ts";
import { tick } from "./support/cron.ts";
import { createSet, daemonPods, getSet, reconcile, storeSet } from "./support/daemonset.ts";
import { failingAt, interposed } from "./support/database.ts";
import { keepTemplate, podTemplate } from "./support/pods.ts";
import { until } from "./support/until.ts";

beforeEach(newCluster);
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("each minute", () => {
  it("a DaemonSet of which nobody told its controller gets its pods", async () => {
    await addNodes(nodeNames(3));
    await storeSet();
    await tick();
    expect((await daemonPods()).map(({ spec }) => spec.nodeName)).toEqual(nodeNames(3));
    expect((await getSet()).status.currentNumberScheduled).toBe(3);
  });

  it("a node that joined unnoticed, after all objects went to sleep, gets its pod", async () => {
    await storeSet();
    await tick();
    await evictAllDurableObjects();
    await addNodes(["a"]);
    await tick();
    expect(await daemonPods()).toHaveLength(1);
  });

  it("a node that fell silent is found out", async () => {
    stopClock();
    await Agent.registered("a");
    passSeconds(60);
    await tick();
    expect(await api.get(`${api.nodes}/a`)).toMatchObject({
      status: { conditions: expect.arrayContaining([expect.objectContaining({ type: "Ready", status: "Unknown" })]) },
    });
  });

  it("TestDeleteFinalStateUnknown: what a DaemonSet leaves whose end nobody heard of is collected", async () => {
    await addNodes(["a"]);
    const { metadata } = await createSet();
    await reconcile();
    const key = { resource: "daemonsets.apps", namespace: "default", name: "web", uid: metadata.uid ?? "" };
    const removed = await run(removeObjects(env.DB, [{ ...key, expectRv: null, owners: [] }], { nowMs: Date.now() }));
    expect(removed.size).toBe(1);
    await tick();
    await until("the revision is gone", async () => (await api.list(api.revisions)).length === 0);
    expect((await daemonPods()).map((pod) => pod.metadata.deletionTimestamp !== undefined)).toEqual([true]);
  });

  it("events are forgotten once their hour is over", async () => {
    const event = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: "e" },
      involvedObject: { kind: "Node", name: "a" },
      reason: "Testing",
    };
    await api.create("/api/v1/namespaces/default/events", event);
    const all = async () => (await api.list("/api/v1/events")).filter(({ reason }) => reason === "Testing").length;
    await tick(Date.now() + 59 * 60_000);
    expect(await all()).toBe(1);
    await tick(Date.now() + 61 * 60_000);
    expect(await all()).toBe(0);
  });

  it("the log is trimmed to what is young or among the last ten thousand", async () => {
    const rows = async (before: number) => env.DB.prepare("SELECT count(*) FROM log WHERE seq <= ?").bind(before);
    const first = await head();
    await addNodes(nodeNames(10_010));
    await tick(Date.now() + 5 * 60_000);
    expect(await (await rows(first + 10)).first("count(*)")).toBeGreaterThanOrEqual(10);
    await tick(Date.now() + 11 * 60_000);
    expect(await env.DB.prepare("SELECT count(*) FROM log").first("count(*)")).toBeLessThan(10_010);
    expect(await (await rows(first)).first("count(*)")).toBe(0);
  });

  it("but for once an hour, templates that nothing uses are let be", async () => {
    const hour = 3_600_000 * Math.ceil(Date.now() / 3_600_000);
    await keepTemplate(podTemplate({ metadata: { labels: { app: "unused" } } }));
    const templates = () => env.DB.prepare("SELECT count(*) FROM pod_templates").first("count(*)");
    await tick(hour + 60_000);
    expect(await templates()).toBe(1);
    await tick(hour);
    expect(await templates()).toBe(0);
  });
});

describe("a step that fails", () => {
  it("is complained of, and keeps none of the others from running", async () => {
    const complaints = vi.spyOn(console, "error").mockImplementation(() => {});
    await addNodes(["a"]);
    await storeSet();
    await everyMinute({ ...env, DB: interposed(failingAt(/DELETE FROM log/)) }, Date.now());
    expect(complaints.mock.calls).toMatchObject([[{ message: "cron could not trim the log" }]]);
    expect(await daemonPods()).toHaveLength(1);
  });
});

it("a minute in which nothing happened writes nothing", async () => {
  await run(insertObjects(env.DB, [nodeRow("a", { "metadata.uid": newUid() })], { nowMs: Date.now() }));
  await storeSet();
  for (let minute = 0; minute < 2; minute += 1) await tick();
  const before = await head();
  await tick();
  expect(await head()).toBe(before);
});
