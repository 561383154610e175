// What a client that watches is told.
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { KubeObject } from "../../src/model/meta.ts";
import { watchHub } from "../../src/pokes.ts";
import { trimLog } from "../../src/store/log.ts";
import { insertObjects } from "../../src/store/objects.ts";
import { insertPods, updatePodStatuses } from "../../src/store/pods.ts";
import type { HubMessage, WatchStart } from "../../src/store/watch-messages.ts";
import { watchHeader } from "../../src/store/watch-messages.ts";
import * as api from "./support/api.ts";
import { addNodes, head, newCluster, newUid, nodeNames, run } from "./support/cluster.ts";
import { tick } from "./support/cron.ts";
import { keepTemplate, newPod, statusUpdate, storedPods } from "./support/pods.ts";
import { until } from "./support/until.ts";
import type { SeenEvent } from "./support/watch.ts";
import { rvsOf, told } from "./support/watch.ts";
import {
  configMap,
  connected,
  loggedAfter,
  numbered,
  stir,
  stopWatches,
  watch,
  watchFrom,
} from "./support/watchers.ts";

beforeEach(newCluster);
afterEach(stopWatches);

function rvOf({ metadata }: KubeObject): number {
  return Number(metadata.resourceVersion);
}

/** The objects there are after the events, by name, as text. */
function replayed(start: readonly KubeObject[], events: readonly SeenEvent[]): ReadonlyMap<string, unknown> {
  const objects = new Map(start.map((object) => [object.metadata.name ?? "", object]));
  for (const { type, object } of events) {
    if (type === "DELETED") objects.delete(object.metadata.name ?? "");
    else objects.set(object.metadata.name ?? "", object);
  }
  return new Map([...objects].map(([name, { kind: _kind, apiVersion: _version, ...object }]) => [name, object]));
}

describe("a watch", () => {
  it("sees every change once, in order, whatever happens at once", async () => {
    const from = await head();
    const watching = await watchFrom(from);
    const last = await stir(20);
    await watching.seenRv(last);
    expect(numbered(watching.events)).toEqual(await loggedAfter(from));
  });

  it("after a list leads to what the next list says", async () => {
    await stir(5, "before");
    const first = await api.get(api.configMaps);
    // A list's items leave out kind and version.
    const start = first["items"] as readonly KubeObject[];
    const watching = await watchFrom(rvOf(first));
    await stir(10, "after");
    const second = await api.get(api.configMaps);
    const events = await watching.seenRv(rvOf(second));
    const there = new Map((second["items"] as readonly KubeObject[]).map((object) => [object.metadata.name, object]));
    expect(replayed(start, events)).toEqual(there);
  });

  it("starts after the number it is given, with what happened since", async () => {
    await api.create(api.configMaps, configMap("a"));
    const from = await head();
    await api.create(api.configMaps, configMap("b"));
    const watching = await watchFrom(from);
    await api.create(api.configMaps, configMap("c"));
    expect(told(await watching.seen("c", ({ object }) => object.metadata.name === "c"))).toEqual([
      "ADDED b",
      "ADDED c",
    ]);
  });

  it.each([
    ["without a number", ""],
    ["from 0", "?resourceVersion=0"],
  ])("%s starts with what there is", async (_how, query) => {
    await api.create(api.configMaps, configMap("a"));
    const watching = await watch(`${api.configMaps}${query}`);
    await api.create(api.configMaps, configMap("b"));
    expect(told(await watching.seen("b", ({ object }) => object.metadata.name === "b"))).toEqual([
      "ADDED a",
      "ADDED b",
    ]);
  });

  it("from the future waits for it", async () => {
    const from = await head();
    const watching = await watchFrom(from + 2);
    for (const name of ["a", "b", "c"]) await api.create(api.configMaps, configMap(name));
    expect(told(await watching.seen("c", ({ object }) => object.metadata.name === "c"))).toEqual(["ADDED c"]);
  });

  it("of the past that is forgotten is told so, by an event", async () => {
    const from = await head();
    await stir(3);
    await run(trimLog(env.DB, { beforeMs: Date.now() + 60_000, keep: 0, limit: 100_000 }));
    const watching = await watchFrom(from);
    const [event] = await watching.seen("an error", ({ type }) => type === "ERROR");
    expect(event?.object).toMatchObject({ kind: "Status", code: 410, reason: "Expired" });
    expect(await watching.end()).toBe("in good order");
  });

  it("that falls behind what is forgotten is told so, never fed a gap", async () => {
    const watching = await watchFrom(await head());
    await connected(1);
    // Nobody tells the hub of these.
    await addNodes(nodeNames(3));
    await run(trimLog(env.DB, { beforeMs: Date.now() + 60_000, keep: 0, limit: 100_000 }));
    await tick();
    await watching.seen("an error", ({ type }) => type === "ERROR");
    expect(watching.events).toHaveLength(1);
  });

  it("keeps to its namespace, and to one name", async () => {
    const from = await head();
    const all = await watchFrom(from, "/api/v1/configmaps");
    const one = await watchFrom(from);
    const named = await watchFrom(from, `${api.configMaps}?fieldSelector=metadata.name=b`);
    const byPath = await watchFrom(from, `${api.configMaps}?fieldSelector=metadata.name%3Db`);
    await api.create("/api/v1/namespaces/kube-public/configmaps", configMap("elsewhere"));
    for (const name of ["a", "b"]) await api.create(api.configMaps, configMap(name));
    const last = ({ object }: SeenEvent) => object.metadata.name === "b";
    expect(told(await all.seen("b", last))).toEqual(["ADDED elsewhere", "ADDED a", "ADDED b"]);
    expect(told(await one.seen("b", last))).toEqual(["ADDED a", "ADDED b"]);
    expect(told(await named.seen("b", last))).toEqual(["ADDED b"]);
    expect(told(await byPath.seen("b", last))).toEqual(["ADDED b"]);
  });

  it("ends when the time it asked for is over", async () => {
    const watching = await watch(`${api.configMaps}?timeoutSeconds=1`);
    expect(await watching.end()).toBe("in good order");
  });
});

