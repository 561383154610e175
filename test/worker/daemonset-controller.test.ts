// A DaemonSet from its first pod through updates, rollbacks and failures.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { failedStatus, runningStatus } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { addNodes, head, logAfter, newCluster, nodeNames } from "./support/cluster.ts";
import {
  changeSet,
  createSet,
  daemonPods,
  getSet,
  image,
  podsByNode,
  pokeController,
  reconcile,
  uidsOf,
} from "./support/daemonset.ts";
import { fleet, obeyAll, rollOut } from "./support/fleet.ts";
import { until } from "./support/until.ts";

beforeEach(newCluster);
afterEach(() => {
  vi.useRealTimers();
});

describe("a new DaemonSet", () => {
  it("gets a pod on every node, a revision and a status", async () => {
    const agents = await fleet(3);
    await createSet();
    await rollOut(agents);
    expect([...(await podsByNode()).keys()]).toEqual(nodeNames(3));
    expect((await getSet()).status).toEqual({
      desiredNumberScheduled: 3,
      currentNumberScheduled: 3,
      numberMisscheduled: 0,
      numberReady: 3,
      numberAvailable: 3,
      updatedNumberScheduled: 3,
      observedGeneration: 1,
    });
    const [revision, ...others] = await api.list(api.revisions);
    expect(others).toEqual([]);
    expect(revision).toMatchObject({ revision: 1, metadata: { labels: { app: "web" } } });
  });

  it("has pods that name it, carry its revision and are bound to their nodes", async () => {
    await addNodes(["edge-1"]);
    const { metadata } = await createSet();
    await reconcile();
    const [pod] = await daemonPods();
    const [revision] = await api.list(api.revisions);
    expect(pod?.metadata).toMatchObject({
      generateName: "web-",
      labels: {
        app: "web",
        "pod-template-generation": "1",
        "controller-revision-hash": revision?.metadata.labels?.["controller-revision-hash"],
      },
      ownerReferences: [
        { kind: "DaemonSet", name: "web", uid: metadata.uid, controller: true, blockOwnerDeletion: true },
      ],
    });
    expect(pod?.metadata.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(pod?.spec.nodeName).toBe("edge-1");
    expect(pod?.status.phase).toBe("Pending");
  });

  it("tells what it made and deleted", async () => {
    const [agent] = await fleet(1);
    await createSet();
    await reconcile();
    const [pod] = await daemonPods();
    await agent?.obey(failedStatus);
    await reconcile();
    const events = await api.list("/api/v1/namespaces/default/events");
    const told = events.map((event) => `${event["type"]} ${event["reason"]} ${event["message"]}`);
    const name = pod?.metadata.name;
    expect(told).toContain(`Normal SuccessfulCreate Created pod: ${name}`);
    expect(told).toContain(
      `Warning FailedDaemonPod Found failed daemon pod default/${name} on node node-00000, will try to kill it`,
    );
    expect(told).toContain(`Normal SuccessfulDelete Deleted pod: ${name}`);
  });

  it("writes no more than six log rows for each node until all is ready", async () => {
    const agents = await fleet(4);
    const before = await head();
    await createSet();
    await rollOut(agents);
    const log = (await logAfter(before)).filter(({ resource }) => resource === "pods");
    expect(log.length / agents.length).toBeLessThanOrEqual(6);
  });

  it("writes nothing when it is looked at again", async () => {
    await addNodes(nodeNames(3));
    await createSet();
    await reconcile();
    const before = await head();
    await reconcile();
    expect(await head()).toBe(before);
  });
});

describe("a fleet that changes", () => {
  it("gives a node that joins its pod, and takes note of one that goes", async () => {
    await addNodes(["a"]);
    await createSet();
    await reconcile();
    await addNodes(["b"]);
    expect((await reconcile()).status.desiredNumberScheduled).toBe(2);
    expect([...(await podsByNode()).keys()]).toEqual(["a", "b"]);
    await api.remove(`${api.nodes}/a`);
    expect((await reconcile()).status).toMatchObject({ desiredNumberScheduled: 1, numberMisscheduled: 0 });
  });

  it("moves pods with the labels of nodes", async () => {
    await addNodes(["a", "b"]);
    await createSet({ "spec.template.spec.nodeSelector": { role: "edge" } });
    expect((await reconcile()).status.desiredNumberScheduled).toBe(0);
    await api.patch(`${api.nodes}/a`, { metadata: { labels: { role: "edge" } } });
    expect((await reconcile()).status.desiredNumberScheduled).toBe(1);
    expect([...(await podsByNode()).keys()]).toEqual(["a"]);
    await api.patch(`${api.nodes}/a`, { metadata: { labels: { role: null } } });
    await reconcile();
    const [pod] = await daemonPods();
    expect(pod?.metadata.deletionTimestamp).toBeDefined();
  });

  it("keeps a pod on a node that is tainted NoSchedule, as misscheduled, and takes it back by the taint alone", async () => {
    await addNodes(["a"]);
    await createSet();
    await reconcile();
    await api.patch(`${api.nodes}/a`, { spec: { taints: [{ key: "x", effect: "NoSchedule" }] } });
    expect((await reconcile()).status).toMatchObject({ desiredNumberScheduled: 0, numberMisscheduled: 1 });
    await api.patch(`${api.nodes}/a`, { spec: { taints: null } });
    expect((await reconcile()).status).toMatchObject({ desiredNumberScheduled: 1, numberMisscheduled: 0 });
    expect(await daemonPods()).toHaveLength(1);
  });
});

describe("a node that is gone", () => {
  it.each([
    ["its template", {}],
    ["its template and where it runs", { "spec.template.spec.tolerations": [{ key: "x", operator: "Exists" }] }],
  ])("has its pod replaced as others, when a DaemonSet changes %s", async (_what, changes) => {
    const agents = await fleet(2);
    await createSet({ "spec.updateStrategy.rollingUpdate": { maxUnavailable: 2 } });
    await rollOut(agents);
    await api.remove(`${api.nodes}/node-00000`);
    await reconcile();
    await changeSet({ ...image("nginx:2"), ...changes });
    await reconcile();
    const leaving = (await daemonPods()).filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    expect(leaving.map(({ spec }) => spec.nodeName)).toEqual(nodeNames(2));
  });
});

describe("a rolling update", () => {
  it("replaces pods one at a time, and goes on when each is ready", async () => {
    const agents = await fleet(3);
    await createSet();
    await rollOut(agents);
    const before = uidsOf(await daemonPods());
    await changeSet(image("nginx:2"));
    await reconcile();
    const leaving = (await daemonPods()).filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    expect(leaving).toHaveLength(1);
    await rollOut(agents);
    const after = await daemonPods();
    expect(after.map(({ spec }) => spec.containers[0]?.image)).toEqual(["nginx:2", "nginx:2", "nginx:2"]);
    expect(uidsOf(after).filter((uid) => before.includes(uid))).toEqual([]);
    expect((await getSet()).status).toMatchObject({
      updatedNumberScheduled: 3,
      numberAvailable: 3,
      observedGeneration: 2,
    });
  });

  it("stops at pods that do not get ready", async () => {
    const agents = await fleet(3);
    await createSet();
    await rollOut(agents);
    await changeSet(image("broken:1"));
    await reconcile();
    await Promise.all(agents.map((agent) => agent.obey(runningStatus(true))));
    await reconcile();
    const [updated] = (await daemonPods()).filter(({ spec }) => spec.containers[0]?.image === "broken:1");
    const agent = agents.find(({ node }) => node === updated?.spec.nodeName);
    await agent?.obey(runningStatus(false));
    await reconcile();
    const images = (await daemonPods()).map(({ spec }) => spec.containers[0]?.image).toSorted();
    expect(images).toEqual(["broken:1", "nginx:1.27", "nginx:1.27"]);
  });

  it("surges: the old pod goes once the new one is ready", async () => {
    const [agent] = await fleet(1);
    await createSet({ "spec.updateStrategy.rollingUpdate": { maxSurge: 1, maxUnavailable: 0 } });
    await rollOut(agent === undefined ? [] : [agent]);
    const [old] = uidsOf(await daemonPods());
    await changeSet(image("nginx:2"));
    await reconcile();
    expect((await daemonPods()).map(({ metadata }) => metadata.deletionTimestamp)).toEqual([undefined, undefined]);
    await agent?.obey();
    await reconcile();
    const leaving = (await daemonPods()).filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    expect(uidsOf(leaving)).toEqual([old]);
    await agent?.obey();
    await reconcile();
    expect((await daemonPods()).map(({ spec }) => spec.containers[0]?.image)).toEqual(["nginx:2"]);
  });

  it("waits for minReadySeconds, and its alarm goes on when they are over", async () => {
    const agents = await fleet(2);
    await createSet({ "spec.minReadySeconds": 1 });
    await reconcile();
    await obeyAll(agents);
    expect((await reconcile()).status).toMatchObject({ numberReady: 2, numberUnavailable: 2 });
    await until("the pods are available", async () => (await getSet()).status.numberAvailable === 2);
  });

  it("with OnDelete waits for somebody to delete the pods", async () => {
    const agents = await fleet(2);
    await createSet({ "spec.updateStrategy": { type: "OnDelete" } });
    await rollOut(agents);
    await changeSet(image("nginx:2"));
    await rollOut(agents);
    expect((await getSet()).status.updatedNumberScheduled).toBeUndefined();
    const [first] = await daemonPods();
    await api.remove(`${api.pods}/${first?.metadata.name}`);
    await rollOut(agents);
    expect((await daemonPods()).map(({ spec }) => spec.containers[0]?.image).toSorted()).toEqual([
      "nginx:1.27",
      "nginx:2",
    ]);
  });
});

describe("a rollback", () => {
  it("uses the old revision again under a higher number, and restarts nothing that runs it", async () => {
    const agents = await fleet(3);
    await createSet();
    await rollOut(agents);
    const [first] = await api.list(api.revisions);
    await changeSet(image("broken:1"));
    await reconcile();
    await obeyAll(agents);
    await reconcile();
    const untouched = (await daemonPods()).filter(
      ({ spec, metadata }) => spec.containers[0]?.image === "nginx:1.27" && metadata.deletionTimestamp === undefined,
    );
    expect(untouched.length).toBeGreaterThanOrEqual(2);
    // As kubectl rollout undo does it.
    await api.patch(`${api.daemonSets}/web`, first?.["data"], "application/strategic-merge-patch+json");
    await rollOut(agents);
    expect(uidsOf(await daemonPods())).toEqual(expect.arrayContaining([...uidsOf(untouched)]));
    const numbers = (await api.list(api.revisions)).map(({ metadata, ...revision }) => [
      metadata.name,
      revision["revision"],
    ]);
    expect(numbers).toContainEqual([first?.metadata.name, 3]);
    expect(numbers).toHaveLength(2);
  });
});

describe("the history", () => {
  it("keeps as many revisions as the limit and the current one, and those that pods carry", async () => {
    const agents = await fleet(1);
    await createSet({ "spec.revisionHistoryLimit": 1 });
    for (const version of ["1", "2", "3", "4"]) {
      await changeSet(image(`nginx:${version}`));
      await rollOut(agents);
    }
    const numbers = (await api.list(api.revisions)).map((revision) => revision["revision"]);
    expect(numbers.toSorted()).toEqual([4, 5]);
  });

  it("keeps the revision of a pod that cannot end", async () => {
    await fleet(1);
    await createSet({ "spec.revisionHistoryLimit": 0 });
    await reconcile();
    const [first] = await api.list(api.revisions);
    await changeSet(image("nginx:2"));
    await reconcile();
    await reconcile();
    expect((await api.list(api.revisions)).map(({ metadata }) => metadata.name)).toContain(first?.metadata.name);
  });

  it("TestLaunchWithHashCollision: takes another name when the revision's is taken by something else", async () => {
    const { metadata } = await createSet();
    await reconcile();
    const [revision] = await api.list(api.revisions);
    await api.remove(`${api.daemonSets}/web`);
    await until("the revision is gone", async () => (await api.list(api.revisions)).length === 0);
    await api.create(api.revisions, {
      apiVersion: "apps/v1",
      kind: "ControllerRevision",
      metadata: { name: revision?.metadata.name },
      data: { other: true },
      revision: 1,
    });
    await pokeController({ name: "web", uid: metadata.uid ?? "" });
    await createSet();
    expect((await reconcile()).status.collisionCount).toBe(1);
    const own = (await api.list(api.revisions)).filter((other) => other.metadata.ownerReferences !== undefined);
    expect(own.map(({ metadata: { name } }) => name)).not.toEqual([revision?.metadata.name]);
    expect(own).toHaveLength(1);
  });

  it("makes one of revisions with the same content, and gives their pods its hash", async () => {
    await addNodes(["a"]);
    const set = await createSet();
    await reconcile();
    const [revision] = await api.list(api.revisions);
    const hash = "another";
    await api.create(api.revisions, {
      apiVersion: "apps/v1",
      kind: "ControllerRevision",
      metadata: {
        name: "web-another",
        labels: { app: "web", "controller-revision-hash": hash },
        ownerReferences: [
          { apiVersion: "apps/v1", kind: "DaemonSet", name: "web", uid: set.metadata.uid, controller: true },
        ],
      },
      data: revision?.["data"],
      revision: 5,
    });
    await reconcile();
    const left = await api.list(api.revisions);
    expect(left.map(({ metadata }) => metadata.name)).toEqual(["web-another"]);
    expect((await daemonPods()).map(({ metadata }) => metadata.labels?.["controller-revision-hash"])).toEqual([hash]);
  });

  it("TestControlledHistories: adopts orphaned revisions of its namespace that match, and no others", async () => {
    const orphan = (name: string, labels: object) => ({
      apiVersion: "apps/v1",
      kind: "ControllerRevision",
      metadata: { name, labels },
      data: { name },
      revision: 1,
    });
    await api.create(api.revisions, orphan("matching", { app: "web" }));
    await api.create(api.revisions, orphan("other", { app: "other" }));
    const elsewhere = "/apis/apps/v1/namespaces/kube-public/controllerrevisions";
    await api.create(elsewhere, orphan("elsewhere", { app: "web" }));
    const { metadata } = await createSet();
    await reconcile();
    const owners = new Map(
      [...(await api.list(api.revisions)), ...(await api.list(elsewhere))].map((revision) => [
        revision.metadata.name,
        revision.metadata.ownerReferences?.map(({ uid }) => uid),
      ]),
    );
    expect(owners.get("matching")).toEqual([metadata.uid]);
    expect([owners.get("other"), owners.get("elsewhere")]).toEqual([undefined, undefined]);
  });
});

describe("failed pods", () => {
  it("are replaced at once the first time, and later after a wait that an alarm ends", async () => {
    const [agent] = await fleet(1);
    await createSet();
    await reconcile();
    await agent?.obey(failedStatus);
    await reconcile();
    const [second] = uidsOf(await daemonPods());
    await agent?.obey(failedStatus);
    await reconcile();
    expect(uidsOf(await daemonPods())).toEqual([second]);
    await until("the wait is over", async () => !uidsOf(await daemonPods()).includes(second ?? ""));
  });

  it("are replaced at once after any change of the DaemonSet, for that may have mended them", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    const [agent] = await fleet(1);
    await createSet({ "spec.updateStrategy": { type: "OnDelete" } });
    await reconcile();
    for (let failures = 0; failures < 2; failures += 1) {
      await agent?.obey(failedStatus);
      await reconcile();
    }
    const [failed] = uidsOf(await daemonPods());
    expect(failed).toBeDefined();
    await changeSet({ "spec.minReadySeconds": 1 });
    await reconcile();
    expect(uidsOf(await daemonPods())).not.toContain(failed);
  });
});
