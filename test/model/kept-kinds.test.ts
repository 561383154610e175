import { describe, expect, it } from "vitest";

import { limitRanges } from "../../src/model/limit-range.ts";
import type { KubeObject } from "../../src/model/meta.ts";
import { networkPolicies } from "../../src/model/network-policy.ts";
import { persistentVolumes } from "../../src/model/persistent-volume.ts";
import { persistentVolumeClaims } from "../../src/model/persistent-volume-claim.ts";
import { podDisruptionBudgets } from "../../src/model/pod-disruption-budget.ts";
import type { Resource } from "../../src/model/resource.ts";
import { resourceQuotas } from "../../src/model/resource-quota.ts";
import { resources } from "../../src/model/resources.ts";
import { decoded, texts } from "./objects.ts";

const nowMs = Date.UTC(2026, 0, 2);

function make<T extends KubeObject>(resource: Resource<T>, json: object): T {
  const creationTimestamp = "2026-01-01T00:00:00Z";
  const metadata = { name: "a", creationTimestamp, ...(resource.namespaced ? { namespace: "default" } : {}) };
  return decoded(resource, { metadata, ...json });
}

function kind(plural: string): Resource {
  const resource = resources.find((candidate) => candidate.plural === plural);
  if (resource === undefined) throw new Error(`no ${plural}`);
  return resource;
}

function row(plural: string, json: object): readonly unknown[] {
  const resource = kind(plural);
  const object = make(resource, json);
  return resource.columns.map(({ cell }) => cell(object, nowMs)).slice(1);
}

function errorsOf(plural: string, json: object): readonly string[] {
  const resource = kind(plural);
  return texts(resource.validate(make(resource, json)));
}

