// What nodes are told of those who show them a token.
import { beforeEach, describe, expect, it } from "vitest";

import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { account, binding, clusterRole, newAccount, rbac } from "./support/rbac.ts";

beforeEach(newCluster);

async function review(credential: string, token: string) {
  const { code, text } = await api.call("/agent/v1/review", { method: "POST", token: credential, body: { token } });
  return { code, answer: JSON.parse(text) };
}

/** The token of an account that may `get` these parts of Nodes. */
async function monitor(resources: readonly string[], resourceNames?: readonly string[]): Promise<string> {
  const token = await newAccount("monitor");
  const rule = {
    verbs: ["get"],
    apiGroups: [""],
    resources,
    ...(resourceNames === undefined ? {} : { resourceNames }),
  };
  await api.create(rbac.clusterRoles, clusterRole("monitor", rule));
  await api.create(rbac.clusterRoleBindings, binding("monitor", "ClusterRole/monitor", account("monitor")));
  return token;
}

describe("a node that asks about a token", () => {
  it("is told whose it is and which parts of itself that account may read", async () => {
    const { token } = await Agent.enrolled("n1");
    const shown = await monitor(["nodes/metrics", "nodes/stats", "nodes"]);
    const user = "system:serviceaccount:default:monitor";
    expect(await review(token, shown)).toEqual({ code: 200, answer: { user, parts: ["metrics", "stats"] } });
  });

  it("is told of rights that are for itself, and not of those for others", async () => {
    const [own, other] = [await Agent.enrolled("n1"), await Agent.enrolled("n2")];
    const shown = await monitor(["nodes/proxy"], ["n1"]);
    expect((await review(own.token, shown)).answer.parts).toEqual(["proxy"]);
    expect((await review(other.token, shown)).answer.parts).toEqual([]);
  });

  it("is told that a token is nobody's", async () => {
    const { token } = await Agent.enrolled("n1");
    expect(await review(token, "no-token")).toEqual({ code: 200, answer: { user: null, parts: [] } });
  });

  it("is told that an administrator may read all", async () => {
    const { token } = await Agent.enrolled("n1");
    expect((await review(token, api.adminToken)).answer.parts).toContain("proxy");
  });
});

describe("nobody else is told anything", () => {
  it.each([
    ["an administrator", api.adminToken],
    ["a node that is not enrolled", `laresnode_n9_${"0".repeat(64)}`],
    ["a node with another secret", `laresnode_n1_${"1".repeat(64)}`],
  ])("not %s", async (_who, credential) => {
    await Agent.enrolled("n1");
    expect((await review(credential, api.adminToken)).code).toBe(401);
  });
});
