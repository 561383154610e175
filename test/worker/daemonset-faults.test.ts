// What a DaemonSet's controller does when others write at the worst moment, or answers are lost.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import { daemonSetController } from "../../src/pokes.ts";
import { changed, plainDaemonSet } from "../model/objects.ts";
import { Agent, runningStatus } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { addNodes, newCluster, nodeNames } from "./support/cluster.ts";
import { changeSet, controllerOf, daemonPods, getSet, image, pokeController, storeSet } from "./support/daemonset.ts";
import { failingAt, interposed, losingAnswerOf, onceBefore, useDatabase } from "./support/database.ts";
import { until } from "./support/until.ts";

beforeEach(newCluster);

const orphan = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "orphan", labels: { app: "web" } },
  spec: { nodeName: "a", containers: [{ name: "c", image: "nginx:1.27" }] },
};

describe("adoption", () => {
  it("by two DaemonSets at once gives the pod to one of them", async () => {
    // Neither may make pods of its own, so that the orphan is all there is.
    await api.create(api.pods, orphan);
    const first = await storeSet({ "metadata.name": "first" });
    const second = await storeSet({ "metadata.name": "second" });
    const adoptFirst = onceBefore(/SELECT p\.\* FROM json_each/, () => pokeController(first));
    await useDatabase(controllerOf(second), interposed(adoptFirst));
    await pokeController(second);
    const [pod] = await daemonPods();
    const controllers = (pod?.metadata.ownerReferences ?? []).filter(({ controller }) => controller === true);
    expect(controllers).toHaveLength(1);
  });

  it("TestDontDoAnythingIfBeingDeletedRace: is not done for a DaemonSet that went meanwhile", async () => {
    await api.create(api.pods, orphan);
    const set = await storeSet();
    const goAway = onceBefore(/UPDATE OR IGNORE pods/, () =>
      api.remove(`${api.daemonSets}/web`, { propagationPolicy: "Orphan" }),
    );
    await useDatabase(controllerOf(set), interposed(goAway));
    await pokeController(set);
    const [pod] = await daemonPods();
    expect(pod?.metadata.ownerReferences).toBeUndefined();
  });
});

describe("a batch whose answer is lost", () => {
  it("makes no pod twice", async () => {
    await addNodes(nodeNames(5));
    const set = await storeSet();
    await useDatabase(controllerOf(set), interposed(losingAnswerOf(/INSERT INTO pods/)));
    await pokeController(set);
    await pokeController(set);
    const nodes = (await daemonPods()).map(({ spec }) => spec.nodeName);
    expect(nodes).toEqual(nodeNames(5));
    expect((await getSet()).status.currentNumberScheduled).toBe(5);
  });

  it("makes no revision twice", async () => {
    const set = await storeSet();
    await useDatabase(controllerOf(set), interposed(losingAnswerOf(/INSERT INTO objects/)));
    await pokeController(set);
    await pokeController(set);
    expect(await api.list(api.revisions)).toHaveLength(1);
    expect((await getSet()).status.collisionCount).toBeUndefined();
  });
});

describe("a batch that fails", () => {
  it("is made up for by the next pass, whoever asks for it", async () => {
    await addNodes(nodeNames(3));
    const set = await storeSet();
    await useDatabase(controllerOf(set), interposed(failingAt(/INSERT INTO pods/)));
    await pokeController(set);
    expect(await daemonPods()).toHaveLength(0);
    await pokeController(set);
    expect(await daemonPods()).toHaveLength(3);
  });
});

describe("a step of a rolling update", () => {
  it("is not taken when a pod stopped working since it was planned", async () => {
    const agents = await Promise.all(nodeNames(4).map((name) => Agent.registered(name)));
    const set = await storeSet();
    let isArmed = false;
    const last = agents.at(-1);
    const breaks = onceBefore(/UPDATE pods SET rv/, async () => last?.obey(runningStatus(false)));
    await useDatabase(
      controllerOf(set),
      interposed((sql, proceed) => (isArmed ? breaks(sql, proceed) : proceed())),
    );
    await pokeController(set);
    await Promise.all(agents.map((agent) => agent.obey()));
    await pokeController(set);
    isArmed = true;
    await changeSet(image("nginx:2"));
    await pokeController(set);
    const leaving = (await daemonPods()).filter((pod) => pod.metadata.deletionTimestamp !== undefined);
    // What stopped working is replaced, and takes the whole budget.
    expect(leaving.map(({ spec }) => spec.nodeName)).toEqual([last?.node]);
  });
});

describe("a namespace that is going", () => {
  it("gets no new pods, and the controller does not give up on the rest", async () => {
    await addNodes(["a"]);
    const namespace = "going";
    await api.create("/api/v1/namespaces", { metadata: { name: namespace } });
    const sets = `/apis/apps/v1/namespaces/${namespace}/daemonsets`;
    const { metadata } = await api.create(sets, changed(plainDaemonSet, { "metadata.namespace": namespace }));
    const controller = daemonSetController(env, { namespace, name: "web", uid: metadata.uid ?? "" });
    await controller.poke();
    await api.remove(`/api/v1/namespaces/${namespace}`);
    await addNodes(["b"]);
    await controller.poke();
    await until("nothing is left", async () => {
      const { results } = await env.DB.prepare("SELECT name FROM pods WHERE node = 'b'").all();
      return results.length === 0;
    });
  });
});