const storage = { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"] };
const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

describe("what is refused", () => {
  it.each<readonly [string, string, object, readonly string[]]>([
    ["a budget of one count", "poddisruptionbudgets", { spec: { maxUnavailable: 1 } }, []],
    [
      "a budget of two counts",
      "poddisruptionbudgets",
      { spec: { minAvailable: 1, maxUnavailable: "10%" } },
      [
        'spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":"10%","UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
      ],
    ],
    [
      "a budget of more than all",
      "poddisruptionbudgets",
      { spec: { minAvailable: "101%", unhealthyPodEvictionPolicy: "Never" } },
      [
        'spec.minAvailable: Invalid value: "101%": must not be greater than 100%',
        'spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"',
      ],
    ],
    [
      "a budget of less than none",
      "poddisruptionbudgets",
      { spec: { minAvailable: -1 } },
      ["spec.minAvailable: Invalid value: -1: must be greater than or equal to 0"],
    ],
    ["a quota", "resourcequotas", { spec: { hard: { pods: "4", "requests.cpu": "1", "count/x.y": "2" } } }, []],
    [
      "a quota of two scopes that exclude each other",
      "resourcequotas",
      { spec: { scopes: ["BestEffort", "NotBestEffort", "Blue"] } },
      [
        'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Blue"]: unsupported scope',
        'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Blue"]: conflicting scopes',
      ],
    ],
    [
      "half a pod",
      "resourcequotas",
      { spec: { hard: { pods: "500m" } } },
      ['spec.hard[pods]: Invalid value: "500m": must be an integer'],
    ],
    [
      "limits that contradict each other",
      "limitranges",
      { spec: { limits: [{ type: "Container", max: { cpu: "1" }, min: { cpu: "2" }, default: { cpu: "1" } }] } },
      [
        'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
        'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
        'spec.limits[0].default[cpu]: Invalid value: "1": min value 2 is greater than default value 1',
      ],
    ],
    [
      "defaults for pods",
      "limitranges",
      { spec: { limits: [{ type: "Pod", default: { cpu: "1" } }, { type: "Pod" }] } },
      [
        "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
        'spec.limits[1].type: Duplicate value: "Pod"',
      ],
    ],
    [
      "a runtime without a handler's name",
      "runtimeclasses",
      { handler: "Run_C" },
      [
        "handler: Invalid value: \"Run_C\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
    [
      "a storage class of nobody",
      "storageclasses",
      { reclaimPolicy: "Keep", volumeBindingMode: "Later" },
      [
        "provisioner: Required value",
        'reclaimPolicy: Unsupported value: "Keep": supported values: "Delete", "Retain"',
        'volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"',
      ],
    ],
    [
      "a driver with unknown modes",
      "csidrivers",
      { spec: { volumeLifecycleModes: ["Brief"], fsGroupPolicy: "Some", tokenRequests: [{ expirationSeconds: 5 }] } },
      [
        "spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes",
        'spec.volumeLifecycleModes: Unsupported value: "Brief": supported values: "Ephemeral", "Persistent"',
        'spec.fsGroupPolicy: Unsupported value: "Some": supported values: "File", "None", "ReadWriteOnceWithFSType"',
      ],
    ],
    [
      "a claim for nothing",
      "persistentvolumeclaims",
      {},
      [
        "spec.accessModes: Required value: at least 1 access mode is required",
        "spec.resources[storage]: Required value",
      ],
    ],
    [
      "a volume of nothing",
      "persistentvolumes",
      {},
      [
        "spec.accessModes: Required value",
        "spec.capacity: Required value",
        'spec.capacity: Unsupported value: null: supported values: "storage"',
        "spec: Required value: must specify a volume type",
      ],
    ],
    [
      "a volume of everything that is unknown",
      "persistentvolumes",
      {
        spec: {
          capacity: { cpu: "-1" },
          accessModes: ["Some", "ReadWriteOnce", "ReadWriteOncePod"],
          persistentVolumeReclaimPolicy: "Keep",
          volumeMode: "Tape",
          storageClassName: "_",
          hostPath: { path: "/a" },
        },
      },
      [
        'spec.accessModes: Unsupported value: "Some": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
        "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
        'spec.capacity: Unsupported value: {"cpu":"-1"}: supported values: "storage"',
        "spec.capacity[cpu]: Invalid value: -1: must be a valid resource quantity",
        'spec.capacity[cpu]: Invalid value: "-1": must be greater than zero',
        'spec.persistentVolumeReclaimPolicy: Unsupported value: "Keep": supported values: "Delete", "Recycle", "Retain"',
        `spec.storageClassName: Invalid value: "_": ${subdomain}`,
        'spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"',
      ],
    ],
    [
      "a volume of two sorts",
      "persistentvolumes",
      { spec: { ...storage, nfs: {}, cephfs: { monitors: ["a"] }, csi: {}, gcePersistentDisk: {} } },
      [
        "spec.persistentDisk.pdName: Required value",
        "spec.nfs: Forbidden: may not specify more than 1 volume type",
        "spec.cephFS: Forbidden: may not specify more than 1 volume type",
        "spec.csi: Forbidden: may not specify more than 1 volume type",
      ],
    ],
    [
      "a driver's volume of no name and half a Secret",
      "persistentvolumes",
      { spec: { ...storage, csi: { driver: "d.e", nodePublishSecretRef: { name: "s" }, nodeExpandSecretRef: {} } } },
      [
        "spec.csi.volumeHandle: Required value",
        "spec.csi.nodePublishSecretRef.namespace: Required value",
        "spec.csi.nodeExpandSecretRef.name: Required value",
        "spec.csi.nodeExpandSecretRef.namespace: Required value",
      ],
    ],
    [
      "Secrets and Endpoints without a namespace",
      "persistentvolumes",
      { spec: { ...storage, cinder: { volumeID: "v", secretRef: { name: "s" } } } },
      ["spec.cinder.secretRef.namespace: Required value"],
    ],
    [
      "Endpoints of an empty namespace",
      "persistentvolumes",
      { spec: { ...storage, glusterfs: { endpoints: "e", path: "p", endpointsNamespace: "" } } },
      [
        'spec.glusterfs.endpointsNamespace: Invalid value: "": if the endpointnamespace is set, it must be a valid namespace name',
      ],
    ],
    [
      "a disk of a node that is not named",
      "persistentvolumes",
      { spec: { ...storage, local: { path: "/mnt/../disk" } } },
      [
        "spec.local.path: Invalid value: \"/mnt/../disk\": must not contain '..'",
        "spec.nodeAffinity: Required value: Local volume requires node affinity",
      ],
    ],
    [
      "a disk of nodes that are not told",
      "persistentvolumes",
      { spec: { ...storage, local: { path: "/mnt" }, nodeAffinity: {} } },
      ["spec.nodeAffinity.required: Required value: must specify required node constraints"],
    ],
    [
      "a node to be emptied",
      "persistentvolumes",
      { spec: { ...storage, hostPath: { path: "//./" }, persistentVolumeReclaimPolicy: "Recycle" } },
      ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
    ],
    [
      "attributes of what has no driver",
      "persistentvolumes",
      { spec: { ...storage, nfs: { server: "s", path: "/p" }, volumeAttributesClassName: "" } },
      [
        "spec.volumeAttributesClassName: Required value: an empty string is disallowed",
        "spec.csi: Required value: has to be specified when using volumeAttributesClassName",
      ],
    ],
    [
      "an ingress of nothing",
      "ingresses",
      {},
      ["spec: Invalid value: []: either `defaultBackend` or `rules` must be specified"],
    ],
    [
      "an ingress to an address",
      "ingresses",
      { spec: { rules: [{ host: "10.0.0.1", http: { paths: [{ path: "x", pathType: "Exact", backend: {} }] } }] } },
      [
        'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
        'spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path',
        "spec.rules[0].http.paths[0].backend: Required value: resource or service backend is required",
      ],
    ],
    [
      "an ingress to no port",
      "ingresses",
      { spec: { defaultBackend: { service: { name: "web" } } } },
      ["spec.defaultBackend.service: Required value: port name or number is required"],
    ],
    [
      "a policy about nobody",
      "networkpolicies",
      { spec: { ingress: [{ from: [{}], ports: [{ port: "http", endPort: 90 }] }], policyTypes: ["Up"] } },
      [
        "spec.ingress[0].ports[0].endPort: Forbidden: may not be specified when `port` is non-numeric",
        "spec.ingress[0].from[0]: Required value: must specify a peer",
        'spec.policyTypes[0]: Unsupported value: "Up": supported values: "Egress", "Ingress"',
      ],
    ],
  ])("%s", (_what, plural, json, errors) => {
    expect(errorsOf(plural, json)).toEqual(errors);
  });
});

describe("rows", () => {
  it.each<readonly [string, string, object, readonly unknown[]]>([
    [
      "of a budget",
      "poddisruptionbudgets",
      { spec: { minAvailable: "50%" }, status: { disruptionsAllowed: 2 } },
      ["50%", "N/A", 2, "24h"],
    ],
    [
      "of a quota",
      "resourcequotas",
      { status: { hard: { pods: "4", "limits.cpu": "2", cpu: "1" }, used: { pods: "1" } } },
      ["cpu: 0/1, pods: 1/4", "limits.cpu: 0/2", "24h"],
    ],
    ["of a runtime", "runtimeclasses", { handler: "runsc" }, ["runsc", "24h"]],
    ["of a sort of volume", "storageclasses", { provisioner: "x/y" }, ["x/y", "Delete", "Immediate", false, "24h"]],
    ["of a driver", "csidrivers", {}, [true, false, false, "<unset>", false, "Persistent", "24h"]],
    [
      "of a claim that has its volume",
      "persistentvolumeclaims",
      {
        spec: { volumeName: "v", storageClassName: "fast" },
        status: { phase: "Bound", capacity: { storage: "1Gi" }, accessModes: ["ReadWriteMany", "ReadWriteOnce"] },
      },
      ["Bound", "v", "1Gi", "RWO,RWX", "fast", "<unset>", "24h", "Filesystem"],
    ],
    [
      "of a volume that is claimed",
      "persistentvolumes",
      {
        spec: { ...storage, storageClassName: "fast", claimRef: { namespace: "default", name: "data" } },
        status: { phase: "Failed", reason: "Gone" },
      },
      ["1Gi", "RWO", "Retain", "Failed", "default/data", "fast", "<unset>", "Gone", "24h", "Filesystem"],
    ],
    [
      "of a volume of nothing",
      "persistentvolumes",
      {},
      ["0", "", "Retain", "Pending", "", "", "<unset>", "", "24h", "Filesystem"],
    ],
    [
      "of an ingress",
      "ingresses",
      {
        spec: { tls: [{}], rules: ["a.b", "b.b", "c.b", "d.b"].map((host) => ({ host })) },
        status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }, { hostname: "x.y" }] } },
      },
      ["<none>", "a.b,b.b,c.b + 1 more...", "192.0.2.1,x.y", "80, 443", "24h"],
    ],
    ["of a policy", "networkpolicies", {}, ["<none>", "24h"]],
  ])("%s", (_what, plural, json, cells) => {
    expect(row(plural, json)).toEqual(cells);
  });
});

