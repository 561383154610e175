import { describe, expect, it } from "vitest";

import { qualifiedResource } from "../../src/model/api-error.ts";
import { configMaps } from "../../src/model/config-map.ts";
import { controllerRevisions } from "../../src/model/controller-revision.ts";
import { events } from "../../src/model/event.ts";
import { joinTokens, mayJoinAs } from "../../src/model/join-token.ts";
import type { KubeObject } from "../../src/model/meta.ts";
import { namespaces } from "../../src/model/namespace.ts";
import { nodes } from "../../src/model/node.ts";
import { priorityClasses, systemPriorityClasses } from "../../src/model/priority-class.ts";
import type { Resource } from "../../src/model/resource.ts";
import { selectableFieldsOf } from "../../src/model/resource.ts";
import { findResource, resourceByKind, resources } from "../../src/model/resources.ts";
import { secrets } from "../../src/model/secret.ts";
import { decoded, texts } from "./objects.ts";

function make<T extends KubeObject>(resource: Resource<T>, json: object): T {
  const metadata = { name: "a", ...(resource.namespaced ? { namespace: "default" } : {}) };
  return decoded(resource, { metadata, ...json });
}

describe("the table of resources", () => {
  it("finds each by its path and by its kind", () => {
    for (const resource of resources) {
      const { group, version, plural, kind } = resource;
      expect(findResource(group, version, plural)).toBe(resource);
      expect(resourceByKind(group === "" ? version : `${group}/${version}`, kind)).toBe(resource);
    }
    expect(findResource("apps", "v1", "pods")).toBeUndefined();
    expect(resourceByKind("v1", "DaemonSet")).toBeUndefined();
  });

  it.each([
    ["configmaps", "cm", true],
    ["cronjobs", "cj", true],
    ["daemonsets", "ds", true],
    ["deployments", "deploy", true],
    ["ingresses", "ing", true],
    ["limitranges", "limits", true],
    ["networkpolicies", "netpol", true],
    ["persistentvolumeclaims", "pvc", true],
    ["persistentvolumes", "pv", false],
    ["poddisruptionbudgets", "pdb", true],
    ["replicasets", "rs", true],
    ["replicationcontrollers", "rc", true],
    ["resourcequotas", "quota", true],
    ["statefulsets", "sts", true],
    ["storageclasses", "sc", false],
    ["endpoints", "ep", true],
    ["events", "ev", true],
    ["namespaces", "ns", false],
    ["nodes", "no", false],
    ["pods", "po", true],
    ["priorityclasses", "pc", false],
    ["serviceaccounts", "sa", true],
    ["services", "svc", true],
  ])("%s are %s for short", (plural, short, namespaced) => {
    expect(resources.find((resource) => resource.plural === plural)).toMatchObject({ shortNames: [short], namespaced });
  });

  it("puts into kubectl get all what upstream does", () => {
    const all = resources.filter(({ categories }) => categories.includes("all")).map(({ plural }) => plural);
    expect(all).toEqual([
      "pods",
      "replicationcontrollers",
      "services",
      "daemonsets",
      "deployments",
      "replicasets",
      "statefulsets",
      "cronjobs",
      "jobs",
    ]);
  });

  it("says what field selectors can ask for", () => {
    const asked = Object.fromEntries(
      resources.map(({ selectableFieldNames, ...resource }) => [qualifiedResource(resource), selectableFieldNames]),
    );
    expect(asked).toMatchObject({
      nodes: ["spec.unschedulable"],
      namespaces: ["status.phase"],
      secrets: ["type"],
      "daemonsets.apps": [],
    });
    expect(asked["events"]).toHaveLength(11);
    expect(selectableFieldsOf(nodes, make(nodes, {}))).toEqual({
      "metadata.name": "a",
      "metadata.namespace": "",
      "spec.unschedulable": "false",
    });
  });
});

