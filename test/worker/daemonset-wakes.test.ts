// Who wakes a DaemonSet: cases of upstream's daemon_controller_test.go, each under upstream's name. Nobody but those who
// write pokes the controllers here.
import { beforeEach, describe, expect, it } from "vitest";

import type { DaemonSet } from "../../src/model/daemonset.ts";
import type { Pod } from "../../src/model/pod.ts";
import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { addNodes, head, logAfter, newCluster } from "./support/cluster.ts";
import { createSet, daemonPods, getSet, reconcile } from "./support/daemonset.ts";
import { until } from "./support/until.ts";

beforeEach(newCluster);

const nodeManifest = (name: string, labels = {}) => ({ apiVersion: "v1", kind: "Node", metadata: { name, labels } });

function podManifest(name: string, metadata: object = {}) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, ...metadata },
    spec: { nodeName: "a", containers: [{ name: "c", image: "nginx:1.27" }] },
  };
}

function ownedBy({ metadata: { name, uid } }: DaemonSet) {
  return { ownerReferences: [{ apiVersion: "apps/v1", kind: "DaemonSet", name, uid, controller: true }] };
}

/** A DaemonSet for pods of another label than those of `web`. */
function createOther() {
  return createSet({
    "metadata.name": "other",
    "spec.selector": { matchLabels: { app: "other" } },
    "spec.template.metadata.labels": { app: "other" },
    "spec.template.spec.nodeSelector": { nowhere: "" },
  });
}

async function podsOf(set: DaemonSet): Promise<readonly Pod[]> {
  const pods = await daemonPods();
  return pods.filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uid === set.metadata.uid));
}

/** What happens in the log while all that was begun comes to its end, by what it happens to. */
async function writtenBy(work: () => Promise<unknown>, names: readonly string[]): Promise<readonly string[]> {
  const before = await head();
  await work();
  for (const name of names) await reconcile(name);
  return (await logAfter(before)).map(({ type, resource, name }) => `${type} ${resource} ${name}`);
}

describe("a node", () => {
  it("TestAddNode: that is new gets its pod", async () => {
    const set = await createSet();
    await api.create(api.nodes, nodeManifest("a"));
    await until("the node has its pod", async () => (await podsOf(set)).length === 1);
  });

  it("TestUpdateNode: that gets other labels is looked at again", async () => {
    const set = await createSet({ "spec.template.spec.nodeSelector": { role: "edge" } });
    await api.create(api.nodes, nodeManifest("a"));
    await api.patch(`${api.nodes}/a`, { metadata: { labels: { role: "edge" } } });
    await until("the node has its pod", async () => (await podsOf(set)).length === 1);
  });

  it("TestUpdateNode: that gets other taints is looked at again", async () => {
    await createSet();
    await api.create(api.nodes, nodeManifest("a"));
    await until("the node counts", async () => (await getSet()).status.currentNumberScheduled === 1);
    await api.patch(`${api.nodes}/a`, { spec: { taints: [{ key: "x", effect: "NoSchedule" }] } });
    await until("the pod is misscheduled", async () => (await getSet()).status.numberMisscheduled === 1);
  });

  it.each([
    ["TestShouldIgnoreNodeUpdate: nothing", { metadata: { labels: null } }],
    ["TestUpdateNode: what it has to offer", { status: { allocatable: { cpu: "2" } } }],
  ])("%s, when that is all that changes, is no reason to do anything", async (_test, patch) => {
    await addNodes(["a"]);
    await createSet();
    await reconcile();
    const written = await writtenBy(() => api.patch(`${api.nodes}/a/status`, patch), ["web"]);
    expect(written.filter((row) => row !== "MODIFIED nodes a")).toEqual([]);
  });
});

