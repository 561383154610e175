// Server-side apply as clients use it: who owns what, who is in whose way, and what goes when nobody wants it any more.
import { beforeEach, describe, expect, it } from "vitest";

import type { KubeObject } from "../../src/model/meta.ts";
import type { Reply } from "./support/api.ts";
import { call } from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { define, widgets } from "./support/definitions.ts";

beforeEach(newCluster);

const applyType = "application/apply-patch+yaml";
const mergeType = "application/merge-patch+json";
const configMaps = "/api/v1/namespaces/default/configmaps";
const daemonSets = "/apis/apps/v1/namespaces/default/daemonsets";

type Application = { readonly by?: string; readonly query?: string };

function apply(path: string, body: unknown, { by = "m1", query = "" }: Application = {}): Promise<Reply> {
  return call(`${path}?fieldManager=${by}${query}`, { method: "PATCH", body, contentType: applyType });
}

function patch(path: string, body: unknown, { by = "m3" }: Application = {}): Promise<Reply> {
  return call(`${path}?fieldManager=${by}`, { method: "PATCH", body, contentType: mergeType });
}

function configMap(data: Readonly<Record<string, string>>, metadata: object = {}) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "default", ...metadata }, data };
}

function daemonSet(containers: readonly object[], metadata: object = {}) {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "web", namespace: "default", ...metadata },
    spec: {
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers } },
    },
  };
}

const a = `${configMaps}/a`;
const web = `${daemonSets}/web`;

/** Who has written which fields: `manager operation subresource` and the fields. */
function owners({ metadata }: KubeObject): Readonly<Record<string, unknown>> {
  const entries = metadata.managedFields ?? [];
  return Object.fromEntries(
    entries.map(({ manager, operation, subresource, fieldsV1 }) => [
      [manager, operation, ...(subresource === undefined ? [] : [subresource])].join(" "),
      fieldsV1,
    ]),
  );
}

function data({ body }: Reply): unknown {
  return body["data"];
}

async function get(path: string): Promise<KubeObject> {
  return (await call(path)).body;
}

function causes({ body }: Reply): unknown {
  return Reflect.get(Object(body["details"]), "causes");
}