describe("a watch of more than a client takes at once", () => {
  const text = "x".repeat(900_000);

  it("sends what is there as the client reads it", async () => {
    for (let index = 0; index < 12; index += 1)
      await api.create(api.configMaps, configMap(`big-${index}`, { data: { text } }));
    const watching = await watch(api.configMaps);
    await until("all are seen", () => watching.events.length === 12);
    await api.create(api.configMaps, configMap("last"));
    await watching.seen("the last", ({ object }) => object.metadata.name === "last");
    expect(watching.events).toHaveLength(13);
  });

  it("sends what was missed as the client reads it", async () => {
    const from = await head();
    for (let index = 0; index < 12; index += 1)
      await api.create(api.configMaps, configMap(`big-${index}`, { data: { text } }));
    const watching = await watchFrom(from);
    await watching.seenRv(await head());
    expect(numbered(watching.events)).toEqual(await loggedAfter(from));
  });
});

describe("what there is when a watch begins", () => {
  it("comes whole and once where it is read in several parts", async () => {
    const names = Array.from({ length: 1_200 }, (_, index) => `c-${String(index).padStart(4, "0")}`);
    const rows = names.map((name, index) => {
      const labels = { odd: String(index % 2 === 1) };
      const metadata = { name, namespace: "default", uid: newUid(), labels };
      return { resource: "configmaps", namespace: "default", name, object: configMap(name, { metadata }) };
    });
    await run(insertObjects(env.DB, rows, { nowMs: Date.now() }));
    const query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const all = await watch(`${api.configMaps}?${query}`);
    const odd = await watch(`${api.configMaps}?${query}&labelSelector=odd=true`);
    const isMark = ({ type }: SeenEvent) => type === "BOOKMARK";
    const added = (wanted: readonly string[]) => wanted.map((name) => `ADDED ${name}`);
    expect(told((await all.seen("the mark", isMark)).slice(0, -1))).toEqual(added(names));
    const oddNames = names.filter((_, index) => index % 2 === 1);
    expect(told((await odd.seen("the mark", isMark)).slice(0, -1))).toEqual(added(oddNames));
  });
});

