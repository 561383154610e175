import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import type { KubeObject } from "../../src/model/meta.ts";
import { runBatch, StalePremise } from "../../src/store/batch.ts";
import { deleteObjects, writeOrRelease } from "../../src/store/deletions.ts";
import type { ChangedObject, NewObject } from "../../src/store/objects.ts";
import {
  insertObjects,
  readObject,
  readObjects,
  readOwnedKeys,
  removeExpired,
  removeObjects,
  requireRv,
  updateObjects,
} from "../../src/store/objects.ts";
import { addNodes, head, logAfter, newCluster, newUid, nodeNames, run } from "./support/cluster.ts";

const nowMs = Date.UTC(2026, 5, 1);
const resource = "configmaps";
const namespace = "default";

beforeEach(newCluster);

function configMap(name: string, fields: Partial<KubeObject> & { readonly uid?: string } = {}): KubeObject {
  const { uid = newUid(), ...others } = fields;
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    ...others,
    metadata: { name, namespace, uid, creationTimestamp: "2026-01-01T00:00:00Z", ...others.metadata },
  };
}

function rowOf(object: KubeObject, fields: Partial<NewObject> = {}): NewObject {
  return { resource, namespace: object.metadata.namespace ?? "", name: object.metadata.name ?? "", object, ...fields };
}

function insert(objects: readonly KubeObject[]) {
  return run(
    insertObjects(
      env.DB,
      objects.map((object) => rowOf(object)),
      { nowMs },
    ),
  );
}

function change(object: KubeObject, fields: Partial<ChangedObject> = {}): ChangedObject {
  return { ...rowOf(object), expectRv: null, previous: null, ...fields };
}

function update(rows: readonly ChangedObject[]) {
  return run(updateObjects(env.DB, rows, { nowMs }));
}

async function stored(name: string): Promise<KubeObject | null> {
  return run(readObject(env.DB, { resource, namespace, name }));
}

describe("insertObjects", () => {
  it("gives each object a resourceVersion of its own, and logs exactly what it stored", async () => {
    const before = await head();
    const objects = [configMap("a", { data: { x: "ü\u2028<&>" } }), configMap("b")];
    const written = await insert(objects);
    expect([...written]).toEqual([
      ["default/a", before + 1],
      ["default/b", before + 2],
    ]);
    const log = await logAfter(before);
    expect(log.map(({ seq, type, name }) => [seq, type, name])).toEqual([
      [before + 1, "ADDED", "a"],
      [before + 2, "ADDED", "b"],
    ]);
    expect(log.map(({ body }) => JSON.parse(body))).toEqual(objects);
    expect(await stored("a")).toEqual({
      ...objects[0],
      metadata: { ...objects[0]?.metadata, resourceVersion: String(before + 1) },
    });
  });

  it("leaves out what is there already, and writes the rest", async () => {
    await insert([configMap("a", { data: { by: "first" } })]);
    const before = await head();
    const written = await insert([configMap("a", { data: { by: "second" } }), configMap("b")]);
    expect([...written.keys()]).toEqual(["default/b"]);
    expect((await stored("a"))?.["data"]).toEqual({ by: "first" });
    expect((await logAfter(before)).map(({ name }) => name)).toEqual(["b"]);
  });

  it("refuses a namespace that does not exist, and one that is going", async () => {
    await insert([]);
    await env.DB.prepare(
      "UPDATE objects SET body = json_set(body, '$.status.phase', 'Terminating') WHERE resource = 'namespaces' AND name = 'kube-public'",
    ).run();
    const lost = ["nowhere", "kube-public"].map((name) =>
      configMap("a", { metadata: { name: "a", namespace: name, uid: newUid(), creationTimestamp: null } }),
    );
    const before = await head();
    expect((await insert(lost)).size).toBe(0);
    expect(await head()).toBe(before);
  });

  it("takes more than fits one parameter, in one transaction", async () => {
    const text = "x".repeat(100_000);
    const objects = Array.from({ length: 30 }, (_, index) => configMap(`big-${index}`, { data: { text } }));
    const before = await head();
    const written = await insert(objects);
    expect(written.size).toBe(30);
    expect([...written.values()].toSorted((a, b) => a - b)).toEqual(objects.map((_, index) => before + 1 + index));
    expect((await logAfter(before)).map(({ seq }) => seq)).toEqual(objects.map((_, index) => before + 1 + index));
  });

  it("marks the log rows of a writer that passes over its own", async () => {
    const before = await head();
    await run(insertObjects(env.DB, [rowOf(configMap("a"))], { nowMs, origin: "me" }));
    expect((await logAfter(before)).map(({ origin }) => origin)).toEqual(["me"]);
  });
});