describe("apply", () => {
  it("creates what is not there, and says who wanted what", async () => {
    const { code, body } = await apply(a, configMap({ x: "1" }, { labels: { l: "v" } }));
    expect(code).toBe(201);
    expect(body.metadata.managedFields).toEqual([
      {
        manager: "m1",
        operation: "Apply",
        apiVersion: "v1",
        time: body.metadata.creationTimestamp,
        fieldsType: "FieldsV1",
        fieldsV1: { "f:data": { "f:x": {} }, "f:metadata": { "f:labels": { "f:l": {} } } },
      },
    ]);
  });

  it("takes YAML as well as JSON", async () => {
    const yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: '1' # as text\n";
    const reply = await apply(a, yaml);
    expect([reply.code, data(reply)]).toEqual([201, { x: "1" }]);
  });

  it("removes what its manager names no longer, and nothing of others", async () => {
    await apply(a, configMap({ x: "1", y: "1" }));
    await apply(a, configMap({ z: "1" }), { by: "m2" });
    const reply = await apply(a, configMap({ y: "2" }));
    expect([reply.code, data(reply)]).toEqual([200, { y: "2", z: "1" }]);
    expect(owners(reply.body)).toEqual({
      "m1 Apply": { "f:data": { "f:y": {} } },
      "m2 Apply": { "f:data": { "f:z": {} } },
    });
  });

  it("shares fields whose value all want, and keeps them while anybody does", async () => {
    await apply(a, configMap({ x: "1" }));
    const shared = await apply(a, configMap({ x: "1" }), { by: "m2" });
    expect(owners(shared.body)).toEqual({
      "m1 Apply": { "f:data": { "f:x": {} } },
      "m2 Apply": { "f:data": { "f:x": {} } },
    });
    expect(data(await apply(a, configMap({})))).toEqual({ x: "1" });
    expect(data(await apply(a, configMap({}), { by: "m2" }))).toBeUndefined();
  });

  it("is in conflict with all who own what it would change", async () => {
    await apply(a, configMap({ x: "1", y: "1" }));
    await patch(a, { data: { z: "1" } });
    const one = await apply(a, configMap({ z: "2" }), { by: "m2" });
    expect(one.code).toBe(409);
    expect(one.body["message"]).toBe('Apply failed with 1 conflict: conflict with "m3" using v1: .data.z');
    const many = await apply(a, configMap({ x: "2", y: "2", z: "2" }), { by: "m2" });
    expect(many.body["message"]).toBe(
      'Apply failed with 3 conflicts: conflicts with "m1":\n- .data.x\n- .data.y\nconflicts with "m3" using v1:\n- .data.z',
    );
    expect(many.body["reason"]).toBe("Conflict");
    expect(causes(many)).toEqual([
      { reason: "FieldManagerConflict", message: 'conflict with "m1"', field: ".data.x" },
      { reason: "FieldManagerConflict", message: 'conflict with "m1"', field: ".data.y" },
      { reason: "FieldManagerConflict", message: 'conflict with "m3" using v1', field: ".data.z" },
    ]);
  });

  it("takes what it would change from all others when it is forced to", async () => {
    await apply(a, configMap({ x: "1", y: "1" }));
    const reply = await apply(a, configMap({ x: "2" }), { by: "m2", query: "&force=true" });
    expect(data(reply)).toEqual({ x: "2", y: "1" });
    expect(owners(reply.body)).toEqual({
      "m1 Apply": { "f:data": { "f:y": {} } },
      "m2 Apply": { "f:data": { "f:x": {} } },
    });
  });

  it("leaves the object, its version and the time alone when nothing changes", async () => {
    const first = await apply(a, configMap({ x: "1" }));
    const again = await apply(a, configMap({ x: "1" }));
    expect(again.code).toBe(200);
    expect(again.body).toEqual(first.body);
    // In the canonical form it is the same, though not as a text.
    const limits = (cpu: string) => [{ name: "c", image: "i", resources: { limits: { cpu } } }];
    const set = await apply(web, daemonSet(limits("0.5")));
    const same = await apply(web, daemonSet(limits("0.5")));
    expect(same.body.metadata.resourceVersion).toBe(set.body.metadata.resourceVersion);
  });

  it("stores nothing in a dry run", async () => {
    const dry = await apply(a, configMap({ x: "1" }), { query: "&dryRun=All" });
    expect([dry.code, Object.keys(owners(dry.body))]).toEqual([201, ["m1 Apply"]]);
    expect((await call(a)).code).toBe(404);
  });

  it("merges lists by the keys of their elements, defaults included", async () => {
    const port = (containerPort: number, more: object = {}) => ({ containerPort, ...more });
    await apply(web, daemonSet([{ name: "c", image: "i", ports: [port(53), port(53, { protocol: "UDP" })] }]));
    const other = daemonSet([
      { name: "c", ports: [port(53, { protocol: "TCP", name: "dns" })] },
      { name: "d", image: "i" },
    ]);
    const { body } = await apply(web, other, { by: "m2" });
    expect(body["spec"]).toMatchObject({
      template: {
        spec: {
          containers: [
            {
              name: "c",
              ports: [
                { containerPort: 53, protocol: "TCP", name: "dns" },
                { containerPort: 53, protocol: "UDP" },
              ],
            },
            { name: "d" },
          ],
        },
      },
    });
    const gone = await apply(web, daemonSet([{ name: "c" }]), { by: "m2" });
    expect(JSON.stringify(gone.body["spec"])).not.toContain('"name":"d"');
  });

  it("applies atomic maps and structs as a whole", async () => {
    const base = daemonSet([{ name: "c", image: "i" }]);
    const selecting = (nodeSelector: object) => ({
      ...base,
      spec: { ...base.spec, template: { ...base.spec.template, spec: { ...base.spec.template.spec, nodeSelector } } },
    });
    await apply(web, selecting({ a: "1", b: "1" }));
    const { code, body } = await apply(web, selecting({ a: "1" }), { by: "m2" });
    expect(code).toBe(409);
    expect(body["message"]).toBe('Apply failed with 1 conflict: conflict with "m1": .spec.template.spec.nodeSelector');
  });

  it("is in conflict with whoever was there before anybody applied", async () => {
    await call(configMaps, { method: "POST", body: configMap({ x: "1" }) });
    await patch(a, { metadata: { managedFields: [{}] } });
    const { body } = await apply(a, configMap({ x: "2" }));
    expect(body["message"]).toBe('Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.x');
    const kept = await apply(a, configMap({ x: "1" }));
    expect(Object.keys(owners(kept.body))).toEqual(["m1 Apply", "before-first-apply Update"]);
  });

  it("applies to the status by itself", async () => {
    await apply(web, daemonSet([{ name: "c", image: "i" }]));
    const condition = { type: "Fine", status: "True" };
    const status = {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name: "web" },
      status: { conditions: [condition] },
    };
    const { code, body } = await apply(`${web}/status`, status, { by: "m2" });
    expect(code).toBe(200);
    expect(owners(body)["m2 Apply status"]).toEqual({
      "f:status": { "f:conditions": { 'k:{"type":"Fine"}': { ".": {}, "f:status": {}, "f:type": {} } } },
    });
    expect((await apply(`${daemonSets}/nope/status`, { ...status, metadata: { name: "nope" } })).code).toBe(404);
  });
});

