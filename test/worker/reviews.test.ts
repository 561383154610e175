// Questions to the API about who somebody is and what they may do.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import { digestOf, insertToken } from "../../src/store/credentials.ts";
import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { account, accountWith, binding, newAccount, rbac, role } from "./support/rbac.ts";

const authorization = "/apis/authorization.k8s.io/v1";
const reading = { verbs: ["get", "list"], apiGroups: [""], resources: ["pods", "pods/log"] };

beforeEach(async () => {
  await newCluster();
  await api.create(rbac.roles, role("nothing", reading));
});

async function ask(path: string, spec: object, token = api.adminToken) {
  const { code, body } = await api.call(path, { method: "POST", token, body: { spec } });
  return { code, status: body["status"], message: body["message"] };
}

const pods = { namespace: "default", verb: "list", resource: "pods" };

describe("SelfSubjectAccessReview", () => {
  const path = `${authorization}/selfsubjectaccessreviews`;

  it.each<readonly [string, object, boolean]>([
    ["what a role allows", pods, true],
    ["a part that it allows", { ...pods, subresource: "log", verb: "get" }, true],
    ["a part that it does not", { ...pods, subresource: "exec", verb: "get" }, false],
    ["another verb", { ...pods, verb: "delete" }, false],
    ["another namespace", { ...pods, namespace: "kube-system" }, false],
    ["all namespaces", { ...pods, namespace: "" }, false],
    ["everything", { ...pods, verb: "*", resource: "*", group: "*" }, false],
  ])("about %s", async (_what, resourceAttributes, allowed) => {
    const token = await accountWith("reader", reading);
    const { code, status } = await ask(path, { resourceAttributes }, token);
    expect(code).toBe(201);
    expect(status).toMatchObject({ allowed });
    if (allowed)
      expect(status).toMatchObject({
        reason: 'RBAC: allowed by RoleBinding "reader/default" of Role "reader" to ServiceAccount "reader/default"',
      });
  });

  it("of an administrator is always yes", async () => {
    expect((await ask(path, { resourceAttributes: { ...pods, verb: "*" } })).status).toEqual({ allowed: true });
    expect((await ask(path, { nonResourceAttributes: { path: "/metrics", verb: "get" } })).status).toEqual({
      allowed: true,
    });
  });

  it("about paths", async () => {
    const token = await newAccount("nobody");
    const about = async (url: string) =>
      (await ask(path, { nonResourceAttributes: { path: url, verb: "get" } }, token)).status;
    expect(await about("/healthz")).toMatchObject({ allowed: true });
    expect(await about("/metrics")).toEqual({ allowed: false });
  });

  it("must ask one thing", async () => {
    const both = { resourceAttributes: pods, nonResourceAttributes: { path: "/" } };
    expect(await ask(path, both)).toMatchObject({ code: 422 });
    expect(await ask(path, {})).toMatchObject({
      code: 422,
      message:
        'SelfSubjectAccessReview.authorization.k8s.io "" is invalid: spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified',
    });
  });

  it("is kept nowhere, and can only be created", async () => {
    await ask(path, { resourceAttributes: pods });
    expect((await api.call(path)).code).toBe(405);
    expect((await api.call(`${path}/x`)).code).toBe(405);
  });
});

