// Tokens of service accounts: good for what they were made for, as long as that is there, and for nothing else.
import { env } from "cloudflare:workers";
import { assert, beforeEach, describe, expect, it, vi } from "vitest";

import { fromBase64Url } from "../../src/api/base64-url.ts";
import { Agent } from "./support/agent.ts";
import * as api from "./support/api.ts";
import { passSeconds, stopClock } from "./support/clock.ts";
import { newCluster } from "./support/cluster.ts";
import { newAccount, tokenOf } from "./support/rbac.ts";

const review = "/apis/authentication.k8s.io/v1/tokenreviews";
const self = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const issuer = "https://kubernetes.default.svc.cluster.local";

beforeEach(newCluster);

async function isGood(token: string): Promise<boolean> {
  const { code } = await api.call(self, { method: "POST", token, body: {} });
  expect([201, 401]).toContain(code);
  return code === 201;
}

/** The parts of a token: header, claims, signature. */
function partsOf(token: string): readonly [string, string, string] {
  const [header = "", claims = "", signature = ""] = token.split(".");
  return [header, claims, signature];
}

function encoded(value: unknown): string {
  return btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function claimsOf(token: string): Record<string, unknown> {
  // Claims are an object.
  return JSON.parse(new TextDecoder().decode(fromBase64Url(partsOf(token)[1]) ?? undefined)) as Record<string, unknown>;
}

async function requestCode(account: string, spec: object) {
  const { code, body } = await api.call(`${api.serviceAccounts}/${account}/token`, { method: "POST", body: { spec } });
  return { code, message: body["message"] };
}

async function newPod(name: string, spec: object = {}) {
  return api.create(api.pods, { metadata: { name }, spec: { containers: [{ name: "a", image: "a" }], ...spec } });
}

describe("a token", () => {
  it("says who its bearer is", async () => {
    const token = await newAccount("robot");
    const { body } = await api.call(self, { method: "POST", token, body: {} });
    const { metadata } = await api.get(`${api.serviceAccounts}/robot`);
    expect(body["status"]).toEqual({
      userInfo: {
        username: "system:serviceaccount:default:robot",
        uid: metadata.uid,
        groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
        extra: { "authentication.kubernetes.io/credential-id": [`JTI=${claimsOf(token)["jti"]}`] },
      },
    });
    expect(claimsOf(token)).toMatchObject({
      iss: issuer,
      aud: [issuer],
      sub: "system:serviceaccount:default:robot",
      "kubernetes.io": { namespace: "default", serviceaccount: { name: "robot", uid: metadata.uid } },
    });
  });

  it("is answered with its audience and its end", async () => {
    stopClock();
    await api.create(api.serviceAccounts, { metadata: { name: "robot" } });
    const spec = { audiences: ["a"], expirationSeconds: 600 };
    const answered = await api.create(`${api.serviceAccounts}/robot/token`, { spec });
    const expirationTimestamp = new Date(Math.floor(Date.now() / 1000 + 600) * 1000)
      .toISOString()
      .replace(".000Z", "Z");
    expect(answered).toMatchObject({ kind: "TokenRequest", spec, status: { expirationTimestamp } });
    vi.useRealTimers();
  });

  it("ends when it says", async () => {
    stopClock();
    const token = await newAccount("robot", { expirationSeconds: 600 });
    passSeconds(599);
    expect(await isGood(token)).toBe(true);
    passSeconds(1);
    expect(await isGood(token)).toBe(false);
    vi.useRealTimers();
  });

  it("for others is none for this API", async () => {
    const token = await newAccount("robot", { audiences: ["vault"] });
    expect(await isGood(token)).toBe(false);
    expect(await isGood(await tokenOf("robot", { audiences: ["vault", issuer] }))).toBe(true);
    const asked = async (audiences: readonly string[]) =>
      (await api.create(review, { spec: { token, audiences } }))["status"];
    expect(await asked(["vault", "x"])).toMatchObject({ authenticated: true, audiences: ["vault"] });
    expect(await asked(["x"])).toEqual({ user: {}, error: "invalid bearer token" });
  });

  it("ends with its account, also when that comes again", async () => {
    const token = await newAccount("robot");
    await api.remove(`${api.serviceAccounts}/robot`);
    expect(await isGood(token)).toBe(false);
    await api.create(api.serviceAccounts, { metadata: { name: "robot" } });
    expect(await isGood(token)).toBe(false);
  });

  it("that is bound to a secret ends with it", async () => {
    await api.create("/api/v1/namespaces/default/secrets", { metadata: { name: "s" } });
    const token = await newAccount("robot", { boundObjectRef: { kind: "Secret", apiVersion: "v1", name: "s" } });
    expect(await isGood(token)).toBe(true);
    await api.remove("/api/v1/namespaces/default/secrets/s");
    await api.create("/api/v1/namespaces/default/secrets", { metadata: { name: "s" } });
    expect(await isGood(token)).toBe(false);
  });

  it("that is bound to a node ends with it", async () => {
    await Agent.registered("edge-1");
    const token = await newAccount("robot", { boundObjectRef: { kind: "Node", apiVersion: "v1", name: "edge-1" } });
    const { body } = await api.call(self, { method: "POST", token, body: {} });
    expect(JSON.stringify(body["status"])).toContain('"authentication.kubernetes.io/node-name":["edge-1"]');
    await api.remove(`${api.nodes}/edge-1`);
    expect(await isGood(token)).toBe(false);
  });

  it("that is bound to a pod says so, and ends with the pod", async () => {
    await Agent.registered("edge-1");
    await api.create(api.serviceAccounts, { metadata: { name: "robot" } });
    const { metadata } = await newPod("p", { serviceAccountName: "robot", nodeName: "edge-1" });
    const token = await tokenOf("robot", {
      boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "p", uid: metadata.uid },
    });
    const { body } = await api.call(self, { method: "POST", token, body: {} });
    const extra = (body["status"] as { readonly userInfo: { readonly extra: object } }).userInfo.extra;
    expect(extra).toMatchObject({
      "authentication.kubernetes.io/pod-name": ["p"],
      "authentication.kubernetes.io/pod-uid": [metadata.uid],
      "authentication.kubernetes.io/node-name": ["edge-1"],
    });
    await api.remove(`${api.pods}/p`, { gracePeriodSeconds: 0 });
    expect(await isGood(token)).toBe(false);
  });
});

