// dryRun=All: answered as if it were done, and nothing is.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { insertPods } from "../../src/store/pods.ts";
import * as api from "./support/api.ts";
import { head, newCluster, run } from "./support/cluster.ts";
import { keepTemplate, newPod } from "./support/pods.ts";
import { until } from "./support/until.ts";

beforeEach(newCluster);

/** The same call, and what it left behind: nothing. */
async function dry(path: string, call: api.Call) {
  const before = await head();
  const reply = await api.call(`${path}${path.includes("?") ? "&" : "?"}dryRun=All`, call);
  expect(await head()).toBe(before);
  return reply;
}

const labels = { app: "web" };
const daemonSet = {
  metadata: { name: "web" },
  spec: {
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } },
  },
};

describe("a creation", () => {
  it("is answered with the object as it would be, and no version", async () => {
    const { code, body } = await dry(api.daemonSets, { method: "POST", body: daemonSet });
    expect(code).toBe(201);
    expect(body).toMatchObject({
      metadata: { name: "web", namespace: "default", generation: 1, uid: expect.any(String) },
      spec: { updateStrategy: { type: "RollingUpdate" } },
    });
    expect(body.metadata.resourceVersion).toBeUndefined();
    expect(await api.exists(`${api.daemonSets}/web`)).toBe(false);
  });

  it("gives a name that is generated", async () => {
    const { body } = await dry(api.configMaps, { method: "POST", body: { metadata: { generateName: "a-" } } });
    expect(body.metadata.name).toMatch(/^a-[a-z0-9]{5}$/);
  });

  it.each([
    ["whose name is taken", api.configMaps, "kube-root-ca.crt", 409, 'configmaps "kube-root-ca.crt" already exists'],
    ["in a namespace that is not there", "/api/v1/namespaces/nope/configmaps", "a", 404, 'namespaces "nope" not found'],
    ["of a pod whose name is taken", api.pods, "web-a", 409, 'pods "web-a" already exists'],
  ])("%s is refused", async (_what, path, name, code, message) => {
    await api.call(api.configMaps, { method: "POST", body: { metadata: { name: "kube-root-ca.crt" } } });
    await keepTemplate();
    await run(insertPods(env.DB, [newPod("a")], null, { nowMs: Date.now() }));
    const body = { metadata: { name }, ...(path === api.pods ? { spec: daemonSet.spec.template.spec } : {}) };
    expect(await dry(path, { method: "POST", body })).toMatchObject({ code, body: { message } });
  });

  it("in a namespace that is going is refused", async () => {
    await api.create("/api/v1/namespaces", { metadata: { name: "going", finalizers: ["example.com/stay"] } });
    await api.remove("/api/v1/namespaces/going");
    const path = "/api/v1/namespaces/going/configmaps";
    expect(await dry(path, { method: "POST", body: { metadata: { name: "a" } } })).toMatchObject({
      code: 403,
      body: { reason: "Forbidden", details: { causes: [{ reason: "NamespaceTerminating" }] } },
    });
  });

  it("of what is invalid is refused", async () => {
    expect(await dry(api.configMaps, { method: "POST", body: { metadata: { name: "A" } } })).toMatchObject({
      code: 422,
    });
  });
});

describe("a change", () => {
  beforeEach(async () => {
    await api.create(api.daemonSets, daemonSet);
    // Its controller writes once, and then there is nothing to do.
    await until("the controller has seen it", async () => {
      const { status } = await api.get(`${api.daemonSets}/web`);
      return Object(status).observedGeneration === 1;
    });
  });

  it.each([
    ["PUT", "application/json", { ...daemonSet, spec: { ...daemonSet.spec, minReadySeconds: 5 } }],
    ["PATCH", "application/merge-patch+json", { spec: { minReadySeconds: 5 } }],
    ["PATCH", "application/strategic-merge-patch+json", { spec: { minReadySeconds: 5 } }],
    ["PATCH", "application/json-patch+json", [{ op: "add", path: "/spec/minReadySeconds", value: 5 }]],
  ])(
    "by %s of %s is answered with the next generation and the version that there is",
    async (method, contentType, body) => {
      const path = `${api.daemonSets}/web`;
      const stored = await api.get(path);
      const reply = await dry(path, { method, body, contentType });
      expect(reply).toMatchObject({
        code: 200,
        body: {
          metadata: {
            generation: (stored.metadata.generation ?? 0) + 1,
            resourceVersion: stored.metadata.resourceVersion,
          },
          spec: { minReadySeconds: 5 },
        },
      });
      expect(await api.get(path)).toEqual(stored);
    },
  );

  it("of the status changes nothing", async () => {
    const path = `${api.daemonSets}/web/status`;
    const reply = await dry(path, {
      method: "PATCH",
      body: { status: { numberReady: 7 } },
      contentType: "application/merge-patch+json",
    });
    expect(reply).toMatchObject({ code: 200, body: { status: { numberReady: 7 } } });
    expect(Object(await api.get(`${api.daemonSets}/web`))["status"].numberReady).not.toBe(7);
  });

  it("with a stale version is refused", async () => {
    const body = { ...daemonSet, metadata: { name: "web", resourceVersion: "1" } };
    expect(await dry(`${api.daemonSets}/web`, { method: "PUT", body })).toMatchObject({ code: 409 });
  });
});

