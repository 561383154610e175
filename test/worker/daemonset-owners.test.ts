// Which pods are a DaemonSet's own, and what becomes of them when it is deleted.
import { runInDurableObject } from "cloudflare:test";
import { beforeEach, describe, expect, it } from "vitest";

import * as api from "./support/api.ts";
import { addNodes, newCluster } from "./support/cluster.ts";
import { controllerOf, createSet, daemonPods, getSet, pokeController, reconcile, uidsOf } from "./support/daemonset.ts";
import { fleet, obeyAll, rollOut } from "./support/fleet.ts";
import { until } from "./support/until.ts";

beforeEach(newCluster);

describe("owners", () => {
  const podManifest = (name: string, fields: object = {}) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: "web" }, ...fields },
    spec: { nodeName: "a", containers: [{ name: "c", image: "nginx:1.27" }] },
  });

  it("adopts a pod that matches and has no owner, and makes no second one beside it", async () => {
    await addNodes(["a"]);
    await api.create(api.pods, podManifest("orphan"));
    const { metadata } = await createSet({ "spec.updateStrategy": { type: "OnDelete" } });
    await reconcile();
    const [pod, ...others] = await daemonPods();
    expect(others).toEqual([]);
    expect(pod?.metadata).toMatchObject({ name: "orphan", ownerReferences: [{ uid: metadata.uid, controller: true }] });
  });

  it("lets be pods that another owns, whatever their labels", async () => {
    await addNodes(["a"]);
    const ownerReferences = [{ apiVersion: "example.com/v1", kind: "Other", name: "x", uid: "x", controller: true }];
    await api.create(api.pods, podManifest("other", { ownerReferences }));
    await createSet();
    await reconcile();
    const owners = (await daemonPods()).map(({ metadata }) => metadata.ownerReferences?.[0]?.kind).toSorted();
    expect(owners).toEqual(["DaemonSet", "Other"]);
  });

  it("releases a pod whose labels match no more, and makes another", async () => {
    await addNodes(["a"]);
    await createSet();
    await reconcile();
    const [pod] = await daemonPods();
    await api.patch(`${api.pods}/${pod?.metadata.name}`, { metadata: { labels: { app: "quarantine" } } });
    await reconcile();
    const pods = await daemonPods();
    expect(pods).toHaveLength(2);
    expect(pods.find(({ metadata }) => metadata.name === pod?.metadata.name)?.metadata.ownerReferences).toBeUndefined();
  });

  it("TestDontDoAnythingIfBeingDeleted: does nothing once it is going", async () => {
    await createSet({ "metadata.finalizers": ["example.com/mine"] });
    await reconcile();
    await api.remove(`${api.daemonSets}/web`);
    await addNodes(["a"]);
    await api.create(api.pods, podManifest("orphan"));
    await reconcile();
    const pods = await daemonPods();
    expect(pods.map(({ metadata }) => [metadata.name, metadata.ownerReferences])).toEqual([["orphan", undefined]]);
  });
});

describe("a DaemonSet that is deleted", () => {
  it("in the background goes at once, and its pods and revisions after it", async () => {
    const agents = await fleet(2);
    await createSet();
    await rollOut(agents);
    await api.remove(`${api.daemonSets}/web`);
    expect(await api.exists(`${api.daemonSets}/web`)).toBe(false);
    await until("all pods are to end", async () =>
      (await daemonPods()).every(({ metadata }) => metadata.deletionTimestamp !== undefined),
    );
    await obeyAll(agents);
    await until("all is gone", async () => (await daemonPods()).length + (await api.list(api.revisions)).length === 0);
  });

  it("in the foreground goes after its pods", async () => {
    const agents = await fleet(2);
    await createSet();
    await rollOut(agents);
    await api.remove(`${api.daemonSets}/web`, { propagationPolicy: "Foreground" });
    await until("all pods are to end", async () =>
      (await daemonPods()).every(({ metadata }) => metadata.deletionTimestamp !== undefined),
    );
    expect(await api.exists(`${api.daemonSets}/web`)).toBe(true);
    await obeyAll(agents);
    await until("the DaemonSet is gone", async () => !(await api.exists(`${api.daemonSets}/web`)));
    expect(await daemonPods()).toEqual([]);
  });

  it("orphaning its pods leaves them running, for another of the same template to adopt without a restart", async () => {
    const agents = await fleet(2);
    await createSet();
    await rollOut(agents);
    const before = uidsOf(await daemonPods());
    await api.remove(`${api.daemonSets}/web`, { propagationPolicy: "Orphan" });
    await until("the DaemonSet is gone", async () => !(await api.exists(`${api.daemonSets}/web`)));
    const orphans = await daemonPods();
    expect(orphans.map(({ metadata }) => metadata.ownerReferences)).toEqual([undefined, undefined]);
    const { metadata } = await createSet();
    await rollOut(agents);
    const adopted = await daemonPods();
    expect(uidsOf(adopted)).toEqual(before);
    expect(adopted.map((pod) => pod.metadata.ownerReferences?.[0]?.uid)).toEqual([metadata.uid, metadata.uid]);
    expect(await api.list(api.revisions)).toHaveLength(1);
    expect((await getSet()).status).toMatchObject({ updatedNumberScheduled: 2, numberAvailable: 2 });
  });

  it("leaves nothing in its object's storage", async () => {
    await addNodes(["a"]);
    const { metadata } = await createSet();
    await reconcile();
    await api.remove(`${api.daemonSets}/web`);
    await pokeController({ name: "web", uid: metadata.uid ?? "" });
    const tables = await runInDurableObject(
      controllerOf({ name: "web", uid: metadata.uid ?? "" }),
      (_object, { storage }) =>
        [...storage.sql.exec("SELECT name FROM sqlite_schema WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'")].map(
          ({ name }) => name,
        ),
    );
    expect(tables).toEqual([]);
  });
});