describe("a request for a token", () => {
  const field = 'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value:';

  it.each<readonly [string, object, number, string]>([
    ["too short", { expirationSeconds: 599 }, 422, `${field} 599: may not specify a duration less than 10 minutes`],
    ["of no length", { expirationSeconds: 0 }, 422, `${field} 0: may not specify a duration less than 10 minutes`],
    [
      "too long",
      { expirationSeconds: 2 ** 32 + 1 },
      422,
      `${field} 4294967297: may not specify a duration larger than 2^32 seconds`,
    ],
    [
      "bound to what is not there",
      { boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "x" } },
      404,
      'pods "x" not found',
    ],
    [
      "bound to a kind that nothing is bound to",
      { boundObjectRef: { kind: "ConfigMap", apiVersion: "v1", name: "x" } },
      400,
      "cannot bind token to object of type /v1, Kind=ConfigMap",
    ],
    [
      "bound to a pod of another account",
      { boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "p" } },
      400,
      'cannot bind token for serviceaccount "robot" to pod running with different serviceaccount name.',
    ],
  ])("%s is refused", async (_which, spec, code, message) => {
    await newAccount("robot");
    await newPod("p");
    expect(await requestCode("robot", spec)).toEqual({ code, message });
  });

  it("bound to another object of the name is refused", async () => {
    await newAccount("robot");
    await newPod("p", { serviceAccountName: "robot" });
    const boundObjectRef = { kind: "Pod", apiVersion: "v1", name: "p", uid: "other" };
    expect((await requestCode("robot", { boundObjectRef })).code).toBe(409);
  });

  it("of an account that is not there is refused", async () => {
    expect(await requestCode("nobody", {})).toEqual({ code: 404, message: 'serviceaccounts "nobody" not found' });
  });
});