describe("a deletion", () => {
  it("is answered with a Status where the object would be gone", async () => {
    const { metadata } = await api.create(api.configMaps, { metadata: { name: "a" } });
    expect(await dry(`${api.configMaps}/a`, { method: "DELETE" })).toMatchObject({
      code: 200,
      body: { kind: "Status", status: "Success", details: { name: "a", kind: "configmaps", uid: metadata.uid } },
    });
    expect(await api.exists(`${api.configMaps}/a`)).toBe(true);
  });

  it("may be dry by its body", async () => {
    await api.create(api.configMaps, { metadata: { name: "a" } });
    const before = await head();
    await api.remove(`${api.configMaps}/a`, { dryRun: ["All"] });
    expect(await head()).toBe(before);
  });

  it("is answered with the object, marked, where something would hold it", async () => {
    await api.create(api.configMaps, { metadata: { name: "a", finalizers: ["example.com/stay"] } });
    const { body } = await dry(`${api.configMaps}/a`, { method: "DELETE" });
    expect(body).toMatchObject({ kind: "ConfigMap", metadata: { deletionTimestamp: expect.any(String) } });
    expect((await api.get(`${api.configMaps}/a`)).metadata.deletionTimestamp).toBeUndefined();
  });

  it("of a pod is answered with the time that it would be given", async () => {
    await keepTemplate();
    await run(insertPods(env.DB, [newPod("a")], null, { nowMs: Date.now() }));
    const { body } = await dry(`${api.pods}/web-a?gracePeriodSeconds=7`, { method: "DELETE" });
    expect(body).toMatchObject({
      kind: "Pod",
      metadata: { deletionTimestamp: expect.any(String), deletionGracePeriodSeconds: 7 },
    });
    expect((await api.get(`${api.pods}/web-a`)).metadata.deletionTimestamp).toBeUndefined();
  });

  it("of a collection is answered with all of it", async () => {
    for (const name of ["a", "b"]) await api.create(api.configMaps, { metadata: { name, labels } });
    const { body } = await dry(`${api.configMaps}?labelSelector=app=web`, { method: "DELETE" });
    expect(body).toMatchObject({
      kind: "ConfigMapList",
      items: [{ metadata: { name: "a" } }, { metadata: { name: "b" } }],
    });
    expect(await api.list(`${api.configMaps}?labelSelector=app=web`)).toHaveLength(2);
  });

  it("whose preconditions fail is refused", async () => {
    await api.create(api.configMaps, { metadata: { name: "a" } });
    const body = { preconditions: { uid: "other" } };
    expect(await dry(`${api.configMaps}/a`, { method: "DELETE", body })).toMatchObject({ code: 409 });
  });
});

describe("an eviction", () => {
  it.each([
    ["by its query", "?dryRun=All", {}],
    ["by its body", "", { deleteOptions: { dryRun: ["All"] } }],
  ])("is dry %s", async (_how, query, fields) => {
    await keepTemplate();
    await run(insertPods(env.DB, [newPod("a")], null, { nowMs: Date.now() }));
    const before = await head();
    const body = { kind: "Eviction", apiVersion: "policy/v1", metadata: { name: "web-a" }, ...fields };
    expect(await api.call(`${api.pods}/web-a/eviction${query}`, { method: "POST", body })).toMatchObject({ code: 201 });
    expect(await head()).toBe(before);
  });
});
