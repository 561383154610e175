// How objects go: finalizers, preconditions, what owners leave behind, and namespaces.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import type { KubeObject } from "../../src/model/meta.ts";
import { controllerManager } from "../../src/pokes.ts";
import { readMeter } from "../../src/store/meter.ts";
import { insertPods } from "../../src/store/pods.ts";
import * as api from "./support/api.ts";
import { addNodes, head, newCluster, nodeNames, run } from "./support/cluster.ts";
import { createSet, daemonPods, reconcile } from "./support/daemonset.ts";
import { keepTemplate, newPod } from "./support/pods.ts";
import { until } from "./support/until.ts";

beforeEach(newCluster);

function createMap(name: string, metadata: object = {}, path = api.configMaps): Promise<KubeObject> {
  return api.create(path, { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata } });
}

function ownedBy(...owners: readonly KubeObject[]) {
  return {
    ownerReferences: owners.map(({ metadata: { name, uid } }) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      name,
      uid,
      blockOwnerDeletion: true,
    })),
  };
}

const mapPath = (name: string) => `${api.configMaps}/${name}`;

async function gone(name: string): Promise<void> {
  await until(`${name} is gone`, async () => !(await api.exists(mapPath(name))));
}

/** Lets the collector do all that is to be done now. */
async function collect(): Promise<void> {
  await controllerManager(env).poke();
}

describe("a finalizer", () => {
  const finalizers = ["example.com/one", "example.com/two"];

  it("keeps an object that is to go, marked, until the last one is taken away", async () => {
    await createMap("a", { finalizers });
    const marked = await api.remove(mapPath("a"));
    expect(marked.metadata).toMatchObject({ finalizers, deletionGracePeriodSeconds: 0 });
    expect(marked.metadata.deletionTimestamp).toBeDefined();
    await api.patch(mapPath("a"), { metadata: { finalizers: ["example.com/two"] } });
    expect((await api.get(mapPath("a"))).metadata.finalizers).toEqual(["example.com/two"]);
    await api.patch(mapPath("a"), { metadata: { finalizers: null } });
    expect(await api.exists(mapPath("a"))).toBe(false);
  });

  it("cannot be added to an object that is to go", async () => {
    await createMap("a", { finalizers });
    await api.remove(mapPath("a"));
    const body = { metadata: { finalizers: [...finalizers, "example.com/three"] } };
    const contentType = "application/merge-patch+json";
    const { code, body: status } = await api.call(mapPath("a"), { method: "PATCH", body, contentType });
    expect([code, status["reason"]]).toEqual([422, "Invalid"]);
    expect((await api.get(mapPath("a"))).metadata.finalizers).toEqual(finalizers);
  });

  it("makes another deletion change nothing", async () => {
    await createMap("a", { finalizers });
    const first = await api.remove(mapPath("a"));
    const before = await head();
    expect((await api.remove(mapPath("a"))).metadata.deletionTimestamp).toBe(first.metadata.deletionTimestamp);
    expect(await head()).toBe(before);
  });
});

it.each([
  ["/api/v1/namespaces/kube-system", "this namespace may not be deleted"],
  ["/api/v1/namespaces/default?dryRun=All", "this namespace may not be deleted"],
  [
    "/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical",
    "this is a system priority class and cannot be deleted",
  ],
  ["/apis/scheduling.k8s.io/v1/priorityclasses", "this is a system priority class and cannot be deleted"],
])("what every cluster has stays: DELETE %s", async (path, why) => {
  const { code, body } = await api.call(path, { method: "DELETE" });
  expect([code, body["reason"]]).toEqual([403, "Forbidden"]);
  expect(body["message"]).toMatch(new RegExp(`^\\w+[.\\w]* "[\\w-]+" is forbidden: ${why}$`));
  expect((await api.get("/api/v1/namespaces/kube-system"))["status"]).toEqual({ phase: "Active" });
});

