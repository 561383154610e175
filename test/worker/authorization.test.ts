// Who may do what: everybody but administrators only what a role says, on every way into the API.
import { beforeEach, describe, expect, it, vi } from "vitest";

import { paths } from "../../src/sync/messages.ts";
import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { account, accountWith, binding, clusterRole, newAccount, rbac, role } from "./support/rbac.ts";

/** On a machine with more to do than this. */
const patience = { timeout: 15_000 };

const reading = { verbs: ["get", "list", "watch"], apiGroups: [""], resources: ["configmaps"] };
const everything = { verbs: ["*"], apiGroups: ["*"], resources: ["*"] };

async function codeOf(token: string, path: string, method = "GET", body?: unknown): Promise<number> {
  return (await api.call(path, { token, method, ...(body === undefined ? {} : { body }) })).code;
}

beforeEach(async () => {
  await newCluster();
  // What is known of the roles of an earlier cluster counts no more.
  await api.create(rbac.roles, role("nothing", reading));
});

describe("a service account without roles", () => {
  it.each<readonly [string, string, string]>([
    [
      "GET",
      api.pods,
      'pods is forbidden: User "USER" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
    [
      "GET",
      `${api.pods}?watch=1`,
      'pods is forbidden: User "USER" cannot watch resource "pods" in API group "" in the namespace "default"',
    ],
    [
      "GET",
      `${api.pods}/x`,
      'pods "x" is forbidden: User "USER" cannot get resource "pods" in API group "" in the namespace "default"',
    ],
    [
      "GET",
      `${api.pods}/x/status`,
      'pods "x" is forbidden: User "USER" cannot get resource "pods/status" in API group "" in the namespace "default"',
    ],
    [
      "GET",
      api.nodes,
      'nodes is forbidden: User "USER" cannot list resource "nodes" in API group "" at the cluster scope',
    ],
    [
      "GET",
      "/api/v1/secrets",
      'secrets is forbidden: User "USER" cannot list resource "secrets" in API group "" at the cluster scope',
    ],
    [
      "GET",
      "/api/v1/namespaces/default",
      'namespaces "default" is forbidden: User "USER" cannot get resource "namespaces" in API group "" in the namespace "default"',
    ],
    [
      "POST",
      api.configMaps,
      'configmaps is forbidden: User "USER" cannot create resource "configmaps" in API group "" in the namespace "default"',
    ],
    [
      "PUT",
      `${api.configMaps}/x`,
      'configmaps "x" is forbidden: User "USER" cannot update resource "configmaps" in API group "" in the namespace "default"',
    ],
    [
      "PATCH",
      `${api.daemonSets}/x`,
      'daemonsets.apps "x" is forbidden: User "USER" cannot patch resource "daemonsets" in API group "apps" in the namespace "default"',
    ],
    [
      "DELETE",
      `${api.daemonSets}/x`,
      'daemonsets.apps "x" is forbidden: User "USER" cannot delete resource "daemonsets" in API group "apps" in the namespace "default"',
    ],
    [
      "DELETE",
      api.pods,
      'pods is forbidden: User "USER" cannot deletecollection resource "pods" in API group "" in the namespace "default"',
    ],
    [
      "POST",
      `${api.pods}/x/eviction`,
      'pods "x" is forbidden: User "USER" cannot create resource "pods/eviction" in API group "" in the namespace "default"',
    ],
    [
      "POST",
      `${api.serviceAccounts}/default/token`,
      'serviceaccounts "default" is forbidden: User "USER" cannot create resource "serviceaccounts/token" in API group "" in the namespace "default"',
    ],
    [
      "GET",
      `${api.pods}/x/exec`,
      'pods "x" is forbidden: User "USER" cannot create resource "pods/exec" in API group "" in the namespace "default"',
    ],
    [
      "GET",
      "/apis/example.com/v1/things",
      'things.example.com is forbidden: User "USER" cannot list resource "things" in API group "example.com" at the cluster scope',
    ],
    ["GET", "/metrics", 'forbidden: User "USER" cannot get path "/metrics"'],
    ["GET", "/no/such/path", 'forbidden: User "USER" cannot get path "/no/such/path"'],
  ])("may not %s %s", async (method, path, message) => {
    const token = await newAccount("nobody");
    const { code, body } = await api.call(path, { method, token, ...(method === "GET" ? {} : { body: {} }) });
    expect(body).toMatchObject({
      kind: "Status",
      reason: "Forbidden",
      message: message.replace("USER", "system:serviceaccount:default:nobody"),
    });
    expect(code).toBe(403);
  });

  it("is told the name, group and kind that it may not touch", async () => {
    const token = await newAccount("nobody");
    const { body } = await api.call(`${api.daemonSets}/x`, { token });
    expect(body["details"]).toEqual({ name: "x", group: "apps", kind: "daemonsets" });
  });

  it.each(["/api", "/apis", "/api/v1", "/apis/apps/v1", "/openapi/v3", "/openapi/v2", "/version"])(
    "may find out what there is: %s",
    async (path) => {
      expect(await codeOf(await newAccount("nobody"), path)).toBe(200);
    },
  );

  it.each([
    `${api.pods}/%2e%2e/secrets`,
    "/api/v1/namespaces/default/pods%2f..%2fsecrets",
    "//api/v1/secrets",
    "/api//v1/secrets",
    "/API/v1/secrets",
    "/api/v1/secrets/",
    "/apis//v1/secrets",
    "/api/v1/namespaces/default/secrets/x/../y",
  ])("finds no way round in %s", async (path) => {
    expect([403, 404]).toContain(await codeOf(await newAccount("nobody"), path));
  });

  it("is not let in by the agents' protocol", async () => {
    const token = await newAccount("nobody");
    expect(await codeOf(token, paths.enrol, "POST", { node: "edge-1" })).toBe(401);
    expect(await codeOf(token, paths.sync, "POST", {})).toBe(401);
    expect(await codeOf(token, paths.socket)).toBe(401);
  });
});

describe("a node's credential", () => {
  it.each([api.pods, api.nodes, "/api", "/apis", "/metrics", "/openid/v1/jwks", "/api/v1/secrets"])(
    "opens no %s",
    async (path) => {
      const { token } = await Agent.registered("edge-1");
      expect(await codeOf(token, path)).toBe(401);
    },
  );
});

describe("a role", () => {
  it("allows what it says where it is bound, and nothing else", async () => {
    const token = await accountWith("reader", reading);
    expect(await codeOf(token, api.configMaps)).toBe(200);
    expect(await codeOf(token, `${api.configMaps}/x`)).toBe(404);
    expect(await codeOf(token, api.configMaps, "POST", {})).toBe(403);
    expect(await codeOf(token, "/api/v1/configmaps")).toBe(403);
    expect(await codeOf(token, "/api/v1/namespaces/kube-system/configmaps")).toBe(403);
    expect(await codeOf(token, api.pods)).toBe(403);
  });

  it("counts at once, and no more at once when it is taken back", async () => {
    const token = await newAccount("reader");
    expect(await codeOf(token, api.configMaps)).toBe(403);
    await api.create(rbac.roles, role("reader", reading));
    await api.create(rbac.roleBindings, binding("reader", "Role/reader", account("reader")));
    expect(await codeOf(token, api.configMaps)).toBe(200);
    await api.patch(`${rbac.roles}/reader`, { rules: [{ ...reading, verbs: ["watch"] }] });
    expect(await codeOf(token, api.configMaps)).toBe(403);
    await api.patch(`${rbac.roles}/reader`, { rules: [reading] });
    await api.remove(`${rbac.roleBindings}/reader`);
    expect(await codeOf(token, api.configMaps)).toBe(403);
  });

  it("with names allows those alone, lists by name included", async () => {
    const token = await accountWith("reader", { ...reading, resourceNames: ["a"] });
    expect(await codeOf(token, `${api.configMaps}/a`)).toBe(404);
    expect(await codeOf(token, `${api.configMaps}/b`)).toBe(403);
    expect(await codeOf(token, api.configMaps)).toBe(403);
    expect(await codeOf(token, `${api.configMaps}?fieldSelector=metadata.name%3Da`)).toBe(200);
    expect(await codeOf(token, `${api.configMaps}?fieldSelector=metadata.name%3Db`)).toBe(403);
  });

  it("for a resource does not allow its parts, nor the other way round", async () => {
    const pods = await accountWith("pods", { verbs: ["*"], apiGroups: [""], resources: ["pods"] });
    expect(await codeOf(pods, `${api.pods}/x/status`)).toBe(403);
    expect(await codeOf(pods, `${api.pods}/x`)).toBe(404);
    const status = await accountWith("status", { verbs: ["*"], apiGroups: [""], resources: ["pods/status"] });
    expect(await codeOf(status, `${api.pods}/x/status`)).toBe(404);
    expect(await codeOf(status, `${api.pods}/x`)).toBe(403);
  });

  it("of the cluster that is bound in a namespace holds there", async () => {
    const token = await newAccount("viewer");
    await api.create(rbac.roleBindings, binding("viewer", "ClusterRole/view", account("viewer")));
    expect(await codeOf(token, api.pods)).toBe(200);
    expect(await codeOf(token, "/api/v1/namespaces/default")).toBe(200);
    expect(await codeOf(token, "/api/v1/namespaces/kube-system/pods")).toBe(403);
    expect(await codeOf(token, "/api/v1/namespaces/default/secrets")).toBe(403);
  });

  it("of the cluster that is bound to a group of the cluster holds everywhere", async () => {
    const token = await newAccount("viewer");
    const group = { kind: "Group", name: "system:serviceaccounts:default" };
    await api.create(rbac.clusterRoleBindings, binding("viewers", "ClusterRole/view", group));
    expect(await codeOf(token, "/api/v1/pods")).toBe(200);
    expect(await codeOf(token, "/api/v1/secrets")).toBe(403);
  });

  it("that is not there is told of", async () => {
    const token = await newAccount("reader");
    await api.create(rbac.roleBindings, binding("reader", "Role/gone", account("reader")));
    const { body } = await api.call(api.pods, { token });
    expect(body["message"]).toMatch(/: RBAC: role\.rbac\.authorization\.k8s\.io "gone" not found$/);
  });

  it("for a path opens it", async () => {
    const token = await newAccount("reader");
    await api.create(rbac.clusterRoles, clusterRole("metrics", { verbs: ["get"], nonResourceURLs: ["/metrics"] }));
    await api.create(rbac.clusterRoleBindings, binding("metrics", "ClusterRole/metrics", account("reader")));
    expect(await codeOf(token, "/metrics")).toBe(200);
  });
});

describe("somebody who hands out rights", () => {
  const rolesRule = { verbs: ["*"], apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles", "rolebindings"] };

  it("cannot define a role with rights they have not", async () => {
    const token = await accountWith("boss", { ...rolesRule, verbs: ["create", "update", "patch", "get"] }, reading);
    const wanted = role("more", { verbs: ["get", "delete"], apiGroups: [""], resources: ["configmaps", "secrets"] });
    const { code, body } = await api.call(rbac.roles, { method: "POST", token, body: wanted });
    expect(code).toBe(403);
    expect(body["message"]).toBe(
      [
        'roles.rbac.authorization.k8s.io "more" is forbidden: user "system:serviceaccount:default:boss" ' +
          '(groups=["system:serviceaccounts" "system:serviceaccounts:default" "system:authenticated"]) ' +
          "is attempting to grant RBAC permissions not currently held:",
        '{APIGroups:[""], Resources:["configmaps"], Verbs:["delete"]}',
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]}',
      ].join("\n"),
    );
    expect(await codeOf(token, rbac.roles, "POST", role("same", { ...reading, verbs: ["get"] }))).toBe(201);
    expect(await codeOf(token, `${rbac.roles}/same`, "PUT", { ...role("same", everything) })).toBe(403);
  });

  it("cannot bind a role with rights they have not, to themselves or others, unless they may bind it", async () => {
    const token = await accountWith("boss", { ...rolesRule, verbs: ["create"] }, reading);
    const grab = binding("grab", "ClusterRole/cluster-admin", account("boss"));
    expect(await codeOf(token, rbac.roleBindings, "POST", grab)).toBe(403);
    expect(await codeOf(token, rbac.roleBindings, "POST", binding("a", "Role/nothing", account("x")))).toBe(201);
    expect(await codeOf(token, rbac.roleBindings, "POST", binding("b", "Role/gone", account("x")))).toBe(404);
    const bind = {
      verbs: ["bind"],
      apiGroups: rolesRule.apiGroups,
      resources: ["clusterroles"],
      resourceNames: ["view"],
    };
    await api.patch(`${rbac.roles}/boss`, { rules: [{ ...rolesRule, verbs: ["create"] }, bind] });
    expect(await codeOf(token, rbac.roleBindings, "POST", binding("c", "ClusterRole/view", account("x")))).toBe(201);
    expect(await codeOf(token, rbac.roleBindings, "POST", binding("d", "ClusterRole/edit", account("x")))).toBe(403);
  });

  it("may with the verb escalate", async () => {
    const token = await accountWith("boss", { ...rolesRule, verbs: ["create", "escalate"] });
    expect(await codeOf(token, rbac.roles, "POST", role("more", everything))).toBe(201);
  });

  it("may still label a role that is above them", async () => {
    const token = await accountWith("boss", { ...rolesRule, verbs: ["patch", "get"] });
    await api.create(rbac.roles, role("more", everything));
    const label = { metadata: { labels: { a: "b" } } };
    const options = { method: "PATCH", token, contentType: "application/merge-patch+json" };
    expect((await api.call(`${rbac.roles}/more`, { ...options, body: label })).code).toBe(200);
    expect((await api.call(`${rbac.roles}/more`, { ...options, body: { rules: [everything, reading] } })).code).toBe(
      403,
    );
  });

  it("cannot gather the rights of others by label", async () => {
    const rule = { verbs: ["*"], apiGroups: ["rbac.authorization.k8s.io"], resources: ["clusterroles"] };
    const token = await newAccount("boss");
    await api.create(rbac.clusterRoles, clusterRole("boss", { ...rule, verbs: ["create"] }));
    await api.create(rbac.clusterRoleBindings, binding("boss", "ClusterRole/boss", account("boss")));
    const gather = {
      ...clusterRole("gather"),
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { "kubernetes.io/bootstrapping": "rbac-defaults" } }] },
    };
    const { code, body } = await api.call(rbac.clusterRoles, { method: "POST", token, body: gather });
    expect(code).toBe(403);
    expect(body["message"]).toMatch(/must have cluster-admin privileges to use the aggregationRule$/);
  });
});