it("containers without limits get those that follow from the bounds", () => {
  const { spec } = make(limitRanges, {
    spec: { limits: [{ type: "Container", max: { cpu: "2" }, min: { memory: "1Mi" } }] },
  });
  expect(spec.limits).toEqual([
    {
      type: "Container",
      max: { cpu: "2" },
      min: { memory: "1Mi" },
      default: { cpu: "2" },
      defaultRequest: { cpu: "2", memory: "1Mi" },
    },
  ]);
});

it("a volume is pending from the start, whatever is said of it", () => {
  const made = make(persistentVolumes, { spec: { ...storage, iscsi: {} }, status: { phase: "Bound", reason: "x" } });
  const { spec, status } = persistentVolumes.prepareForCreate(made);
  expect(status).toEqual({ phase: "Pending", lastPhaseTransitionTime: "2026-01-01T00:00:00Z" });
  expect(spec).toMatchObject({
    persistentVolumeReclaimPolicy: "Retain",
    volumeMode: "Filesystem",
    iscsi: { iscsiInterface: "default", lun: 0 },
  });
});

it("a policy is about what goes out only if it says what may", () => {
  const types = (spec: object) => make(networkPolicies, { spec }).spec.policyTypes;
  expect(types({})).toEqual(["Ingress"]);
  expect(types({ egress: [{}] })).toEqual(["Ingress", "Egress"]);
  expect(types({ policyTypes: ["Egress"] })).toEqual(["Egress"]);
});