it("a body of another kind than DeleteOptions deletes nothing", async () => {
  const map = await createMap("a");
  const { code, body } = await api.call(mapPath("a"), { method: "DELETE", body: map });
  expect([code, body["reason"]]).toEqual([400, "BadRequest"]);
  expect(body["message"]).toMatch(/^no kind "ConfigMap" is registered for version "v1"/);
  expect(await api.exists(mapPath("a"))).toBe(true);
  await api.remove(mapPath("a"), { kind: "DeleteOptions", apiVersion: "apps/v1" });
  expect(await api.exists(mapPath("a"))).toBe(false);
});

describe("a precondition", () => {
  it.each([
    ["another uid", { uid: "other" }, /the UID in the precondition \(other\) does not match the UID in record/],
    [
      "another version",
      { resourceVersion: "1" },
      /the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record/,
    ],
  ])("of %s keeps the object from being deleted", async (_what, preconditions, message) => {
    await createMap("a");
    const { code, body } = await api.call(mapPath("a"), { method: "DELETE", body: { preconditions } });
    expect([code, body["reason"]]).toEqual([409, "Conflict"]);
    expect(body["message"]).toMatch(message);
    expect(await api.exists(mapPath("a"))).toBe(true);
  });

  it("that holds lets it go", async () => {
    const { metadata } = await createMap("a");
    const { uid, resourceVersion } = metadata;
    await api.remove(mapPath("a"), { preconditions: { uid, resourceVersion } });
    expect(await api.exists(mapPath("a"))).toBe(false);
  });

  it("of a write is the version it names: of two who read the same, one is told of the conflict", async () => {
    const { metadata } = await createMap("a");
    const write = (x: string) =>
      api.call(mapPath("a"), {
        method: "PUT",
        body: { apiVersion: "v1", kind: "ConfigMap", metadata, data: { x } },
      });
    const codes = (await Promise.all([write("1"), write("2")])).map(({ code }) => code);
    expect(codes.toSorted()).toEqual([200, 409]);
  });
});