describe("updateObjects", () => {
  it("replaces an object that has the expected resourceVersion, and logs what selectors saw before", async () => {
    const object = configMap("a");
    const rv = (await insert([object])).get("default/a") ?? 0;
    const before = await head();
    const next = { ...object, data: { x: "1" } };
    const previous = { labels: { app: "old" } };
    const written = await update([change(next, { expectRv: rv, previous })]);
    expect(written.get("default/a")).toBe(before + 1);
    expect((await stored("a"))?.["data"]).toEqual({ x: "1" });
    const [row] = await logAfter(before);
    expect([row?.type, JSON.parse(row?.body ?? ""), JSON.parse(row?.previous ?? "")]).toEqual([
      "MODIFIED",
      next,
      previous,
    ]);
  });

  it.each<readonly [string, (object: KubeObject, rv: number) => ChangedObject]>([
    ["a stale resourceVersion", (object, rv) => change(object, { expectRv: rv - 1 })],
    [
      "another uid",
      (object, rv) => change({ ...object, metadata: { ...object.metadata, uid: "other" } }, { expectRv: rv }),
    ],
    ["a name that is not there", (object) => change({ ...object, metadata: { ...object.metadata, name: "none" } })],
  ])("writes nothing for %s", async (_what, changeOf) => {
    const object = configMap("a");
    const rv = (await insert([object])).get("default/a") ?? 0;
    const before = await head();
    expect((await update([changeOf({ ...object, data: { x: "1" } }, rv)])).size).toBe(0);
    expect(await head()).toBe(before);
    expect((await stored("a"))?.["data"]).toBeUndefined();
  });

  it("lets one of two writers win who expect the same", async () => {
    const object = configMap("a");
    const expectRv = (await insert([object])).get("default/a") ?? 0;
    const both = await Promise.all(["1", "2"].map((x) => update([change({ ...object, data: { x } }, { expectRv })])));
    expect(both.map(({ size }) => size).toSorted()).toEqual([0, 1]);
  });

  it("leaves out those that changed meanwhile, and writes the rest", async () => {
    const objects = [configMap("a"), configMap("b"), configMap("c")];
    const rvs = await insert(objects);
    await update([change({ ...(objects[1] ?? configMap("b")), data: { by: "other" } })]);
    const before = await head();
    const written = await update(
      objects.map((object) =>
        change({ ...object, data: { by: "me" } }, { expectRv: rvs.get(`default/${object.metadata.name}`) ?? 0 }),
      ),
    );
    expect([...written.keys()]).toEqual(["default/a", "default/c"]);
    const log = await logAfter(before);
    expect(log.map(({ seq, name }) => [`default/${name}`, seq])).toEqual([...written]);
  });
});

