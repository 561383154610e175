import { evictAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import type { KubeObject } from "../../src/model/meta.ts";
import type { Pod } from "../../src/model/pod.ts";
import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { head, newCluster } from "./support/cluster.ts";
import { tick } from "./support/cron.ts";
import { createSet, daemonPods, reconcile } from "./support/daemonset.ts";
import { until } from "./support/until.ts";

type Spec = Readonly<Record<string, unknown>>;

function podOf(name: string, { cpu, ...spec }: Spec = {}): object {
  const resources = cpu === undefined ? {} : { resources: { requests: { cpu } } };
  return {
    metadata: { name, labels: { app: name } },
    spec: { containers: [{ name: "c", image: "nginx", ...resources }], ...spec },
  };
}

async function createPod(name: string, spec: Spec = {}): Promise<void> {
  await api.create(api.pods, podOf(name, spec));
}

async function getPod(name: string): Promise<Pod> {
  // The API's own answer.
  return (await api.get(`${api.pods}/${name}`)) as Pod;
}

function nodeOf(name: string): Promise<string> {
  return until(`${name} has a node`, async () => (await getPod(name)).spec.nodeName);
}

function refusal(name: string): Promise<string> {
  return until(`${name} is refused`, async () => {
    const condition = (await getPod(name)).status.conditions?.find(({ type }) => type === "PodScheduled");
    return condition?.status === "False" && condition.reason === "Unschedulable" ? condition.message : null;
  });
}

async function eventsOf(reason: string, name: string): Promise<readonly KubeObject[]> {
  const found = await api.list(`/api/v1/namespaces/default/events?fieldSelector=involvedObject.name=${name}`);
  return found.filter((event) => event["reason"] === reason);
}

const label = (node: string, labels: object) => api.patch(`${api.nodes}/${node}`, { metadata: { labels } });
const spec = (node: string, fields: object) => api.patch(`${api.nodes}/${node}`, { spec: fields });
const helpless = (nodes: number) =>
  `preemption: 0/${nodes} nodes are available: ${nodes} Preemption is not helpful for scheduling.`;

beforeEach(newCluster);

describe("a bare pod", () => {
  it("is put on a node, whose agent runs it, and that is told", async () => {
    const agent = await Agent.registered("edge-1");
    await createPod("web");
    expect(await nodeOf("web")).toBe("edge-1");
    expect((await getPod("web")).status.conditions).toMatchObject([{ type: "PodScheduled", status: "True" }]);
    await until("the agent is told", async () => (await agent.sync()).pods?.length === 1);
    const told = await until("it is told", async () => {
      const found = await eventsOf("Scheduled", "web");
      return found.length > 0 ? found : null;
    });
    expect(told).toMatchObject([
      { message: "Successfully assigned default/web to edge-1", source: { component: "default-scheduler" } },
    ]);
  });

  it("of another scheduler, or behind a gate, is left alone; the gate gone, it is not", async () => {
    await Agent.registered("edge-1");
    await createPod("theirs", { schedulerName: "mine" });
    await createPod("gated", { schedulingGates: [{ name: "example.com/wait" }] });
    await createPod("web");
    await nodeOf("web");
    expect((await getPod("theirs")).spec.nodeName).toBeUndefined();
    expect((await getPod("gated")).spec.nodeName).toBeUndefined();
    await api.patch(`${api.pods}/gated`, { spec: { schedulingGates: null } });
    await nodeOf("gated");
  });

  it("waits for a node that it asks for, and says why", async () => {
    await Agent.registered("edge-1");
    await Agent.registered("edge-2");
    await createPod("web", { nodeSelector: { disk: "ssd" } });
    const message = `0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. ${helpless(2)}`;
    expect(await refusal("web")).toBe(message);
    expect((await getPod("web")).status.phase).toBe("Pending");
    expect(await eventsOf("FailedScheduling", "web")).toMatchObject([{ type: "Warning", message }]);
    await label("edge-2", { disk: "ssd" });
    expect(await nodeOf("web")).toBe("edge-2");
  });

  it("goes to no node that is cordoned or tainted, unless it tolerates that", async () => {
    await Agent.registered("edge-1");
    await Agent.registered("edge-2");
    await spec("edge-1", { unschedulable: true });
    await spec("edge-2", { taints: [{ key: "dedicated", value: "db", effect: "NoSchedule" }] });
    await createPod("web");
    expect(await refusal("web")).toBe(
      `0/2 nodes are available: 1 node(s) had untolerated taint {dedicated: db}, 1 node(s) were unschedulable. ${helpless(2)}`,
    );
    await createPod("db", { tolerations: [{ key: "dedicated", operator: "Exists" }] });
    expect(await nodeOf("db")).toBe("edge-2");
    await spec("edge-1", { unschedulable: null });
    expect(await nodeOf("web")).toBe("edge-1");
  });

  it("goes where most is left, and where it would like to be", async () => {
    await Agent.registered("edge-1");
    await Agent.registered("edge-2");
    await createPod("first", { cpu: "2" });
    const first = await nodeOf("first");
    await createPod("second", { cpu: "1" });
    expect(await nodeOf("second")).not.toBe(first);
    await label(first, { zone: "a" });
    const preference = { matchExpressions: [{ key: "zone", operator: "In", values: ["a"] }] };
    const nodeAffinity = { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference }] };
    await createPod("third", { cpu: "1", affinity: { nodeAffinity } });
    expect(await nodeOf("third")).toBe(first);
  });

  it("has no room where others have it, and gets it when they go", async () => {
    const agent = await Agent.registered("edge-1");
    await createPod("first", { cpu: "3" });
    await nodeOf("first");
    await createPod("second", { cpu: "2" });
    expect(await refusal("second")).toBe(
      "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
    );
    await api.remove(`${api.pods}/first`, { gracePeriodSeconds: 0 });
    expect(await nodeOf("second")).toBe("edge-1");
    await until("the agent is told", async () => {
      await agent.sync();
      return agent.pods.size === 1;
    });
  });

  it("is told of when there are no nodes, and placed when the first one comes", async () => {
    await createPod("web");
    expect(await refusal("web")).toBe("no nodes available to schedule pods");
    await Agent.registered("edge-1");
    await tick();
    await nodeOf("web");
  });

  it("takes the place of a less important one", async () => {
    const agent = await Agent.registered("edge-1");
    await api.create("/apis/scheduling.k8s.io/v1/priorityclasses", { metadata: { name: "high" }, value: 1000 });
    await createPod("low", { cpu: "3" });
    await nodeOf("low");
    await agent.obey();
    await createPod("vip", { cpu: "2", priorityClassName: "high" });
    expect(await refusal("vip")).toBe("0/1 nodes are available: 1 Insufficient cpu.");
    const vip = await getPod("vip");
    expect(vip.status.nominatedNodeName).toBe("edge-1");
    const low = await getPod("low");
    expect(low.metadata.deletionGracePeriodSeconds).toBe(30);
    expect(low.status.conditions).toContainEqual(
      expect.objectContaining({ type: "DisruptionTarget", reason: "PreemptionByScheduler" }),
    );
    // Room that is kept for it is taken by no other.
    await createPod("late", { cpu: "3" });
    await refusal("late");
    await until("the less important one is gone", async () => {
      await agent.obey();
      return !(await api.exists(`${api.pods}/low`));
    });
    expect(await nodeOf("vip")).toBe("edge-1");
    expect((await getPod("vip")).status.nominatedNodeName).toBeUndefined();
    expect((await getPod("late")).spec.nodeName).toBeUndefined();
    expect(await eventsOf("Preempted", "low")).toMatchObject([
      { message: `Preempted by pod ${vip.metadata.uid} on node edge-1` },
    ]);
  });

  it("that preempts nobody waits", async () => {
    await Agent.registered("edge-1");
    const polite = { metadata: { name: "polite" }, value: 1000, preemptionPolicy: "Never" };
    await api.create("/apis/scheduling.k8s.io/v1/priorityclasses", polite);
    await createPod("low", { cpu: "3" });
    await nodeOf("low");
    await createPod("vip", { cpu: "2", priorityClassName: "polite" });
    expect(await refusal("vip")).toBe(
      "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
    );
  });

  it("keeps away from others when it says so, and when they do", async () => {
    await Agent.registered("edge-1", { labels: { "kubernetes.io/hostname": "edge-1" } });
    await Agent.registered("edge-2", { labels: { "kubernetes.io/hostname": "edge-2" } });
    const apart = (app: string) => ({
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { labelSelector: { matchLabels: { app } }, topologyKey: "kubernetes.io/hostname" },
          ],
        },
      },
    });
    await createPod("web");
    const first = await nodeOf("web");
    await createPod("loner", apart("web"));
    const second = await nodeOf("loner");
    expect(second).not.toBe(first);
    await spec(first, { unschedulable: true });
    await api.create(api.pods, { ...podOf("other"), metadata: { name: "other", labels: { app: "web" } } });
    expect(await refusal("other")).toContain(
      "1 node(s) didn't satisfy existing pods anti-affinity rules, 1 node(s) were unschedulable",
    );
  });

  it("goes to its own kind when it says so", async () => {
    await Agent.registered("edge-1", { labels: { "kubernetes.io/hostname": "edge-1" } });
    await Agent.registered("edge-2", { labels: { "kubernetes.io/hostname": "edge-2" } });
    await createPod("web", { cpu: "2" });
    const node = await nodeOf("web");
    const near = (app: string) => ({
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: { app } }, topologyKey: "kubernetes.io/hostname" },
        ],
      },
    });
    await createPod("friend", { affinity: near("web") });
    expect(await nodeOf("friend")).toBe(node);
    await createPod("lonely", { affinity: near("nobody") });
    expect(await refusal("lonely")).toContain("2 node(s) didn't match pod affinity rules");
  });

  it("is spread as it asks for", async () => {
    await Agent.registered("edge-1", { labels: { "kubernetes.io/hostname": "edge-1" } });
    await Agent.registered("edge-2", { labels: { "kubernetes.io/hostname": "edge-2" } });
    const spread = {
      maxSkew: 1,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "DoNotSchedule",
      labelSelector: { matchLabels: { group: "g" } },
    };
    const member = (name: string) =>
      api.create(api.pods, {
        ...podOf(name, { topologySpreadConstraints: [spread] }),
        metadata: { name, labels: { group: "g" } },
      });
    await member("a");
    await member("b");
    expect(new Set([await nodeOf("a"), await nodeOf("b")]).size).toBe(2);
    await spec("edge-1", { unschedulable: true });
    await member("c");
    await nodeOf("c");
    await member("d");
    expect(await refusal("d")).toContain("1 node(s) didn't match pod topology spread constraints");
  });
});