describe("an update", () => {
  const update = <T extends KubeObject>(resource: Resource<T>, before: object, after: object) => {
    const old = make(resource, before);
    return texts(resource.validateUpdate(resource.prepareForUpdate(make(resource, after), old), old));
  };

  it("of a claim may name its volume, and ask for more once it has it", () => {
    const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
    const more = { ...spec, resources: { requests: { storage: "2Gi" } } };
    const bound = { status: { phase: "Bound" } };
    const refused = [
      "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
    ];
    expect(update(persistentVolumeClaims, { spec }, { spec: { ...spec, volumeName: "v" } })).toEqual([]);
    expect(update(persistentVolumeClaims, { spec }, { spec: more })).toEqual(refused);
    expect(update(persistentVolumeClaims, { spec, ...bound }, { spec: more })).toEqual([]);
    expect(update(persistentVolumeClaims, { spec: more, ...bound }, { spec })).toEqual([
      "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity",
    ]);
  });

  it("of a volume keeps what it is made of", () => {
    const csi = { driver: "d.e", volumeHandle: "h" };
    const controllerExpandSecretRef = { name: "s", namespace: "default" };
    const from = (before: object, after: object) =>
      update(persistentVolumes, { spec: { ...storage, csi, ...before } }, { spec: { ...storage, csi, ...after } });
    const isMadeOf = "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation";
    expect(from({}, { claimRef: { name: "c" }, capacity: { storage: "2Gi" } })).toEqual([]);
    expect(from({}, { csi: { ...csi, volumeHandle: "i" } })).toEqual([isMadeOf]);
    expect(from({}, { csi: undefined, nfs: { server: "s", path: "/p" } })).toEqual([isMadeOf]);
    expect(from({}, { csi: { ...csi, controllerExpandSecretRef } })).toEqual([]);
    expect(from({ csi: { ...csi, controllerExpandSecretRef } }, {})).toEqual([isMadeOf]);
    expect(from({}, { volumeMode: "Block" })).toEqual(['volumeMode: Invalid value: "Block": field is immutable']);
    expect(from({ volumeAttributesClassName: "a" }, {})).toEqual([
      "spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden",
    ]);
    const terms = (name: string) => ({
      nodeSelectorTerms: [{ matchExpressions: [{ key: name, operator: "Exists" }] }],
    });
    expect(from({}, { nodeAffinity: { required: terms("a") } })).toEqual([]);
    const moved = from({ nodeAffinity: { required: terms("a") } }, { nodeAffinity: { required: terms("b") } });
    expect(moved.map((text) => text.replace(/\{.*\}/, ""))).toEqual([
      "nodeAffinity: Invalid value: : field is immutable",
    ]);
  });

  it("keeps what must not change", () => {
    const classes = update(kind("storageclasses"), { provisioner: "a" }, { provisioner: "b" });
    expect(classes).toEqual(["provisioner: Forbidden: updates to provisioner are forbidden."]);
    const runtimes = update(kind("runtimeclasses"), { handler: "a" }, { handler: "b" });
    expect(runtimes).toEqual(['handler: Invalid value: "b": field is immutable']);
    const scopes = update(resourceQuotas, { spec: { scopes: ["BestEffort"] } }, { spec: {} });
    expect(scopes).toEqual(["spec.scopes: Invalid value: null: field is immutable"]);
  });

  it("of a spec is counted, and of the rest is not", () => {
    const old = podDisruptionBudgets.prepareForCreate(make(podDisruptionBudgets, { spec: { maxUnavailable: 1 } }));
    const same = make(podDisruptionBudgets, { spec: { maxUnavailable: 1 }, status: { expectedPods: 5 } });
    expect(podDisruptionBudgets.prepareForUpdate(same, old)).toMatchObject({
      metadata: { generation: 1 },
      status: { expectedPods: 0 },
    });
    const other = make(podDisruptionBudgets, { spec: { maxUnavailable: 2 } });
    expect(podDisruptionBudgets.prepareForUpdate(other, old).metadata.generation).toBe(2);
  });
});