describe("removeObjects", () => {
  it("removes an object and logs its last state, under a number of its own", async () => {
    const object = configMap("a", { data: { x: "1" } });
    const expectRv = (await insert([object])).get("default/a") ?? 0;
    const before = await head();
    const key = { resource, namespace, name: "a", uid: object.metadata.uid ?? "", expectRv, owners: [] };
    expect([...(await run(removeObjects(env.DB, [key], { nowMs })))]).toEqual([["default/a", before + 1]]);
    expect(await stored("a")).toBeNull();
    const [row] = await logAfter(before);
    expect([row?.type, row?.seq, JSON.parse(row?.body ?? "")]).toEqual(["DELETED", before + 1, object]);
  });

  it.each([
    ["a stale resourceVersion", { stale: true }],
    ["another uid", { uid: "other" }],
  ])("removes nothing for %s", async (_what, { stale = false, uid }: { stale?: boolean; uid?: string }) => {
    const object = configMap("a");
    const rv = (await insert([object])).get("default/a") ?? 0;
    const before = await head();
    const key = {
      resource,
      namespace,
      name: "a",
      uid: uid ?? object.metadata.uid ?? "",
      expectRv: stale ? rv - 1 : rv,
    };
    expect((await run(removeObjects(env.DB, [{ ...key, owners: [] }], { nowMs }))).size).toBe(0);
    expect(await stored("a")).not.toBeNull();
    expect(await head()).toBe(before);
  });

  it("forgets who owned what is removed, and keeps who owns the rest", async () => {
    const ownerReferences = [{ apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: "owner" }];
    const owned = ["a", "b"].map((name) =>
      configMap(name, {
        metadata: { name, namespace, uid: `uid-of-${name}`, creationTimestamp: null, ownerReferences },
      }),
    );
    await insert(owned);
    const key = { resource, namespace, name: "a", uid: "uid-of-a", expectRv: null, owners: ["owner"] };
    await run(removeObjects(env.DB, [key], { nowMs }));
    expect(await run(readOwnedKeys(env.DB, ["owner"]))).toEqual([{ resource, namespace, name: "b" }]);
  });
});

describe("many writers at once", () => {
  it("are given numbers that rise, each once, and the log has them all in order", async () => {
    const before = await head();
    const objects = Array.from({ length: 40 }, (_, index) => configMap(`c-${index}`));
    const inserted = await Promise.all(objects.map((object) => insert([object])));
    const updated = await Promise.all(
      objects.map((object, index) =>
        update([
          change({ ...object, data: { x: "1" } }, { expectRv: inserted[index]?.get(`default/c-${index}`) ?? 0 }),
        ]),
      ),
    );
    const given = [...inserted, ...updated].flatMap((written) => [...written.values()]);
    expect(new Set(given).size).toBe(80);
    const log = await logAfter(before);
    expect(log.map(({ seq }) => seq)).toEqual(given.toSorted((a, b) => a - b));
    const rows = await env.DB.prepare("SELECT name, rv, body FROM objects WHERE resource = ?").bind(resource).all();
    for (const { name, rv, body } of rows.results) {
      const last = log.findLast((row) => row.name === name);
      expect([last?.seq, last?.body]).toEqual([rv, body]);
    }
  });

  it("never take a number again that a deletion used", async () => {
    const object = configMap("a");
    await insert([object]);
    const key = { resource, namespace, name: "a", uid: object.metadata.uid ?? "", expectRv: null, owners: [] };
    const gone = (await run(removeObjects(env.DB, [key], { nowMs }))).get("default/a") ?? 0;
    const again = (await insert([configMap("a")])).get("default/a") ?? 0;
    expect(again).toBe(gone + 1);
  });
});

describe("a premise that does not hold", () => {
  it("aborts the whole batch", async () => {
    const rv = (await insert([configMap("premise")])).get("default/premise") ?? 0;
    const before = await head();
    const attempt = (seen: number) =>
      runBatch(env.DB, [
        insertObjects(env.DB, [rowOf(configMap("before"))], { nowMs }),
        requireRv(env.DB, { resource, namespace, name: "premise" }, seen),
        insertObjects(env.DB, [rowOf(configMap("after"))], { nowMs }),
      ]);
    await expect(attempt(rv - 1)).rejects.toThrow(StalePremise);
    expect([await head(), await stored("before"), await stored("after")]).toEqual([before, null, null]);
    await attempt(rv);
    expect(await head()).toBe(before + 2);
  });
});

