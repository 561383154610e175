import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { bucketOf } from "../../src/core/buckets.ts";

import type { NodeEntry } from "../../src/core/node-decision.ts";
import { placementOf } from "../../src/core/placement.ts";
import { controllerManager } from "../../src/pokes.ts";
import type { LedgerState } from "../../src/store/ledger.ts";
import { Ledger, noCounts } from "../../src/store/ledger.ts";
import { daemonSetFacts, fleet } from "../support/arbitraries.ts";
import { decide, entry, ledgerOf, nowMs, oldHash, podFacts, readyPod, setFacts } from "../support/facts.ts";
import { newCluster } from "./support/cluster.ts";

const set = setFacts();

function newState(): LedgerState {
  return {
    cursor: 1,
    decidedWith: { facts: set, placement: placementOf({}) },
    totals: noCounts,
    hashes: {},
    recountedAtMs: 0,
  };
}

/** Does something with the storage of a Durable Object. */
async function inObject<Result>(work: (sql: SqlStorage) => Result): Promise<Result> {
  return runInDurableObject(controllerManager(env), (_object, { storage }) => work(storage.sql));
}

function save(ledger: Ledger, state: LedgerState, of: NodeEntry, facts = set): LedgerState {
  return ledger.save(state, of, decide(facts, of));
}

beforeEach(newCluster);

describe("a ledger", () => {
  it("has nothing to say before it was ever written", async () => {
    await inObject((sql) => expect(new Ledger(sql).state).toBeNull());
  });

  it("outlives the object that wrote it", async () => {
    await inObject((sql) => {
      const ledger = new Ledger(sql);
      ledger.setState(save(ledger, newState(), entry([readyPod("a")])));
      ledger.addClaim({ uid: "u", namespace: "default", name: "x", action: "adopt" });
    });
    await inObject((sql) => {
      const ledger = new Ledger(sql);
      expect(ledger.state?.totals).toMatchObject({ desired: 1, ready: 1 });
      expect(ledger.entry("node")?.pods.map(({ uid }) => uid)).toEqual(["a"]);
      expect(ledger.claims(10)).toHaveLength(1);
    });
  });

  it("keeps the same sums as a recount, whatever comes and goes", async () => {
    await inObject((sql) => {
      fc.assert(
        fc.property(daemonSetFacts, fleet, fleet, fc.func(fc.boolean()), (facts, first, second, stays) => {
          const ledger = new Ledger(sql);
          ledger.clear();
          let state = newState();
          for (const of of [...first, ...second]) state = save(ledger, state, of, facts);
          const last = new Map([...first, ...second].map((of) => [of.name, of]));
          for (const name of last.keys()) {
            if (stays(name)) continue;
            state = ledger.remove(state, name);
            last.delete(name);
          }
          const recounted = ledgerOf(facts, [...last.values()]);
          expect(state.totals).toEqual(recounted.totals);
          expect(ledger.acting(100)).toEqual(recounted.acting(100));
          for (const part of ["candidate", "replaceNow", "removeOld", "surgeNow", "removeLater"] as const) {
            expect(ledger.ofRollout(part, 100)).toEqual(recounted.ofRollout(part, 100));
          }
          const pods = [...last.values()].flatMap((of) => of.pods);
          for (const { hash } of pods) {
            expect(state.hashes[hash]).toBe(pods.filter((pod) => pod.hash === hash).length);
          }
          expect(Object.keys(state.hashes).length).toBe(new Set(pods.map(({ hash }) => hash)).size);
        }),
        { numRuns: 60 },
      );
    });
  });

  it("writes nothing for an entry that is as it was", async () => {
    const written = await inObject((sql) => {
      const ledger = new Ledger(sql);
      const state = save(ledger, newState(), entry([readyPod("a")]));
      const before = sql.exec("SELECT total_changes() AS n").one()["n"];
      expect(save(ledger, state, entry([readyPod("a")]))).toBe(state);
      return Number(sql.exec("SELECT total_changes() AS n").one()["n"]) - Number(before);
    });
    expect(written).toBe(0);
  });

  it("gives out entries by name, those that act shard by shard, and no more than are asked for", async () => {
    await inObject((sql) => {
      const ledger = new Ledger(sql);
      let state = newState();
      for (const name of ["c", "a", "b"]) state = save(ledger, state, entry([], { name }));
      const names = (entries: readonly NodeEntry[]) => entries.map(({ name }) => name);
      const byBucket = ["a", "b", "c"].toSorted((one, other) => bucketOf(one) - bucketOf(other));
      expect(names(ledger.acting(2))).toEqual(byBucket.slice(0, 2));
      expect(names(ledger.page("a", 10))).toEqual(["b", "c"]);
      expect(names(ledger.ofRollout("candidate", 10))).toEqual([]);
      expect(names(ledger.ofRollout("candidate", 0))).toEqual([]);
    });
  });

  it("says when time will next change a decision, and for whom it has", async () => {
    const slow = setFacts({ minReadySeconds: 10 });
    await inObject((sql) => {
      const ledger = new Ledger(sql);
      expect(ledger.nextWakeMs()).toBeNull();
      let state = newState();
      for (const [name, readySinceMs] of [
        ["later", nowMs - 1_000],
        ["sooner", nowMs - 8_000],
      ] as const) {
        state = save(ledger, state, entry([podFacts(name, { readySinceMs })], { name }), slow);
      }
      expect(ledger.nextWakeMs()).toBe(nowMs + 2_001);
      expect(ledger.due(nowMs + 2_000, 10)).toEqual([]);
      expect(ledger.due(nowMs + 2_001, 10).map(({ name }) => name)).toEqual(["sooner"]);
    });
  });

  it("keeps a node's failures without deciding it anew", async () => {
    await inObject((sql) => {
      const ledger = new Ledger(sql);
      save(ledger, newState(), entry([podFacts("a", { phase: "Failed", hash: oldHash })]));
      const backoff = { generation: 1, delayMs: 1_000, lastAtMs: nowMs };
      ledger.changeBackoff("node", () => backoff);
      ledger.changeBackoff("no such node", () => backoff);
      expect(ledger.entry("node")?.backoff).toEqual(backoff);
      expect(ledger.acting(10)).toHaveLength(1);
      expect(ledger.entry("no such node")).toBeNull();
    });
  });

  it("forgets everything when it is cleared", async () => {
    await inObject((sql) => {
      const ledger = new Ledger(sql);
      ledger.setState(save(ledger, newState(), entry([])));
      ledger.addClaim({ uid: "u", namespace: "default", name: "x", action: "adopt" });
      ledger.clear();
      expect([ledger.state, ledger.acting(10), ledger.claims(10)]).toEqual([null, [], []]);
    });
  });
});