describe("a ClusterRole that is put together", () => {
  it("gives what is added to it, at once", async () => {
    const token = await newAccount("viewer");
    await api.create(rbac.roleBindings, binding("viewer", "ClusterRole/view", account("viewer")));
    const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    expect(await codeOf(token, leases)).toBe(403);
    await api.create(rbac.clusterRoles, {
      ...clusterRole("view-leases", { verbs: ["list"], apiGroups: ["coordination.k8s.io"], resources: ["leases"] }),
      metadata: { name: "view-leases", labels: { "rbac.authorization.k8s.io/aggregate-to-view": "true" } },
    });
    expect(await codeOf(token, leases)).toBe(200);
  });

  it("lets whoever may look at pods see what they use", async () => {
    const token = await newAccount("looker");
    const used = "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods";
    expect(await codeOf(token, used)).toBe(403);
    await api.create(rbac.roleBindings, binding("looker", "ClusterRole/view", account("looker")));
    expect(await codeOf(token, used)).toBe(200);
  });

  it("shows what it is put together from, through others that are put together too", async () => {
    const rule = { verbs: ["use"], apiGroups: ["example.com"], resources: ["things"] };
    const add = clusterRole("view-things", rule);
    const labels = { "rbac.authorization.k8s.io/aggregate-to-view": "true" };
    await api.create(rbac.clusterRoles, { ...add, metadata: { ...add.metadata, labels } });
    for (const name of ["view", "edit", "admin"])
      await vi.waitFor(
        async () => expect((await api.get(`${rbac.clusterRoles}/${name}`))["rules"]).toContainEqual(rule),
        patience,
      );
    await api.remove(`${rbac.clusterRoles}/view-things`);
    for (const name of ["view", "edit", "admin"])
      await vi.waitFor(
        async () => expect((await api.get(`${rbac.clusterRoles}/${name}`))["rules"]).not.toContainEqual(rule),
        patience,
      );
  });
});