describe("SubjectAccessReview", () => {
  const path = `${authorization}/subjectaccessreviews`;

  it("asks for others, by name and by groups", async () => {
    await api.create(rbac.roleBindings, binding("jane", "Role/nothing", { kind: "User", name: "jane" }));
    await api.create(rbac.roleBindings, binding("team", "Role/nothing", { kind: "Group", name: "team" }));
    expect((await ask(path, { user: "jane", resourceAttributes: pods })).status).toMatchObject({ allowed: true });
    expect((await ask(path, { user: "joe", resourceAttributes: pods })).status).toEqual({ allowed: false });
    expect((await ask(path, { user: "joe", groups: ["team"], resourceAttributes: pods })).status).toMatchObject({
      allowed: true,
    });
    expect((await ask(path, { groups: ["system:masters"], resourceAttributes: pods })).status).toEqual({
      allowed: true,
    });
    expect(await ask(path, { resourceAttributes: pods })).toMatchObject({ code: 422 });
  });

  it("is not for everybody to ask", async () => {
    const token = await newAccount("nobody");
    expect((await ask(path, { user: "jane", resourceAttributes: pods }, token)).code).toBe(403);
  });

  it("of one namespace is about that one", async () => {
    const local = `${authorization}/namespaces/default/localsubjectaccessreviews`;
    const body = { metadata: { namespace: "default" } };
    const asked = async (spec: object) => (await api.call(local, { method: "POST", body: { ...body, spec } })).code;
    expect(await asked({ user: "jane", resourceAttributes: pods })).toBe(201);
    expect(await asked({ user: "jane", resourceAttributes: { ...pods, namespace: "kube-system" } })).toBe(422);
    expect(await asked({ user: "jane", nonResourceAttributes: { path: "/" } })).toBe(422);
  });
});

describe("SelfSubjectRulesReview", () => {
  const path = `${authorization}/selfsubjectrulesreviews`;

  it("lists what holds in a namespace", async () => {
    const token = await accountWith("reader", reading);
    const { status } = await ask(path, { namespace: "default" }, token);
    expect(status).toMatchObject({ incomplete: false });
    const { resourceRules, nonResourceRules } = status as Record<string, readonly object[]>;
    expect(resourceRules).toContainEqual(reading);
    expect(resourceRules).toContainEqual({
      verbs: ["create"],
      apiGroups: ["authorization.k8s.io"],
      resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    });
    expect(JSON.stringify(nonResourceRules)).toContain("/openapi/*");
    const elsewhere = await ask(path, { namespace: "kube-system" }, token);
    expect(JSON.stringify(elsewhere.status)).not.toContain("pods");
  });

  it("lists everything for an administrator", async () => {
    const { status } = await ask(path, { namespace: "default" });
    expect(status).toMatchObject({
      resourceRules: expect.arrayContaining([{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }]),
    });
  });
});

describe("who somebody is", () => {
  const self = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

  it.each(["v1", "v1beta1"])("is told to everybody, in %s", async (version) => {
    const { body } = await api.call(self.replace("v1", version), { method: "POST", body: {} });
    expect(body).toMatchObject({
      kind: "SelfSubjectReview",
      apiVersion: `authentication.k8s.io/${version}`,
      status: { userInfo: { username: "lares:admin", groups: ["system:masters", "system:authenticated"] } },
    });
  });

  it("is told of a user who is no administrator, and has the rights of their groups", async () => {
    const token = `lares_jane_${"5".repeat(64)}`;
    const row = { id: "jane", kind: "user" as const, digest: digestOf(token), subject: "jane", groups: ["team"] };
    await insertToken(env.DB, row);
    const { body } = await api.call(self, { method: "POST", token, body: {} });
    expect(body["status"]).toEqual({ userInfo: { username: "jane", groups: ["team", "system:authenticated"] } });
    expect((await api.call(api.pods, { token })).code).toBe(403);
    await api.create(rbac.roleBindings, binding("team", "Role/nothing", { kind: "Group", name: "team" }));
    expect((await api.call(api.pods, { token })).code).toBe(200);
  });

  it("is told of tokens, to those who may ask", async () => {
    const path = "/apis/authentication.k8s.io/v1/tokenreviews";
    const token = await newAccount("robot");
    expect((await ask(path, { token })).status).toMatchObject({
      authenticated: true,
      user: { username: "system:serviceaccount:default:robot" },
      audiences: ["https://kubernetes.default.svc.cluster.local"],
    });
    expect((await ask(path, { token: "x" })).status).toEqual({ user: {}, error: "invalid bearer token" });
    expect((await ask(path, { token: api.adminToken })).status).toMatchObject({ user: { username: "lares:admin" } });
    expect((await ask(path, { token }, token)).code).toBe(403);
    await api.create(rbac.clusterRoleBindings, binding("ask", "ClusterRole/system:auth-delegator", account("robot")));
    expect((await ask(path, { token }, token)).code).toBe(201);
  });
});
