// Jobs: pods that are to come to an end. They are kept and not run here; they fail at once and say why.
// Source: batch/v1 Job; pkg/apis/batch/v1/defaults.go; pkg/registry/batch/job/strategy.go; printJob.
import * as z from "zod";

import {
  always,
  boolean,
  embedded,
  int32,
  int64,
  list,
  mandatory,
  mergeable,
  nullWhenAbsent,
  omitempty,
  oneOf,
  pointer,
  string,
  stringSet,
  struct,
  text,
  time,
  timestamp,
} from "./fields.ts";
import { countingGenerations } from "./generation.ts";
import { parseTimeMs } from "./instant.ts";
import { LabelSelector, ObjectMeta, typeMeta } from "./meta.ts";
import { notRunMessage, notRunReason } from "./not-run-here.ts";
import { PodTemplateSpec } from "./pod-spec.ts";
import { warningsOfTemplate } from "./pod-warnings.ts";
import { ageColumn, humanDuration, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { storedOnly } from "./support.ts";
import { containerColumns, selectorColumn } from "./template-columns.ts";
import { validateJob, validateJobUpdate } from "./validation/job.ts";
import { validateMetadataStatusUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

export const batch = (name: string): string => `io.k8s.api.batch.v1.${name}`;

const OnExitCodes = struct(
  batch("PodFailurePolicyOnExitCodesRequirement"),
  {
    containerName: nullWhenAbsent(string),
    operator: always(oneOf("In", "NotIn"), ""),
    values: mandatory(nullWhenAbsent(mergeable(z.array(int32), {}))).meta({ "x-kubernetes-list-type": "set" }),
  },
  {
    about: "A condition on how a container ended.",
    containerName: "Which container; absent for any.",
    operator: "In or NotIn.",
    values: "The exit codes.",
  },
);

const OnPodConditions = struct(
  batch("PodFailurePolicyOnPodConditionsPattern"),
  { type: always(string, ""), status: always(string, "") },
  { about: "A condition that a pod has.", type: "Which.", status: "Whether it is so: True, False or Unknown." },
);

const PodFailurePolicyRule = struct(
  batch("PodFailurePolicyRule"),
  {
    action: always(oneOf("Count", "FailIndex", "FailJob", "Ignore"), ""),
    onExitCodes: nullWhenAbsent(OnExitCodes),
    onPodConditions: nullWhenAbsent(mergeable(z.array(OnPodConditions), {})),
  },
  {
    about: "What is done about pods that failed in one way.",
    action: "FailJob, FailIndex, Ignore or Count.",
    onExitCodes: "How a container ended.",
    onPodConditions: "Which conditions the pod has.",
  },
);

const PodFailurePolicy = struct(
  batch("PodFailurePolicy"),
  { rules: mandatory(nullWhenAbsent(mergeable(z.array(PodFailurePolicyRule), {}))) },
  { about: "What is done about pods that fail.", rules: "The first that fits counts." },
);

const SuccessPolicyRule = struct(
  batch("SuccessPolicyRule"),
  { succeededIndexes: pointer(string), succeededCount: pointer(int32) },
  {
    about: "When a Job is done before all of its pods are.",
    succeededIndexes: "The numbers of which pods have to have succeeded.",
    succeededCount: "How many of them.",
  },
);

const SuccessPolicy = struct(
  batch("SuccessPolicy"),
  { rules: mandatory(nullWhenAbsent(mergeable(z.array(SuccessPolicyRule), {}))) },
  { about: "When a Job is done before all of its pods are.", rules: "One of these has to hold." },
);

export const JobSpec = struct(
  batch("JobSpec"),
  {
    parallelism: pointer(int32),
    completions: pointer(int32),
    activeDeadlineSeconds: pointer(int64),
    podFailurePolicy: pointer(PodFailurePolicy),
    successPolicy: pointer(SuccessPolicy),
    backoffLimit: pointer(int32),
    backoffLimitPerIndex: pointer(int32),
    maxFailedIndexes: pointer(int32),
    selector: pointer(LabelSelector),
    manualSelector: pointer(boolean),
    template: mandatory(embedded(PodTemplateSpec)),
    ttlSecondsAfterFinished: pointer(int32),
    completionMode: pointer(oneOf("Indexed", "NonIndexed")),
    suspend: pointer(boolean),
    podReplacementPolicy: pointer(oneOf("Failed", "TerminatingOrFailed")),
    managedBy: pointer(string),
  },
  {
    about: "Which pods are to run, and when the Job is done.",
    parallelism: "How many pods may run at once.",
    completions: "How many have to succeed.",
    activeDeadlineSeconds: "How long the Job may take.",
    podFailurePolicy: "What is done about pods that fail.",
    successPolicy: "When the Job is done before all of its pods are.",
    backoffLimit: "How many pods may fail.",
    backoffLimitPerIndex: "How many pods of one number may fail.",
    maxFailedIndexes: "How many numbers may fail.",
    selector: "The labels of the pods; made up unless manualSelector is true.",
    manualSelector: "Whether the selector is yours.",
    template: "What each pod is.",
    ttlSecondsAfterFinished: "For how long the Job is kept when it is done.",
    completionMode: "NonIndexed, or Indexed for pods with numbers.",
    suspend: "Whether no pods are to run for now.",
    podReplacementPolicy: "When a pod that fails is replaced: TerminatingOrFailed or Failed.",
    managedBy: "Who runs the Job, if not the cluster itself.",
  },
);
export type JobSpec = z.output<typeof JobSpec>;

const mostFailures = 2_147_483_647;

/** What upstream fills in for a Job, though not for the Jobs of a CronJob before they are made. */
function withDefaults(spec: JobSpec): JobSpec {
  const one = spec.completions === undefined && spec.parallelism === undefined ? { completions: 1 } : {};
  return {
    ...spec,
    ...one,
    parallelism: spec.parallelism ?? 1,
    backoffLimit: spec.backoffLimit ?? (spec.backoffLimitPerIndex === undefined ? 6 : mostFailures),
    completionMode: spec.completionMode ?? "NonIndexed",
    suspend: spec.suspend ?? false,
    podReplacementPolicy:
      spec.podReplacementPolicy ?? (spec.podFailurePolicy === undefined ? "TerminatingOrFailed" : "Failed"),
    manualSelector: spec.manualSelector ?? false,
  };
}

const JobCondition = struct(
  batch("JobCondition"),
  {
    type: always(string, ""),
    status: always(string, ""),
    lastProbeTime: timestamp,
    lastTransitionTime: timestamp,
    reason: text,
    message: text,
  },
  {
    about: "One thing that is, is not, or may be so of a Job.",
    type: "What is said to be so.",
    status: "Whether it is so: True, False or Unknown.",
    lastProbeTime: "When that was last looked at.",
    lastTransitionTime: "When the status last changed.",
    reason: "Why, in one word for programs.",
    message: "Why, in a sentence for people.",
  },
);

const UncountedTerminatedPods = struct(
  batch("UncountedTerminatedPods"),
  { succeeded: omitempty(stringSet), failed: omitempty(stringSet) },
  {
    about: "Pods that ended and are not counted yet.",
    succeeded: "The uids of those that succeeded.",
    failed: "The uids of those that failed.",
  },
);

const JobStatus = struct(
  batch("JobStatus"),
  {
    conditions: list(JobCondition, { mergeKey: "type", mapKeys: [] }),
    startTime: pointer(time),
    completionTime: pointer(time),
    active: omitempty(int32),
    succeeded: omitempty(int32),
    failed: omitempty(int32),
    terminating: pointer(int32),
    completedIndexes: text,
    failedIndexes: pointer(string),
    uncountedTerminatedPods: pointer(UncountedTerminatedPods),
    ready: pointer(int32),
  },
  {
    about: "What became of a Job. Here that is always that it failed, because it is not run.",
    conditions: "What is so of it now.",
    startTime: "When it began.",
    completionTime: "When it was done.",
    active: "How many pods run.",
    succeeded: "How many pods succeeded.",
    failed: "How many pods failed.",
    terminating: "How many pods are ending.",
    completedIndexes: "The numbers that are done.",
    failedIndexes: "The numbers that failed.",
    uncountedTerminatedPods: "Pods that ended and are not counted yet.",
    ready: "How many pods are ready.",
  },
);

const JobFields = struct(
  batch("Job"),
  { ...typeMeta, metadata: embedded(ObjectMeta), spec: embedded(JobSpec), status: embedded(JobStatus) },
  {
    about: "Pods that are to come to an end. It is kept here and not run: it fails at once.",
    metadata: "Standard object metadata.",
    spec: "Which pods are to run.",
    status: "What became of it.",
  },
);
const Job = JobFields.transform((job): z.output<typeof JobFields> => {
  const { labels } = job.spec.template.metadata;
  const isLabelled = job.metadata.labels !== undefined || labels === undefined;
  const metadata = isLabelled ? job.metadata : { ...job.metadata, labels };
  return { ...job, metadata, spec: withDefaults(job.spec) };
});
export type Job = z.output<typeof Job>;

const uidLabel = "batch.kubernetes.io/controller-uid";

/** The pods of a Job are told from others by its uid, unless the Job brings a selector of its own. */
function withSelector(job: Job): Job {
  if (job.spec.manualSelector === true) return job;
  const { uid = "", name = "", labels: own } = job.metadata;
  const { template } = job.spec;
  const labels = {
    ...template.metadata.labels,
    "controller-uid": uid,
    "job-name": name,
    [uidLabel]: uid,
    "batch.kubernetes.io/job-name": name,
  };
  const labelled = { ...template, metadata: { ...template.metadata, labels } };
  const { manualSelector: _unset, ...spec } = job.spec;
  const selector = { ...spec.selector, matchLabels: { ...spec.selector?.matchLabels, [uidLabel]: uid } };
  // Labels that are the template's for want of others are so as it is then.
  const isTold = own !== undefined && own !== template.metadata.labels;
  const metadata = isTold ? job.metadata : { ...job.metadata, labels };
  return { ...job, metadata, spec: { ...spec, manualSelector: false, selector, template: labelled } };
}

/** A Job that is to run has failed; one that is suspended only waits. */
function withNotRun(job: Job): Job {
  const { creationTimestamp: at = null } = job.metadata;
  const times = { lastProbeTime: at, lastTransitionTime: at };
  if (job.spec.suspend === true) {
    const suspended = { type: "Suspended", status: "True", reason: "JobSuspended", message: "Job suspended", ...times };
    return { ...job, status: { conditions: [suspended] } };
  }
  const why = { status: "True", reason: notRunReason, message: notRunMessage("Jobs") };
  const conditions = ["FailureTarget", "Failed"].map((type) => ({ type, ...why, ...times }));
  return { ...job, status: { conditions } };
}

const counted = countingGenerations<Job>((job) => job);

function stateOf({ metadata, status }: Job): string {
  const holds = (wanted: string) =>
    (status.conditions ?? []).some(({ type, status: held }) => type === wanted && held === "True");
  if (holds("Complete")) return "Complete";
  if (holds("Failed")) return "Failed";
  if (metadata.deletionTimestamp !== undefined) return "Terminating";
  return ["Suspended", "FailureTarget", "SuccessCriteriaMet"].find(holds) ?? "Running";
}

function completionsOf({ spec: { completions, parallelism = 0 }, status: { succeeded = 0 } }: Job): string {
  if (completions !== undefined) return `${succeeded}/${completions}`;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationOf({ status }: Job, nowMs: number): string {
  const startMs = parseTimeMs(status.startTime);
  if (startMs === null) return "";
  return humanDuration((parseTimeMs(status.completionTime) ?? nowMs) - startMs);
}

export const jobs: Resource<Job> = defineResource<Job>({
  group: "batch",
  version: "v1",
  kind: "Job",
  plural: "jobs",
  categories: ["all"],
  statusSubresource: true,
  schema: Job,
  support: storedOnly("**not run**: fails at once, and says why"),
  validateName: nameRule(dns1123Subdomain),
  prepareForCreate: (job) => withNotRun(withSelector(counted.prepareForCreate(job))),
  prepareForUpdate: (job, old) => {
    const next = counted.prepareForUpdate(job, old);
    return next.spec.suspend === old.spec.suspend ? next : withNotRun(next);
  },
  prepareForStatusUpdate: counted.prepareForStatusUpdate,
  validate: validateJob,
  warnings: warningsOfTemplate<Job>("spec.template", ({ spec }) => spec.template),
  validateUpdate: validateJobUpdate,
  validateStatusUpdate: ({ metadata }, old) => validateMetadataStatusUpdate(metadata, old.metadata),
  selectableFields: ({ status }) => ({ "status.successful": String(status.succeeded ?? 0) }),
  columns: [
    nameColumn,
    { name: "Status", type: "string", description: "What became of it.", cell: stateOf },
    { name: "Completions", type: "string", description: "How many pods succeeded.", cell: completionsOf },
    { name: "Duration", type: "string", description: "How long it took, or takes.", cell: durationOf },
    ageColumn,
    ...containerColumns<Job>(({ spec }) => spec.template),
    selectorColumn<Job>(({ spec }) => spec.selector),
  ],
});