describe("what an owner leaves behind", () => {
  it("in the background goes after it, down to the last of its line", async () => {
    const line = ["owner", "child", "grandchild", "great-grandchild"];
    let above = await createMap("owner");
    for (const name of line.slice(1)) above = await createMap(name, ownedBy(above));
    await api.remove(mapPath("owner"));
    expect(await api.exists(mapPath("owner"))).toBe(false);
    for (const name of line) await gone(name);
  });

  it("stays while another owner is there, and loses sight of the one that went", async () => {
    const [first, second] = [await createMap("first"), await createMap("second")];
    await createMap("child", ownedBy(first, second));
    await api.remove(mapPath("first"));
    const owners = await until("the reference is gone", async () => {
      const { ownerReferences = [] } = (await api.get(mapPath("child"))).metadata;
      return ownerReferences.length === 1 ? ownerReferences : null;
    });
    expect(owners.map(({ uid }) => uid)).toEqual([second.metadata.uid]);
    await api.remove(mapPath("second"));
    await gone("child");
  });

  it("goes when it came too late: its owner was gone already", async () => {
    const owner = await createMap("owner");
    await api.remove(mapPath("owner"));
    await createMap("owner");
    await createMap("late", ownedBy(owner));
    await collect();
    await gone("late");
    expect(await api.exists(mapPath("owner"))).toBe(true);
  });

  it("goes though the log was trimmed before anybody read of it, pods included", async () => {
    const owner = await createMap("owner");
    await createMap("child", ownedBy(owner));
    await addNodes(["edge-1", "edge-2"]);
    await createSet();
    await until("its pods are there", async () => (await daemonPods()).length === 2);
    await collect();
    // As when the collector could not run for a long time.
    await env.DB.batch([
      env.DB.prepare("DELETE FROM objects WHERE name = 'owner' OR resource = 'daemonsets.apps'"),
      env.DB.prepare("DELETE FROM log WHERE seq < (SELECT max(seq) FROM log)"),
    ]);
    await createMap("news");
    await evictDurableObject(controllerManager(env));
    await runInDurableObject(controllerManager(env), (_object, { storage }) => storage.kv.put("cursor", 1));
    await collect();
    await gone("child");
    await until("its pods are to go", async () =>
      (await daemonPods()).every(({ metadata }) => metadata.deletionTimestamp !== undefined),
    );
  });

  it("of no namespace is judged by the other owners that it has in its own", async () => {
    const owner = await api.create("/apis/scheduling.k8s.io/v1/priorityclasses", {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name: "owner" },
      value: 1,
    });
    const other = await createMap("other");
    const [reference] = ownedBy(other).ownerReferences;
    const { name, uid } = owner.metadata;
    const cluster = { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", name, uid };
    await createMap("child", { ownerReferences: [cluster, reference] });
    await collect();
    await api.remove("/apis/scheduling.k8s.io/v1/priorityclasses/owner");
    const owners = await until("the reference is gone", async () => {
      const { ownerReferences = [] } = (await api.get(mapPath("child"))).metadata;
      return ownerReferences.length === 1 ? ownerReferences : null;
    });
    expect(owners.map((left) => left.uid)).toEqual([other.metadata.uid]);
  });

  it("in the foreground goes first, and what does not block is not waited for", async () => {
    const owner = await createMap("owner");
    const finalizers = ["example.com/mine"];
    await createMap("blocking", { ...ownedBy(owner), finalizers });
    const [reference] = ownedBy(owner).ownerReferences;
    await createMap("free", { ownerReferences: [{ ...reference, blockOwnerDeletion: false }], finalizers });
    const { metadata } = await api.remove(mapPath("owner"), { propagationPolicy: "Foreground" });
    expect(metadata.finalizers).toEqual(["foregroundDeletion"]);
    for (const name of ["blocking", "free"]) {
      await until(`${name} is to go`, async () => (await api.get(mapPath(name))).metadata.deletionTimestamp);
    }
    await collect();
    expect(await api.exists(mapPath("owner"))).toBe(true);
    await api.patch(mapPath("blocking"), { metadata: { finalizers: null } });
    await gone("owner");
    expect(await api.exists(mapPath("free"))).toBe(true);
  });

  it("as orphans stays, and forgets its owner", async () => {
    const owner = await createMap("owner");
    await createMap("child", ownedBy(owner));
    await api.remove(mapPath("owner"), { propagationPolicy: "Orphan" });
    await gone("owner");
    await collect();
    expect((await api.get(mapPath("child"))).metadata.ownerReferences).toBeUndefined();
  });

  it("is collected although the collector slept in the middle of it", async () => {
    await addNodes(["a"]);
    await createSet();
    await reconcile();
    await api.remove(`${api.daemonSets}/web`, { propagationPolicy: "Foreground" });
    await until("the pod is to go", async () => (await daemonPods())[0]?.metadata.deletionTimestamp);
    await evictDurableObject(controllerManager(env));
    const [pod] = await daemonPods();
    await api.remove(`${api.pods}/${pod?.metadata.name}`, { gracePeriodSeconds: 0 });
    // Its alarm wakes it.
    await runDurableObjectAlarm(controllerManager(env));
    await until("it is gone", async () => !(await api.exists(`${api.daemonSets}/web`)));
  });
});