describe("Namespace", () => {
  it("is born active, labelled with its name and held by Kubernetes' finalizer", () => {
    expect(namespaces.prepareForCreate(make(namespaces, { status: { phase: "Terminating" } }))).toMatchObject({
      metadata: { labels: { "kubernetes.io/metadata.name": "a" } },
      spec: { finalizers: ["kubernetes"] },
      status: { phase: "Active" },
    });
  });

  it("keeps its label, its finalizers and its status through updates", () => {
    const old = namespaces.prepareForCreate(make(namespaces, {}));
    expect(namespaces.prepareForUpdate(make(namespaces, {}), old)).toMatchObject({
      metadata: { labels: { "kubernetes.io/metadata.name": "a" } },
      spec: { finalizers: ["kubernetes"] },
      status: { phase: "Active" },
    });
  });

  it("is terminating exactly when it is being deleted", () => {
    const old = make(namespaces, {});
    const terminating = make(namespaces, { status: { phase: "Terminating" } });
    expect(texts(namespaces.validateStatusUpdate(terminating, old))).toEqual([
      "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty",
    ]);
  });
});

describe("Node", () => {
  it("brings its status along when it is created, and not when it is updated", () => {
    const node = make(nodes, { status: { capacity: { cpu: "2" } } });
    expect(nodes.prepareForCreate(node).status.capacity).toEqual({ cpu: "2" });
    expect(nodes.prepareForUpdate(node, make(nodes, {})).status.capacity).toBeUndefined();
  });

  it("can allocate all it has, unless it says otherwise", () => {
    expect(make(nodes, { status: { capacity: { cpu: "2" } } }).status.allocatable).toEqual({ cpu: "2" });
    const status = { capacity: { cpu: "2" }, allocatable: { cpu: "1" } };
    expect(make(nodes, { status }).status.allocatable).toEqual({ cpu: "1" });
  });

  it("names its machine and its ports even when it knows nothing of them", () => {
    const { status } = make(nodes, {});
    expect(status.daemonEndpoints).toEqual({ kubeletEndpoint: { Port: 0 } });
    expect(status.nodeInfo).toMatchObject({ machineID: "", kubeletVersion: "", architecture: "" });
  });

  it.each<readonly [string, object, readonly string[]]>([
    ["taints", { taints: [{ key: "a", effect: "NoSchedule" }] }, []],
    [
      "the same taint twice",
      {
        taints: [
          { key: "a", effect: "NoSchedule" },
          { key: "a", effect: "NoSchedule", value: "b" },
        ],
      },
      [
        'metadata.taints[1]: Duplicate value: {"key":"a","value":"b","effect":"NoSchedule"}: taints must be unique by key and effect pair',
      ],
    ],
    ["a taint without effect", { taints: [{ key: "a" }] }, ["metadata.taints[0].effect: Required value"]],
    ["networks of both kinds", { podCIDRs: ["10.0.0.0/24", "2001:db8::/64"] }, []],
    [
      "a network that is none",
      { podCIDR: "10.0.0.0" },
      ['spec.podCIDRs[0]: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
    ],
  ])("accepts or refuses %s", (_rule, spec, errors) => {
    expect(texts(nodes.validate(make(nodes, { spec })))).toEqual(errors);
  });

  it("keeps the networks and the provider it was once given", () => {
    const old = make(nodes, { spec: { podCIDR: "10.0.0.0/24", providerID: "a" } });
    expect(texts(nodes.validateUpdate(make(nodes, { spec: { providerID: "b" } }), old))).toEqual([
      'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
      'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
    ]);
    expect(texts(nodes.validateUpdate(old, make(nodes, {})))).toEqual([]);
  });
});

describe("ConfigMap", () => {
  it.each<readonly [string, object, readonly string[]]>([
    ["keys like files", { data: { "a-b_c.d": "" }, binaryData: { e: "YQ==" } }, []],
    [
      "a key that is no file's name",
      { data: { "a/b": "" } },
      [
        "data[a/b]: Invalid value: \"a/b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
      ],
    ],
    ["the key ..", { data: { "..": "" } }, ["data[..]: Invalid value: \"..\": must not be '..'"]],
    [
      "a key in both maps",
      { data: { a: "" }, binaryData: { a: "" } },
      ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
    ],
    ["a mebibyte", { data: { a: "x".repeat(1024 * 1024) } }, []],
    [
      "a byte more",
      { data: { a: "x".repeat(1024 * 1024) }, binaryData: { b: "YQ==" } },
      ["[]: Too long: may not be more than 1048576 bytes"],
    ],
  ])("accepts or refuses %s", (_rule, json, errors) => {
    expect(texts(configMaps.validate(make(configMaps, json)))).toEqual(errors);
  });

  it("stays as it is once it says so", () => {
    const old = make(configMaps, { immutable: true, data: { a: "b" } });
    expect(texts(configMaps.validateUpdate(make(configMaps, { data: { a: "c" } }), old))).toEqual([
      "immutable: Forbidden: field is immutable when `immutable` is set",
      "data: Forbidden: field is immutable when `immutable` is set",
    ]);
    expect(texts(configMaps.validateUpdate(old, old))).toEqual([]);
  });
});

describe("Secret", () => {
  it("takes plain text into its data, over what is there", () => {
    const secret = make(secrets, { data: { a: "YQ==", b: "Yg==" }, stringData: { b: "\u00fc\u20ac\u{1f600}", c: "" } });
    const stored = secrets.prepareForCreate(secret);
    expect(stored.data).toEqual({ a: "YQ==", b: "w7zigqzwn5iA", c: "" });
    expect(stored).not.toHaveProperty("stringData");
    expect(secrets.prepareForUpdate(secret, stored).data).toEqual(stored.data);
  });

  const json = "eyJhIjoxfQ==";

  it.each<readonly [string, object, readonly string[]]>([
    ["no type", {}, []],
    ["a type of one's own", { type: "example.com/a" }, []],
    ["TLS without key", { type: "kubernetes.io/tls", data: { "tls.crt": "" } }, ["data[tls.key]: Required value"]],
    ["half of basic auth", { type: "kubernetes.io/basic-auth", data: { username: "" } }, []],
    [
      "nothing of basic auth",
      { type: "kubernetes.io/basic-auth" },
      ["data[username]: Required value", "data[password]: Required value"],
    ],
    ["SSH without key", { type: "kubernetes.io/ssh-auth" }, ["data[ssh-privatekey]: Required value"]],
    ["Docker's settings", { type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": json } }, []],
    [
      "Docker's settings that are none",
      { type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": "YQ==" } },
      ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": must be a JSON object'],
    ],
    [
      "a token of no account",
      { type: "kubernetes.io/service-account-token" },
      ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
    ],
  ])("accepts or refuses %s", (_rule, fields, errors) => {
    expect(texts(secrets.validate(make(secrets, fields)))).toEqual(errors);
  });

  it("is of one type for good", () => {
    const old = make(secrets, {});
    expect(old.type).toBe("Opaque");
    expect(texts(secrets.validateUpdate(make(secrets, { type: "a" }), old))).toEqual([
      'type: Invalid value: "a": field is immutable',
    ]);
    expect(secrets.selectableFields(old)).toEqual({ type: "Opaque" });
  });
});

describe("ControllerRevision", () => {
  it("must have data, and a number from 0 on", () => {
    const revision = make(controllerRevisions, { revision: -1 });
    expect(texts(controllerRevisions.validate(revision))).toEqual([
      "data: Required value: data is mandatory",
      "revision: Invalid value: -1: must be greater than or equal to 0",
    ]);
  });

  it("keeps its data and may change its number", () => {
    const old = make(controllerRevisions, { data: { a: 1 }, revision: 1 });
    expect(texts(controllerRevisions.validateUpdate({ ...old, revision: 2 }, old))).toEqual([]);
    expect(texts(controllerRevisions.validateUpdate({ ...old, data: { a: 2 } }, old))).toEqual([
      'data: Invalid value: {"a":2}: field is immutable',
    ]);
  });
});

describe("PriorityClass", () => {
  it.each<readonly [string, object, readonly string[]]>([
    ["the highest value", { value: 1_000_000_000 }, []],
    [
      "a value above",
      { value: 1_000_000_001 },
      ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
    ],
    [
      "a name of the system's",
      { metadata: { name: "system-mine" } },
      [
        "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
      ],
    ],
    [
      "another value for the system's",
      { metadata: { name: "system-node-critical" }, value: 5 },
      [
        "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: value of system-node-critical PriorityClass must be 2000001000",
      ],
    ],
  ])("accepts or refuses %s", (_rule, json, errors) => {
    expect(texts(priorityClasses.validate(make(priorityClasses, json)))).toEqual(errors);
  });

  it("of the system is acceptable as it is", () => {
    for (const known of systemPriorityClasses) expect(texts(priorityClasses.validate(known))).toEqual([]);
  });

  it("keeps its value", () => {
    const [old, next] = [
      make(priorityClasses, { value: 1 }),
      make(priorityClasses, { value: 2, preemptionPolicy: "Never" }),
    ];
    expect(texts(priorityClasses.validateUpdate(next, old))).toEqual([
      "value: Forbidden: may not be changed in an update.",
      'preemptionPolicy: Invalid value: "Never": field is immutable',
    ]);
  });
});

describe("Event", () => {
  const modern = {
    eventTime: "2026-01-01T00:00:00.123456Z",
    involvedObject: { kind: "Node", name: "n" },
    reportingComponent: "lares.dev/agent",
    reportingInstance: "n",
    action: "Start",
    reason: "Started",
  };

  it.each<readonly [string, object, readonly string[]]>([
    ["about something in its namespace", { involvedObject: { namespace: "default" } }, []],
    [
      "about something elsewhere",
      { involvedObject: { namespace: "other" } },
      ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
    ],
    ["about the cluster", { involvedObject: { kind: "Node" } }, []],
    ["with a time of its own", modern, []],
    ["with a reason of 128 letters", { ...modern, reason: "r".repeat(128) }, []],
    [
      "with a reason of 129 letters",
      { ...modern, reason: "r".repeat(129) },
      ['reason: Invalid value: "": can have at most 128 characters'],
    ],
    [
      "with a message of more than a kibibyte",
      { ...modern, message: "m".repeat(1025) },
      ['message: Invalid value: "": can have at most 1024 characters'],
    ],
    ["without an action", { ...modern, action: "" }, ["action: Required value"]],
    [
      "of nobody",
      { ...modern, reportingComponent: "" },
      [
        "reportingComponent: Required value",
        'reportingComponent: Invalid value: "": name part must be non-empty',
        `reportingComponent: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
      ],
    ],
  ])("%s", (_rule, json, errors) => {
    expect(texts(events.validate(make(events, json)))).toEqual(errors);
  });

  it("can be asked for by what it is about", () => {
    const event = make(events, {
      involvedObject: { kind: "Pod", name: "p" },
      source: { component: "k" },
      type: "Normal",
    });
    expect(events.selectableFields(event)).toMatchObject({
      "involvedObject.kind": "Pod",
      "involvedObject.name": "p",
      "involvedObject.uid": "",
      source: "k",
      type: "Normal",
    });
  });
});

describe("JoinToken", () => {
  it("is good for one machine and an hour, unless it says otherwise", () => {
    expect(make(joinTokens, {}).spec).toEqual({ expirationSeconds: 3600, maxUses: 1 });
  });

  it("does not let its maker say what the token is", () => {
    const made = joinTokens.prepareForCreate(make(joinTokens, { status: { token: "mine", uses: 9 } }));
    expect(made.status).toEqual({ uses: 0 });
  });

  it.each<readonly [string, object, readonly string[]]>([
    ["a week", { expirationSeconds: 604_800 }, []],
    [
      "a second more",
      { expirationSeconds: 604_801 },
      ["spec.expirationSeconds: Invalid value: 604801: must be between 1 and 604800, inclusive"],
    ],
    [
      "no time at all",
      { expirationSeconds: 0 },
      ["spec.expirationSeconds: Invalid value: 0: must be between 1 and 604800, inclusive"],
    ],
    ["any number of uses", { maxUses: 0 }, []],
    ["fewer than none", { maxUses: -1 }, ["spec.maxUses: Invalid value: -1: must be greater than or equal to 0"]],
    ["names and beginnings of names", { nodeNames: ["*", "a", "edge-*", "a.b.*"] }, []],
    ["taints and labels", { labels: { a: "b" }, taints: [{ key: "a", effect: "NoSchedule" }] }, []],
  ])("accepts or refuses %s", (_rule, spec, errors) => {
    expect(texts(joinTokens.validate(make(joinTokens, { spec })))).toEqual(errors);
  });

  it("refuses a pattern with a star inside", () => {
    const errors = texts(joinTokens.validate(make(joinTokens, { spec: { nodeNames: ["a*b"] } })));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/^spec\.nodeNames\[0\]: Invalid value: "a\*b": a lowercase RFC 1123 subdomain/);
  });

  it.each([
    [undefined, "anything", true],
    [["edge-1"], "edge-1", true],
    [["edge-1"], "edge-10", false],
    [["edge-*"], "edge-10", true],
    [["edge-*"], "core-1", false],
    [["*"], "x", true],
  ])("with the names %j lets %s join: %s", (nodeNames, nodeName, may) => {
    const { spec } = make(joinTokens, { spec: nodeNames === undefined ? {} : { nodeNames } });
    expect(mayJoinAs(spec, nodeName)).toBe(may);
  });
});
