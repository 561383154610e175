import { beforeEach, describe, expect, it } from "vitest";

import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { until } from "./support/until.ts";

const collection = "/api/v1/namespaces/default/bindings";

function bindingOf(name: string, fields: object = {}): object {
  return { apiVersion: "v1", kind: "Binding", metadata: { name }, target: { kind: "Node", name: "edge-1" }, ...fields };
}

async function createPod(name: string, spec: object = {}): Promise<void> {
  await api.create(api.pods, {
    metadata: { name },
    spec: { schedulerName: "mine", containers: [{ name: "c", image: "nginx" }], ...spec },
  });
}

const post = (path: string, body: unknown) => api.call(path, { method: "POST", body });

beforeEach(newCluster);

describe("a Binding", () => {
  it.each([
    ["of the pod", `${api.pods}/web/binding`],
    ["of the collection", collection],
  ])("%s puts the pod on the node, whose agent runs it", async (_which, path) => {
    const agent = await Agent.registered("edge-1");
    await createPod("web");
    const { code, body } = await post(path, bindingOf("web", { metadata: { name: "web", annotations: { by: "me" } } }));
    expect([code, body["status"]]).toEqual([201, "Success"]);
    expect(await api.get(`${api.pods}/web`)).toMatchObject({
      metadata: { annotations: { by: "me" } },
      spec: { nodeName: "edge-1" },
      status: { phase: "Pending", conditions: [{ type: "PodScheduled", status: "True" }] },
    });
    await until("the agent is told", async () => (await agent.sync()).pods?.length === 1);
  });

  it("is refused for a pod that has a node, one that goes, and one behind gates", async () => {
    await createPod("web");
    await post(collection, bindingOf("web"));
    const again = await post(collection, bindingOf("web"));
    expect(again.code).toBe(409);
    expect(again.body["message"]).toBe(
      'Operation cannot be fulfilled on pods/binding "web": pod web is already assigned to node "edge-1"',
    );
    await createPod("going", {});
    await api.patch(`${api.pods}/going`, { metadata: { finalizers: ["example.com/held"] } });
    await api.remove(`${api.pods}/going`);
    expect((await post(collection, bindingOf("going"))).body["message"]).toBe(
      'Operation cannot be fulfilled on pods/binding "going": pod going is being deleted, cannot be assigned to a host',
    );
    await createPod("gated", { schedulingGates: [{ name: "example.com/wait" }] });
    expect((await post(collection, bindingOf("gated"))).body["message"]).toBe(
      'Operation cannot be fulfilled on pods/binding "gated": pod gated has non-empty .spec.schedulingGates',
    );
  });

  it.each([
    ["a pod that is not there", bindingOf("nope"), 404, 'pods "nope" not found'],
    ["no node", bindingOf("web", { target: {} }), 500, "target.name: Required value"],
    [
      "another kind than a node",
      bindingOf("web", { target: { kind: "Rack", name: "r" } }),
      500,
      'target.kind: Unsupported value: "Rack": supported values: "Node", "<empty>"',
    ],
    [
      "another pod of that name",
      bindingOf("web", { metadata: { name: "web", uid: "other" } }),
      409,
      expect.stringContaining("Precondition failed: UID in precondition: other"),
    ],
  ])("is refused with %s", async (_what, body, code, message) => {
    await createPod("web");
    const refused = await post(collection, body);
    expect([refused.code, refused.body["message"]]).toEqual([code, message]);
  });

  it("has the name of the pod in its path, and changes nothing in a dry run", async () => {
    await createPod("web");
    expect(await post(`${api.pods}/web/binding`, bindingOf("other"))).toMatchObject({ code: 400 });
    expect(await post(`${collection}?dryRun=All`, bindingOf("web"))).toMatchObject({ code: 201 });
    expect(await api.get(`${api.pods}/web`)).not.toHaveProperty("spec.nodeName");
  });

  it("brings the pod into the sight of who watches its node, by its field selector", async () => {
    await createPod("web");
    expect(await api.list(`${api.pods}?fieldSelector=spec.nodeName=`)).toHaveLength(1);
    await post(collection, bindingOf("web"));
    expect(await api.list(`${api.pods}?fieldSelector=spec.nodeName=`)).toEqual([]);
    expect(await api.list(`${api.pods}?fieldSelector=spec.nodeName=edge-1`)).toHaveLength(1);
  });
});
