// Custom resources answer every request that other kinds answer, by the rules of their schema.
import { beforeEach, describe, expect, it } from "vitest";

import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { createWidget, define, definitions, v1, widget, widgets } from "./support/definitions.ts";

beforeEach(newCluster);

const withSubresources = {
  ...v1,
  subresources: {
    status: {},
    scale: {
      specReplicasPath: ".spec.replicas",
      statusReplicasPath: ".status.replicas",
      labelSelectorPath: ".status.phase",
    },
  },
};

describe("writing", () => {
  beforeEach(() => define());

  it("fills in defaults, and drops what nobody knows", async () => {
    const made = await createWidget("a", { size: 3, other: 1 });
    expect(made["spec"]).toEqual({ size: 3, color: "red" });
    expect(made.metadata.generation).toBe(1);
  });

  it("warns of unknown fields, or refuses them", async () => {
    const body = widget("a", { size: 3, other: 1 });
    const warned = await api.call(`${widgets}?fieldValidation=Warn`, { method: "POST", body });
    expect(warned.headers.get("warning")).toContain('unknown field \\"spec.other\\"');
    const refused = await api.call(`${widgets}?fieldValidation=Strict`, {
      method: "POST",
      body: widget("b", { other: 1 }),
    });
    expect(refused.code).toBe(400);
    expect(refused.body["message"]).toBe(
      'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.other"',
    );
  });

  it("refuses what the schema refuses, in upstream's words", async () => {
    const { code, body } = await api.call(widgets, { method: "POST", body: widget("a", { size: "x", color: "blue" }) });
    expect(code).toBe(422);
    expect(body["message"]).toBe(
      'Widget.example.com "a" is invalid: [spec.size: Invalid value: "string": spec.size in body must be of type integer: "string", spec.color: Unsupported value: "blue": supported values: "red", "green"]',
    );
    expect(body["details"]).toMatchObject({
      group: "example.com",
      kind: "Widget",
      causes: [{ reason: "FieldValueTypeInvalid", field: "spec.size" }, { reason: "FieldValueNotSupported" }],
    });
  });

  it("takes merge patches and JSON patches, but no strategic ones", async () => {
    await createWidget("a");
    const merged = await api.patch(`${widgets}/a`, { spec: { size: 4 } });
    expect(merged).toMatchObject({ spec: { size: 4, color: "red" }, metadata: { generation: 2 } });
    const patch = [{ op: "replace", path: "/spec/size", value: 5 }];
    expect(await api.patch(`${widgets}/a`, patch, "application/json-patch+json")).toMatchObject({ spec: { size: 5 } });
    const strategic = await api.call(`${widgets}/a`, {
      method: "PATCH",
      body: {},
      contentType: "application/strategic-merge-patch+json",
    });
    expect(strategic.code).toBe(415);
    expect(strategic.body["message"]).toContain("application/json-patch+json, application/merge-patch+json");
    expect(strategic.body["message"]).not.toContain("strategic");
  });

  it("is not for a definition that is to go", async () => {
    await createWidget("a", { size: 1 }, { finalizers: ["example.com/wait"] });
    await api.remove(`${definitions}/widgets.example.com`);
    const { code, body } = await api.call(widgets, { method: "POST", body: widget("b") });
    expect(code).toBe(405);
    expect(body["message"]).toBe("create not allowed while custom resource definition is terminating");
    await api.patch(`${widgets}/a`, { metadata: { finalizers: null } });
  });

  it("keeps nothing when it is a dry run", async () => {
    const made = await api.call(`${widgets}?dryRun=All`, { method: "POST", body: widget("a") });
    expect(made.code).toBe(201);
    expect(await api.exists(`${widgets}/a`)).toBe(false);
  });
});

describe("reading", () => {
  it("prints the columns that the definition asks for", async () => {
    const additionalPrinterColumns = [
      { name: "Size", type: "integer", jsonPath: ".spec.size" },
      { name: "Color", type: "string", jsonPath: ".spec.color", priority: 1 },
    ];
    await define({ versions: [{ ...v1, additionalPrinterColumns }] });
    await createWidget("a");
    const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const { body } = await api.call(widgets, { accept });
    expect(body["columnDefinitions"]).toMatchObject([
      { name: "Name", format: "name", priority: 0 },
      { name: "Size", type: "integer", priority: 0 },
      { name: "Color", priority: 1 },
    ]);
    expect(body["rows"]).toMatchObject([{ cells: ["a", 3, "red"] }]);
  });

  it("picks by labels, and by the fields that the definition names", async () => {
    await define({ versions: [{ ...v1, selectableFields: [{ jsonPath: ".spec.color" }] }] });
    await createWidget("a", { size: 1, color: "green" }, { labels: { app: "x" } });
    await createWidget("b", { size: 1 });
    const names = async (query: string) => (await api.list(`${widgets}?${query}`)).map(({ metadata }) => metadata.name);
    expect(await names("labelSelector=app%3Dx")).toEqual(["a"]);
    expect(await names("fieldSelector=spec.color%3Dred")).toEqual(["b"]);
    expect((await api.call(`${widgets}?fieldSelector=spec.size%3D1`)).code).toBe(400);
  });

  it("shows each version what is stored, and warns of those on their way out", async () => {
    await define({ versions: [v1, { ...v1, name: "v1beta1", storage: false, deprecated: true }] });
    await createWidget("a");
    const { body, headers } = await api.call(`${widgets.replace("v1", "v1beta1")}/a`);
    expect(body).toMatchObject({ apiVersion: "example.com/v1beta1", spec: { size: 3 } });
    expect(headers.get("warning")).toBe('299 - "example.com/v1beta1 Widget is deprecated; use example.com/v1 Widget"');
    const { versions, preferredVersion } = await api.get("/apis/example.com");
    expect(versions).toMatchObject([{ version: "v1" }, { version: "v1beta1" }]);
    expect(preferredVersion).toMatchObject({ version: "v1" });
  });

  it("follows a changed schema at once", async () => {
    await define();
    await createWidget("a");
    const schema = {
      type: "object",
      properties: {
        spec: { type: "object", properties: { size: { type: "integer" }, new: { type: "string", default: "x" } } },
      },
    };
    await api.patch(`${definitions}/widgets.example.com`, {
      spec: { versions: [{ ...v1, schema: { openAPIV3Schema: schema } }] },
    });
    // What the schema no longer knows is not shown, what it adds is.
    expect((await api.get(`${widgets}/a`))["spec"]).toEqual({ size: 3, new: "x" });
  });
});

