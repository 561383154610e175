// Pods: containers that run together on one node.
// Source: core/v1 Pod; pkg/registry/core/pod/strategy.go; pkg/apis/core/validation.
import type * as z from "zod";
import { forbidden } from "./field-error.ts";
import { core, embedded, struct } from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { podColumns, podRowConditions } from "./pod-printing.ts";
import { PodSpec } from "./pod-spec.ts";
import { PodStatus } from "./pod-status.ts";
import { podWarnings } from "./pod-warnings.ts";
import { qosClass } from "./qos.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { validateImageOfPod } from "./validation/containers.ts";
import type { Errors } from "./validation/each.ts";
import { eachOf, noErrors } from "./validation/each.ts";
import { validateMetadata, validateMetadataStatusUpdate, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";
import { validatePodAnnotations, validateProfileAnnotations } from "./validation/pod-annotations.ts";
import { validatePodSpec } from "./validation/pod-spec.ts";
import { validatePodStatus } from "./validation/pod-status.ts";
import { validatePodSpecUpdate } from "./validation/pod-update.ts";

export const Pod = struct(
  core("Pod"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(PodSpec),
    status: embedded(PodStatus),
  },
  {
    about: "Containers that run together on one node.",
    metadata: "Standard object metadata.",
    spec: "What the pod runs and how.",
    status: "What was last observed of the pod.",
  },
);
export type Pod = z.output<typeof Pod>;

export const pods: Resource<Pod> = defineResource<Pod>({
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  support: actedOn(
    "a pod for which there is no room is Pending and says why; one that was put on a node by name is rejected, as by a kubelet. `log`, `exec`, `attach` and `portforward` go through its node's agent",
  ),
  shortNames: ["po"],
  categories: ["all"],
  statusSubresource: true,
  schema: Pod,
  validateName: nameRule(dns1123Subdomain),
  prepareForCreate: (pod) => ({ ...pod, status: newStatus(pod.spec) }),
  prepareForUpdate: (pod, old) => ({ ...pod, status: old.status }),
  prepareForStatusUpdate: (pod, old) => ({
    ...pod,
    metadata: {
      ...pod.metadata,
      deletionTimestamp: old.metadata.deletionTimestamp,
      ownerReferences: old.metadata.ownerReferences,
    },
    spec: old.spec,
    status: { ...pod.status, qosClass: pod.status.qosClass ?? old.status.qosClass },
  }),
  // Programs change pods, and often: nobody reads what they are told.
  warnings: (pod, old) => (old === null ? podWarnings(pod, "") : []),
  validate: ({ metadata, spec }) => [
    ...validateMetadata(metadata, { namespaced: true, name: dns1123Subdomain }),
    ...validatePodAnnotations(metadata.annotations, spec, "metadata.annotations"),
    ...validatePodSpec(spec, "spec", { isPod: true, podName: metadata.name }),
    ...validateTokens(spec),
    ...eachOf(spec.containers, "spec.containers", validateImageOfPod),
    ...eachOf(spec.initContainers, "spec.initContainers", validateImageOfPod),
  ],
  validateCreate: ({ metadata, spec }) => [
    ...(spec.ephemeralContainers === undefined
      ? []
      : [forbidden("spec.ephemeralContainers", "cannot be set on create")]),
    ...(spec.nodeName === undefined || spec.schedulingGates === undefined
      ? []
      : [forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")]),
    ...validateProfileAnnotations(metadata.annotations, spec, "spec"),
  ],
  validateUpdate: (pod, old) => [
    ...validateMetadataUpdate(pod.metadata, old.metadata),
    ...validateFixedAnnotations(pod, old),
    ...validatePodSpecUpdate(pod.spec, old.spec),
  ],
  validateStatusUpdate: (pod, old) => [
    ...validateMetadataStatusUpdate(pod.metadata, old.metadata),
    ...validateFixedAnnotations(pod, old),
    ...validatePodStatus(pod.status, old.status, old.spec),
  ],
  selectableFields: ({ spec, status }) => ({
    "spec.nodeName": spec.nodeName ?? "",
    "spec.restartPolicy": spec.restartPolicy,
    "spec.schedulerName": spec.schedulerName,
    "spec.serviceAccountName": spec.serviceAccountName ?? "",
    "spec.hostNetwork": String(spec.hostNetwork ?? false),
    "status.phase": status.phase ?? "",
    "status.podIP": status.podIPs?.[0]?.ip ?? status.podIP ?? "",
    "status.podIPs": (status.podIPs ?? []).map(({ ip }) => ip).join(","),
    "status.nominatedNodeName": status.nominatedNodeName ?? "",
  }),
  columns: podColumns,
  rowConditions: podRowConditions,
});

function newStatus(spec: PodSpec): PodStatus {
  const status = { phase: "Pending", qosClass: qosClass(spec) };
  if (spec.schedulingGates === undefined) return status;
  const gated = {
    type: "PodScheduled",
    status: "False",
    lastProbeTime: null,
    lastTransitionTime: null,
    reason: "SchedulingGated",
    message: "Scheduling is blocked due to non-empty scheduling gates",
  };
  return { ...status, conditions: [gated] };
}

/** A token is an account's. */
function validateTokens({ serviceAccountName, volumes }: PodSpec): Errors {
  if (serviceAccountName !== undefined) return noErrors;
  return eachOf(volumes, "spec.volumes", ({ projected }, path) =>
    eachOf(projected?.sources ?? [], `${path}.projected.sources`, ({ serviceAccountToken }, sourcePath) =>
      serviceAccountToken === undefined
        ? noErrors
        : [forbidden(`${sourcePath}.serviceAccountToken`, "must not be specified when serviceAccountName is not set")],
    ),
  );
}

const mirror = "kubernetes.io/config.mirror";
const appArmor = "container.apparmor.security.beta.kubernetes.io/";

/** Annotations that may be neither added nor changed nor taken away once the pod exists. */
function validateFixedAnnotations({ metadata }: Pod, { metadata: oldMetadata }: Pod): Errors {
  const annotations = metadata.annotations ?? {};
  const old = oldMetadata.annotations ?? {};
  const refuse = (keys: readonly string[], verb: string) =>
    keys.flatMap((key) => {
      const what = key === mirror ? "mirror pod annotation" : key.startsWith(appArmor) ? "AppArmor annotations" : null;
      return what === null ? [] : [forbidden(`metadata.annotations[${key}]`, `may not ${verb} ${what}`)];
    });
  return [
    ...refuse(
      Object.keys(old).filter((key) => annotations[key] !== old[key]),
      "remove or update",
    ),
    ...refuse(
      Object.keys(annotations).filter((key) => !Object.hasOwn(old, key)),
      "add",
    ),
  ];
}
