// Pods that nodes run by themselves, as the control plane shows them.
import { beforeEach, describe, expect, it } from "vitest";

import { Agent, runningStatus } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";

beforeEach(newCluster);

const mirror = "kubernetes.io/config.mirror";

function staticPod(fields: object = {}) {
  const spec = { containers: [{ name: "a", image: "a" }], tolerations: [{ operator: "Exists", effect: "NoExecute" }] };
  const annotations = { "kubernetes.io/config.hash": "h1", "kubernetes.io/config.source": "file" };
  return { namespace: "default", name: "web-n1", hash: "h1", labels: { app: "web" }, annotations, spec, ...fields };
}

async function show(agent: Agent, pods: readonly object[], node = agent.node) {
  const { code, text } = await api.call("/agent/v1/mirror", {
    method: "POST",
    token: agent.token,
    body: { node, pods },
  });
  return { code, answer: JSON.parse(text) };
}

async function names(): Promise<readonly string[]> {
  const list = await api.get(api.pods);
  // A list of pods.
  return (list as unknown as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name);
}

describe("a node shows its own pods", () => {
  it("as pods that are bound to it and marked, of which its agent is told and tells", async () => {
    const agent = await Agent.registered("n1");
    expect(await show(agent, [staticPod()])).toEqual({ code: 200, answer: { problems: [] } });
    const pod = await api.get(`${api.pods}/web-n1`);
    expect(pod.metadata.annotations?.[mirror]).toBe("h1");
    expect(pod.metadata.labels).toEqual({ app: "web" });
    expect(pod["spec"]).toMatchObject({ nodeName: "n1", automountServiceAccountToken: false });
    await agent.sync();
    const [assigned] = agent.pods.values();
    expect(assigned?.name).toBe("web-n1");
    await agent.sync({ pods: [agent.report(assigned?.uid ?? "", { status: runningStatus() })] });
    expect((await api.get(`${api.pods}/web-n1`))["status"]).toMatchObject({ phase: "Running" });
  });

  it("once, however often it says so", async () => {
    const agent = await Agent.registered("n1");
    await show(agent, [staticPod()]);
    const { uid } = (await api.get(`${api.pods}/web-n1`)).metadata;
    await show(agent, [staticPod()]);
    expect((await api.get(`${api.pods}/web-n1`)).metadata.uid).toBe(uid);
  });

  it("and what has changed takes the place of what was, and what is gone goes", async () => {
    const agent = await Agent.registered("n1");
    await show(agent, [staticPod(), staticPod({ name: "other-n1" })]);
    await show(agent, [staticPod({ hash: "h2" })]);
    expect(await names()).toEqual(["web-n1"]);
    expect((await api.get(`${api.pods}/web-n1`)).metadata.annotations?.[mirror]).toBe("h2");
  });

  it("and is told what cannot be shown", async () => {
    const agent = await Agent.registered("n1");
    const { answer } = await show(agent, [staticPod({ namespace: "nowhere" }), staticPod()]);
    expect(answer.problems).toEqual(['nowhere/web-n1: namespaces "nowhere" not found']);
    expect(await names()).toEqual(["web-n1"]);
  });
});

describe("a node cannot", () => {
  it("show pods of another node, nor touch what others have made", async () => {
    const [agent, other] = [await Agent.registered("n1"), await Agent.registered("n2")];
    await show(other, [staticPod({ name: "web-n2" })]);
    await api.create(api.pods, {
      metadata: { name: "bare" },
      spec: { nodeName: "n1", containers: [{ name: "a", image: "a" }] },
    });
    expect((await show(agent, [], "n2")).code).toBe(403);
    await show(agent, []);
    expect(await names()).toEqual(["bare", "web-n2"]);
    const { answer } = await show(agent, [staticPod({ name: "bare" })]);
    expect(answer.problems).toEqual(['default/bare: pods "bare" already exists']);
  });

  it("have a mirror run as an account, or be put elsewhere", async () => {
    const agent = await Agent.registered("n1");
    const spec = { ...staticPod().spec, serviceAccountName: "robot", nodeName: "n2" };
    await show(agent, [staticPod({ spec })]);
    expect((await api.get(`${api.pods}/web-n1`))["spec"]).toMatchObject({
      nodeName: "n1",
      serviceAccountName: "default",
    });
  });

  it("do so without its credential", async () => {
    const agent = await Agent.registered("n1");
    const body = { node: "n1", pods: [staticPod()] };
    const { code } = await api.call("/agent/v1/mirror", { method: "POST", token: api.adminToken, body });
    expect(code).toBe(401);
    expect(agent.node).toBe("n1");
    expect(await names()).toEqual([]);
  });
});