describe("room on a node", () => {
  it("that daemons have is not for others", async () => {
    await Agent.registered("edge-1");
    await createSet({ "spec.template.spec.containers[0].resources": { requests: { cpu: "3" } } });
    await reconcile();
    expect(await daemonPods()).toHaveLength(1);
    await createPod("web", { cpu: "2" });
    expect(await refusal("web")).toContain("1 Insufficient cpu");
  });

  it("for many pods at once is given to each once", async () => {
    await Agent.registered("edge-1");
    const names = ["a", "b", "c", "d", "e", "f"];
    await Promise.all(names.map((name) => createPod(name, { cpu: "1" })));
    const settled = async (name: string) => {
      const { spec: placed, status } = await getPod(name);
      const refused = status.conditions?.some(({ status: value }) => value === "False") === true;
      return placed.nodeName !== undefined || refused;
    };
    for (const name of names) await until(`${name} is decided`, () => settled(name));
    const placed = (await daemonPods()).filter(({ spec: { nodeName } }) => nodeName !== undefined);
    expect(placed).toHaveLength(4);
  });
});

describe("with nothing to schedule", () => {
  it("nothing is written, and what waits for long is written once", async () => {
    await Agent.registered("edge-1");
    await createPod("web", { nodeSelector: { disk: "ssd" } });
    await refusal("web");
    await until("it is told", async () => (await eventsOf("FailedScheduling", "web")).length > 0);
    const before = await head();
    await evictAllDurableObjects();
    await tick();
    await tick();
    expect(await head()).toBe(before);
    expect(await env.DB.prepare("SELECT count(*) AS n FROM pods WHERE bucket = -1").first("n")).toBe(1);
  });
});
