// What refused requests are answered with: reason, message, details and code of each, as upstream words them.
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";

import { insertPods } from "../../src/store/pods.ts";
import * as api from "./support/api.ts";
import { newCluster, run } from "./support/cluster.ts";
import { keepTemplate, newPod } from "./support/pods.ts";

const labels = { app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };
const daemonSet = { metadata: { name: "web" }, spec: { selector: { matchLabels: labels }, template } };
const uids = new Map<string, string>();

beforeAll(async () => {
  await newCluster();
  const map = await api.create(api.configMaps, { metadata: { name: "a" }, data: { x: "1" } });
  uids.set("a", map.metadata.uid ?? "");
  await api.create(api.daemonSets, daemonSet);
  await keepTemplate();
  await run(insertPods(env.DB, [newPod("a")], null, { nowMs: Date.now() }));
  await api.create("/api/v1/namespaces", { metadata: { name: "going", finalizers: ["example.com/stay"] } });
  await api.remove("/api/v1/namespaces/going");
});

type Wanted = {
  readonly code: number;
  readonly reason?: string;
  readonly message: string | RegExp;
  readonly details?: unknown;
};
type Row = readonly [what: string, call: string, options: api.Call, wanted: Wanted];

const json = "application/json";
const merge = "application/merge-patch+json";
const map = `${api.configMaps}/a`;
const eviction = `${api.pods}/web-a/eviction`;
const invalidOptions = (kind: string, field: string, reason: string) => ({
  group: "meta.k8s.io",
  kind,
  causes: [expect.objectContaining({ reason, field })],
});
const notAllowed: Wanted = {
  code: 405,
  reason: "MethodNotAllowed",
  message: "the server does not allow this method on the requested resource",
  details: {},
};
const unknownResource: Wanted = {
  code: 404,
  reason: "NotFound",
  message: "the server could not find the requested resource",
  details: {},
};
const bad = (message: string | RegExp): Wanted => ({ code: 400, reason: "BadRequest", message });
const post = (body: unknown, contentType = json): api.Call => ({ method: "POST", body, contentType });
const put = (body: unknown): api.Call => ({ method: "PUT", body });
const patch = (body: unknown, contentType = merge): api.Call => ({ method: "PATCH", body, contentType });