describe("a watch with a selector", () => {
  it("sees what comes into its sight as ADDED, and what leaves it as DELETED, with its last state", async () => {
    const watching = await watchFrom(await head(), `${api.configMaps}?labelSelector=app=web`);
    const path = `${api.configMaps}/a`;
    await api.create(api.configMaps, configMap("a"));
    await api.patch(path, { metadata: { labels: { app: "web" } } });
    await api.patch(path, { data: { x: "1" } });
    await api.patch(path, { metadata: { labels: { app: "other" } } });
    await api.patch(path, { data: { x: "2" } });
    await api.patch(path, { metadata: { labels: { app: "web" } } });
    await api.remove(path);
    const events = await watching.seen(
      "two deletions",
      () => watching.events.filter(({ type }) => type === "DELETED").length === 2,
    );
    expect(told(events)).toEqual(["ADDED a", "MODIFIED a", "DELETED a", "ADDED a", "DELETED a"]);
    expect(events[2]?.object).toMatchObject({ metadata: { labels: { app: "web" } }, data: { x: "1" } });
    expect(rvsOf(events)).toEqual(rvsOf(events).toSorted((a, b) => a - b));
  });

  it("by a field of pods sees them come and go with their phase", async () => {
    await keepTemplate();
    const watching = await watchFrom(await head(), `${api.pods}?fieldSelector=status.phase=Running`);
    await run(insertPods(env.DB, [newPod("a")], null, { nowMs: Date.now() }));
    const [row] = (await storedPods()).values();
    if (row === undefined) throw new Error("the pod was just made");
    for (const [index, phase] of ["Running", "Running", "Failed"].entries()) {
      await run(
        updatePodStatuses(env.DB, [statusUpdate(row, { phase, status: { phase }, observation: index + 1 })], {
          nowMs: Date.now(),
        }),
      );
    }
    await watchHub(env).poke();
    const events = await watching.seen("the end", ({ type }) => type === "DELETED");
    expect(told(events)).toEqual(["ADDED web-a", "MODIFIED web-a", "DELETED web-a"]);
    expect(events[2]?.object).toMatchObject({ status: { phase: "Running" } });
    expect(rvsOf(events)).toEqual(rvsOf(events).toSorted((a, b) => a - b));
  });

  it("by labels of pods shows a pod that leaves it as it was last", async () => {
    await keepTemplate();
    await run(insertPods(env.DB, [newPod("a")], null, { nowMs: Date.now() }));
    const watching = await watchFrom(await head(), `${api.pods}?labelSelector=app=web`);
    const before = await api.get(`${api.pods}/web-a`);
    await api.patch(`${api.pods}/web-a`, { metadata: { labels: { app: "other" } } });
    const [event] = await watching.seen("the loss", () => true);
    expect(event).toEqual({
      type: "DELETED",
      object: { ...before, metadata: { ...before.metadata, resourceVersion: String(await head()) } },
    });
  });

  it("of namespaces by phase loses the one that is being deleted", async () => {
    await api.create("/api/v1/namespaces", { metadata: { name: "short" } });
    const watching = await watchFrom(await head(), "/api/v1/namespaces?fieldSelector=status.phase=Active");
    await api.remove("/api/v1/namespaces/short");
    const [event] = await watching.seen("the loss", () => true);
    expect(event).toMatchObject({ type: "DELETED", object: { status: { phase: "Active" } } });
    expect(event?.object.metadata.deletionTimestamp).toBeUndefined();
  });

  it("by a pod's address sees it come when it is given", async () => {
    await keepTemplate();
    const watching = await watchFrom(await head(), `${api.pods}?fieldSelector=status.podIP=10.0.0.7`);
    await run(insertPods(env.DB, [newPod("a")], null, { nowMs: Date.now() }));
    const [row] = (await storedPods()).values();
    if (row === undefined) throw new Error("the pod was just made");
    const running = { phase: "Running", podIP: "10.0.0.7", podIPs: [{ ip: "10.0.0.7" }] };
    for (const [index, status] of [{ phase: "Running" }, running].entries()) {
      await run(
        updatePodStatuses(env.DB, [statusUpdate(row, { status, observation: index + 1 })], { nowMs: Date.now() }),
      );
    }
    await watchHub(env).poke();
    expect(told(await watching.seen("the pod", () => true))).toEqual(["ADDED web-a"]);
  });

  it("of pods on a node shows whole pods", async () => {
    await keepTemplate();
    const watching = await watchFrom(await head(), "/api/v1/pods?fieldSelector=spec.nodeName=a");
    await run(insertPods(env.DB, [newPod("a"), newPod("b")], null, { nowMs: Date.now() }));
    await watchHub(env).poke();
    const [event] = await watching.seen("the pod", () => true);
    expect(event?.object).toEqual(await api.get(`${api.pods}/web-a`));
  });
});

describe("a watch in another form", () => {
  it("tells tables, the columns once", async () => {
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    await api.create(api.configMaps, configMap("a"));
    const watching = await watch(api.configMaps, { accept });
    await api.create(api.configMaps, configMap("b"));
    const [first, second] = await until("both are told", () => (watching.events.length === 2 ? watching.events : null));
    expect([first?.object.kind, second?.object.kind]).toEqual(["Table", "Table"]);
    expect([Object(first?.object["columnDefinitions"]).length > 0, second?.object["columnDefinitions"]]).toEqual([
      true,
      null,
    ]);
  });

  it("tells metadata alone", async () => {
    const accept = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
    await api.create(api.configMaps, configMap("a", { data: { x: "1" } }));
    const watching = await watch(api.configMaps, { accept });
    const [event] = await watching.seen("the object", () => true);
    expect(event?.object).toMatchObject({ kind: "PartialObjectMetadata", metadata: { name: "a" } });
    expect(event?.object["data"]).toBeUndefined();
  });
});