describe("a deletion that waits", () => {
  const finalizers = ["example.com/mine"];

  it.each<readonly [string, () => Promise<unknown>]>([
    [
      "for an object that a finalizer holds",
      async () => {
        await createMap("held", { ...ownedBy(await createMap("owner")), finalizers });
        await api.remove(mapPath("owner"), { propagationPolicy: "Foreground" });
      },
    ],
    [
      "for a namespace in which a finalizer holds something",
      async () => {
        await api.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "team" } });
        await createMap("held", { finalizers }, "/api/v1/namespaces/team/configmaps");
        await api.remove("/api/v1/namespaces/team");
      },
    ],
    [
      "for a namespace that a finalizer holds itself",
      async () => {
        const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "team", finalizers } };
        await api.create("/api/v1/namespaces", namespace);
        await api.remove("/api/v1/namespaces/team");
      },
    ],
  ])("%s writes nothing meanwhile, and looks no more than now and then", async (_what, begin) => {
    await begin();
    await collect();
    const before = { head: await head(), batches: readMeter().batches };
    for (let look = 0; look < 3; look += 1) await collect();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await head()).toBe(before.head);
    expect(readMeter().batches - before.batches).toBeLessThan(30);
  });

  it("is looked at less often the longer nothing changes, though the collector sleeps in between", async () => {
    const manager = controllerManager(env);
    const nextLookInMs = () =>
      runInDurableObject(manager, async (_manager, { storage }) => ((await storage.getAlarm()) ?? 0) - Date.now());
    await createMap("held", { ...ownedBy(await createMap("owner")), finalizers });
    await api.remove(mapPath("owner"), { propagationPolicy: "Foreground" });
    await collect();
    expect(await nextLookInMs()).toBeLessThanOrEqual(1_000);
    await runInDurableObject(manager, (_manager, { storage }) => {
      const { left } = storage.kv.get<{ left: string }>("standstill") ?? {};
      storage.kv.put("standstill", { left, sinceMs: Date.now() - 400_000 });
    });
    await evictDurableObject(manager);
    await collect();
    expect(await nextLookInMs()).toBeGreaterThan(30_000);
    await createMap("another", { ...ownedBy(await api.get(mapPath("owner"))), finalizers });
    await collect();
    expect(await nextLookInMs()).toBeLessThanOrEqual(1_000);
  });
});

describe("a collection", () => {
  it("is deleted as far as its selectors pick", async () => {
    for (const [name, app] of [
      ["a", "web"],
      ["b", "web"],
      ["c", "other"],
    ] as const)
      await createMap(name, { labels: { app } });
    await api.remove(`${api.configMaps}?labelSelector=app=web&fieldSelector=metadata.name!=b`);
    expect((await api.list(api.configMaps)).map(({ metadata }) => metadata.name)).toEqual(["b", "c"]);
  });
});

describe("a namespace", () => {
  const path = "/api/v1/namespaces/team";
  const maps = `${path}/configmaps`;

  beforeEach(async () => {
    await api.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "team" } });
  });

  it("that is to go takes all that is in it along, and goes last", async () => {
    await createMap("a", {}, maps);
    await createMap("held", { finalizers: ["example.com/mine"] }, maps);
    const { metadata, ...namespace } = await api.remove(path);
    expect(metadata.deletionTimestamp).toBeDefined();
    expect(namespace).toMatchObject({ spec: { finalizers: ["kubernetes"] }, status: { phase: "Terminating" } });
    await until("what nothing holds is gone", async () => !(await api.exists(`${maps}/a`)));
    await collect();
    expect(await api.exists(path)).toBe(true);
    await api.patch(`${maps}/held`, { metadata: { finalizers: null } });
    await until("the namespace is gone", async () => !(await api.exists(path)));
  });

  it("that is to go asks for the end of all its pods, though thousands of them wait", async () => {
    await keepTemplate();
    const pods = nodeNames(5_001).map((node) => newPod(node, { namespace: "team", hasFinalizers: true }));
    await run(insertPods(env.DB, pods, null, { nowMs: Date.now() }));
    await api.remove(path);
    await collect();
    const going = await env.DB.prepare("SELECT count(*) AS n FROM pods WHERE deletion_ms IS NOT NULL").first("n");
    expect(going).toBe(5_001);
  });

  it("that is to go takes no new objects", async () => {
    await createMap("held", { finalizers: ["example.com/mine"] }, maps);
    await api.remove(path);
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "late" } };
    const { code, body: status } = await api.call(maps, { method: "POST", body });
    expect([code, status["reason"]]).toEqual([403, "Forbidden"]);
    expect(Object(status["details"])["causes"]).toMatchObject([{ reason: "NamespaceTerminating" }]);
  });

  it("that is gone takes no objects, and may come again, empty", async () => {
    await createMap("a", {}, maps);
    await api.remove(path);
    await until("the namespace is gone", async () => !(await api.exists(path)));
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "late" } };
    expect((await api.call(maps, { method: "POST", body })).code).toBe(404);
    await api.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "team" } });
    expect(await api.list(maps)).toEqual([]);
  });
});
