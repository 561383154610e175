// What of a pod may change once it exists: next to nothing.
// Source: pkg/apis/core/validation ValidatePodUpdate.
import type { Container } from "../container.ts";
import { semanticEqual } from "../equality.ts";
import { forbidden, invalid, required } from "../field-error.ts";
import type { PodSchedulingGate, PodSpec } from "../pod-spec.ts";
import type { Toleration } from "../taint.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors } from "./each.ts";
import { rangeText } from "./names.ts";
import { validateNodeAffinityMutation, validateNodeSelectorMutation } from "./pod-gated-update.ts";
import { validateTolerations } from "./scheduling.ts";

const int32Max = 2_147_483_647;
const updatableFields = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
].join(",");

export function validatePodSpecUpdate(spec: PodSpec, old: PodSpec): Errors {
  const containers = validateImages(spec.containers, old.containers, "spec.containers");
  if (spec.containers.length !== old.containers.length) return containers;
  const initContainers = validateImages(spec.initContainers, old.initContainers, "spec.initContainers");
  if ((spec.initContainers ?? []).length !== (old.initContainers ?? []).length) {
    return [...containers, ...initContainers];
  }
  return [
    ...containers,
    ...initContainers,
    ...validateDeadlineUpdate(spec.activeDeadlineSeconds, old.activeDeadlineSeconds),
    ...validateOnlyAdded(spec.tolerations ?? [], old.tolerations ?? [], "spec.tolerations"),
    ...validateOnlyDeleted(spec.schedulingGates, old.schedulingGates, "spec.schedulingGates"),
    ...validateGatedUpdate(spec, old),
    ...(semanticEqual(withUpdatableFields(spec, old), old)
      ? noErrors
      : [forbidden("spec", `pod updates may not change fields other than ${updatableFields}`)]),
  ];
}

function validateImages(containers: readonly Container[] = [], old: readonly Container[] = [], path: string): Errors {
  if (containers.length !== old.length) return [forbidden(path, "pod updates may not add or remove containers")];
  return eachOf(containers, path, ({ image }, containerPath) =>
    image === undefined ? [required(`${containerPath}.image`)] : noErrors,
  );
}

function validateDeadlineUpdate(seconds: number | undefined, old: number | undefined): Errors {
  const path = "spec.activeDeadlineSeconds";
  if (seconds === undefined) {
    return old === undefined ? noErrors : [invalid(path, null, "must not update from a positive integer to nil value")];
  }
  if (seconds < 0 || seconds > int32Max) return [invalid(path, seconds, rangeText(0, int32Max))];
  if (old === undefined || seconds <= old) return noErrors;
  return [invalid(path, seconds, "must be less than or equal to previous value")];
}

function validateOnlyAdded(tolerations: readonly Toleration[], old: readonly Toleration[], path: string): Errors {
  const kept = old.every((toleration) =>
    tolerations.some((candidate) =>
      semanticEqual({ ...toleration, tolerationSeconds: candidate.tolerationSeconds }, candidate),
    ),
  );
  if (kept) return validateTolerations(tolerations, path);
  return [forbidden(path, "existing toleration can not be modified except its tolerationSeconds")];
}

function validateOnlyDeleted(
  gates: readonly PodSchedulingGate[] | undefined,
  old: readonly PodSchedulingGate[] = [],
  path: string,
): Errors {
  return eachOf(gates, path, ({ name }, gatePath) =>
    old.some((gate) => gate.name === name)
      ? noErrors
      : [forbidden(`${gatePath}.name`, `only deletion is allowed, but found new scheduling gate '${name}'`)],
  );
}

/** While a pod is held back by gates, it may be told more narrowly where to run. */
function validateGatedUpdate(spec: PodSpec, old: PodSpec): Errors {
  if (old.schedulingGates === undefined) return noErrors;
  return [
    ...validateNodeSelectorMutation(spec.nodeSelector, old.nodeSelector, "spec.nodeSelector"),
    ...validateNodeAffinityMutation(
      spec.affinity?.nodeAffinity,
      old.affinity?.nodeAffinity,
      "spec.affinity.nodeAffinity",
    ),
  ];
}

/** The new spec with the old values where changes are allowed: what still differs may not. */
function withUpdatableFields(spec: PodSpec, old: PodSpec): PodSpec {
  const raisedGrace = old.terminationGracePeriodSeconds < 0 && spec.terminationGracePeriodSeconds === 1;
  return {
    ...(old.schedulingGates === undefined ? spec : withOldPlacement(spec, old)),
    containers: withOldImages(spec.containers, old.containers),
    initContainers: withOldImages(spec.initContainers ?? [], old.initContainers ?? []),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    schedulingGates: old.schedulingGates,
    tolerations: old.tolerations,
    terminationGracePeriodSeconds: raisedGrace ? old.terminationGracePeriodSeconds : spec.terminationGracePeriodSeconds,
  };
}

function withOldPlacement(spec: PodSpec, old: PodSpec): PodSpec {
  const affinity = { ...spec.affinity, nodeAffinity: old.affinity?.nodeAffinity };
  const none = Object.values(affinity).every((part) => part === undefined);
  return { ...spec, nodeSelector: old.nodeSelector, affinity: none ? old.affinity : affinity };
}

function withOldImages(containers: readonly Container[], old: readonly Container[]): Container[] {
  return containers.map((container, index) => ({ ...container, image: old[index]?.image }));
}