describe("deleteObjects", () => {
  async function read(name: string) {
    const object = await stored(name);
    return object === null ? [] : [{ key: { resource, namespace, name }, object }];
  }

  function held(name: string): KubeObject {
    return configMap(name, {
      metadata: { name, namespace, uid: newUid(), creationTimestamp: null, finalizers: ["mine"] },
    });
  }

  it("removes what nothing holds and marks the rest, in one transaction", async () => {
    await insert([configMap("free"), held("held")]);
    const written = await run(deleteObjects(env.DB, [...(await read("free")), ...(await read("held"))], null, nowMs));
    expect([...written.keys()].toSorted()).toEqual(["default/free", "default/held"]);
    expect(await stored("free")).toBeNull();
    expect((await stored("held"))?.metadata.deletionTimestamp).toBe("2026-06-01T00:00:00Z");
  });

  it("writes nothing for what is marked already", async () => {
    await insert([held("held")]);
    await run(deleteObjects(env.DB, await read("held"), null, nowMs));
    const before = await head();
    await run(deleteObjects(env.DB, await read("held"), null, nowMs + 60_000));
    expect(await head()).toBe(before);
  });

  it("removes a marked object with the write that lets go of its last finalizer", async () => {
    await insert([held("held")]);
    await run(deleteObjects(env.DB, await read("held"), null, nowMs));
    const released = (await read("held")).map(({ key, object: { metadata, ...object } }) => {
      const { finalizers: _gone, ...others } = metadata;
      return { key, object: { ...object, apiVersion: "v1", kind: "ConfigMap", metadata: others } };
    });
    await writeOrRelease(env.DB, released, nowMs);
    expect(await stored("held")).toBeNull();
  });
});

describe("removeExpired", () => {
  it("removes what is over, the longest over first, and logs it", async () => {
    const events = ["c", "a", "b"].map((name, index) =>
      rowOf(configMap(name), { resource: "events", expiresMs: nowMs + index * 1000 }),
    );
    await run(insertObjects(env.DB, events, { nowMs }));
    const before = await head();
    expect(await run(removeExpired(env.DB, nowMs + 1000, 1))).toBe(1);
    expect(await run(removeExpired(env.DB, nowMs + 1000, 10))).toBe(1);
    expect((await logAfter(before)).map(({ type, name }) => `${type} ${name}`)).toEqual(["DELETED c", "DELETED a"]);
    expect(await run(removeExpired(env.DB, nowMs + 1000, 10))).toBe(0);
  });

  it("lets live what was counted again", async () => {
    const event = rowOf(configMap("a"), { resource: "events", expiresMs: nowMs });
    await run(insertObjects(env.DB, [event], { nowMs }));
    await run(
      updateObjects(env.DB, [{ ...event, expectRv: null, previous: null, expiresMs: nowMs + 5000 }], { nowMs }),
    );
    expect(await run(removeExpired(env.DB, nowMs, 10))).toBe(0);
  });
});

describe("readObjects", () => {
  it("goes through all namespaces in order, page by page, and misses nothing", async () => {
    const places = ["default", "kube-public", "kube-system"].flatMap((space) =>
      ["a", "b", "c"].map((name) => ({ namespace: space, name })),
    );
    await insert(
      places.map((place) => configMap(place.name, { metadata: { ...place, uid: newUid(), creationTimestamp: null } })),
    );
    const seen: string[] = [];
    let after: { namespace: string; name: string } | null = null;
    for (let page = 0; page < 5; page += 1) {
      const objects: readonly KubeObject[] = await run(
        readObjects(env.DB, { resource, namespace: null, after, limit: 2 }),
      );
      seen.push(...objects.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
      const last = objects.at(-1)?.metadata;
      if (last !== undefined) after = { namespace: last.namespace ?? "", name: last.name ?? "" };
    }
    expect(seen).toEqual(places.map((place) => `${place.namespace}/${place.name}`));
  });

  it("stays within a namespace", async () => {
    await addNodes(nodeNames(5));
    await insert([configMap("a"), configMap("b")]);
    const found = await run(readObjects(env.DB, { resource, namespace, after: null, limit: 10 }));
    expect(found.map(({ metadata }) => metadata.name)).toEqual(["a", "b"]);
    expect(await run(readObjects(env.DB, { resource, namespace: "kube-system", after: null, limit: 10 }))).toEqual([]);
  });
});
