// Tokens that nodes ask for: for their own pods alone, and only such as these use.
import { env, exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import type { PodTemplate } from "../../src/model/pod-template.ts";
import { nodeShard, shardOfNode } from "../../src/pokes.ts";
import { insertPods } from "../../src/store/pods.ts";
import { PodTokenAnswer, paths } from "../../src/sync/messages.ts";
import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { newCluster, run } from "./support/cluster.ts";
import { keepTemplate, newPod, podTemplate } from "./support/pods.ts";
import { newAccount } from "./support/rbac.ts";

const self = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const review = "/apis/authentication.k8s.io/v1/tokenreviews";

beforeEach(newCluster);

async function addPod(node: string, spec: Partial<PodTemplate["spec"]> = {}, metadata = {}): Promise<string> {
  const template = await keepTemplate(podTemplate({ metadata, spec: { ...podTemplate().spec, ...spec } }));
  const pod = newPod(node, { template, createdMs: Date.now() });
  await run(insertPods(env.DB, [pod], null, { nowMs: Date.now() }));
  await nodeShard(env, shardOfNode(env, node)).poke();
  return pod.uid;
}

async function ask(credential: string | null, body: unknown) {
  const headers = credential === null ? {} : { authorization: `Bearer ${credential}` };
  const request = { method: "POST", headers, body: JSON.stringify(body) };
  const response = await exports.default.fetch(`${api.server}${paths.token}`, request);
  return { code: response.status, text: await response.text() };
}

const wish = (podUid: string, fields: object = {}) => ({ podUid, audience: "", expirationSeconds: 3607, ...fields });

async function tokenFor(agent: Agent, podUid: string, fields: object = {}): Promise<PodTokenAnswer> {
  const { code, text } = await ask(agent.token, wish(podUid, fields));
  expect(`${code} ${text}`).toMatch(/^200 /);
  return PodTokenAnswer.parse(JSON.parse(text));
}

describe("a node's token for a pod", () => {
  it("opens the API as the pod's ServiceAccount, and says which pod and node it is of", async () => {
    await newAccount("robot");
    const agent = await Agent.registered("edge-1");
    const uid = await addPod("edge-1", { serviceAccountName: "robot" });
    const { token, expiresInMs } = await tokenFor(agent, uid);
    expect(expiresInMs).toBe(604_800_000);
    const { code, body } = await api.call(self, { method: "POST", token, body: {} });
    expect(code).toBe(201);
    expect(body["status"]).toMatchObject({
      userInfo: {
        username: "system:serviceaccount:default:robot",
        extra: {
          "authentication.kubernetes.io/node-name": ["edge-1"],
          "authentication.kubernetes.io/pod-name": ["web-edge-1"],
          "authentication.kubernetes.io/pod-uid": [uid],
        },
      },
    });
  });

  it("ends with the pod", async () => {
    const agent = await Agent.registered("edge-1");
    const { token } = await tokenFor(agent, await addPod("edge-1"));
    await api.remove(`${api.pods}/web-edge-1`, { gracePeriodSeconds: 0 });
    expect((await api.call(self, { method: "POST", token, body: {} })).code).toBe(401);
  });

  it("is for whom the pod's volumes say", async () => {
    const agent = await Agent.registered("edge-1");
    const serviceAccountToken = { path: "token", expirationSeconds: 600, audience: "vault" };
    const volumes = [{ name: "t", projected: { defaultMode: 420, sources: [{ serviceAccountToken }] } }];
    const uid = await addPod("edge-1", { volumes });
    const { token } = await tokenFor(agent, uid, { audience: "vault" });
    const asked = (audiences: readonly string[]) => api.create(review, { spec: { token, audiences } });
    expect((await asked(["vault"]))["status"]).toMatchObject({ authenticated: true });
    expect((await api.call(self, { method: "POST", token, body: {} })).code).toBe(401);
    expect((await ask(agent.token, wish(uid, { audience: "bank" }))).code).toBe(403);
  });

  it.each([
    [1, 600],
    [7200, 7200],
    [10_000_000, 86_400],
  ])("that is to last %i seconds lasts %i", async (expirationSeconds, seconds) => {
    const agent = await Agent.registered("edge-1");
    const { expiresInMs } = await tokenFor(agent, await addPod("edge-1"), { expirationSeconds });
    expect(expiresInMs).toBe(seconds * 1000);
  });

  it("is refused for the pods of others, and for none at all", async () => {
    const [agent, other] = [await Agent.registered("edge-1"), await Agent.registered("edge-2")];
    const [own, theirs] = [await addPod("edge-1"), await addPod("edge-2")];
    expect((await ask(agent.token, wish(own))).code).toBe(200);
    expect((await ask(agent.token, wish(theirs))).code).toBe(403);
    expect((await ask(other.token, wish(own))).code).toBe(403);
    expect((await ask(agent.token, wish("no-such-pod"))).code).toBe(403);
  });

  it("is refused for a pod that uses none, and one that the node made itself", async () => {
    const agent = await Agent.registered("edge-1");
    const silent = await addPod("edge-1", { automountServiceAccountToken: false });
    expect((await ask(agent.token, wish(silent))).code).toBe(403);
    const robot = await Agent.registered("edge-2");
    const mirror = await addPod("edge-2", {}, { annotations: { "kubernetes.io/config.mirror": "x" } });
    expect((await ask(robot.token, wish(mirror))).code).toBe(403);
  });

  it("is refused where the ServiceAccount is gone", async () => {
    const agent = await Agent.registered("edge-1");
    const uid = await addPod("edge-1", { serviceAccountName: "nobody" });
    const { code, text } = await ask(agent.token, wish(uid));
    expect([code, text]).toEqual([404, '{"error":"serviceaccounts \\"nobody\\" not found"}']);
  });

  it("is refused to whoever is no node", async () => {
    const agent = await Agent.registered("edge-1");
    const uid = await addPod("edge-1");
    const another = agent.token.replace(/.$/, "1");
    for (const token of [null, "x", api.adminToken, another]) expect((await ask(token, wish(uid))).code).toBe(401);
  });

  it.each([
    ["no object", "x"],
    ["no pod", { audience: "", expirationSeconds: 600 }],
    ["a fraction of a second", { podUid: "u", audience: "", expirationSeconds: 600.5 }],
    ["something else", { podUid: "u", audience: "", expirationSeconds: 600, more: 1 }],
  ])("is refused when it is asked for with %s", async (_what, body) => {
    const agent = await Agent.registered("edge-1");
    expect((await ask(agent.token, body)).code).toBe(400);
  });
});
