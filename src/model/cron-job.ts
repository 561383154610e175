// CronJobs: Jobs at set times. They are kept and not run here: no Jobs are made of them.
// Source: batch/v1 CronJob; pkg/apis/batch/v1/defaults.go; pkg/printers/internalversion printCronJob.
import type * as z from "zod";

import {
  always,
  boolean,
  defaulted,
  defaultedPointer,
  embedded,
  int32,
  int64,
  list,
  mandatory,
  oneOf,
  pointer,
  string,
  struct,
  time,
} from "./fields.ts";
import { countingGenerations } from "./generation.ts";
import { batch, JobSpec } from "./job.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { warningsOfTemplate } from "./pod-warnings.ts";
import { age, ageColumn, nameColumn } from "./printing.ts";
import { ObjectReference } from "./references.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { storedOnly } from "./support.ts";
import { containerColumns, selectorColumn } from "./template-columns.ts";
import { validateCronJob, validateCronJobUpdate } from "./validation/job.ts";
import { validateMetadataStatusUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

const JobTemplateSpec = struct(
  batch("JobTemplateSpec"),
  { metadata: embedded(ObjectMeta), spec: embedded(JobSpec) },
  { about: "A Job to be made.", metadata: "Its labels and annotations.", spec: "What it is." },
);

const CronJobSpec = struct(
  batch("CronJobSpec"),
  {
    schedule: always(string, ""),
    timeZone: pointer(string),
    startingDeadlineSeconds: pointer(int64),
    concurrencyPolicy: defaulted(oneOf("Allow", "Forbid", "Replace"), "Allow"),
    suspend: defaultedPointer(boolean, false),
    jobTemplate: mandatory(embedded(JobTemplateSpec)),
    successfulJobsHistoryLimit: defaultedPointer(int32, 3),
    failedJobsHistoryLimit: defaultedPointer(int32, 1),
  },
  {
    about: "Which Jobs are to be made, and when.",
    schedule: "When, in the format of cron.",
    timeZone: "In whose time; the cluster's if absent.",
    startingDeadlineSeconds: "How late a Job may still be made.",
    concurrencyPolicy: "What if the one before still runs: Allow, Forbid or Replace.",
    suspend: "Whether none are to be made for now.",
    jobTemplate: "What each Job is.",
    successfulJobsHistoryLimit: "How many that succeeded are kept.",
    failedJobsHistoryLimit: "How many that failed are kept.",
  },
);

const CronJobStatus = struct(
  batch("CronJobStatus"),
  { active: list(ObjectReference), lastScheduleTime: pointer(time), lastSuccessfulTime: pointer(time) },
  {
    about: "What became of a CronJob. Here that is always nothing.",
    active: "The Jobs that run now.",
    lastScheduleTime: "When the last was made.",
    lastSuccessfulTime: "When the last succeeded.",
  },
);

const CronJob = struct(
  batch("CronJob"),
  { ...typeMeta, metadata: embedded(ObjectMeta), spec: embedded(CronJobSpec), status: embedded(CronJobStatus) },
  {
    about: "Jobs at set times. It is kept here and not run: no Jobs are made of it.",
    metadata: "Standard object metadata.",
    spec: "Which Jobs are to be made, and when.",
    status: "What became of it.",
  },
);
export type CronJob = z.output<typeof CronJob>;

export const cronJobs: Resource<CronJob> = defineResource<CronJob>({
  group: "batch",
  version: "v1",
  kind: "CronJob",
  plural: "cronjobs",
  shortNames: ["cj"],
  categories: ["all"],
  statusSubresource: true,
  schema: CronJob,
  support: storedOnly("**not run**: makes no Jobs, and an Event says so"),
  validateName: nameRule(dns1123Subdomain),
  ...countingGenerations<CronJob>((cronJob) => ({ ...cronJob, status: {} })),
  validate: validateCronJob,
  warnings: warningsOfTemplate<CronJob>("spec.jobTemplate.spec.template", ({ spec }) => spec.jobTemplate.spec.template),
  validateUpdate: validateCronJobUpdate,
  validateStatusUpdate: ({ metadata }, old) => validateMetadataStatusUpdate(metadata, old.metadata),
  columns: [
    nameColumn,
    { name: "Schedule", type: "string", description: "When Jobs are to be made.", cell: ({ spec }) => spec.schedule },
    { name: "Timezone", type: "string", description: "In whose time.", cell: ({ spec }) => spec.timeZone ?? "<none>" },
    {
      name: "Suspend",
      type: "boolean",
      description: "Whether none are to be made for now.",
      cell: ({ spec }) => (spec.suspend ? "True" : "False"),
    },
    {
      name: "Active",
      type: "integer",
      description: "How many Jobs run now.",
      cell: ({ status }) => status.active?.length ?? 0,
    },
    {
      name: "Last Schedule",
      type: "string",
      description: "When the last was made.",
      cell: ({ status }, nowMs) =>
        status.lastScheduleTime === undefined ? "<none>" : age(status.lastScheduleTime, nowMs),
    },
    ageColumn,
    ...containerColumns<CronJob>(({ spec }) => spec.jobTemplate.spec.template),
    selectorColumn<CronJob>(({ spec }) => spec.jobTemplate.spec.selector),
  ],
});