describe("acting as somebody else", () => {
  const as = (user: string, groups = "") => ({
    headers: { "Impersonate-User": user, ...(groups === "" ? {} : { "Impersonate-Group": groups }) },
  });

  it("is for administrators, who then have the rights of the other", async () => {
    expect((await api.call(api.pods, as("jane"))).body["message"]).toMatch(/^pods is forbidden: User "jane"/);
    expect((await api.call(api.pods, as("jane", "system:masters"))).code).toBe(200);
    await api.create(rbac.roles, role("reader", reading));
    await api.create(rbac.roleBindings, binding("jane", "Role/reader", { kind: "User", name: "jane" }));
    expect((await api.call(api.configMaps, as("jane"))).code).toBe(200);
    const self = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    const headers = { ...as("jane", "a, b").headers, "Impersonate-Uid": "7", "Impersonate-Extra-Reason": "test" };
    const { body } = await api.call(self, { method: "POST", body: {}, headers });
    expect(body["status"]).toEqual({
      userInfo: { username: "jane", uid: "7", groups: ["a", "b", "system:authenticated"], extra: { reason: ["test"] } },
    });
  });

  it("takes the right to, for the user and for each group", async () => {
    const token = await newAccount("actor");
    await api.create(
      rbac.clusterRoles,
      clusterRole("act", { verbs: ["impersonate"], apiGroups: [""], resources: ["users"], resourceNames: ["jane"] }),
    );
    await api.create(rbac.clusterRoleBindings, binding("act", "ClusterRole/act", account("actor")));
    const messageOf = async (who: object) => (await api.call("/api", { token, ...who })).body["message"];
    expect((await api.call("/api", { token, ...as("jane") })).code).toBe(200);
    expect(await messageOf(as("joe"))).toBe(
      'users "joe" is forbidden: User "system:serviceaccount:default:actor" cannot impersonate resource "users" in API group "" at the cluster scope',
    );
    expect(await messageOf(as("jane", "system:masters"))).toMatch(/^groups "system:masters" is forbidden/);
    expect(await messageOf({ headers: { ...as("jane").headers, "Impersonate-Uid": "1" } })).toMatch(
      /^uids\.authentication/,
    );
    expect(await messageOf({ headers: { ...as("jane").headers, "Impersonate-Extra-A": "1" } })).toMatch(
      /userextras\/a/,
    );
    expect(await messageOf(as("system:serviceaccount:default:default"))).toMatch(
      /^serviceaccounts "default" is forbidden/,
    );
  });

  it("needs a user to act as", async () => {
    expect((await api.call("/api", { headers: { "Impersonate-Group": "a" } })).code).toBe(500);
  });
});
