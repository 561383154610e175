// Requests for certificates, and who may decide about them.

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { everyMinute } from "../../src/cron.ts";
import { certificateRequest } from "../support/certificate-request.ts";
import * as api from "./support/api.ts";
import { passSeconds, stopClock } from "./support/clock.ts";
import { newCluster } from "./support/cluster.ts";
import { account, binding, clusterRole, newAccount, rbac } from "./support/rbac.ts";

const requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const signerName = "example.com/signer";

beforeEach(newCluster);
afterEach(() => {
  vi.useRealTimers();
});

function csr(spec: object = {}, name = "jane") {
  const request = btoa(certificateRequest({ commonName: "jane" }));
  return { metadata: { name }, spec: { request, signerName, usages: ["client auth"], ...spec } };
}

function decision(type: string) {
  return { status: { conditions: [{ type, status: "True", reason: "Test", message: "m" }] } };
}

async function decide(type: string, { token = api.adminToken, part = "approval", name = "jane" } = {}) {
  const options = { method: "PATCH", contentType: "application/merge-patch+json", token, body: decision(type) };
  const { code, body } = await api.call(`${requests}/${name}/${part}`, options);
  return { code, message: body["message"], body };
}

describe("a request", () => {
  it("says who made it, whatever it says itself", async () => {
    const made = await api.create(
      requests,
      csr({ username: "root", groups: ["system:masters"], uid: "1", extra: { a: ["b"] } }),
    );
    expect(made["spec"]).toMatchObject({ username: "lares:admin", groups: ["system:masters", "system:authenticated"] });
    expect(made["spec"]).not.toHaveProperty("uid");
    expect(made["spec"]).not.toHaveProperty("extra");
    expect(made["status"]).toEqual({});
  });

  it("cannot be changed, nor approve itself", async () => {
    await api.create(requests, { ...csr(), ...decision("Approved") });
    await api.patch(`${requests}/jane`, { spec: { signerName: "example.com/other" }, ...decision("Approved") });
    expect(await api.get(`${requests}/jane`)).toMatchObject({ spec: { signerName }, status: {} });
  });

  const invalid = 'CertificateSigningRequest.certificates.k8s.io "jane" is invalid: ';
  it.each<readonly [string, object, string]>([
    ["without usages", { usages: [] }, `${invalid}spec.usages: Required value`],
    ["with a usage that there is not", { usages: ["x"] }, `${invalid}spec.usages[0]: Unsupported value: "x"`],
    ["with a usage twice", { usages: ["any", "any"] }, `${invalid}spec.usages[1]: Duplicate value: "any"`],
    ["without a signer", { signerName: "" }, `${invalid}spec.signerName: Required value`],
    [
      "for a signer without a path",
      { signerName: "example.com" },
      `${invalid}spec.signerName: Invalid value: "example.com": must be a fully qualified domain and path of the form 'example.com/signer-name'`,
    ],
    [
      "that is none",
      { request: btoa("a") },
      `${invalid}spec.request: Invalid value: []byte{0x61}: PEM block type must be CERTIFICATE REQUEST`,
    ],
    [
      "for a minute",
      { expirationSeconds: 60 },
      `${invalid}spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 600 seconds (10 minutes)`,
    ],
  ])("%s is refused", async (_what, spec, message) => {
    const { code, body } = await api.call(requests, { method: "POST", body: csr(spec) });
    expect(code).toBe(422);
    expect(String(body["message"])).toContain(message);
  });

  it.each<readonly [string, object, string]>([
    [
      "to be in system:masters",
      {
        signerName: "kubernetes.io/kube-apiserver-client",
        request: btoa(certificateRequest({ organizations: ["system:masters"] })),
      },
      "use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed",
    ],
    ["to be a node, by hand", { signerName: "lares.dev/node-enrolment" }, "are made for agents that show a join token"],
  ])("%s is refused", async (_what, spec, message) => {
    const { code, body } = await api.call(requests, { method: "POST", body: csr(spec) });
    expect(code).toBe(403);
    expect(String(body["message"])).toContain(message);
  });
});

