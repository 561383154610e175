// Daemons and the pods that they want, or do not want, to be beside.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import type { Pod } from "../../src/model/pod.ts";
import { neighboursOf } from "../support/needs.ts";
import { given, named, podOf, scheduledCondition, waitingPod } from "./support/admission.ts";
import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { head, newCluster } from "./support/cluster.ts";
import { tick } from "./support/cron.ts";
import { changeSet, createSet, daemonPods, reconcile } from "./support/daemonset.ts";
import { until } from "./support/until.ts";

const affinity = "spec.template.spec.affinity";
const near = (...term: Parameters<typeof neighboursOf>) => ({ [affinity]: { podAffinity: neighboursOf(...term) } });
const far = (...term: Parameters<typeof neighboursOf>) => ({ [affinity]: { podAntiAffinity: neighboursOf(...term) } });

function registered(name: string, zone = "a"): Promise<Agent> {
  return Agent.registered(name, { labels: { "kubernetes.io/hostname": name, zone } });
}

async function made(name: string, changes: Parameters<typeof createSet>[0] = {}): Promise<void> {
  await createSet({ ...named(name), ...changes });
  await reconcile(name);
}

/** The pods of a set, once each was given to its node or refused. */
function decided(set: string, count: number): Promise<readonly Pod[]> {
  return until(`${count} pods of ${set} are decided`, async () => {
    const pods = (await daemonPods()).filter(({ metadata }) => metadata.labels?.["app"] === set);
    return pods.length === count && pods.every((pod) => scheduledCondition(pod) !== undefined) ? pods : null;
  });
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The end of the log once nothing has been written for a while. */
function restingHead(): Promise<number> {
  return until("nothing is written", async () => {
    const before = await head();
    await sleep(800);
    return (await head()) === before ? before : null;
  });
}

const isPlaced = ({ spec }: Pod) => spec.nodeName !== undefined;
const others = "node(s) didn't satisfy plugin(s) [NodeAffinity]";
const unwanted = "node(s) didn't match pod anti-affinity rules";

beforeEach(newCluster);

describe("a daemon pod", () => {
  it("that wants another on its node waits for it, and is given to the agent once that is there", async () => {
    const agent = await registered("edge-1");
    await registered("edge-2");
    await made("envoy", near("cilium"));
    const message = `0/2 nodes are available: 1 node(s) didn't match pod affinity rules, 1 ${others}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.`;
    const pod = await waitingPod("envoy");
    expect(scheduledCondition(pod)).toMatchObject({ reason: "Unschedulable", message });
    expect(pod.spec.nodeName).toBeUndefined();
    expect(await given(agent)).toEqual([]);
    await made("cilium");
    await until("both are given", async () => (await given(agent)).join() === "cilium,envoy");
    expect((await decided("envoy", 2)).every(isPlaced)).toBe(true);
  });

  it("that does not want another on its node waits until that is gone", async () => {
    const agent = await registered("edge-1");
    await made("cilium");
    await made("rival", far("cilium"));
    expect(scheduledCondition(await waitingPod("rival"))?.message).toBe(
      `0/1 nodes are available: 1 ${unwanted}. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.`,
    );
    await agent.obey();
    expect(await given(agent)).toEqual(["cilium"]);
    await api.remove(`${api.daemonSets}/cilium`);
    await until("the other is given", async () => {
      await agent.obey();
      return (await given(agent)).join() === "rival";
    });
  });

  it("that another does not want on its node waits as well", async () => {
    await registered("edge-1");
    await made("rival", far("cilium"));
    await made("cilium");
    expect(scheduledCondition(await waitingPod("cilium"))?.message).toContain(
      "1 node(s) didn't satisfy existing pods anti-affinity rules",
    );
  });

  it("is replaced by one of the next template, though it does not want its own kind beside it", async () => {
    const agent = await registered("edge-1");
    await made("web", far("web"));
    await agent.obey();
    const before = await podOf("web");
    await changeSet({ "spec.template.spec.containers[0].image": "nginx:2" });
    await until("the next one is given", async () => {
      await reconcile();
      await agent.obey();
      const [now] = agent.pods.keys();
      return now !== undefined && now !== before?.metadata.uid;
    });
  });
});

describe("what depends on the pods of other nodes", () => {
  it("is decided for the whole cluster: one of a zone, if they do not want each other there", async () => {
    const agents = [await registered("edge-1", "a"), await registered("edge-2", "a"), await registered("edge-3", "b")];
    await made("web", far("web", "zone"));
    const pods = await decided("web", 3);
    const waiting = pods.filter((pod) => !isPlaced(pod));
    expect(waiting).toHaveLength(1);
    expect(scheduledCondition(waiting[0])).toMatchObject({
      reason: "Unschedulable",
      message: `0/3 nodes are available: 1 ${unwanted}, 2 ${others}. preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.`,
    });
    await until("two are given", async () => (await Promise.all(agents.map(given))).flat().length === 2);
    // Who went first is in another zone now.
    const [held] = pods.filter((pod) => isPlaced(pod) && pod.spec.nodeName !== "edge-3");
    await api.patch(`${api.nodes}/${held?.spec.nodeName}`, { metadata: { labels: { zone: "c" } } });
    await until("all are given", async () => (await Promise.all(agents.map(given))).flat().length === 3);
    expect((await decided("web", 3)).every(isPlaced)).toBe(true);
  });

  it("is tried again when those come that are wanted", async () => {
    await registered("edge-1", "a");
    await registered("edge-2", "a");
    await registered("edge-3", "b");
    await made("web", near("db", "zone"));
    expect((await decided("web", 3)).some(isPlaced)).toBe(false);
    await api.create(api.pods, {
      metadata: { name: "db", labels: { app: "db" } },
      spec: { nodeName: "edge-2", containers: [{ name: "c", image: "nginx" }] },
    });
    const placed = await until("those of the zone are placed", async () => {
      const pods = (await decided("web", 3)).filter(isPlaced);
      return pods.length === 2 ? pods : null;
    });
    expect(placed.map(({ spec }) => spec.nodeName)).toEqual(["edge-1", "edge-2"]);
  });

  it("keeps daemons away that ask for nothing themselves", async () => {
    await registered("edge-1", "a");
    await registered("edge-2", "a");
    await registered("edge-3", "b");
    await api.create(api.pods, {
      metadata: { name: "loner" },
      spec: {
        nodeName: "edge-1",
        affinity: { podAntiAffinity: neighboursOf("web", "zone") },
        containers: [{ name: "c", image: "nginx" }],
      },
    });
    await made("web");
    expect((await decided("web", 3)).filter(isPlaced).map(({ spec }) => spec.nodeName)).toEqual(["edge-3"]);
    await api.remove(`${api.pods}/loner`, { gracePeriodSeconds: 0 });
    await until("nobody keeps them away", async () => (await decided("web", 3)).every(isPlaced));
  });

  it("has to fit into its node as well", async () => {
    const agent = await registered("edge-1");
    await made("big", { "spec.template.spec.containers[0].resources": { requests: { cpu: "3" } } });
    await made("web", {
      ...far("web", "zone"),
      "spec.template.spec.containers[0].resources": { requests: { cpu: "2" } },
    });
    expect(scheduledCondition(await waitingPod("web"))?.message).toContain("1 Insufficient cpu");
    expect(await given(agent)).toEqual(["big"]);
    await api.remove(`${api.daemonSets}/big`);
    await until("there is room", async () => {
      await agent.obey();
      return (await given(agent)).join() === "web";
    });
  });

  it("goes at once when it is deleted while it waits", async () => {
    await registered("edge-1");
    await made("web", near("nobody", "zone"));
    await waitingPod("web");
    await api.remove(`${api.daemonSets}/web`);
    await until("it is gone", async () => (await podOf("web")) === undefined);
  });

  it("is written once, however long it waits", async () => {
    await registered("edge-1");
    await made("web", near("nobody", "zone"));
    await waitingPod("web");
    await until("it is told", async () => (await api.list("/api/v1/namespaces/default/events")).length >= 2);
    await reconcile();
    const before = await restingHead();
    await tick();
    // Longer than a pod waits before it is tried again, if anything has changed.
    await sleep(2_500);
    await tick();
    expect(await head()).toBe(before);
    expect(await env.DB.prepare("SELECT count(*) AS n FROM pods WHERE observation = -2").first("n")).toBe(1);
  });
});