describe("what a watch may ask for", () => {
  const initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";

  it.each([
    [
      "sendInitialEvents=true",
      "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
    ],
    [
      "sendInitialEvents=false&resourceVersionMatch=Exact",
      'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"',
    ],
    [
      "resourceVersionMatch=NotOlderThan&resourceVersion=1",
      "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
    ],
    [
      `${initial}&continue=x`,
      "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided",
    ],
  ])("%s is refused", async (query, errors) => {
    const { code, body } = await api.call(`${api.configMaps}?watch=true&${query}`);
    const list = errors.includes(", resource") ? `[${errors}]` : errors;
    expect({ code, body }).toMatchObject({
      code: 422,
      body: { reason: "Invalid", message: `ListOptions.meta.k8s.io "" is invalid: ${list}` },
    });
  });

  it("a number that is none is an error of the server's, as upstream", async () => {
    expect(await api.call(`${api.configMaps}?watch=true&resourceVersion=x`)).toMatchObject({ code: 500 });
  });

  it("YAML is not to be had", async () => {
    expect(await api.call(`${api.configMaps}?watch=true`, { accept: "application/yaml" })).toMatchObject({ code: 406 });
  });

  it("no events for what is there, from now on", async () => {
    await api.create(api.configMaps, configMap("a"));
    const watching = await watch(`${api.configMaps}?sendInitialEvents=false&resourceVersionMatch=NotOlderThan`);
    await api.create(api.configMaps, configMap("b"));
    expect(told(await watching.seen("b", () => true))).toEqual(["ADDED b"]);
  });

  it("what is there as of a number, and a mark after it", async () => {
    await api.create(api.configMaps, configMap("a"));
    const watching = await watch(
      `${api.configMaps}?${initial}&allowWatchBookmarks=true&resourceVersion=${await head()}`,
    );
    await watching.seen("the mark", ({ type }) => type === "BOOKMARK");
    await api.create(api.configMaps, configMap("b"));
    const events = await watching.seen("b", ({ object }) => object.metadata.name === "b");
    expect(events.map(({ type }) => type)).toEqual(["ADDED", "BOOKMARK", "ADDED"]);
  });

  it("the old path", async () => {
    for (const name of ["a", "b"]) await api.create(api.configMaps, configMap(name));
    const all = await watch("/api/v1/watch/namespaces/default/configmaps");
    const one = await watch("/api/v1/watch/namespaces/default/configmaps/b");
    await api.patch(`${api.configMaps}/b`, { data: { x: "1" } });
    const isChange = ({ type }: SeenEvent) => type === "MODIFIED";
    expect(told(await all.seen("the change", isChange))).toEqual(["ADDED a", "ADDED b", "MODIFIED b"]);
    expect(told(await one.seen("the change", isChange))).toEqual(["ADDED b", "MODIFIED b"]);
  });
});

describe("bookmarks", () => {
  it("mark the end of what was there, for those who asked", async () => {
    await api.create(api.configMaps, configMap("a"));
    const query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const watching = await watch(`${api.configMaps}?${query}`);
    const events = await watching.seen("the mark", ({ type }) => type === "BOOKMARK");
    expect(events.map(({ type }) => type)).toEqual(["ADDED", "BOOKMARK"]);
    expect(events[1]?.object.metadata.annotations).toEqual({ "k8s.io/initial-events-end": "true" });
  });

  it("mark the end in tables too, which have a row for it", async () => {
    const query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const watching = await watch(`${api.configMaps}?${query}`, { accept });
    const [mark] = await watching.seen("the mark", ({ type }) => type === "BOOKMARK");
    expect(mark?.object).toMatchObject({
      kind: "Table",
      columnDefinitions: [{ name: "Name" }, { name: "Data" }, { name: "Age" }],
      rows: [{ object: { metadata: { annotations: { "k8s.io/initial-events-end": "true" } } } }],
    });
  });

  it("come once more shortly before the end", async () => {
    const watching = await watch(
      `${api.configMaps}?allowWatchBookmarks=true&timeoutSeconds=3&resourceVersion=${await head()}`,
    );
    expect(await watching.end()).toBe("in good order");
    expect(watching.events.map(({ type }) => type)).toEqual(["BOOKMARK"]);
  });

  it("can tell how far the watch has come, though all that happened was of no concern to it", async () => {
    const from = await head();
    const start: WatchStart = { resource: "configmaps", namespace: "default", name: null, afterRv: from };
    const headers = { upgrade: "websocket", [watchHeader]: JSON.stringify(start) };
    const { webSocket } = await watchHub(env).fetch("https://hub/watch", { headers });
    const messages: HubMessage[] = [];
    // The hub is ours.
    webSocket?.addEventListener("message", ({ data }) => {
      messages.push(JSON.parse(String(data)) as HubMessage);
    });
    webSocket?.accept();
    await addNodes(["x"]);
    await tick();
    const message = await until("the hub has said so", () => messages.at(-1));
    expect(message).toEqual({ kind: "changes", rv: from + 1, changes: [] });
    webSocket?.close();
  });
});