describe("a decision", () => {
  it("is dated, and shows in the table", async () => {
    await api.create(requests, csr({ expirationSeconds: 3600 }));
    const table = async () => {
      const { body } = await api.call(requests, { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" });
      const { columnDefinitions, rows } = body as unknown as {
        columnDefinitions: { name: string }[];
        rows: { cells: unknown[] }[];
      };
      return Object.fromEntries(columnDefinitions.map(({ name }, index) => [name, rows[0]?.cells[index]]));
    };
    expect(await table()).toMatchObject({
      Name: "jane",
      SignerName: signerName,
      Requestor: "lares:admin",
      RequestedDuration: "60m",
      Condition: "Pending",
    });
    const { body } = await decide("Approved");
    expect(Object(body["status"])).toMatchObject({
      conditions: [{ type: "Approved", lastUpdateTime: expect.any(String), lastTransitionTime: expect.any(String) }],
    });
    expect(await table()).toMatchObject({ Condition: "Approved" });
  });

  it("is not taken back, and not made twice", async () => {
    await api.create(requests, csr());
    expect((await decide("Approved")).code).toBe(200);
    expect((await decide("Denied")).code).toBe(422);
    const none = { status: { conditions: [] } };
    const options = { method: "PATCH", contentType: "application/merge-patch+json", body: none };
    expect((await api.call(`${requests}/jane/approval`, options)).code).toBe(422);
    expect((await api.call(`${requests}/jane/status`, options)).code).toBe(422);
  });

  it("is not for /status to make, a certificate not for /approval", async () => {
    await api.create(requests, csr());
    expect((await decide("Approved", { part: "status" })).code).toBe(422);
    const certificate = btoa("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    await api.patch(`${requests}/jane/approval`, { status: { certificate } });
    expect((await api.get(`${requests}/jane`))["status"]).toEqual({});
    await api.patch(`${requests}/jane/status`, { status: { certificate } });
    expect((await api.get(`${requests}/jane`))["status"]).toEqual({ certificate });
    const other = { status: { certificate: btoa("-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n") } };
    const options = { method: "PATCH", contentType: "application/merge-patch+json", body: other };
    expect((await api.call(`${requests}/jane/status`, options)).code).toBe(422);
  });

  it("takes the right to the part, and the right to the signer", async () => {
    await api.create(requests, csr());
    const token = await newAccount("approver");
    const group = { apiGroups: ["certificates.k8s.io"] };
    const parts = {
      verbs: ["patch"],
      ...group,
      resources: ["certificatesigningrequests/approval", "certificatesigningrequests/status"],
    };
    await api.create(rbac.clusterRoles, clusterRole("approver", parts));
    await api.create(rbac.clusterRoleBindings, binding("approver", "ClusterRole/approver", account("approver")));
    const why = (verb: string) =>
      `certificatesigningrequests.certificates.k8s.io "jane" is forbidden: user not permitted to ${verb} requests with signerName "${signerName}"`;
    expect(await decide("Approved", { token })).toMatchObject({ code: 403, message: why("approve") });
    expect(await decide("Failed", { token, part: "status" })).toMatchObject({ code: 403, message: why("sign") });
    const ofDomain = { verbs: ["approve"], ...group, resources: ["signers"], resourceNames: ["example.com/*"] };
    await api.patch(`${rbac.clusterRoles}/approver`, { rules: [parts, ofDomain] });
    expect(await decide("Approved", { token })).toMatchObject({ code: 200 });
    await api.create(requests, csr({ signerName: "other.com/signer" }, "joe"));
    expect(await decide("Approved", { token, name: "joe" })).toMatchObject({ code: 403 });
  });
});

describe("a request is forgotten", () => {
  it.each<readonly [string, string | null, number]>([
    ["a day after it was made, if nobody decided", null, 24 * 3600],
    ["an hour after it was approved", "Approved", 3600],
    ["an hour after it was denied", "Denied", 3600],
  ])("%s", async (_what, type, seconds) => {
    stopClock();
    await api.create(requests, csr());
    if (type !== null) expect((await decide(type)).code).toBe(200);
    passSeconds(seconds - 2);
    await everyMinute(env, Date.now());
    expect(await api.exists(`${requests}/jane`)).toBe(true);
    passSeconds(3);
    await everyMinute(env, Date.now());
    expect(await api.exists(`${requests}/jane`)).toBe(false);
  });
});