describe("a token that was tampered with is refused:", () => {
  it("any character that is changed", async () => {
    const token = await newAccount("robot");
    const step = 7;
    for (let index = 0; index < token.length; index += step) {
      const other = token[index] === "A" ? "B" : "A";
      expect(await isGood(`${token.slice(0, index)}${other}${token.slice(index + 1)}`), `at ${index}`).toBe(false);
    }
    const last = token.at(-1) ?? "";
    for (const other of "AQgwBCDEFGHIJ012")
      if (other !== last) expect(await isGood(token.slice(0, -1) + other), `ends in ${other}`).toBe(false);
  });

  it.each<readonly [string, (token: string) => string]>([
    ["no algorithm", (token) => `${encoded({ alg: "none" })}.${partsOf(token)[1]}.`],
    [
      "no algorithm, signature kept",
      (token) => `${encoded({ alg: "none" })}.${partsOf(token)[1]}.${partsOf(token)[2]}`,
    ],
    ["no signature", (token) => `${partsOf(token)[0]}.${partsOf(token)[1]}.`],
    [
      "an empty signature of the right length",
      (token) => `${partsOf(token)[0]}.${partsOf(token)[1]}.${"A".repeat(86)}`,
    ],
    ["another algorithm", (token) => token.replace(partsOf(token)[0], encoded({ alg: "HS256", kid: kidOf(token) }))],
    ["another key", (token) => token.replace(partsOf(token)[0], encoded({ alg: "ES256", kid: "other" }))],
    [
      "a key brought along",
      (token) => token.replace(partsOf(token)[0], encoded({ alg: "ES256", kid: kidOf(token), jwk: {} })),
    ],
    ["other claims", (token) => token.replace(partsOf(token)[1], encoded({ ...claimsOf(token), sub: "system:admin" }))],
    ["a later end", (token) => token.replace(partsOf(token)[1], encoded({ ...claimsOf(token), exp: 9e9 }))],
    ["something after it", (token) => `${token}.x`],
    ["padding", (token) => `${token}=`],
    ["its claims alone", (token) => partsOf(token)[1]],
  ])("%s", async (_what, change) => {
    const token = await newAccount("robot");
    expect(await isGood(token)).toBe(true);
    expect(await isGood(change(token))).toBe(false);
  });
});

function kidOf(token: string): unknown {
  const header = new TextDecoder().decode(fromBase64Url(partsOf(token)[0]) ?? undefined);
  return (JSON.parse(header) as { readonly kid: unknown }).kid;
}

it("tokens and the key that signs them are in no table, and in no log", async () => {
  const said: string[] = [];
  for (const level of ["log", "info", "warn", "error", "debug"] as const)
    vi.spyOn(console, level).mockImplementation((...words) => said.push(JSON.stringify(words)));
  const token = await newAccount("robot");
  expect(await isGood(token)).toBe(true);
  expect(await isGood(`${token}x`)).toBe(false);
  vi.restoreAllMocks();
  const { results } = await env.DB.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  for (const { name } of results.filter((row) => !String(row["name"]).startsWith("_cf"))) {
    const { results: rows } = await env.DB.prepare(`SELECT * FROM "${name}"`).all();
    const text = JSON.stringify(rows);
    for (const part of partsOf(token)) expect(text, String(name)).not.toContain(part);
    // What a private key's JSON would hold.
    expect(text).not.toContain('\\"d\\":');
  }
  expect(said.join("\n")).not.toContain(partsOf(token)[1]);
});

it("checking a token writes nothing", async () => {
  const token = await newAccount("robot");
  const rows = async () => {
    const { text } = await api.call("/metrics");
    return /rows_written\S* (\d+)/.exec(text)?.[1];
  };
  const before = await rows();
  expect(before).toBeDefined();
  for (let times = 0; times < 3; times += 1) expect((await api.call("/api", { token })).code).toBe(200);
  expect(await rows()).toBe(before);
});

it("others can check signatures with what is published", async () => {
  const token = await newAccount("robot");
  const { issuer: published, jwks_uri: where } = await api.get("/.well-known/openid-configuration");
  expect(published).toBe(issuer);
  const { keys } = await api.get(new URL(String(where)).pathname);
  const [jwk] = keys as readonly (JsonWebKey & { readonly kid: string })[];
  expect(jwk).toMatchObject({ kid: kidOf(token), alg: "ES256", use: "sig", kty: "EC", crv: "P-256" });
  expect(jwk).not.toHaveProperty("d");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  assert(jwk !== undefined);
  const key = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["verify"]);
  const [header, claims, signature] = partsOf(token);
  const bytes = fromBase64Url(signature) ?? new Uint8Array();
  expect(await crypto.subtle.verify(algorithm, key, bytes, new TextEncoder().encode(`${header}.${claims}`))).toBe(true);
});
