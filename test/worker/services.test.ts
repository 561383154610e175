// Services as a client sees them: each has an address of its own.
import { beforeEach, describe, expect, it } from "vitest";

import type { Service } from "../../src/model/service.ts";
import { drawnAddress, isServiceAddress } from "../../src/model/service-addresses.ts";
import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";

const path = "/api/v1/namespaces/default/services";

beforeEach(newCluster);

function manifest(name: string, spec: object = {}) {
  return { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } };
}

async function create(name: string, spec: object = {}): Promise<Service> {
  // The API answers with what it was asked for.
  return (await api.create(path, manifest(name, spec))) as unknown as Service;
}

describe("an address", () => {
  it("is given to each Service, and to no two the same", async () => {
    const made = await Promise.all(Array.from({ length: 20 }, (_, index) => create(`s${index}`)));
    const addresses = made.map(({ spec }) => spec.clusterIP ?? "");
    expect(addresses.every(isServiceAddress)).toBe(true);
    expect(new Set(addresses).size).toBe(20);
  });

  it("that was asked for and is taken is refused", async () => {
    await create("a", { clusterIP: "10.96.0.10" });
    const { code, body } = await api.call(path, { method: "POST", body: manifest("b", { clusterIP: "10.96.0.10" }) });
    expect(code).toBe(422);
    expect(body["message"]).toBe(
      'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: provided IP is already allocated',
    );
  });

  it("that was drawn and is taken is drawn again", async () => {
    const named = await create("named", { type: "ExternalName", externalName: "example.com" });
    const drawn = drawnAddress(named.metadata.uid ?? "", 0);
    await create("first", { clusterIP: drawn });
    const { spec } = await api.patch(`${path}/named`, { spec: { type: "ClusterIP", externalName: null } });
    expect(spec).toMatchObject({ clusterIP: drawnAddress(named.metadata.uid ?? "", 1) });
  });

  it("is free again when its Service is gone", async () => {
    await create("a", { clusterIP: "10.96.0.10" });
    await api.remove(`${path}/a`);
    expect((await create("b", { clusterIP: "10.96.0.10" })).spec.clusterIP).toBe("10.96.0.10");
  });

  it("is shown by a dry run that keeps nothing", async () => {
    const { code, body } = await api.call(`${path}?dryRun=All`, { method: "POST", body: manifest("a") });
    expect(code).toBe(201);
    expect(isServiceAddress((body as unknown as Service).spec.clusterIP ?? "")).toBe(true);
    expect(await api.exists(`${path}/a`)).toBe(false);
  });

  it("that is taken is refused to a dry run too", async () => {
    await create("a");
    await create("named", { type: "ExternalName", externalName: "example.com" });
    const taken = { clusterIP: "10.96.0.1" };
    const refused = { code: 422, body: { message: expect.stringMatching(/provided IP is already allocated$/) } };
    const body = manifest("b", taken);
    expect(await api.call(`${path}?dryRun=All`, { method: "POST", body })).toMatchObject(refused);
    const contentType = "application/merge-patch+json";
    const change = { spec: { type: "ClusterIP", externalName: null, ...taken } };
    const changed = `${path}/named?dryRun=All`;
    expect(await api.call(changed, { method: "PATCH", body: change, contentType })).toMatchObject(refused);
    const kept = `${path}/a?dryRun=All`;
    const labels = { metadata: { labels: { a: "b" } } };
    expect(await api.call(kept, { method: "PATCH", body: labels, contentType })).toMatchObject({ code: 200 });
  });

  it("None may be had by many", async () => {
    await create("a", { clusterIP: "None" });
    expect((await create("b", { clusterIP: "None" })).spec.clusterIPs).toEqual(["None"]);
  });
});

it("a name that is taken and a namespace that is missing are told apart from an address that is taken", async () => {
  await create("a");
  const again = await api.call(path, { method: "POST", body: manifest("a") });
  expect([again.code, again.body["reason"]]).toEqual([409, "AlreadyExists"]);
  const elsewhere = "/api/v1/namespaces/nowhere/services";
  const missing = await api.call(elsewhere, { method: "POST", body: manifest("a") });
  expect([missing.code, missing.body["reason"]]).toEqual([404, "NotFound"]);
});

it("the API has a Service of its own, from the beginning", async () => {
  const { metadata, spec } = await api.get(`${path}/kubernetes`);
  expect(metadata.labels).toEqual({ component: "apiserver", provider: "kubernetes" });
  expect(spec).toMatchObject({ clusterIP: "10.96.0.1", ports: [{ name: "https", port: 443, targetPort: 6443 }] });
});