describe("apply refuses", () => {
  it.each([
    ["an object without a kind", { metadata: { name: "a" } }, 400, "invalid object type: /, Kind="],
    [
      "another kind",
      { apiVersion: "v1", kind: "Secret", metadata: { name: "a" } },
      400,
      "invalid object type: /v1, Kind=Secret",
    ],
    [
      "an object without a name",
      { apiVersion: "v1", kind: "ConfigMap", metadata: {} },
      400,
      "the name of the object (a based on URL) was undeterminable: name must be provided",
    ],
    [
      "another name",
      configMap({}, { name: "b" }),
      400,
      "the name of the object (b) does not match the name on the URL (a)",
    ],
    ["managedFields", configMap({}, { managedFields: [] }), 400, "metadata.managedFields must be nil"],
    [
      "fields that nobody knows",
      { ...configMap({}), colour: "red" },
      500,
      "failed to create typed patch object (default/a; /v1, Kind=ConfigMap): .colour: field not declared in schema",
    ],
    [
      "numbers for texts",
      { ...configMap({}), data: { x: 1 } },
      500,
      "failed to create typed patch object (default/a; /v1, Kind=ConfigMap): .data.x: expected string, got &value.valueUnstructured{Value:1}",
    ],
    [
      "a list with the same element twice",
      configMap({}, { finalizers: ["a.b/c", "a.b/c"] }),
      500,
      'failed to create typed patch object (default/a; /v1, Kind=ConfigMap): .metadata.finalizers: duplicate entries for key [="a.b/c"]',
    ],
    [
      "the uid of an object that is not there",
      configMap({}, { uid: "u" }),
      409,
      'Operation cannot be fulfilled on configmaps "a": uid mismatch: the provided object specified uid u, and no existing object was found',
    ],
  ])("%s", async (_what, body, code, message) => {
    const reply = await apply(a, body);
    expect([reply.code, reply.body["message"]]).toEqual([code, message]);
  });

  it("what is no YAML", async () => {
    const { code, body } = await apply(a, "a: b: c");
    expect([code, body["message"]]).toEqual([400, expect.stringMatching(/^error decoding YAML: /)]);
  });

  it("a failure that has no reason upstream has none here", async () => {
    const { body } = await apply(a, { ...configMap({}), colour: "red" });
    expect(body["reason"]).toBeUndefined();
  });

  it("keys that stand twice, if it is to be strict", async () => {
    const text = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"1","x":"2"}}';
    const strict = await apply(a, text, { query: "&fieldValidation=Strict" });
    expect([strict.code, strict.body["message"]]).toEqual([
      400,
      expect.stringMatching(/^error strict decoding YAML: /),
    ]);
    const warned = await apply(a, text);
    expect([warned.code, data(warned)]).toEqual([201, { x: "2" }]);
    expect(warned.headers.get("warning")).toContain("already set in map");
  });

  it("a version that is no longer the object's", async () => {
    const first = await apply(a, configMap({ x: "1" }));
    const { resourceVersion } = first.body.metadata;
    await apply(a, configMap({ x: "2" }));
    expect((await apply(a, configMap({ x: "3" }, { resourceVersion }))).code).toBe(409);
  });

  it("a request that does not say who applies", async () => {
    const { code, body } = await call(a, { method: "PATCH", body: configMap({}), contentType: applyType });
    expect([code, body["message"]]).toEqual([
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ]);
  });

  it.each([
    ["x".repeat(129), "fieldManager: Too long: may not be more than 128 bytes"],
    ["a%07b", 'fieldManager: Invalid value: "a\\u0007b": invalid character U+0007 (at position 1)'],
  ])("the field manager %j", async (by, problem) => {
    const { code, body } = await apply(a, configMap({}), { by });
    expect([code, body["message"]]).toEqual([422, `PatchOptions.meta.k8s.io "" is invalid: ${problem}`]);
  });

  it("force in other patches", async () => {
    const { code, body } = await call(`${a}?force=true`, { method: "PATCH", body: {}, contentType: mergeType });
    expect([code, body["message"]]).toEqual([
      422,
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    ]);
  });
});

