// Leases as programs use them to elect one of them, beside those of nodes.
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { stopClock } from "./support/clock.ts";
import { newCluster } from "./support/cluster.ts";
import { until } from "./support/until.ts";
import { Watching } from "./support/watch.ts";

const group = "/apis/coordination.k8s.io/v1";
const path = `${group}/namespaces/default/leases`;
const ofNodes = `${group}/namespaces/kube-node-lease/leases`;

beforeEach(newCluster);
afterEach(() => {
  vi.useRealTimers();
});

function lease(name: string, spec: object = {}) {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name },
    spec: { holderIdentity: "a", leaseDurationSeconds: 15, renewTime: "2026-01-01T00:00:00.000001Z", ...spec },
  };
}

it("a lease goes to whoever writes it first on what was read", async () => {
  const made = await api.create(path, lease("leader"));
  const { resourceVersion } = made.metadata;
  const taken = (holderIdentity: string) => ({
    ...lease("leader", { holderIdentity, leaseTransitions: 1 }),
    metadata: { name: "leader", resourceVersion },
  });
  expect((await api.replace(`${path}/leader`, taken("b")))["spec"]).toMatchObject({ holderIdentity: "b" });
  expect((await api.call(`${path}/leader`, { method: "PUT", body: taken("c") })).code).toBe(409);
  expect((await api.get(`${path}/leader`))["spec"]).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
});

it("a watch tells of each renewal", async () => {
  await api.create(path, lease("leader"));
  const watching = await Watching.start(path);
  await api.patch(`${path}/leader`, { spec: { renewTime: "2026-01-01T00:00:10.000000Z" } });
  await until("two events", () => watching.events.length === 2);
  expect(watching.events.map(({ type, object }) => [type, object["spec"]])).toEqual([
    ["ADDED", expect.objectContaining({ renewTime: "2026-01-01T00:00:00.000001Z" })],
    ["MODIFIED", expect.objectContaining({ renewTime: "2026-01-01T00:00:10.000000Z" })],
  ]);
});

it.each([
  [{ leaseDurationSeconds: 0 }, "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"],
  [{ leaseTransitions: -1 }, "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"],
  [{ preferredHolder: "b" }, "spec.preferredHolder: Forbidden: may only be specified when `strategy` is defined"],
])("a lease that says %j is refused", async (spec, message) => {
  const { code, body } = await api.call(path, { method: "POST", body: lease("leader", spec) });
  expect([code, body["message"]]).toEqual([422, `Lease.coordination.k8s.io "leader" is invalid: ${message}`]);
});

it("a list of all namespaces has those of programs and those of nodes, in order, page by page", async () => {
  stopClock();
  for (const node of ["node-a", "node-b"]) await Agent.registered(node);
  await api.create(`${group}/namespaces/kube-system/leases`, lease("late"));
  await api.create(path, lease("early"));
  const wanted = ["default/early", "kube-node-lease/node-a", "kube-node-lease/node-b", "kube-system/late"];
  const seen: string[] = [];
  let next = "";
  do {
    const page = await api.get(`${group}/leases?limit=1&continue=${next}`);
    // A list has items and says where it goes on.
    const { items, metadata } = page as unknown as {
      readonly items: readonly { readonly metadata: { readonly namespace: string; readonly name: string } }[];
      readonly metadata: { readonly continue?: string };
    };
    seen.push(...items.map((item) => `${item.metadata.namespace}/${item.metadata.name}`));
    next = encodeURIComponent(metadata.continue ?? "");
  } while (next !== "");
  expect(seen).toEqual(wanted);
});

it("those of nodes are nobody's to write", async () => {
  stopClock();
  await Agent.registered("node-a");
  const refused = [
    await api.call(ofNodes, { method: "POST", body: lease("node-b") }),
    await api.call(`${ofNodes}/node-a`, { method: "PUT", body: lease("node-a") }),
    await api.call(`${ofNodes}/node-a`, { method: "DELETE" }),
    await api.call(ofNodes, { method: "DELETE" }),
  ];
  expect(refused.map(({ code }) => code)).toEqual([403, 403, 403, 403]);
  expect(await api.exists(`${ofNodes}/node-a`)).toBe(true);
  expect(await api.exists(`${ofNodes}/node-b`)).toBe(false);
});
