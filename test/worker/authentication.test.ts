// Who is let in: nobody without a token of a user, but for what says nothing.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import type { StoredToken } from "../../src/store/credentials.ts";
import { digestOf, insertToken } from "../../src/store/credentials.ts";
import { paths } from "../../src/sync/messages.ts";
import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";

beforeEach(newCluster);

const secret = "5".repeat(64);

/** The token of a user, kept as it would be, and with some of what is kept changed. */
async function userToken(fields: Partial<StoredToken> = {}, id = "ann"): Promise<string> {
  const token = `lares_${id}_${secret}`;
  const row = {
    id,
    kind: "user" as const,
    digest: digestOf(token),
    subject: "ann@example.com",
    uid: null,
    expiresMs: null,
  };
  await insertToken(env.DB, { ...row, ...fields });
  return token;
}

const closed: readonly (readonly [method: string, path: string])[] = [
  ["GET", "/"],
  ["GET", "/api"],
  ["GET", "/api/v1"],
  ["GET", "/apis"],
  ["GET", "/apis/apps/v1"],
  ["GET", "/openapi/v2"],
  ["GET", "/openapi/v3"],
  ["GET", "/metrics"],
  ["GET", "/healthz/etcd"],
  ["GET", "/no/such/path"],
  ["GET", api.nodes],
  ["GET", `${api.nodes}?watch=true`],
  ["GET", "/api/v1/secrets"],
  ["GET", `${api.pods}/x`],
  ["POST", api.configMaps],
  ["PUT", `${api.configMaps}/x`],
  ["PATCH", `${api.daemonSets}/x`],
  ["DELETE", `${api.daemonSets}/x`],
  ["DELETE", api.pods],
  ["POST", paths.enrol],
  ["POST", paths.sync],
];

describe("nobody", () => {
  it.each(["/version", "/healthz", "/livez", "/readyz"])("may ask for %s", async (path) => {
    expect((await api.call(path, { token: null })).code).toBe(200);
  });

  it.each(closed)("may not %s %s", async (method, path) => {
    expect((await api.call(path, { method, token: null, ...(method === "GET" ? {} : { body: {} }) })).code).toBe(401);
  });

  it("is told so in the API's own words", async () => {
    const { body } = await api.call(api.nodes, { token: null });
    expect(body).toMatchObject({ kind: "Status", status: "Failure", reason: "Unauthorized", code: 401 });
  });
});

describe("a token", () => {
  it.each<readonly [string, () => Promise<string>]>([
    ["that was never given", async () => `lares_ann_${secret}`],
    ["with another secret", async () => (await userToken()).replace(/5$/, "6")],
    ["of somebody else's name", async () => (await userToken()).replace("_ann_", "_bob_")],
    ["that is over", () => userToken({ expiresMs: Date.now() - 1 })],
    ["for joining", () => userToken({ kind: "join" })],
    ["of a node", async () => (await Agent.registered("edge-1")).token],
    ["that is its digest", async () => digestOf(await userToken())],
    ["that is text of no form", async () => "x"],
  ])("%s opens nothing", async (_which, tokenOf) => {
    const token = await tokenOf();
    for (const path of [api.nodes, "/api", "/openapi/v3"]) expect((await api.call(path, { token })).code).toBe(401);
  });

  it.each<readonly [string, number | null]>([
    ["that is never over", null],
    ["that is not over yet", Date.now() + 3_600_000],
  ])("of a user %s opens the API, and nothing of the agents'", async (_which, expiresMs) => {
    const token = await userToken({ expiresMs });
    expect((await api.call(api.nodes, { token })).code).toBe(200);
    for (const path of [paths.enrol, paths.sync]) {
      expect((await api.call(path, { method: "POST", token, body: { node: "edge-1" } })).code).toBe(401);
    }
  });

  it("is taken from its header alone", async () => {
    const token = await userToken();
    expect((await api.call(`${api.nodes}?access_token=${token}`, { token: null })).code).toBe(401);
    expect((await api.call(`${api.nodes}?token=${token}`, { token: null })).code).toBe(401);
  });

  it("is kept nowhere, its digest is", async () => {
    const token = await userToken();
    await api.call(api.nodes, { token });
    const { results } = await env.DB.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    for (const { name } of results.filter((row) => !String(row["name"]).startsWith("_cf"))) {
      const { results: rows } = await env.DB.prepare(`SELECT * FROM "${name}"`).all();
      expect(JSON.stringify(rows), String(name)).not.toContain(secret);
    }
    expect((await env.DB.prepare("SELECT digest FROM tokens").first("digest")) === digestOf(token)).toBe(true);
  });
});
