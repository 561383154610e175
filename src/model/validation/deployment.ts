// The rules of Deployments, ReplicaSets, ReplicationControllers and StatefulSets.
// Source: pkg/apis/apps/validation.
import type { Deployment, DeploymentSpec } from "../deployment.ts";
import { semanticEqual } from "../equality.ts";
import { forbidden, invalid, notSupported, required } from "../field-error.ts";
import { labelSelectorMatches } from "../labels.ts";
import type { LabelSelector } from "../meta.ts";
import type { PodTemplateSpec } from "../pod-spec.ts";
import type { ReplicaSet } from "../replica-set.ts";
import type { ReplicationController } from "../replication-controller.ts";
import type { StatefulSet, StatefulSetSpec } from "../stateful-set.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";
import { leadingNumber, validateAtMost100Percent, validateCount } from "./int-or-percent.ts";
import { validateLabelSelector, validateMetadata, validateNotNegative } from "./metadata.ts";
import { dns1123Subdomain } from "./names.ts";
import { validatePodTemplate } from "./pod-spec.ts";

const names = { namespaced: true, name: dns1123Subdomain } as const;

/** `kind` as upstream calls it in its texts. */
function validateSelector(selector: LabelSelector | null, kind: string): Errors {
  if (selector === null) return [required("spec.selector")];
  const isEmpty = selector.matchLabels === undefined && selector.matchExpressions === undefined;
  return [
    ...validateLabelSelector(selector, "spec.selector"),
    ...(isEmpty ? [invalid("spec.selector", selector, `empty selector is invalid for ${kind}`)] : noErrors),
  ];
}

type Templated = { readonly selector: LabelSelector | null; readonly template: PodTemplateSpec };

function validateTemplate({ selector, template }: Templated, kind: string): Errors {
  const { labels } = template.metadata;
  const { restartPolicy, activeDeadlineSeconds } = template.spec;
  const path = "spec.template";
  const isRead = selector !== null && validateLabelSelector(selector, "").length === 0;
  return [
    ...(!isRead || labelSelectorMatches(selector, labels)
      ? noErrors
      : [invalid(`${path}.metadata.labels`, labels, "`selector` does not match template `labels`")]),
    ...validatePodTemplate(template, path),
    ...(restartPolicy === "Always"
      ? noErrors
      : [notSupported(`${path}.spec.restartPolicy`, restartPolicy, ["Always"])]),
    ...(activeDeadlineSeconds === undefined
      ? noErrors
      : [forbidden(`${path}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${kind} is not Supported`)]),
  ];
}

export function validateDeployment({ metadata, spec }: Deployment): Errors {
  const { progressDeadlineSeconds: deadline, minReadySeconds = 0 } = spec;
  return [
    ...validateMetadata(metadata, names),
    ...validateNotNegative(spec.replicas, "spec.replicas"),
    ...validateSelector(spec.selector, "deployment"),
    ...validateTemplate(spec, "ReplicaSet"),
    ...validateStrategy(spec.strategy),
    ...validateNotNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...validateNotNegative(spec.revisionHistoryLimit, "spec.revisionHistoryLimit"),
    ...validateNotNegative(deadline, "spec.progressDeadlineSeconds"),
    ...(deadline <= minReadySeconds
      ? [invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")]
      : noErrors),
  ];
}

function validateStrategy({ type, rollingUpdate }: DeploymentSpec["strategy"]): Errors {
  const path = "spec.strategy";
  switch (type) {
    case "Recreate":
      if (rollingUpdate === undefined) return noErrors;
      return [forbidden(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")];
    case "RollingUpdate": {
      const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {};
      const unavailable = `${path}.rollingUpdate.maxUnavailable`;
      const isStuck = leadingNumber(maxUnavailable) === 0 && leadingNumber(maxSurge) === 0;
      return [
        ...validateCount(maxUnavailable, unavailable),
        ...validateCount(maxSurge, `${path}.rollingUpdate.maxSurge`),
        ...(isStuck ? [invalid(unavailable, maxUnavailable, "may not be 0 when `maxSurge` is 0")] : noErrors),
        ...validateAtMost100Percent(maxUnavailable, unavailable),
      ];
    }
    default:
      return [notSupported(path, { Type: type, RollingUpdate: null }, ["Recreate", "RollingUpdate"])];
  }
}

export function validateReplicationController({ metadata, spec }: ReplicationController): Errors {
  const { selector = {}, template } = spec;
  const isEmpty = Object.keys(selector).length === 0;
  const labels = isEmpty ? null : { matchLabels: selector };
  return [
    ...validateMetadata(metadata, names),
    ...validateNotNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...(isEmpty ? [required("spec.selector")] : noErrors),
    ...validateNotNegative(spec.replicas, "spec.replicas"),
    ...(template === undefined
      ? [required("spec.template")]
      : validateTemplate({ selector: labels, template }, "ReplicationController")),
  ];
}

export function validateReplicaSet({ metadata, spec }: ReplicaSet): Errors {
  return [
    ...validateMetadata(metadata, names),
    ...validateNotNegative(spec.replicas, "spec.replicas"),
    ...validateNotNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...validateSelector(spec.selector, "deployment"),
    ...validateTemplate(spec, "ReplicaSet"),
  ];
}

export function validateStatefulSet({ metadata, spec }: StatefulSet): Errors {
  return [
    ...validateMetadata(metadata, names),
    ...(["OrderedReady", "Parallel"].includes(spec.podManagementPolicy)
      ? noErrors
      : [invalid("spec.podManagementPolicy", spec.podManagementPolicy, "must be 'OrderedReady' or 'Parallel'")]),
    ...validateUpdateStrategy(spec.updateStrategy),
    ...validateRetention(spec),
    ...validateNotNegative(spec.replicas, "spec.replicas"),
    ...validateNotNegative(spec.minReadySeconds, "spec.minReadySeconds"),
    ...validateNotNegative(spec.ordinals?.start, "spec.ordinals.start"),
    ...validateSelector(spec.selector, "statefulset"),
    ...validateTemplate(spec, "StatefulSet"),
  ];
}

function validateUpdateStrategy(strategy: StatefulSetSpec["updateStrategy"]): Errors {
  const path = "spec.updateStrategy";
  const { type, rollingUpdate } = strategy;
  switch (type) {
    case "OnDelete":
      if (rollingUpdate === undefined) return noErrors;
      return [invalid(`${path}.rollingUpdate`, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")];
    case "RollingUpdate":
      return validateNotNegative(rollingUpdate?.partition, `${path}.rollingUpdate.partition`);
    default:
      return [invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'")];
  }
}

function validateRetention({ persistentVolumeClaimRetentionPolicy: policy }: StatefulSetSpec): Errors {
  return (["whenDeleted", "whenScaled"] as const)
    .filter((field) => policy !== undefined && !["Retain", "Delete"].includes(policy[field]))
    .map((field) =>
      notSupported(`spec.persistentVolumeClaimRetentionPolicy.${field}`, policy?.[field], ["Retain", "Delete"]),
    );
}

const changeable = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
] as const;

export function validateStatefulSetUpdate(spec: StatefulSetSpec, old: StatefulSetSpec): Errors {
  const kept = Object.fromEntries(changeable.map((field) => [field, old[field]]));
  if (semanticEqual({ ...spec, ...kept }, old)) return noErrors;
  const others =
    "'replicas', 'ordinals', 'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds'";
  return [forbidden("spec", `updates to statefulset spec for fields other than ${others} are forbidden`)];
}
