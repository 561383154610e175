// Which DaemonSets are acceptable, in the order in which upstream looks.
// Source: pkg/apis/apps/validation ValidateDaemonSet, ValidateDaemonSetStatusUpdate.
import type { DaemonSet, DaemonSetSpec, DaemonSetStatus, RollingUpdateDaemonSet } from "../daemonset.ts";
import { forbidden, invalid, notSupported, required } from "../field-error.ts";
import { labelSelectorMatches } from "../labels.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";
import { leadingNumber, validateAtMost100Percent, validateCount } from "./int-or-percent.ts";
import { validateLabelSelector, validateMetadata, validateNotNegative } from "./metadata.ts";
import { dns1123Subdomain } from "./names.ts";
import { validatePodTemplate } from "./pod-spec.ts";

export function validateDaemonSet({ metadata, spec }: DaemonSet): Errors {
  return [...validateMetadata(metadata, { namespaced: true, name: dns1123Subdomain }), ...validateSpec(spec, "spec")];
}

function validateSpec(spec: DaemonSetSpec, path: string): Errors {
  const { restartPolicy, activeDeadlineSeconds } = spec.template.spec;
  return [
    ...validateSelector(spec, path),
    ...validatePodTemplate(spec.template, `${path}.template`),
    ...(restartPolicy === "Always"
      ? []
      : [notSupported(`${path}.template.spec.restartPolicy`, restartPolicy, ["Always"])]),
    ...(activeDeadlineSeconds === undefined
      ? []
      : [
          forbidden(
            `${path}.template.spec.activeDeadlineSeconds`,
            "activeDeadlineSeconds in DaemonSet is not Supported",
          ),
        ]),
    ...validateNotNegative(spec.minReadySeconds, `${path}.minReadySeconds`),
    ...validateStrategy(spec.updateStrategy, `${path}.updateStrategy`),
    ...validateNotNegative(spec.revisionHistoryLimit, `${path}.revisionHistoryLimit`),
  ];
}

function validateSelector({ selector, template }: DaemonSetSpec, path: string): Errors {
  const errors = validateLabelSelector(selector, `${path}.selector`);
  const { labels } = template.metadata;
  const isEmpty = selector !== null && selector.matchLabels === undefined && selector.matchExpressions === undefined;
  return [
    ...errors,
    // Of a selector that cannot be read nothing more is said.
    ...(errors.length > 0 || labelSelectorMatches(selector, labels)
      ? []
      : [invalid(`${path}.template.metadata.labels`, labels, "`selector` does not match template `labels`")]),
    ...(isEmpty ? [invalid(`${path}.selector`, selector, "empty selector is invalid for daemonset")] : []),
  ];
}

function validateStrategy(strategy: DaemonSetSpec["updateStrategy"], path: string): Errors {
  switch (strategy.type) {
    case "OnDelete":
      return noErrors;
    case "RollingUpdate":
      if (strategy.rollingUpdate === undefined) return [required(`${path}.rollingUpdate`)];
      return validateRollingUpdate(strategy.rollingUpdate, `${path}.rollingUpdate`);
    default:
      return [notSupported(path, strategy, ["RollingUpdate", "OnDelete"])];
  }
}

function validateRollingUpdate({ maxUnavailable = 0, maxSurge = 0 }: RollingUpdateDaemonSet, path: string): Errors {
  const unavailable = `${path}.maxUnavailable`;
  const surge = `${path}.maxSurge`;
  const hasUnavailable = leadingNumber(maxUnavailable) !== 0;
  const hasSurge = leadingNumber(maxSurge) !== 0;
  return [
    ...validateCount(maxUnavailable, unavailable),
    ...validateCount(maxSurge, surge),
    ...validateAtMost100Percent(maxUnavailable, unavailable),
    ...validateAtMost100Percent(maxSurge, surge),
    ...(hasUnavailable && hasSurge ? [invalid(surge, maxSurge, "may not be set when maxUnavailable is non-zero")] : []),
    ...(hasUnavailable || hasSurge ? [] : [required(unavailable, "cannot be 0 when maxSurge is 0")]),
  ];
}

const counters = [
  "currentNumberScheduled",
  "numberMisscheduled",
  "desiredNumberScheduled",
  "numberReady",
  "observedGeneration",
  "updatedNumberScheduled",
  "numberAvailable",
  "numberUnavailable",
  "collisionCount",
] as const;

export function validateDaemonSetStatus(status: DaemonSetStatus, old: DaemonSetStatus): Errors {
  const decremented = old.collisionCount !== undefined && (status.collisionCount ?? -1) < old.collisionCount;
  return [
    ...counters.flatMap((counter) => validateNotNegative(status[counter], `status.${counter}`)),
    ...(decremented ? [invalid("status.collisionCount", status.collisionCount ?? 0, "cannot be decremented")] : []),
  ];
}