describe("a pod", () => {
  it("TestAddPod: that is made for a DaemonSet wakes it, and it has one too many then", async () => {
    await addNodes(["a"]);
    const set = await createSet();
    const other = await createOther();
    await reconcile();
    const labels = { app: "web" };
    await api.create(api.pods, podManifest("one-more", { labels, ...ownedBy(set) }));
    await until("one of them is to go", async () =>
      (await podsOf(set)).some(({ metadata }) => metadata.deletionTimestamp !== undefined),
    );
    expect(await podsOf(other)).toEqual([]);
  });

  it("TestUpdatePod: that gets ready is counted", async () => {
    const agent = await Agent.registered("a");
    await createSet();
    await until("the pod is made", async () => (await daemonPods()).length === 1);
    await agent.obey();
    await until("the pod is counted", async () => (await getSet()).status.numberReady === 1);
  });

  it("TestDeletePod: that is deleted is replaced", async () => {
    await addNodes(["a"]);
    const set = await createSet();
    await reconcile();
    const [pod] = await podsOf(set);
    await api.remove(`${api.pods}/${pod?.metadata.name}`, { gracePeriodSeconds: 0 });
    const another = await until("there is another", async () => (await podsOf(set))[0]);
    expect(another.metadata.uid).not.toBe(pod?.metadata.uid);
  });

  it("TestDeleteNoDaemonPod, TestDeletePodOrphan: that is nobody's, or another's, is no reason to do anything", async () => {
    await addNodes(["a"]);
    await createSet();
    await reconcile();
    const ownerReferences = [{ apiVersion: "example.com/v1", kind: "Other", name: "x", uid: "x", controller: true }];
    await api.create(api.pods, podManifest("foreign", { labels: { app: "web" }, ownerReferences }));
    await api.create(api.pods, podManifest("orphan", { labels: { app: "nobody" } }));
    await reconcile();
    const removal = { gracePeriodSeconds: 0 };
    const written = await writtenBy(async () => {
      for (const name of ["foreign", "orphan"]) await api.remove(`${api.pods}/${name}`, removal);
    }, ["web"]);
    expect(written).toEqual(["DELETED pods foreign", "DELETED pods orphan"]);
  });
});

describe("an orphan", () => {
  it("TestAddPodOrphan: is taken by the DaemonSet whose selector it matches, and by no other", async () => {
    await createOther();
    const web = await createSet({ "spec.template.spec.nodeSelector": { nowhere: "" } });
    await api.create(api.pods, podManifest("orphan", { labels: { app: "web" } }));
    await until("it is taken", async () => (await podsOf(web)).length === 1);
  });

  it("TestUpdatePodOrphanSameLabels: that changes otherwise is no reason to do anything", async () => {
    await createOther();
    await createSet();
    await api.create(api.pods, podManifest("orphan", { labels: { app: "nobody" } }));
    const written = await writtenBy(
      () => api.patch(`${api.pods}/orphan`, { metadata: { annotations: { x: "1" } } }),
      ["web", "other"],
    );
    expect(written.filter((row) => row.includes(" pods "))).toEqual(["MODIFIED pods orphan"]);
  });

  it("TestUpdatePodOrphanWithNewLabels: is taken once its labels match", async () => {
    const other = await createOther();
    await createSet();
    await api.create(api.pods, podManifest("orphan", { labels: { app: "nobody" } }));
    await api.patch(`${api.pods}/orphan`, { metadata: { labels: { app: "other" } } });
    await until("it is taken", async () => (await podsOf(other)).length === 1);
  });
});

describe("a pod that changes hands", () => {
  it("TestUpdatePodChangeControllerRef: is missed by the one, and kept or let go by the other", async () => {
    await addNodes(["a"]);
    const web = await createSet();
    const other = await createOther();
    await reconcile();
    const [pod] = await podsOf(web);
    const metadata = { labels: { ...pod?.metadata.labels, app: "other" }, ...ownedBy(other) };
    await api.patch(`${api.pods}/${pod?.metadata.name}`, { metadata });
    await until("the one makes another", async () => (await podsOf(web)).length === 1);
    // It runs nowhere that the other wants pods.
    await until("the other lets it go", async () =>
      (await podsOf(other)).every(({ metadata: { deletionTimestamp } }) => deletionTimestamp !== undefined),
    );
  });

  it("TestUpdatePodControllerRefRemoved: is taken back by the one whose selector it matches", async () => {
    await addNodes(["a"]);
    const web = await createSet();
    await createOther();
    await reconcile();
    const [pod] = await podsOf(web);
    await api.patch(`${api.pods}/${pod?.metadata.name}`, { metadata: { ownerReferences: null } });
    await until("it is taken back", async () =>
      (await podsOf(web)).some(({ metadata }) => metadata.uid === pod?.metadata.uid),
    );
    expect(await daemonPods()).toHaveLength(1);
  });
});