describe("writes that are no application", () => {
  it("own what they create, with what the server adds, and nothing that is always there", async () => {
    const body = daemonSet([{ name: "c", image: "i", ports: [{ containerPort: 443 }, { containerPort: 80 }] }]);
    const created = await call(`${daemonSets}?fieldManager=kubectl-create`, { method: "POST", body });
    const port = { ".": {}, "f:containerPort": {}, "f:protocol": {} };
    expect(owners(created.body)["kubectl-create Update"]).toEqual({
      "f:metadata": { "f:annotations": { ".": {}, "f:deprecated.daemonset.template.generation": {} } },
      "f:spec": {
        "f:revisionHistoryLimit": {},
        "f:selector": {},
        "f:template": {
          "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
          "f:spec": {
            "f:containers": {
              'k:{"name":"c"}': {
                ".": {},
                "f:image": {},
                "f:imagePullPolicy": {},
                "f:name": {},
                "f:ports": {
                  ".": {},
                  'k:{"containerPort":80,"protocol":"TCP"}': port,
                  'k:{"containerPort":443,"protocol":"TCP"}': port,
                },
                "f:resources": {},
                "f:terminationMessagePath": {},
                "f:terminationMessagePolicy": {},
              },
            },
            "f:dnsPolicy": {},
            "f:restartPolicy": {},
            "f:schedulerName": {},
            "f:securityContext": {},
            "f:terminationGracePeriodSeconds": {},
          },
        },
        "f:updateStrategy": {
          "f:rollingUpdate": { ".": {}, "f:maxSurge": {}, "f:maxUnavailable": {} },
          "f:type": {},
        },
      },
    });
  });

  it("own what they change, whoever owned it before, and are in no conflict", async () => {
    await apply(a, configMap({ x: "1", y: "1" }));
    const { body } = await patch(a, { data: { x: "2", z: "1", y: null } });
    expect(owners(body)).toEqual({ "m3 Update": { "f:data": { "f:x": {}, "f:z": {} } } });
  });

  it("go by the name of their program when they give none", async () => {
    const response = await call(configMaps, {
      method: "POST",
      body: configMap({ x: "1" }),
      headers: { "user-agent": "probe/v1 (x)" },
    });
    expect(Object.keys(owners(response.body))).toEqual(["probe Update"]);
    await patch(a, { metadata: { managedFields: [{}] } });
    expect((await get(a)).metadata.managedFields).toBeUndefined();
  });

  it("own of a Secret what became of its plain texts", async () => {
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, stringData: { k: "v" } };
    const path = "/api/v1/namespaces/default/secrets?fieldManager=m3";
    const { body } = await call(path, { method: "POST", body: secret });
    expect(owners(body)).toEqual({ "m3 Update": { "f:data": { ".": {}, "f:k": {} }, "f:type": {} } });
  });

  it("to the status are told apart from others", async () => {
    await call(`${daemonSets}?fieldManager=m3`, { method: "POST", body: daemonSet([{ name: "c", image: "i" }]) });
    const { body } = await patch(`${web}/status`, { status: { numberReady: 3 }, spec: { minReadySeconds: 9 } });
    expect(owners(body)["m3 Update status"]).toEqual({ "f:status": { "f:numberReady": {} } });
  });

  it("leave out objects that were not tracked", async () => {
    await call(configMaps, { method: "POST", body: configMap({ x: "1" }) });
    await patch(a, { metadata: { managedFields: [{}] } });
    const { body } = await patch(a, { data: { x: "2" } });
    expect(body.metadata.managedFields).toBeUndefined();
  });

  it("keep the managedFields when they send none", async () => {
    await apply(a, configMap({ x: "1" }));
    const nulled = await patch(a, { metadata: { managedFields: null } });
    expect(owners(nulled.body)).toEqual({ "m1 Apply": { "f:data": { "f:x": {} } } });
    const put = await call(`${a}?fieldManager=m3`, { method: "PUT", body: configMap({ x: "1" }) });
    expect(owners(put.body)).toEqual({ "m1 Apply": { "f:data": { "f:x": {} } } });
  });

  it("may write the managedFields themselves, under a lock, as kubectl does when it migrates", async () => {
    await call(`${configMaps}?fieldManager=kubectl-client-side-apply`, { method: "POST", body: configMap({ x: "1" }) });
    const { metadata } = await get(a);
    const entries = metadata.managedFields?.map((entry) => ({ ...entry, manager: "kubectl", operation: "Apply" }));
    const operations = (resourceVersion: string | undefined) => [
      { op: "replace", path: "/metadata/managedFields", value: entries },
      { op: "replace", path: "/metadata/resourceVersion", value: resourceVersion },
    ];
    const send = (body: unknown) => call(a, { method: "PATCH", body, contentType: "application/json-patch+json" });
    expect((await send(operations("1"))).code).toBe(409);
    const reply = await send(operations(metadata.resourceVersion));
    expect(owners(reply.body)).toEqual({ "kubectl Apply": { "f:data": { ".": {}, "f:x": {} } } });
  });

  it("put together the oldest of more than ten writers", async () => {
    await apply(a, configMap({ x: "1" }));
    for (let index = 0; index < 12; index += 1) await patch(a, { data: { [`k${index}`]: "1" } }, { by: `w${index}` });
    const found = owners(await get(a));
    expect(Object.keys(found)).toHaveLength(11);
    expect(Object.keys(found)).toContain("ancient-changes Update");
  });

  it("of pods are tracked as well, and of daemon pods not", async () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p" },
      spec: { containers: [{ name: "c", image: "i" }] },
    };
    await call("/api/v1/namespaces/default/pods?fieldManager=m3", { method: "POST", body: pod });
    const { body } = await patch(
      "/api/v1/namespaces/default/pods/p",
      { metadata: { labels: { l: "v" } } },
      { by: "m4" },
    );
    expect(Object.keys(owners(body))).toEqual(["m3 Update", "m4 Update"]);
    expect(owners(body)["m4 Update"]).toEqual({ "f:metadata": { "f:labels": { ".": {}, "f:l": {} } } });
  });
});