describe("subresources", () => {
  beforeEach(() => define({ versions: [withSubresources] }));

  it("status is written by itself", async () => {
    const made = await api.create(widgets, { ...widget("a"), status: { phase: "x" } });
    expect(made).not.toHaveProperty("status");
    const reported = await api.patch(`${widgets}/a/status`, { spec: { size: 9 }, status: { phase: "Ready" } });
    expect(reported).toMatchObject({ spec: { size: 3 }, status: { phase: "Ready" }, metadata: { generation: 1 } });
    const changed = await api.patch(`${widgets}/a`, { spec: { size: 4 }, status: { phase: "x" } });
    expect(changed).toMatchObject({ spec: { size: 4 }, status: { phase: "Ready" }, metadata: { generation: 2 } });
    const wrong = await api.call(`${widgets}/a/status`, {
      method: "PATCH",
      body: { status: { phase: 3 } },
      contentType: "application/merge-patch+json",
    });
    expect(wrong.code).toBe(422);
  });

  it("scale shows and sets the number", async () => {
    await createWidget("a", { size: 1, replicas: 2 });
    await api.patch(`${widgets}/a/status`, { status: { replicas: 1, phase: "app=x" } });
    expect(await api.get(`${widgets}/a/scale`)).toMatchObject({
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      metadata: { name: "a", namespace: "default" },
      spec: { replicas: 2 },
      status: { replicas: 1, selector: "app=x" },
    });
    const scaled = await api.patch(`${widgets}/a/scale`, { spec: { replicas: 5 } });
    expect(scaled["spec"]).toEqual({ replicas: 5 });
    expect(await api.get(`${widgets}/a`)).toMatchObject({
      spec: { size: 1, replicas: 5 },
      metadata: { generation: 2 },
    });
    await api.replace(`${widgets}/a/scale`, { ...scaled, spec: { replicas: 0 } });
    expect(await api.get(`${widgets}/a`)).toMatchObject({ spec: { replicas: 0 } });
    expect(
      (
        await api.call(`${widgets}/a/scale`, {
          method: "PATCH",
          body: { spec: { replicas: -1 } },
          contentType: "application/merge-patch+json",
        })
      ).code,
    ).toBe(422);
  });

  it("are told of by discovery and OpenAPI", async () => {
    const { resources } = await api.get("/apis/example.com/v1");
    expect(resources).toMatchObject([
      { name: "widgets" },
      { name: "widgets/scale", group: "autoscaling", version: "v1", kind: "Scale" },
      { name: "widgets/status", kind: "Widget" },
    ]);
    const { paths } = await api.get("/openapi/v3/apis/example.com/v1");
    expect(Object.keys(Object(paths))).toContain("/apis/example.com/v1/namespaces/{namespace}/widgets/{name}/scale");
  });
});

describe("OpenAPI", () => {
  it("has the schema as it was defined, and another hash when it changes", async () => {
    await define();
    const at = async () => {
      const { paths } = await api.get("/openapi/v3");
      // The index of documents.
      return Reflect.get(Object(paths), "apis/example.com/v1") as { readonly serverRelativeURL: string };
    };
    const { serverRelativeURL } = await at();
    const document = await api.get(serverRelativeURL);
    expect(document["components"]).toMatchObject({
      schemas: {
        "com.example.v1.Widget": {
          properties: {
            spec: { required: ["size"], properties: { size: { type: "integer", minimum: 1, maximum: 10 } } },
          },
          "x-kubernetes-group-version-kind": [{ group: "example.com", version: "v1", kind: "Widget" }],
        },
        "com.example.v1.WidgetList": {},
      },
    });
    await api.patch(`${definitions}/widgets.example.com`, { metadata: { labels: { a: "b" } } });
    expect((await at()).serverRelativeURL).not.toBe(serverRelativeURL);
    expect((await api.call("/openapi/v3/apis/example.com/v2")).code).toBe(404);
  });
});
