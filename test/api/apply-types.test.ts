// Which fields of the served kinds have one owner and which have many: the OpenAPI documents are what clients read it
// from. Source: the OpenAPI documents of Kubernetes 1.32.
import { describe, expect, it } from "vitest";
import * as z from "zod";

import { openApiDocument } from "../../src/api/openapi.ts";
import { resources } from "../../src/model/resources.ts";

const Field = z.looseObject({
  default: z.unknown().optional(),
  "x-kubernetes-list-type": z.string().optional(),
  "x-kubernetes-list-map-keys": z.array(z.string()).optional(),
  "x-kubernetes-map-type": z.string().optional(),
});
const Schema = Field.extend({ properties: z.record(z.string(), Field).default({}) });
const Document = z.looseObject({ components: z.looseObject({ schemas: z.record(z.string(), Schema) }) });

const paths = ["api/v1", "apis/apps/v1", "apis/rbac.authorization.k8s.io/v1"];
const schemas = Object.assign(
  {},
  ...paths.map(
    (path) => Document.parse(JSON.parse(openApiDocument(resources, path)?.text ?? "null")).components.schemas,
  ),
) as Record<string, z.infer<typeof Schema>>;

/** The schema of a struct, by the end of its name. */
function struct(name: string): z.infer<typeof Schema> {
  const found = Object.entries(schemas).find(([id]) => id.endsWith(`v1.${name}`));
  if (found === undefined) throw new Error(`no struct ${name}`);
  return found[1];
}

function field(path: string): z.infer<typeof Field> {
  const [name = "", property = ""] = path.split(".");
  const found = struct(name).properties[property];
  if (found === undefined) throw new Error(`no field ${path}`);
  return found;
}

describe("lists whose elements are told apart by keys", () => {
  it.each([
    ["ObjectMeta.ownerReferences", ["uid"]],
    ["PodSpec.containers", ["name"]],
    ["PodSpec.initContainers", ["name"]],
    ["PodSpec.ephemeralContainers", ["name"]],
    ["PodSpec.volumes", ["name"]],
    ["PodSpec.imagePullSecrets", ["name"]],
    ["PodSpec.hostAliases", ["ip"]],
    ["PodSpec.schedulingGates", ["name"]],
    ["PodSpec.resourceClaims", ["name"]],
    ["PodSpec.topologySpreadConstraints", ["topologyKey", "whenUnsatisfiable"]],
    ["Container.env", ["name"]],
    ["Container.ports", ["containerPort", "protocol"]],
    ["Container.volumeMounts", ["mountPath"]],
    ["Container.volumeDevices", ["devicePath"]],
    ["ResourceRequirements.claims", ["name"]],
    ["PodStatus.conditions", ["type"]],
    ["PodStatus.podIPs", ["ip"]],
    ["PodStatus.resourceClaimStatuses", ["name"]],
    ["ContainerStatus.volumeMounts", ["mountPath"]],
    ["ContainerStatus.allocatedResourcesStatus", ["name"]],
    ["ResourceStatus.resources", ["resourceID"]],
    ["DaemonSetStatus.conditions", ["type"]],
    ["NodeStatus.conditions", ["type"]],
    ["NodeStatus.addresses", ["type"]],
    ["NamespaceStatus.conditions", ["type"]],
    ["ServiceAccount.secrets", ["name"]],
  ])("%s by %j", (path, keys) => {
    expect(field(path)).toMatchObject({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys });
  });
});

it.each(["ObjectMeta.finalizers", "NodeSpec.podCIDRs"])("%s is a set", (path) => {
  expect(field(path)["x-kubernetes-list-type"]).toBe("set");
});

it.each([
  "ObjectMeta.managedFields",
  "PodSpec.tolerations",
  "PodSpec.readinessGates",
  "Container.args",
  "Container.command",
  "Container.envFrom",
  "Container.resizePolicy",
  "NodeSpec.taints",
  "PodStatus.hostIPs",
  "PodStatus.containerStatuses",
  "NamespaceSpec.finalizers",
  "ProjectedVolumeSource.sources",
  "Role.rules",
  "RoleBinding.subjects",
  "PolicyRule.verbs",
])("%s is applied as a whole", (path) => {
  expect(field(path)["x-kubernetes-list-type"]).toBe("atomic");
});

it("the node selector of pods is a map that is applied as a whole, labels are not", () => {
  expect(field("PodSpec.nodeSelector")["x-kubernetes-map-type"]).toBe("atomic");
  expect(field("PersistentVolumeSpec.claimRef")["x-kubernetes-map-type"]).toBe("granular");
  expect(field("ObjectMeta.labels")["x-kubernetes-map-type"]).toBeUndefined();
});

it.each([
  "OwnerReference",
  "LabelSelector",
  "NodeSelector",
  "NodeSelectorTerm",
  "ObjectReference",
  "LocalObjectReference",
  "TypedLocalObjectReference",
  "ConfigMapKeySelector",
  "SecretKeySelector",
  "ObjectFieldSelector",
  "ResourceFieldSelector",
  "Subject",
  "RoleRef",
])("struct %s is applied as a whole", (name) => {
  expect(struct(name)["x-kubernetes-map-type"]).toBe("atomic");
});

it.each(["Container", "DaemonSetSpec", "DaemonSetUpdateStrategy", "Affinity", "TypedObjectReference"])(
  "struct %s is applied field by field",
  (name) => {
    expect(struct(name)["x-kubernetes-map-type"]).toBeUndefined();
  },
);

it.each([
  ["ContainerPort.protocol", "TCP"],
  ["EnvVar.name", ""],
  ["LocalObjectReference.name", ""],
  ["ContainerPort.name", undefined],
])("%s has the public default %j", (path, value) => {
  expect(field(path).default).toBe(value);
});
