// How a machine becomes a node where somebody has to let it in.
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { everyMinute } from "../../src/cron.ts";
import { digestOf, newSecret } from "../../src/store/credentials.ts";
import { enrol as enrolIn } from "../../src/sync/enrolment.ts";
import { paths } from "../../src/sync/messages.ts";
import { certificateRequest } from "../support/certificate-request.ts";
import { nodeReport } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { passSeconds, stopClock } from "./support/clock.ts";
import { newCluster } from "./support/cluster.ts";
import { interposed, onceBefore } from "./support/database.ts";
import { AgentSocket } from "./support/socket.ts";

const node = "edge-1";
const joinTokens = "/apis/lares.dev/v1alpha1/jointokens";
const requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

beforeEach(newCluster);
afterEach(() => {
  vi.useRealTimers();
});

async function joinToken(spec: object = {}, name = "machines"): Promise<string> {
  const body = { metadata: { name }, spec: { approval: "Required", ...spec } };
  return String(Object((await api.create(joinTokens, body))["status"])["token"]);
}

async function post(path: string, token: string, body: unknown) {
  const headers = { authorization: `Bearer ${token}` };
  const response = await exports.default.fetch(`${api.server}${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  return { code: response.status, body: await response.json<Record<string, unknown>>() };
}

/** A machine that makes its own credential. */
function machine(name = node) {
  const credential = `laresnode_${name}_${newSecret()}`;
  const subject = {
    commonName: `system:node:${name}`,
    organizations: ["system:nodes"],
    serialNumber: digestOf(credential),
  };
  return {
    credential,
    request: certificateRequest(subject),
    ask: (token: string, request = certificateRequest(subject)) => post(paths.enrol, token, { node: name, request }),
    enrol: (token: string) => post(paths.enrol, token, { node: name, digest: digestOf(credential) }),
    hear: () => post(paths.enrol, credential, { node: name }),
    /** Its question comes to the batch with these statements when `meanwhile` is done. */
    enrolAround: (token: string, around: RegExp, meanwhile: () => Promise<unknown>) => {
      const DB = interposed(onceBefore(around, meanwhile));
      const request = certificateRequest(subject);
      return enrolIn({ ...env, DB }, { token, node: name, digest: digestOf(credential), request, nowMs: Date.now() });
    },
    sync: async () => {
      const have = { revision: 0, etag: "", templates: [] };
      const message = { protocol: 1, node: name, sequence: 1, have, register: true, nodeReport: nodeReport() };
      return (await post(paths.sync, credential, message)).code;
    },
  };
}

async function requestNames(): Promise<readonly string[]> {
  return (await api.list(requests)).map(({ metadata }) => metadata.name ?? "");
}

async function decide(type: "Approved" | "Denied", name?: string): Promise<void> {
  const [first = ""] = await requestNames();
  const condition = { type, status: "True", reason: "Test", message: "not one of ours" };
  await api.patch(`${requests}/${name ?? first}/approval`, { status: { conditions: [condition] } });
}

describe("a machine that shows a token which needs approval", () => {
  it("is told so, and is given nothing", async () => {
    const { code, body } = await post(paths.enrol, await joinToken(), { node });
    expect({ code, body }).toMatchObject({ code: 403, body: { approval: "Required" } });
    expect(body).not.toHaveProperty("credential");
    expect(await requestNames()).toEqual([]);
  });

  it("waits until it is let in, and then is the node that it asked to be", async () => {
    const labels = { site: "north" };
    const { ask, hear, sync } = machine();
    const asked = await ask(await joinToken({ labels }));
    const [name = ""] = await requestNames();
    expect(asked).toMatchObject({ code: 202, body: { approval: "Pending", request: name } });
    expect(name).toMatch(/^edge-1-[0-9a-f]{12}$/);
    expect(await api.get(`${requests}/${name}`)).toMatchObject({
      spec: { signerName: "lares.dev/node-enrolment", username: "lares:join-token:machines", usages: ["client auth"] },
    });
    expect(await hear()).toMatchObject({ code: 202, body: { approval: "Pending", request: name } });
    expect(await sync()).toBe(401);
    await decide("Approved");
    expect(await hear()).toMatchObject({ code: 200, body: { approval: "Approved" } });
    expect(await sync()).toBe(200);
    expect(await api.get(`${api.nodes}/${node}`)).toMatchObject({ metadata: { labels } });
    // Should the answer have got lost.
    expect(await hear()).toMatchObject({ code: 200, body: { approval: "Approved" } });
    expect((await api.get(`${requests}/${name}`))["status"]).toMatchObject({
      conditions: [{ type: "Approved" }, { type: "lares.dev/Enrolled" }],
    });
  });

  it("is told when it was denied", async () => {
    const { ask, hear, sync } = machine();
    await ask(await joinToken());
    await decide("Denied");
    expect(await hear()).toMatchObject({
      code: 403,
      body: { error: expect.stringContaining("was denied: not one of ours") },
    });
    expect(await sync()).toBe(401);
  });

  it("is let in also when the token is over, or withdrawn, by then", async () => {
    stopClock();
    const { ask, hear } = machine();
    await ask(await joinToken({ expirationSeconds: 600 }));
    passSeconds(1_000);
    await everyMinute(env, Date.now());
    expect(await api.list(joinTokens)).toEqual([]);
    await decide("Approved");
    expect(await hear()).toMatchObject({ code: 200 });
  });

  it("has to ask again once its request is forgotten", async () => {
    stopClock();
    const { ask, hear } = machine();
    await ask(await joinToken({ expirationSeconds: 7 * 86_400, maxUses: 2 }));
    await decide("Denied");
    passSeconds(3_601);
    await everyMinute(env, Date.now());
    expect((await hear()).code).toBe(401);
    const other = (await api.get(`${joinTokens}/machines`))["status"];
    expect(other).toMatchObject({ uses: 1 });
  });

  it.each(["denied", "removed"] as const)(
    "is let in with the same credential after its request was %s",
    async (end) => {
      stopClock();
      const { ask, hear, sync } = machine();
      const token = await joinToken({ expirationSeconds: 7 * 86_400, maxUses: 2 });
      await ask(token);
      const [name = ""] = await requestNames();
      if (end === "denied") {
        await decide("Denied");
        passSeconds(3_601);
        await everyMinute(env, Date.now());
      } else await api.remove(`${requests}/${name}`);
      expect((await hear()).code).toBe(401);
      expect(await ask(token)).toMatchObject({ code: 202, body: { approval: "Pending", request: name } });
      expect(await hear()).toMatchObject({ code: 202 });
      await decide("Approved");
      expect((await hear()).code).toBe(200);
      expect(await sync()).toBe(200);
    },
  );

  it("takes one use of the token for one credential, however often it asks", async () => {
    const { ask } = machine();
    const token = await joinToken({ maxUses: 2 });
    const pending = { code: 202, body: { approval: "Pending", request: expect.stringMatching(/^edge-1-/) } };
    expect(await ask(token)).toMatchObject(pending);
    expect(await ask(token)).toMatchObject(pending);
    expect(await api.get(`${joinTokens}/machines`)).toMatchObject({ status: { uses: 1 } });
    expect(await requestNames()).toHaveLength(1);
  });

  it("waits also where the last use of the token went to a question of its own that was faster", async () => {
    const { ask, enrolAround } = machine();
    const token = await joinToken({ maxUses: 1 });
    const outcome = await enrolAround(token, /INSERT INTO objects/, () => ask(token));
    expect(outcome).toMatchObject({ outcome: "answered", answer: { approval: "Pending" } });
  });

  it.each([false, true])("is told that it is in when it asks with the token again (replace: %s)", async (replace) => {
    const { ask, hear, enrol } = machine();
    const token = await joinToken({ maxUses: 0, replace });
    await ask(token);
    const [name = ""] = await requestNames();
    await decide("Approved");
    await hear();
    await api.remove(`${requests}/${name}`);
    expect(await enrol(token)).toEqual({ code: 200, body: { node, approval: "Approved" } });
    expect(await requestNames()).toEqual([]);
  });

  it("is told that it is in whatever became of its request, where another token was enough", async () => {
    const { ask, hear, enrol } = machine();
    await ask(await joinToken());
    await enrol(await joinToken({ approval: "" }, "enough"));
    expect(await hear()).toMatchObject({ code: 200, body: { approval: "Approved" } });
    await decide("Denied");
    expect(await hear()).toMatchObject({ code: 200, body: { approval: "Approved" } });
  });

  it("takes a use of the token by asking", async () => {
    const token = await joinToken({ maxUses: 2 });
    const codes = await Promise.all(["a", "b", "c"].map(async (name) => (await machine(name).ask(token)).code));
    expect(codes.toSorted()).toEqual([202, 202, 403]);
    expect(await requestNames()).toHaveLength(2);
  });

  it.each<readonly [string, (token: string) => Promise<{ readonly code: number }>, number]>([
    ["for another node", (token) => machine("edge-2").ask(token, machine("edge-1").request), 422],
    [
      "without a digest",
      (token) =>
        machine().ask(
          token,
          certificateRequest({ commonName: `system:node:${node}`, organizations: ["system:nodes"] }),
        ),
      422,
    ],
    [
      "for more groups",
      (token) =>
        machine().ask(
          token,
          certificateRequest({
            commonName: `system:node:${node}`,
            organizations: ["system:nodes", "system:masters"],
            serialNumber: "0".repeat(64),
          }),
        ),
      422,
    ],
    ["that is none", (token) => machine().ask(token, "x"), 422],
    ["that is too long", (token) => machine().ask(token, "x".repeat(20_000)), 400],
    ["for a name that the token is not for", (token) => machine("other").ask(token), 403],
  ])("is refused a request %s", async (_what, send, code) => {
    expect((await send(await joinToken({ nodeNames: ["edge-*"] }))).code).toBe(code);
    expect(await requestNames()).toEqual([]);
  });
});

describe("a machine that shows a token which is enough by itself", () => {
  const enough = () => joinToken({ approval: "" });

  it("is let in with the credential that it made, as often as it asks", async () => {
    const token = await enough();
    const { enrol, hear, sync } = machine();
    const letIn = { code: 200, body: { node, approval: "Approved" } };
    expect(await enrol(token)).toEqual(letIn);
    // Whoever did not hear that asks again, with the token or without.
    expect(await enrol(token)).toEqual(letIn);
    expect(await hear()).toEqual(letIn);
    expect(await sync()).toBe(200);
    expect(await api.get(`${joinTokens}/machines`)).toMatchObject({ status: { uses: 1 } });
  });

  it.each<readonly [string, object]>([
    ["that has a use left", { maxUses: 2 }],
    ["that has no use left", { maxUses: 1 }],
    ["that has no use left, and is for taking the place of a node", { maxUses: 1, replace: true }],
  ])("is let in twice at once, by a token %s", async (_which, spec) => {
    const token = await joinToken({ approval: "", ...spec });
    const { enrol, enrolAround, sync } = machine();
    const outcome = await enrolAround(token, /INTO node_credentials/, () => enrol(token));
    expect(outcome).toMatchObject({ outcome: "answered", answer: { node, approval: "Approved" } });
    expect(await sync()).toBe(200);
    expect(await api.get(`${joinTokens}/machines`)).toMatchObject({ status: { uses: 1 } });
  });

  it.each<readonly [string, object, number]>([
    ["its name", { maxUses: 2 }, 409],
    ["the last use of the token", { maxUses: 1, replace: true }, 403],
  ])("is refused where another machine was faster, and got %s", async (_what, spec, code) => {
    const token = await joinToken({ approval: "", ...spec });
    const faster = machine();
    const slower = machine();
    const outcome = await slower.enrolAround(token, /INTO node_credentials/, () => faster.enrol(token));
    expect(outcome).toMatchObject({ outcome: "refused", code });
    expect(await faster.sync()).toBe(200);
    expect(await slower.sync()).toBe(401);
  });

  it.each(["with the token", "with its credential"] as const)(
    "shuts out who was the node, asking again %s",
    async (how) => {
      const token = await joinToken({ approval: "", replace: true, maxUses: 2 });
      const [before, after] = [machine(), machine()];
      await before.enrol(token);
      expect(await before.sync()).toBe(200);
      const socket = await AgentSocket.opened(before.credential);
      // Its connection broke off once the credential was written.
      await after.enrolAround(token, /INTO node_credentials/, async () => {});
      expect((await (how === "with the token" ? after.enrol(token) : after.hear())).code).toBe(200);
      await socket.closed();
      expect(await before.sync()).toBe(401);
    },
  );

  it("is the only one of its name", async () => {
    const token = await joinToken({ approval: "", maxUses: 2 });
    expect((await machine().enrol(token)).code).toBe(200);
    const other = machine();
    expect((await other.enrol(token)).code).toBe(409);
    expect((await other.hear()).code).toBe(401);
  });

  it.each<readonly [string, unknown, string]>([
    ["a digest that is none", { node, digest: "no digest" }, "digest: Invalid string"],
    ["a field that is not known", { node, more: 1 }, 'Unrecognized key: "more"'],
    ["no node", { digest: "0".repeat(64) }, "node: Invalid input: expected string"],
    ["a node and no field of it", "edge-1", "Invalid input: expected object"],
  ])("is told what is wrong with %s", async (_what, body, problem) => {
    const { code, body: answer } = await post(paths.enrol, await enough(), body);
    expect(code).toBe(400);
    expect(answer["error"]).toContain(`not an enrolment: ${problem}`);
  });
});

describe("nobody else is let in", () => {
  it("with what can be read of a request", async () => {
    const token = await joinToken({ maxUses: 0 });
    const honest = machine();
    await honest.ask(token);
    await decide("Approved");
    // The token and the request were stolen: the digest in it opens nothing, and another credential has no request.
    const thief = machine();
    expect((await thief.hear()).code).toBe(401);
    expect(await thief.sync()).toBe(401);
    expect(await thief.ask(token, honest.request)).toMatchObject({ code: 202 });
    expect(await thief.sync()).toBe(401);
    expect((await honest.hear()).code).toBe(200);
    expect(await honest.sync()).toBe(200);
  });

  it("under the name of a node that is there", async () => {
    const token = await joinToken({ maxUses: 0 });
    const [first, second] = [machine(), machine()];
    await first.ask(token);
    await second.ask(token);
    const [one = "", two = ""] = await requestNames();
    await decide("Approved", one);
    await decide("Approved", two);
    expect((await first.hear()).code).toBe(200);
    expect(await second.hear()).toMatchObject({ code: 409 });
    expect(await first.sync()).toBe(200);
    expect(await second.sync()).toBe(401);
    expect((await machine().ask(token)).code).toBe(409);
  });

  it("twice by one approval", async () => {
    const first = machine();
    await first.ask(await joinToken());
    await decide("Approved");
    await first.hear();
    expect(await first.sync()).toBe(200);
    const second = machine();
    const [before = ""] = await requestNames();
    await second.ask(await joinToken({ replace: true }, "second"));
    await decide(
      "Approved",
      (await requestNames()).find((name) => name !== before),
    );
    expect(await second.hear()).toMatchObject({ code: 200, body: { approval: "Approved" } });
    expect(await second.sync()).toBe(200);
    // The first one was shut out, and its approval is spent.
    expect(await first.sync()).toBe(401);
    expect(await first.hear()).toMatchObject({ code: 403 });
    expect(await second.sync()).toBe(200);
  });

  it("with a token that is enough by itself, by sending a request", async () => {
    const token = await joinToken({ approval: "" });
    expect(await machine().ask(token)).toMatchObject({ code: 200, body: { credential: expect.any(String) } });
    expect(await requestNames()).toEqual([]);
  });

  it("and no credential is kept as it is", async () => {
    const { ask, hear, credential } = machine();
    await ask(await joinToken());
    await decide("Approved");
    await hear();
    const secret = credential.split("_")[2] ?? "";
    for (const table of ["objects", "log", "node_credentials", "tokens"]) {
      const { results } = await env.DB.prepare(`SELECT * FROM ${table}`).all();
      expect(JSON.stringify(results), table).not.toContain(secret);
    }
  });
});
