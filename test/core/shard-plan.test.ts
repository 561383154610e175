import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { TendedNode, TendedPod, Timers } from "../../src/core/shard-plan.ts";
import { planShard } from "../../src/core/shard-plan.ts";
import { nowMs } from "../support/facts.ts";

const idle: Timers = { evictions: new Map(), goneSince: new Map() };

function pod(uid: string, fields: Partial<TendedPod> = {}): TendedPod {
  return { uid, deleting: false, tolerations: [], ...fields };
}

function node(fields: Partial<TendedNode> = {}): TendedNode {
  return {
    name: "edge-1",
    exists: true,
    ready: "True",
    lastSeenMs: nowMs,
    connected: true,
    taints: [],
    pods: [],
    ...fields,
  };
}

const bad = { key: "bad", effect: "NoExecute" };
const forAMinute = [{ key: "bad", operator: "Exists", tolerationSeconds: 60 }];

describe("planShard: nodes that are not heard", () => {
  it.each<readonly [string, Partial<TendedNode>, readonly string[], number | null]>([
    ["a node that is heard is well, and needs no alarm", {}, [], null],
    [
      "a node that lost its connection is looked at when its grace ends",
      { connected: false, lastSeenMs: nowMs - 20_000 },
      [],
      nowMs + 30_000,
    ],
    [
      "a node is lost when its grace is over, to the millisecond",
      { connected: false, lastSeenMs: nowMs - 50_000 },
      ["edge-1"],
      null,
    ],
    [
      "a node whose agent never posted its readiness has a minute to start",
      { ready: null, connected: false, lastSeenMs: nowMs - 50_000 },
      [],
      nowMs + 10_000,
    ],
    ["and is lost after that", { ready: null, connected: false, lastSeenMs: nowMs - 60_000 }, ["edge-1"], null],
    ["a node is not lost before", { connected: false, lastSeenMs: nowMs - 49_999 }, [], nowMs + 1],
    [
      "a connection that died unnoticed is lost as well",
      { connected: true, lastSeenMs: nowMs - 50_000 },
      ["edge-1"],
      null,
    ],
    [
      "a silent connection needs no alarm: each minute's look finds it",
      { connected: true, lastSeenMs: nowMs - 40_000 },
      [],
      null,
    ],
    [
      "what counts as lost already is left",
      { ready: "Unknown", connected: false, lastSeenMs: nowMs - 900_000 },
      [],
      null,
    ],
    ["a node that does not exist is not lost", { exists: false, connected: false, lastSeenMs: 0 }, [], null],
  ])("%s", (_rule, fields, lost, lookAgainAtMs) => {
    const plan = planShard([node(fields)], idle, nowMs);
    expect([plan.lost, plan.lookAgainAtMs]).toEqual([lost, lookAgainAtMs]);
  });
});

describe("planShard: pods that a taint drives away", () => {
  it.each<readonly [string, TendedPod, ReadonlyMap<string, number>, readonly string[], number | null]>([
    ["a pod that does not tolerate it goes now", pod("a"), new Map(), ["a"], null],
    [
      "a pod that tolerates it a while has a timer",
      pod("a", { tolerations: forAMinute }),
      new Map(),
      [],
      nowMs + 60_000,
    ],
    [
      "a timer that runs goes on",
      pod("a", { tolerations: forAMinute }),
      new Map([["a", nowMs + 5_000]]),
      [],
      nowMs + 5_000,
    ],
    ["a timer that is over drives away", pod("a", { tolerations: forAMinute }), new Map([["a", nowMs]]), ["a"], null],
    ["a timer gets shorter when less is allowed", pod("a"), new Map([["a", nowMs + 5_000]]), ["a"], null],
    ["a pod that is going is left", pod("a", { deleting: true }), new Map([["a", nowMs]]), [], null],
  ])("%s", (_rule, of, evictions, evict, lookAgainAtMs) => {
    const plan = planShard([node({ taints: [bad], pods: [of] })], { ...idle, evictions }, nowMs);
    expect([plan.evict, plan.lookAgainAtMs]).toEqual([evict, lookAgainAtMs]);
  });

  it("forgets the timer when the taint goes", () => {
    const running = { ...idle, evictions: new Map([["a", nowMs + 5_000]]) };
    const plan = planShard([node({ pods: [pod("a", { tolerations: forAMinute })] })], running, nowMs);
    expect([plan.evict, plan.timers.evictions.size, plan.lookAgainAtMs]).toEqual([[], 0, null]);
  });

  it("leaves pods whose node is gone to the collection", () => {
    expect(planShard([node({ exists: false, taints: [bad], pods: [pod("a")] })], idle, nowMs).evict).toEqual([]);
  });
});

