// Watches over time: hubs that go, clients that come back, are slow or fall silent.
import { abortAllDurableObjects, evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { watchHub } from "../../src/pokes.ts";
import { trimLog } from "../../src/store/log.ts";
import * as api from "./support/api.ts";
import { addNodes, head, newCluster, nodeNames, run } from "./support/cluster.ts";
import { tick } from "./support/cron.ts";
import { until } from "./support/until.ts";
import { rvsOf } from "./support/watch.ts";
import {
  configMap,
  connected,
  connections,
  loggedAfter,
  numbered,
  stir,
  stopWatches,
  watch,
  watchFrom,
} from "./support/watchers.ts";

beforeEach(newCluster);
afterEach(async () => {
  await stopWatches();
  vi.restoreAllMocks();
});

async function forgetLog(): Promise<void> {
  await run(trimLog(env.DB, { beforeMs: Date.now() + 60_000, keep: 0, limit: 100_000 }));
}

describe("a watch whose hub goes", () => {
  it.each([
    ["to sleep", () => evictDurableObject(watchHub(env))],
    ["and closes its sockets", () => evictDurableObject(watchHub(env), { webSockets: "close" })],
    ["for good in the middle of it", () => abortAllDurableObjects()],
  ])("%s loses and repeats nothing", async (_how, interrupt) => {
    const from = await head();
    const watching = await watchFrom(from);
    for (const prefix of ["x", "y", "z"]) {
      await stir(4, prefix);
      await interrupt();
    }
    const last = await stir(4);
    await tick();
    await watching.seenRv(last);
    expect(numbered(watching.events)).toEqual(await loggedAfter(from));
  });

  it("comes back with one connection", async () => {
    const watching = await watchFrom(await head());
    await evictDurableObject(watchHub(env), { webSockets: "close" });
    const last = await stir(2);
    await watching.seenRv(last);
    expect(await connections()).toBe(1);
  });
});

describe("a client that comes back", () => {
  it("with the last number it saw loses and repeats nothing", async () => {
    const from = await head();
    const seen: string[] = [];
    let rv = from;
    for (let visit = 0; visit < 4; visit += 1) {
      const watching = await watchFrom(rv);
      const stirred = stir(3, `v${visit}`);
      await watching.seen("something", () => true);
      await watching.stop();
      // What was read, and no more, is what the client knows.
      const events = [...watching.events];
      seen.push(...numbered(events));
      rv = rvsOf(events).at(-1) ?? rv;
      await stirred;
    }
    const watching = await watchFrom(rv);
    await watching.seenRv(await stir(1, "last"));
    expect([...seen, ...numbered(watching.events)]).toEqual(await loggedAfter(from));
  });
});

describe("many watches", () => {
  it("see the same", async () => {
    const from = await head();
    const watching = await Promise.all(Array.from({ length: 30 }, () => watchFrom(from)));
    const last = await stir(6);
    const all = await loggedAfter(from);
    for (const one of watching) {
      await one.seenRv(last);
      expect(numbered(one.events)).toEqual(all);
    }
  });

  it("a thousand of them, see each change once and in order", { timeout: 60_000 }, async () => {
    const from = await head();
    const watching = await Promise.all(Array.from({ length: 1_000 }, () => watchFrom(from)));
    await connected(1_000);
    const startedAtMs = performance.now();
    const last = await stir(10);
    const all = await loggedAfter(from);
    for (const one of watching) await one.seenRv(last);
    // What is sent to many is made once, and changes go out in bundles: far less than a second for each of 30 changes.
    expect(performance.now() - startedAtMs).toBeLessThan(15_000);
    expect(watching.filter((one) => numbered(one.events).join() !== all.join())).toEqual([]);
  });

  it("that all fall behind are cut off before they fill the memory, the slowest first", {
    timeout: 60_000,
  }, async () => {
    const from = await head();
    const slow = await Promise.all(
      Array.from({ length: 40 }, () => watch(`${api.configMaps}?resourceVersion=${from}`, { reads: false })),
    );
    await connected(slow.length);
    const text = "x".repeat(900_000);
    for (let index = 0; index < 4; index += 1)
      await api.create(api.configMaps, configMap(`big-${index}`, { data: { text } }));
    await until("some are cut off", async () => (await connections()) < slow.length);
    const left = await connections();
    expect(left).toBeGreaterThan(0);
    const quick = await watchFrom(await head());
    await api.create(api.configMaps, configMap("last"));
    await quick.seen("the last", ({ object }) => object.metadata.name === "last");
  });

  it("that do not read what there is when they begin are cut off when they are too many", {
    timeout: 60_000,
  }, async () => {
    const text = "x".repeat(900_000);
    for (let index = 0; index < 6; index += 1)
      await api.create(api.configMaps, configMap(`big-${index}`, { data: { text } }));
    const slow = await Promise.all(Array.from({ length: 20 }, () => watch(api.configMaps, { reads: false })));
    await connected(slow.length);
    await stir(1);
    await until("some are cut off", async () => (await connections()) < slow.length);
    const quick = await watch(api.configMaps);
    await quick.seen("the last", ({ object }) => object.metadata.name === "big-5");
  });

  it("that end leave nothing behind in the hub", async () => {
    const watching = await Promise.all(Array.from({ length: 5 }, async () => watchFrom(await head())));
    await connected(5);
    await Promise.all(watching.map((one) => one.stop()));
    await stir(1);
    await until("all are gone", async () => (await connections()) === 0);
  });

  it("do not wait for one that does not read: it is cut off", async () => {
    const from = await head();
    const slow = await watch(`${api.configMaps}?resourceVersion=${from}`, { reads: false });
    const quick = await watchFrom(from);
    const text = "x".repeat(900_000);
    for (let index = 0; index < 12; index += 1)
      await api.create(api.configMaps, configMap(`big-${index}`, { data: { text } }));
    await quick.seen("what is large", ({ object }) => object.metadata.name === "big-11");
    await api.create(api.configMaps, configMap("last"));
    await quick.seen("the last", ({ object }) => object.metadata.name === "last");
    slow.read();
    expect(await slow.end()).toBe("cut off");
    expect(slow.events.length).toBeLessThan(12);
  });
});

describe("a log that is trimmed while the hub sleeps", () => {
  it("loses nothing that a watch had not been told of: the watch is told that it is too late", async () => {
    const watching = await watchFrom(await head());
    await connected(1);
    await evictDurableObject(watchHub(env));
    // Nobody tells the hub of these.
    await addNodes(nodeNames(3));
    await forgetLog();
    await tick();
    const [event] = await watching.seen("an error", ({ type }) => type === "ERROR");
    expect(event?.object).toMatchObject({ kind: "Status", code: 410, reason: "Expired" });
    expect(await watching.end()).toBe("in good order");
  });

  it("does not disturb a watch that had been told of everything", async () => {
    const from = await head();
    const watching = await watchFrom(from);
    await watching.seenRv(await stir(3));
    const seen = watching.events.length;
    await evictDurableObject(watchHub(env));
    const trimmedAt = await head();
    await forgetLog();
    const last = await stir(2, "later");
    await watching.seenRv(last);
    expect(numbered(watching.events.slice(seen))).toEqual(await loggedAfter(trimmedAt));
    expect(watching.ended).toBeNull();
  });
});

describe("a watch in which nothing happens", () => {
  /** How much faster than it should the watch's clock runs. */
  const hurry = 100;

  beforeEach(() => {
    const { setInterval: start } = globalThis;
    // Typed stub: the same function, impatient.
    const impatient = ((work: () => void, afterMs: number) => start(work, afterMs / hurry)) as typeof setInterval;
    vi.spyOn(globalThis, "setInterval").mockImplementation(impatient);
  });

  it("says every ten seconds that it is still there", async () => {
    const watching = await watchFrom(await head());
    await connected(1);
    const startedAtMs = performance.now();
    const before = watching.blanks;
    await until("some lines have come", () => watching.blanks >= before + 3);
    expect(performance.now() - startedAtMs).toBeGreaterThan(20_000 / hurry);
    expect(watching.events).toEqual([]);
  });

  it("is given up with the next sign of life when its client is gone", async () => {
    const watching = await watchFrom(await head());
    await connected(1);
    await watching.stop();
    await until("the hub is rid of it", async () => (await connections()) === 0);
  });

  it("tells each minute how far it has come, if the client asked for that", async () => {
    const from = await head();
    const watching = await watch(`${api.configMaps}?allowWatchBookmarks=true&resourceVersion=${from}`);
    const other = await watchFrom(from);
    await connected(2);
    await addNodes(["of-no-concern"]);
    await tick();
    await until("the watch has come further", () => rvsOf(watching.events).some((rv) => rv > from));
    expect(new Set(watching.events.map(({ type }) => type))).toEqual(new Set(["BOOKMARK"]));
    expect(other.events).toEqual([]);
  });
});
