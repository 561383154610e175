// PUT of what is not there: some kinds are made by it, as upstream has it kind by kind.
import { beforeAll, describe, expect, it } from "vitest";

import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { accountWith, rbac } from "./support/rbac.ts";

const core = "/api/v1/namespaces/default";
const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const roleRef = (kind: string) => ({ apiGroup: "rbac.authorization.k8s.io", kind, name: "view" });

beforeAll(newCluster);

describe("a PUT of what is not there", () => {
  it.each([
    [leases, {}],
    [`${core}/endpoints`, {}],
    [`${core}/events`, { involvedObject: { namespace: "default" } }],
    [`${core}/services`, { spec: { ports: [{ port: 80 }] } }],
    [`${core}/limitranges`, { spec: { limits: [] } }],
    [rbac.roles, { rules: [] }],
    [rbac.roleBindings, { roleRef: roleRef("ClusterRole") }],
    [rbac.clusterRoles, { rules: [] }],
    [rbac.clusterRoleBindings, { roleRef: roleRef("ClusterRole") }],
    ["/apis/node.k8s.io/v1/runtimeclasses", { handler: "runc" }],
  ])("makes it in %s, and the next one changes it", async (path, fields) => {
    const body = { metadata: { name: "new", resourceVersion: "5" }, ...fields };
    const made = await api.call(`${path}/new`, { method: "PUT", body });
    expect(made).toMatchObject({ code: 201, body: { metadata: { name: "new", uid: expect.any(String) } } });
    const { uid, resourceVersion } = made.body.metadata;
    const again = { ...made.body, metadata: { name: "new", uid, resourceVersion, labels: { a: "b" } } };
    const changed = await api.call(`${path}/new`, { method: "PUT", body: again });
    expect(changed).toMatchObject({ code: 200, body: { metadata: { uid, labels: { a: "b" } } } });
  });

  it.each([
    ["of another kind", "/apis/scheduling.k8s.io/v1/priorityclasses/new", { value: 1 }],
    ["and of its status", `${core}/services/none/status`, {}],
  ])("%s finds nothing", async (_what, path, fields) => {
    const body = { metadata: { name: path.includes("none") ? "none" : "new" }, ...fields };
    expect(await api.call(path, { method: "PUT", body })).toMatchObject({ code: 404, body: { reason: "NotFound" } });
  });

  it("that means one object alone is refused in the words of a storage", async () => {
    const body = { metadata: { name: "gone", uid: "one" } };
    expect(await api.call(`${leases}/gone`, { method: "PUT", body })).toMatchObject({
      code: 409,
      body: {
        reason: "Conflict",
        message: expect.stringMatching(
          /^Operation cannot be fulfilled on leases\.coordination\.k8s\.io "gone": StorageError: invalid object, .*UID in precondition: one, UID in object meta: $/,
        ),
      },
    });
  });

  it("makes nothing when it is dry", async () => {
    const body = { metadata: { name: "dry" } };
    expect((await api.call(`${leases}/dry?dryRun=All`, { method: "PUT", body })).code).toBe(201);
    expect(await api.exists(`${leases}/dry`)).toBe(false);
  });

  it("is checked as a creation is", async () => {
    const body = { metadata: { name: "wrong" }, spec: { leaseDurationSeconds: -1 } };
    expect(await api.call(`${leases}/wrong`, { method: "PUT", body })).toMatchObject({ code: 422 });
    const elsewhere = leases.replace("default", "nowhere");
    const lost = await api.call(`${elsewhere}/a`, { method: "PUT", body: { metadata: { name: "a" } } });
    expect(lost).toMatchObject({ code: 404, body: { message: 'namespaces "nowhere" not found' } });
  });

  it("needs the right to create, and that to update is not enough", async () => {
    const apiGroups = ["coordination.k8s.io"];
    const token = await accountWith("changer", { verbs: ["update"], apiGroups, resources: ["leases"] });
    const body = { metadata: { name: "mine" } };
    const refused = await api.call(`${leases}/mine`, { method: "PUT", body, token });
    expect(refused).toMatchObject({
      code: 403,
      body: { message: expect.stringContaining('cannot create resource "leases"') },
    });
    expect(await api.exists(`${leases}/mine`)).toBe(false);
  });
});