describe("planShard: pods whose node is gone", () => {
  const gone = node({ exists: false, connected: false, pods: [pod("a")] });

  it("are left alone for forty seconds, then collected", () => {
    const first = planShard([gone], idle, nowMs);
    expect([first.collect, first.lookAgainAtMs]).toEqual([[], nowMs + 40_000]);
    expect(planShard([gone], first.timers, nowMs + 39_999).collect).toEqual([]);
    expect(planShard([gone], first.timers, nowMs + 40_000).collect).toEqual(["edge-1"]);
  });

  it("stay when the node comes back in time, and get the full time when it goes again", () => {
    const first = planShard([gone], idle, nowMs);
    const back = planShard([{ ...gone, exists: true, lastSeenMs: nowMs + 30_000 }], first.timers, nowMs + 30_000);
    expect(back.timers.goneSince.size).toBe(0);
    const again = planShard([gone], back.timers, nowMs + 50_000);
    expect([again.collect, again.lookAgainAtMs]).toEqual([[], nowMs + 90_000]);
  });

  it("do not exist for a node without pods", () => {
    expect(planShard([{ ...gone, pods: [] }], idle, nowMs)).toMatchObject({ collect: [], lookAgainAtMs: null });
  });
});

describe("planShard, whatever the shard", () => {
  const anyPod = fc.record({
    deleting: fc.boolean(),
    tolerations: fc.constantFrom([], forAMinute, [{ operator: "Exists" }]),
  });
  const anyNode = fc.record({
    exists: fc.boolean(),
    ready: fc.constantFrom("True", "False", "Unknown", null),
    lastSeenMs: fc.integer({ min: nowMs - 120_000, max: nowMs }),
    connected: fc.boolean(),
    taints: fc.constantFrom([], [bad], [{ key: "bad", effect: "NoSchedule" }]),
    pods: fc.array(anyPod, { maxLength: 3 }),
  });
  const anyShard = fc
    .array(anyNode, { maxLength: 6 })
    .map((nodes) =>
      nodes.map((fields, index) =>
        node({ ...fields, name: `edge-${index}`, pods: fields.pods.map((of, slot) => pod(`${index}-${slot}`, of)) }),
      ),
    );

  it("finds nothing new when it looks again at once", () => {
    fc.assert(
      fc.property(anyShard, (nodes) => {
        const first = planShard(nodes, idle, nowMs);
        const second = planShard(nodes, first.timers, nowMs);
        expect(second.timers).toEqual(first.timers);
        expect(second.lookAgainAtMs).toBe(first.lookAgainAtMs);
      }),
    );
  });

  it("does nothing before the time that it names, unless a silent connection is found dead", () => {
    fc.assert(
      fc.property(anyShard, fc.nat(200_000), (nodes, laterMs) => {
        const plan = planShard(nodes, idle, nowMs);
        const then = nowMs + laterMs;
        if (plan.lookAgainAtMs !== null && plan.lookAgainAtMs <= then) return;
        const later = planShard(nodes, plan.timers, then);
        expect(later.evict).toEqual(plan.evict);
        expect(later.collect).toEqual(plan.collect);
        const news = later.lost.filter((name) => !plan.lost.includes(name));
        for (const name of news) expect(nodes.find((one) => one.name === name)?.connected).toBe(true);
      }),
    );
  });

  it("deletes nothing of a node that is merely silent", () => {
    fc.assert(
      fc.property(anyShard, (nodes) => {
        const silent = nodes.map((one) => ({ ...one, exists: true, connected: false, taints: [], lastSeenMs: 0 }));
        const plan = planShard(silent, idle, nowMs);
        expect([...plan.evict, ...plan.collect]).toEqual([]);
      }),
    );
  });
});