const rows: readonly Row[] = [
  // 401
  ["no credentials", api.configMaps, { token: null }, { code: 401, reason: "Unauthorized", message: "Unauthorized" }],
  ["a wrong token", api.configMaps, { token: "wrong" }, { code: 401, reason: "Unauthorized", message: "Unauthorized" }],
  ["an empty token", api.configMaps, { token: "" }, { code: 401, reason: "Unauthorized", message: "Unauthorized" }],

  // 404
  [
    "an object that is not there",
    `${api.configMaps}/nope`,
    {},
    {
      code: 404,
      reason: "NotFound",
      message: 'configmaps "nope" not found',
      details: { name: "nope", kind: "configmaps" },
    },
  ],
  [
    "an object of a group",
    `${api.daemonSets}/nope`,
    {},
    {
      code: 404,
      reason: "NotFound",
      message: 'daemonsets.apps "nope" not found',
      details: { name: "nope", group: "apps", kind: "daemonsets" },
    },
  ],
  [
    "an object of no namespace",
    "/api/v1/nodes/nope",
    {},
    {
      code: 404,
      reason: "NotFound",
      message: 'nodes "nope" not found',
      details: { name: "nope", kind: "nodes" },
    },
  ],
  [
    "an update of what is not there",
    `${api.configMaps}/nope`,
    put({ metadata: { name: "nope" } }),
    {
      code: 404,
      reason: "NotFound",
      message: 'configmaps "nope" not found',
      details: { name: "nope", kind: "configmaps" },
    },
  ],
  [
    "a patch of what is not there",
    `${api.configMaps}/nope`,
    patch({}),
    {
      code: 404,
      reason: "NotFound",
      message: 'configmaps "nope" not found',
      details: { name: "nope", kind: "configmaps" },
    },
  ],
  [
    "a deletion of what is not there",
    `${api.configMaps}/nope`,
    { method: "DELETE" },
    {
      code: 404,
      reason: "NotFound",
      message: 'configmaps "nope" not found',
      details: { name: "nope", kind: "configmaps" },
    },
  ],
  [
    "an eviction of what is not there",
    `${api.pods}/nope/eviction`,
    post({ metadata: { name: "nope" } }),
    {
      code: 404,
      reason: "NotFound",
      message: 'pods "nope" not found',
      details: { name: "nope", kind: "pods" },
    },
  ],
  [
    "a namespace that is not there",
    "/api/v1/namespaces/nope/configmaps",
    post({ metadata: { name: "a" } }),
    {
      code: 404,
      reason: "NotFound",
      message: 'namespaces "nope" not found',
      details: { name: "nope", kind: "namespaces" },
    },
  ],
  ["a resource that is not served", "/api/v1/namespaces/default/bogus", {}, unknownResource],
  ["a resource of a group that is not served", "/apis/apps/v1/namespaces/default/bogus", {}, unknownResource],
  ["a subresource that is not served", `${map}/bogus`, {}, unknownResource],
  ["the status of what has none", `${map}/status`, {}, unknownResource],
  ["a kind of no namespace in one", "/api/v1/namespaces/default/nodes", {}, unknownResource],
  ["a kind in namespaces outside of them", "/api/v1/configmaps/a", {}, unknownResource],

  // 405
  ["a creation at a name", map, post({ metadata: { name: "a" } }), notAllowed],
  ["a creation in no namespace", "/api/v1/configmaps", post({ metadata: { name: "a" } }), notAllowed],
  ["an update of a collection", api.configMaps, put({}), notAllowed],
  ["a patch of a collection", api.configMaps, patch({}), notAllowed],
  ["the deletion of all namespaces", "/api/v1/namespaces", { method: "DELETE" }, notAllowed],
  ["another method", map, { method: "OPTIONS" }, notAllowed],
  ["a deletion of a status", `${api.daemonSets}/web/status`, { method: "DELETE" }, notAllowed],
  ["reading an eviction", `${api.pods}/web-a/eviction`, {}, notAllowed],

  // 406
  [
    "a form that nobody speaks",
    map,
    { accept: "text/html" },
    {
      code: 406,
      reason: "NotAcceptable",
      message: /^only the following media types are accepted: application\/json, application\/yaml/,
    },
  ],
  [
    "a list in a form that nobody speaks",
    api.configMaps,
    { accept: "image/png;q=0.5" },
    {
      code: 406,
      reason: "NotAcceptable",
      message: /^only the following media types are accepted: application\/json/,
    },
  ],

  // 409
  [
    "a name that is taken",
    api.configMaps,
    post({ metadata: { name: "a" } }),
    {
      code: 409,
      reason: "AlreadyExists",
      message: 'configmaps "a" already exists',
      details: { name: "a", kind: "configmaps" },
    },
  ],
  [
    "a name of a group that is taken",
    api.daemonSets,
    post(daemonSet),
    {
      code: 409,
      reason: "AlreadyExists",
      message: 'daemonsets.apps "web" already exists',
      details: { name: "web", group: "apps", kind: "daemonsets" },
    },
  ],
  [
    "a stale version in an update",
    map,
    put({ metadata: { name: "a", resourceVersion: "1" } }),
    {
      code: 409,
      reason: "Conflict",
      message:
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
      details: { name: "a", kind: "configmaps" },
    },
  ],
  [
    "a stale version in a patch",
    map,
    patch({ metadata: { resourceVersion: "1" } }),
    {
      code: 409,
      reason: "Conflict",
      message: /^Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply/,
      details: { name: "a", kind: "configmaps" },
    },
  ],
  [
    "another uid in an update",
    map,
    put({ metadata: { name: "a", uid: "other" } }),
    {
      code: 409,
      reason: "Conflict",
      message:
        /StorageError: invalid object, Code: 4, Key: \/registry\/configmaps\/default\/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: other, UID in object meta: /,
      details: { name: "a", kind: "configmaps" },
    },
  ],
  [
    "another uid in a deletion",
    map,
    { method: "DELETE", body: { preconditions: { uid: "other" } } },
    {
      code: 409,
      reason: "Conflict",
      message:
        /^Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition \(other\) does not match the UID in record \([-0-9a-f]+\)\. The object might have been deleted and then recreated$/,
      details: { name: "a", kind: "ConfigMap" },
    },
  ],
  [
    "another version in a deletion",
    `${api.daemonSets}/web`,
    { method: "DELETE", body: { preconditions: { resourceVersion: "1" } } },
    {
      code: 409,
      reason: "Conflict",
      message:
        /^Operation cannot be fulfilled on DaemonSet\.apps "web": the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record \(\d+\)\. The object might have been modified$/,
      details: { name: "web", group: "apps", kind: "DaemonSet" },
    },
  ],

  // 400
  [
    "a body of nothing",
    api.configMaps,
    post(""),
    bad(
      "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
    ),
  ],
  [
    "a body that is no JSON",
    api.configMaps,
    post("{bad"),
    bad(
      "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'b' looking for beginning of object key string ({bad)",
    ),
  ],
  [
    "a body that is text",
    api.configMaps,
    post("hello"),
    bad(
      "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'h' looking for beginning of value (68656c6c6f)",
    ),
  ],
  [
    "a body that is a list",
    api.configMaps,
    post([]),
    bad(
      'the object provided is unrecognized (must be of type ConfigMap): couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (5b5d)',
    ),
  ],
  [
    "a kind that is a number",
    api.configMaps,
    post({ kind: 5 }),
    bad(
      /^the object provided is unrecognized \(must be of type ConfigMap\): couldn't get version\/kind; json parse error: json: cannot unmarshal number into Go struct field \.kind of type string/,
    ),
  ],
  [
    "another kind",
    api.configMaps,
    post({ apiVersion: "v1", kind: "Secret", metadata: { name: "s" } }),
    bad(
      'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
    ),
  ],
  [
    "a kind that nobody knows",
    api.configMaps,
    post({ apiVersion: "v1", kind: "Foo" }),
    bad(
      'Foo in version "v1" cannot be handled as a ConfigMap: no kind "Foo" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
    ),
  ],
  [
    "a version that nobody knows",
    api.daemonSets,
    post({ apiVersion: "apps/v7", kind: "DaemonSet" }),
    bad(
      'DaemonSet in version "v7" cannot be handled as a DaemonSet: no kind "DaemonSet" is registered for version "apps/v7" in scheme "pkg/api/legacyscheme/scheme.go:30"',
    ),
  ],
  [
    "a field of the wrong type",
    api.configMaps,
    post({ metadata: { name: "b" }, data: 5 }),
    bad(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type map[string]string',
    ),
  ],
  [
    "a field deep below of the wrong type",
    api.daemonSets,
    post({ ...daemonSet, spec: { ...daemonSet.spec, minReadySeconds: "x" } }),
    bad(
      'DaemonSet in version "v1" cannot be handled as a DaemonSet: json: cannot unmarshal string into Go struct field DaemonSetSpec.spec.minReadySeconds of type int32',
    ),
  ],
  [
    "a version in a creation",
    api.configMaps,
    post({ metadata: { name: "b", resourceVersion: "5" } }),
    {
      code: 500,
      message: "resourceVersion should not be set on objects to be created",
    },
  ],
  [
    "another name than the path's, in an update",
    map,
    put({ metadata: { name: "b" } }),
    bad("the name of the object (b) does not match the name on the URL (a)"),
  ],
  [
    "another name than the path's, in a patch",
    map,
    patch({ metadata: { name: "b" } }),
    bad("the name of the object (b) does not match the name on the URL (a)"),
  ],
  [
    "another namespace than the path's",
    api.configMaps,
    post({ metadata: { name: "b", namespace: "other" } }),
    bad("the namespace of the provided object does not match the namespace sent on the request"),
  ],
  [
    "unknown fields, strictly",
    `${api.configMaps}?fieldValidation=Strict`,
    post({ metadata: { name: "b" }, x: 1 }),
    bad('ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "x"'),
  ],
  ["a limit that is none", `${api.configMaps}?limit=x`, {}, bad('strconv.ParseInt: parsing "x": invalid syntax')],
  [
    "a token that is none",
    `${api.configMaps}?limit=1&continue=x.y`,
    {},
    bad(/^invalid continue token: continue key is not valid/),
  ],
  ["a label selector that is none", `${api.configMaps}?labelSelector=a(`, {}, bad(/^unable to parse requirement: /)],
  [
    "a field selector that is none",
    `${api.configMaps}?fieldSelector=a`,
    {},
    bad("invalid selector: 'a'; can't understand 'a'"),
  ],
  [
    "a field that is none, of a kind without its own",
    `${api.daemonSets}?fieldSelector=spec.x=1`,
    {},
    bad('"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'),
  ],
  ["a field that is none, of pods", `${api.pods}?fieldSelector=spec.x=1`, {}, bad("field label not supported: spec.x")],
  [
    "a field that is none, of nodes",
    "/api/v1/nodes?fieldSelector=spec.x=1",
    {},
    bad("field label not supported: spec.x"),
  ],
  [
    "a way to include objects that is none",
    `${api.configMaps}?includeObject=All`,
    { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
    {
      code: 400,
      reason: "BadRequest",
      message: /includeObject: Invalid value: "All": must be 'Metadata', 'Object', 'None', or empty/,
    },
  ],
  ["a JSON patch that is none", map, patch({}, "application/json-patch+json"), bad(/^error decoding patch: /)],
  ["a merge patch that is none", map, patch("{bad"), bad(/./)],

  // 413, 415
  [
    "too much",
    api.configMaps,
    post(`{"x":"${"x".repeat(3_200_000)}"}`),
    {
      code: 413,
      reason: "RequestEntityTooLarge",
      message: "Request entity too large: limit is 3145728",
    },
  ],
  [
    "a body that nobody reads",
    api.configMaps,
    post("<a/>", "application/xml"),
    {
      code: 415,
      reason: "UnsupportedMediaType",
      message:
        "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
    },
  ],
  [
    "CBOR",
    api.configMaps,
    post("x", "application/cbor"),
    { code: 415, reason: "UnsupportedMediaType", message: /^the body of the request was in an unknown format/ },
  ],
  [
    "a patch that nobody reads",
    map,
    patch({}, json),
    {
      code: 415,
      reason: "UnsupportedMediaType",
      message:
        /^the body of the request was in an unknown format - accepted media types include: application\/json-patch\+json, application\/merge-patch\+json/,
    },
  ],

  // 422
  [
    "no name",
    api.configMaps,
    post({}),
    {
      code: 422,
      reason: "Invalid",
      message: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
      details: {
        kind: "ConfigMap",
        causes: [
          {
            reason: "FieldValueRequired",
            message: "Required value: name or generateName is required",
            field: "metadata.name",
          },
        ],
      },
    },
  ],
  [
    "nothing at all",
    api.configMaps,
    post("null"),
    { code: 422, reason: "Invalid", message: /^ConfigMap "" is invalid: metadata\.name: Required value/ },
  ],
  [
    "a bad name",
    api.configMaps,
    post({ metadata: { name: "A_b" } }),
    {
      code: 422,
      reason: "Invalid",
      message:
        "ConfigMap \"A_b\" is invalid: metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      details: {
        name: "A_b",
        kind: "ConfigMap",
        causes: [expect.objectContaining({ reason: "FieldValueInvalid", field: "metadata.name" })],
      },
    },
  ],
  [
    "a field that cannot change",
    `${api.daemonSets}/web`,
    patch({ spec: { selector: { matchLabels: { app: "other" } } } }),
    {
      code: 422,
      reason: "Invalid",
      message: /^DaemonSet\.apps "web" is invalid: /,
      details: {
        name: "web",
        group: "apps",
        kind: "DaemonSet",
        causes: expect.arrayContaining([expect.objectContaining({ field: "spec.selector" })]),
      },
    },
  ],
  [
    "several problems at once",
    api.daemonSets,
    post({ metadata: { name: "B" }, spec: {} }),
    {
      code: 422,
      reason: "Invalid",
      message: /^DaemonSet\.apps "B" is invalid: \[.*, .*\]$/,
    },
  ],
  [
    "a JSON patch that does not fit",
    map,
    patch([{ op: "test", path: "/data/x", value: "2" }], "application/json-patch+json"),
    {
      code: 422,
      reason: "Invalid",
      message: "the server rejected our request due to an error in our request",
    },
  ],
  [
    "a merge patch of the wrong type",
    map,
    patch({ data: { a: 1 } }),
    {
      code: 422,
      reason: "Invalid",
      message: /^ "" is invalid: patch: Invalid value: "\{.*: json: cannot unmarshal number into Go struct field /,
      details: {
        causes: [
          {
            reason: "FieldValueInvalid",
            field: "patch",
            message: expect.stringMatching(/^Invalid value: "\{/) as string,
          },
        ],
      },
    },
  ],
  [
    "a strategic merge patch of the wrong type",
    map,
    patch({ data: { a: 1 } }, "application/strategic-merge-patch+json"),
    { code: 422, reason: "Invalid", message: /^ "" is invalid: patch: Invalid value: "map\[data:map\[a:1\]\]": / },
  ],
  [
    "a dry run of another sort",
    `${api.configMaps}?dryRun=Some`,
    post({}),
    {
      code: 422,
      reason: "Invalid",
      message:
        'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: []string{"Some"}: supported values: "All"',
      details: invalidOptions("CreateOptions", "dryRun", "FieldValueNotSupported"),
    },
  ],
  [
    "a dry update of another sort",
    `${map}?dryRun=Some`,
    put({}),
    {
      code: 422,
      reason: "Invalid",
      message: /^UpdateOptions\.meta\.k8s\.io "" is invalid: dryRun: /,
      details: invalidOptions("UpdateOptions", "dryRun", "FieldValueNotSupported"),
    },
  ],
  [
    "a dry patch of another sort",
    `${map}?dryRun=Some`,
    patch({}),
    {
      code: 422,
      reason: "Invalid",
      message: /^PatchOptions\.meta\.k8s\.io "" is invalid: dryRun: /,
      details: invalidOptions("PatchOptions", "dryRun", "FieldValueNotSupported"),
    },
  ],
  [
    "a dry deletion of another sort",
    `${map}?dryRun=Some`,
    { method: "DELETE" },
    {
      code: 422,
      reason: "Invalid",
      message: /^DeleteOptions\.meta\.k8s\.io "" is invalid: dryRun: Unsupported value: \[\]string\{"Some"\}/,
      details: invalidOptions("DeleteOptions", "dryRun", "FieldValueNotSupported"),
    },
  ],
  [
    "a field validation that is none",
    `${api.configMaps}?fieldValidation=Some`,
    post({}),
    {
      code: 422,
      reason: "Invalid",
      message:
        'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Some": supported values: "", "Ignore", "Strict", "Warn"',
      details: invalidOptions("CreateOptions", "fieldValidation", "FieldValueNotSupported"),
    },
  ],
  [
    "a manager with a long name",
    `${api.configMaps}?fieldManager=${"m".repeat(129)}`,
    post({}),
    {
      code: 422,
      reason: "Invalid",
      message: 'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
      details: invalidOptions("CreateOptions", "fieldManager", "FieldValueTooLong"),
    },
  ],
  [
    "force without an application",
    `${map}?force=true`,
    patch({}),
    {
      code: 422,
      reason: "Invalid",
      message: 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    },
  ],
  [
    "a way to propagate that is none",
    map,
    { method: "DELETE", body: { propagationPolicy: "Sideways" } },
    {
      code: 422,
      reason: "Invalid",
      message:
        'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Sideways": supported values: "Foreground", "Background", "Orphan", "nil"',
      details: invalidOptions("DeleteOptions", "propagationPolicy", "FieldValueNotSupported"),
    },
  ],
  [
    "two ways to propagate",
    map,
    { method: "DELETE", body: { propagationPolicy: "Orphan", orphanDependents: true } },
    {
      code: 422,
      reason: "Invalid",
      message:
        'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
    },
  ],
  [
    "a list that matches no version",
    `${api.configMaps}?resourceVersionMatch=Exact`,
    {},
    {
      code: 422,
      reason: "Invalid",
      message:
        'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
      details: invalidOptions("ListOptions", "resourceVersionMatch", "FieldValueForbidden"),
    },
  ],
  [
    "an apply without a manager",
    map,
    patch({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } }, "application/apply-patch+yaml"),
    {
      code: 422,
      reason: "Invalid",
      message: 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    },
  ],

  // 403
  [
    "a creation in a namespace that is going",
    "/api/v1/namespaces/going/configmaps",
    post({ metadata: { name: "a" } }),
    {
      code: 403,
      reason: "Forbidden",
      message:
        'configmaps "a" is forbidden: unable to create new content in namespace going because it is being terminated',
      details: {
        name: "a",
        kind: "configmaps",
        causes: [
          {
            reason: "NamespaceTerminating",
            message: "namespace going is being terminated",
            field: "metadata.namespace",
          },
        ],
      },
    },
  ],

  // Evictions
  [
    "an eviction of another version",
    eviction,
    post({ deleteOptions: { preconditions: { resourceVersion: "1" } } }),
    {
      code: 409,
      reason: "Conflict",
      message:
        /^Operation cannot be fulfilled on Pod "web-a": the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record \(\d+\)\. The object might have been modified$/,
      details: { name: "web-a", kind: "Pod" },
    },
  ],
  [
    "a dry eviction of another sort",
    `${eviction}?dryRun=Some`,
    post({}),
    {
      code: 422,
      reason: "Invalid",
      message:
        'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: []string{"Some"}: supported values: "All"',
      details: invalidOptions("CreateOptions", "dryRun", "FieldValueNotSupported"),
    },
  ],
  [
    "a dry eviction of another sort, in its options",
    eviction,
    post({ deleteOptions: { dryRun: ["Some"] } }),
    {
      code: 422,
      reason: "Invalid",
      message: /^DeleteOptions\.meta\.k8s\.io "" is invalid: dryRun: Unsupported value: \[\]string\{"Some"\}/,
      details: invalidOptions("DeleteOptions", "dryRun", "FieldValueNotSupported"),
    },
  ],
  [
    "a pod as an eviction",
    eviction,
    post({ apiVersion: "v1", kind: "Pod", metadata: { name: "web-a" } }),
    bad(
      'Pod in version "v1" cannot be handled as a Eviction: converting (v1.Pod) to (policy.Eviction): unknown conversion',
    ),
  ],
  [
    "unknown fields of an eviction, strictly",
    `${eviction}?fieldValidation=Strict`,
    post({ deleteOption: {} }),
    bad(
      'Eviction in version "v1" cannot be handled as a Eviction: strict decoding error: unknown field "deleteOption"',
    ),
  ],
  [
    "an eviction of a pod of another namespace",
    eviction,
    post({ metadata: { name: "web-a", namespace: "other" } }),
    bad("the namespace of the provided object does not match the namespace sent on the request"),
  ],
  [
    "an eviction of another pod",
    eviction,
    post({ metadata: { name: "web-b" } }),
    bad("name in URL does not match name in Eviction object"),
  ],

  // 410
  [
    "a list of a version that is gone",
    `${api.configMaps}?resourceVersion=1&resourceVersionMatch=Exact`,
    {},
    {
      code: 410,
      reason: "Expired",
      message: "The resourceVersion for the provided list is too old.",
    },
  ],

  // 500
  [
    "a version that is none",
    `${api.configMaps}?resourceVersion=x`,
    {},
    {
      code: 500,
      message: 'resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
    },
  ],
  [
    "a strategic patch that nobody knows",
    map,
    patch({ $patch: "bogus" }, "application/strategic-merge-patch+json"),
    {
      code: 500,
      message: /^unknown patch type: bogus/,
    },
  ],

  // 504
  [
    "a version of the future",
    `${map}?resourceVersion=99999999`,
    {},
    {
      code: 504,
      reason: "Timeout",
      message: /^Timeout: Too large resource version: 99999999, current: \d+$/,
      details: {
        causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
        retryAfterSeconds: 1,
      },
    },
  ],
];

describe("a refused request", () => {
  it.each(rows)("%s: %s", async (_what, path, options, { code, reason, message, details }) => {
    const reply = await api.call(path, options);
    expect(reply.body).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: typeof message === "string" ? message : expect.stringMatching(message),
      ...(reason === undefined ? {} : { reason }),
      ...(details === undefined
        ? reply.body["details"] === undefined
          ? {}
          : { details: reply.body["details"] }
        : { details }),
      code,
    });
    expect(reply.code).toBe(code);
    expect(reply.headers.get("content-type")).toBe("application/json");
  });

  it("outside of all groups is told so in plain text", async () => {
    for (const path of ["/nope", "/api/v9", "/apis/nope", "/apis/apps/v9/daemonsets"]) {
      const { code, text, headers } = await api.call(path);
      expect([path, code, text.trim(), headers.get("content-type")?.split(";")[0]]).toEqual([
        path,
        404,
        "404 page not found",
        "text/plain",
      ]);
    }
  });

  it("has been tried in all the ways that there are", () => {
    expect(rows.length).toBeGreaterThanOrEqual(80);
    expect(uids.size).toBe(1);
  });
});