describe("custom kinds", () => {
  const text = { type: "string" };
  const part = { type: "object", properties: { name: text, size: { type: "integer" } }, required: ["name"] };
  const spec = {
    type: "object",
    properties: {
      size: { type: "integer", anyOf: [{ minimum: 1 }, { maximum: 5 }] },
      parts: { type: "array", items: part, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] },
      tags: { type: "array", items: text, "x-kubernetes-list-type": "set" },
      plain: { type: "array", items: text },
      whole: { type: "object", additionalProperties: text, "x-kubernetes-map-type": "atomic" },
      either: { "x-kubernetes-int-or-string": true },
      open: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    },
  };
  const openAPIV3Schema = { type: "object", properties: { spec } };
  const widget = (of: object) => ({ apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "w" }, spec: of });
  const w = `${widgets}/w`;

  beforeEach(() => define({ versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema } }] }));

  it("are applied by what their definition says of lists and maps", async () => {
    const { body } = await apply(
      w,
      widget({
        size: 1,
        parts: [{ name: "a" }],
        tags: ["x"],
        plain: ["p"],
        whole: { k: "v" },
        either: "5%",
        open: { o: { p: 1 } },
      }),
    );
    expect(owners(body)["m1 Apply"]).toEqual({
      "f:spec": {
        "f:either": {},
        "f:open": { "f:o": { ".": {}, "f:p": {} } },
        "f:parts": { 'k:{"name":"a"}': { ".": {}, "f:name": {} } },
        "f:plain": {},
        "f:size": {},
        "f:tags": { 'v:"x"': {} },
        "f:whole": {},
      },
    });
    const { code, body: merged } = await apply(
      w,
      widget({ parts: [{ name: "b" }, { name: "a", size: 2 }], tags: ["y"], open: { o: { q: 2 } } }),
      { by: "m2" },
    );
    expect([code, merged["spec"]]).toMatchObject([
      200,
      { parts: [{ name: "b" }, { name: "a", size: 2 }], tags: ["x", "y"], open: { o: { p: 1, q: 2 } } },
    ]);
    const conflict = await apply(w, widget({ whole: { l: "v" }, plain: ["q"] }), { by: "m2" });
    expect(conflict.body["message"]).toBe(
      'Apply failed with 2 conflicts: conflicts with "m1":\n- .spec.plain\n- .spec.whole',
    );
  });

  it("refuse fields that their definition does not have", async () => {
    const { code, body } = await apply(w, widget({ colour: "red" }));
    expect([code, body["message"]]).toEqual([
      500,
      "failed to create typed patch object (/w; example.com/v1, Kind=Widget): .spec.colour: field not declared in schema",
    ]);
  });

  it("are tracked when they are written otherwise", async () => {
    const created = await call(`${widgets}?fieldManager=m3`, { method: "POST", body: widget({ tags: ["x"] }) });
    expect(owners(created.body)).toEqual({
      "m3 Update": { "f:spec": { ".": {}, "f:tags": { ".": {}, 'v:"x"': {} } } },
    });
  });

  it("know no strategic merge patch", async () => {
    await apply(w, widget({ size: 1 }));
    const contentType = "application/strategic-merge-patch+json";
    const { code, body } = await call(w, { method: "PATCH", body: {}, contentType });
    expect([code, body["message"]]).toEqual([
      415,
      "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
    ]);
  });
});

