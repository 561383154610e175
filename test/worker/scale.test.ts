// /scale of workloads: the number that is wanted, in the form that all scalers know, read and written like any object.
import { beforeEach, describe, expect, it } from "vitest";

import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";

const deployments = "/apis/apps/v1/namespaces/default/deployments";
const controllers = "/api/v1/namespaces/default/replicationcontrollers";
const scale = `${deployments}/web/scale`;
const labels = { tier: "front", app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };

beforeEach(async () => {
  await newCluster();
  const spec = { replicas: 2, selector: { matchLabels: labels }, template };
  await api.create(deployments, { metadata: { name: "web" }, spec });
});

describe("reading it", () => {
  it("gives a table, as kubectl get --subresource=scale asks for", async () => {
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    const { body } = await api.call(scale, { accept });
    expect(body).toMatchObject({ kind: "Table", rows: [{ cells: ["web", 2, 0, expect.any(String)] }] });
    const columns = Object(body)["columnDefinitions"] as readonly object[];
    expect(columns.map((column) => Reflect.get(column, "name"))).toEqual(["Name", "Desired", "Available", "Age"]);
  });

  it("gives YAML", async () => {
    const { text, headers } = await api.call(scale, { accept: "application/yaml" });
    expect(headers.get("content-type")).toBe("application/yaml");
    expect(text).toMatch(/^kind: Scale$/m);
  });

  it.each([
    ["a Deployment", scale],
    ["a ReplicationController, whose selector is plain labels", `${controllers}/old/scale`],
  ])("tells the selector of %s", async (_what, path) => {
    await api.create(controllers, { metadata: { name: "old" }, spec: { selector: labels, template } });
    expect(await api.get(path)).toMatchObject({ kind: "Scale", status: { selector: "app=web,tier=front" } });
  });
});

describe("writing it", () => {
  it.each([
    ["PUT", "application/json", {}],
    ["PATCH", "application/merge-patch+json", {}],
    ["PATCH", "application/strategic-merge-patch+json", {}],
  ])("by %s of %s tells of unknown fields, or refuses them", async (method, contentType) => {
    const body = { spec: { replicas: 3, replicsa: 4 } };
    const refused = await api.call(`${scale}?fieldValidation=Strict`, { method, contentType, body });
    expect([refused.code, String(refused.body["message"])]).toEqual([
      method === "PUT" ? 400 : 422,
      expect.stringContaining('strict decoding error: unknown field "spec.replicsa"'),
    ]);
    expect(await api.get(scale)).toMatchObject({ spec: { replicas: 2 } });
    const warned = await api.call(`${scale}?fieldValidation=Warn`, { method, contentType, body });
    expect(warned).toMatchObject({ code: 200, body: { kind: "Scale", spec: { replicas: 3 } } });
    expect(warned.headers.get("warning")).toBe('299 - "unknown field \\"spec.replicsa\\""');
  });

  it("refuses what is no Scale", async () => {
    const body = { apiVersion: "v1", kind: "Pod", metadata: { name: "web" } };
    expect(await api.call(scale, { method: "PUT", body })).toMatchObject({ code: 400 });
  });

  it("by an apply makes the number that of who applied it, and conflicts with who else has it", async () => {
    const wanted = { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "web" }, spec: { replicas: 4 } };
    const apply = (query: string, body: unknown) =>
      api.call(`${scale}?${query}`, { method: "PATCH", body, contentType: "application/apply-patch+yaml" });
    const refused = await apply("fieldManager=scaler", wanted);
    expect(refused).toMatchObject({ code: 409, body: { details: { causes: [{ field: ".spec.replicas" }] } } });
    const done = await apply("fieldManager=scaler&force=true", wanted);
    expect(done).toMatchObject({ code: 200, body: { kind: "Scale", spec: { replicas: 4 } } });
    const { metadata, spec } = await api.get(`${deployments}/web`);
    expect(spec).toMatchObject({ replicas: 4, selector: { matchLabels: labels } });
    const entry = { manager: "scaler", operation: "Apply", apiVersion: "apps/v1", subresource: "scale" };
    expect(metadata.managedFields).toContainEqual(
      expect.objectContaining({ ...entry, fieldsV1: { "f:spec": { "f:replicas": {} } } }),
    );
    const again = await apply("fieldManager=scaler", { ...wanted, spec: { replicas: 5 } });
    expect(again).toMatchObject({ code: 200, body: { spec: { replicas: 5 } } });
    const stale = { ...wanted, metadata: { name: "web", resourceVersion: "1" } };
    expect(await apply("fieldManager=scaler", stale)).toMatchObject({ code: 409 });
    expect(await apply("fieldManager=scaler", { ...wanted, spec: { replicas: -1 } })).toMatchObject({ code: 422 });
  });
});
