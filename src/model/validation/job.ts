// The rules of Jobs and CronJobs.
// Source: pkg/apis/batch/validation.
import type { CronJob } from "../cron-job.ts";
import { invalid, invalidForEach, notSupported, required } from "../field-error.ts";
import type { Job, JobSpec } from "../job.ts";
import { labelSelectorMatches } from "../labels.ts";
import { scheduleProblem } from "./cron-schedule.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";
import {
  validateImmutable,
  validateLabelSelector,
  validateMetadata,
  validateMetadataUpdate,
  validateNotNegative,
} from "./metadata.ts";
import { dns1123Subdomain } from "./names.ts";
import { validatePodTemplate } from "./pod-spec.ts";

const longestCronJobName = 52;
const concurrencyPolicies = ["Allow", "Forbid", "Replace"];
const completionModes = ["Indexed", "NonIndexed"];
const replacementPolicies = ["Failed", "TerminatingOrFailed"];
const counts = [
  "parallelism",
  "completions",
  "activeDeadlineSeconds",
  "backoffLimit",
  "ttlSecondsAfterFinished",
  "backoffLimitPerIndex",
  "maxFailedIndexes",
] as const;

export function validateJob({ metadata, spec }: Job): Errors {
  return [
    ...validateMetadata(metadata, { namespaced: true, name: dns1123Subdomain }),
    ...validateJobSpec(spec, "spec"),
    ...(spec.selector === undefined
      ? [required("spec.selector")]
      : validateLabelSelector(spec.selector, "spec.selector")),
    ...(labelSelectorMatches(spec.selector, spec.template.metadata.labels)
      ? noErrors
      : [
          invalid(
            "spec.template.metadata.labels",
            spec.template.metadata.labels,
            "`selector` does not match template `labels`",
          ),
        ]),
  ];
}

function validateJobSpec(spec: JobSpec, path: string): Errors {
  const { completionMode: mode, podReplacementPolicy: replacement, template } = spec;
  return [
    ...counts.flatMap((field) => validateNotNegative(spec[field], `${path}.${field}`)),
    ...(mode === undefined || completionModes.includes(mode)
      ? noErrors
      : [notSupported(`${path}.completionMode`, mode, completionModes)]),
    ...(mode === "Indexed" && spec.completions === undefined
      ? [required(`${path}.completions`, "when completion mode is Indexed")]
      : noErrors),
    ...validateOfIndexed(spec, path),
    ...(replacement === undefined || replacementPolicies.includes(replacement)
      ? noErrors
      : [notSupported(`${path}.podReplacementPolicy`, replacement, replacementPolicies)]),
    ...validatePodTemplate(template, `${path}.template`),
    ...(template.spec.restartPolicy === "OnFailure" || template.spec.restartPolicy === "Never"
      ? noErrors
      : [required(`${path}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"')]),
    ...(spec.podFailurePolicy !== undefined && template.spec.restartPolicy !== "Never"
      ? [
          invalid(
            `${path}.template.spec.restartPolicy`,
            template.spec.restartPolicy,
            'only "Never" is supported when podFailurePolicy is specified',
          ),
        ]
      : noErrors),
  ];
}

function validateOfIndexed(spec: JobSpec, path: string): Errors {
  if (spec.completionMode === "Indexed") return noErrors;
  const onlyIndexed = "requires indexed completion mode";
  return [
    ...(spec.backoffLimitPerIndex === undefined
      ? noErrors
      : [invalid(`${path}.backoffLimitPerIndex`, spec.backoffLimitPerIndex, onlyIndexed)]),
    ...(spec.maxFailedIndexes === undefined
      ? noErrors
      : [invalid(`${path}.maxFailedIndexes`, spec.maxFailedIndexes, onlyIndexed)]),
    ...(spec.successPolicy === undefined
      ? noErrors
      : [invalid(`${path}.successPolicy`, spec.successPolicy, onlyIndexed)]),
  ];
}

const fixed = [
  "completions",
  "selector",
  "template",
  "completionMode",
  "podFailurePolicy",
  "successPolicy",
  "backoffLimitPerIndex",
  "managedBy",
] as const;

/** Of a suspended Job that has not begun the template may still change; of an indexed one the completions. */
export function validateJobUpdate({ metadata, spec }: Job, old: Job): Errors {
  const isElastic = spec.completionMode === "Indexed" && spec.completions === spec.parallelism;
  const isUnbegun = old.spec.suspend === true && old.status.startTime === undefined;
  const checked = fixed.filter(
    (field) => !(field === "completions" && isElastic) && !(field === "template" && isUnbegun),
  );
  return [
    ...validateMetadataUpdate(metadata, old.metadata),
    ...checked.flatMap((field) => validateImmutable(spec[field], old.spec[field], `spec.${field}`)),
  ];
}

export function validateCronJob({ metadata, spec }: CronJob): Errors {
  const { name = "" } = metadata;
  const { schedule, timeZone, jobTemplate, concurrencyPolicy } = spec;
  return [
    ...validateMetadata(metadata, { namespaced: true, name: dns1123Subdomain }),
    ...(schedule === "" ? [required("spec.schedule")] : validateSchedule(schedule, timeZone)),
    ...validateNotNegative(spec.startingDeadlineSeconds, "spec.startingDeadlineSeconds"),
    ...(concurrencyPolicies.includes(concurrencyPolicy)
      ? noErrors
      : [notSupported("spec.concurrencyPolicy", concurrencyPolicy, concurrencyPolicies)]),
    ...validateTimeZone(timeZone),
    ...validateNotNegative(spec.successfulJobsHistoryLimit, "spec.successfulJobsHistoryLimit"),
    ...validateNotNegative(spec.failedJobsHistoryLimit, "spec.failedJobsHistoryLimit"),
    ...(jobTemplate.spec.manualSelector === true
      ? [notSupported("spec.jobTemplate.spec.manualSelector", true, ["nil", "false"])]
      : noErrors),
    ...validateJobSpec(jobTemplate.spec, "spec.jobTemplate.spec"),
    ...(name.length > longestCronJobName
      ? invalidForEach("metadata.name", name, [`must be no more than ${longestCronJobName} characters`])
      : noErrors),
  ];
}

function validateSchedule(schedule: string, timeZone: string | undefined): Errors {
  const problem = scheduleProblem(schedule);
  const hasZone = schedule.includes("TZ");
  const both = "cannot use both timeZone field and TZ or CRON_TZ in schedule";
  return [
    ...(problem === null ? noErrors : [invalid("spec.schedule", schedule, problem)]),
    ...(hasZone
      ? [
          invalid(
            "spec.schedule",
            schedule,
            timeZone === undefined ? "cannot use TZ or CRON_TZ in schedule, use timeZone field instead" : both,
          ),
        ]
      : noErrors),
  ];
}

function validateTimeZone(timeZone: string | undefined): Errors {
  if (timeZone === undefined) return noErrors;
  const path = "spec.timeZone";
  if (timeZone === "") return [invalid(path, timeZone, "timeZone must be nil or non-empty string")];
  if (timeZone.toLowerCase() === "local")
    return [
      invalid(path, timeZone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"),
    ];
  return isTimeZone(timeZone) ? noErrors : [invalid(path, timeZone, `unknown time zone ${timeZone}`)];
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export function validateCronJobUpdate({ metadata }: CronJob, old: CronJob): Errors {
  return validateMetadataUpdate(metadata, old.metadata);
}