describe("kubectl, which once applied on its own side", () => {
  const annotation = "kubectl.kubernetes.io/last-applied-configuration";
  const lastApplied = (object: object) => ({ annotations: { [annotation]: `${JSON.stringify(object)}\n` } });

  async function clientSide(values: Readonly<Record<string, string>>): Promise<void> {
    const body = configMap(values, lastApplied(configMap(values)));
    await call(`${configMaps}?fieldManager=kubectl-client-side-apply`, { method: "POST", body });
  }

  it("is not in conflict over what it applied there", async () => {
    await clientSide({ x: "1", y: "1" });
    const { code, body } = await apply(a, configMap({ x: "2" }), { by: "kubectl" });
    expect([code, body["data"]]).toEqual([200, { x: "2", y: "1" }]);
    // What it applied there stays the truth for the day it does so again.
    expect(body.metadata.annotations?.[annotation]).toBe(
      '{"apiVersion":"v1","data":{"x":"2"},"kind":"ConfigMap","metadata":{"name":"a","namespace":"default"}}\n',
    );
  });

  it("is in conflict over what somebody changed since", async () => {
    await clientSide({ x: "1" });
    await patch(a, { data: { x: "3" } });
    const { code, body } = await apply(a, configMap({ x: "2" }), { by: "kubectl" });
    expect([code, body["message"]]).toEqual([
      409,
      'Apply failed with 1 conflict: conflict with "m3" using v1: .data.x',
    ]);
  });

  it("has this by its name alone", async () => {
    await clientSide({ x: "1" });
    const { code, body } = await apply(a, configMap({ x: "2" }), { by: "other" });
    expect([code, body["message"]]).toEqual([
      409,
      'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: .data.x',
    ]);
  });
});
