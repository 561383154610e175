import { describe, expect, it } from "vitest";

import { cronJobs } from "../../src/model/cron-job.ts";
import { deployments } from "../../src/model/deployment.ts";
import { jobs } from "../../src/model/job.ts";
import type { KubeObject } from "../../src/model/meta.ts";
import { replicaSets } from "../../src/model/replica-set.ts";
import { replicationControllers } from "../../src/model/replication-controller.ts";
import type { Resource } from "../../src/model/resource.ts";
import { statefulSets } from "../../src/model/stateful-set.ts";
import { scheduleProblem } from "../../src/model/validation/cron-schedule.ts";
import type { Changes, JsonObject } from "./objects.ts";
import { changed, decoded, texts } from "./objects.ts";

const nowMs = Date.UTC(2026, 0, 2);
const metadata = { name: "web", namespace: "default", uid: "u-1", creationTimestamp: "2026-01-01T00:00:00Z" };
const podSpec = { containers: [{ name: "c", image: "nginx:1" }] };
const replicated: JsonObject = {
  metadata,
  spec: {
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: podSpec },
  },
};
const job: JsonObject = { metadata, spec: { template: { spec: { ...podSpec, restartPolicy: "Never" } } } };
const cronJob: JsonObject = { metadata, spec: { schedule: "*/5 * * * *", jobTemplate: { spec: job["spec"] } } };

function created<T extends KubeObject>(resource: Resource<T>, json: JsonObject, changes: Changes = {}): T {
  return resource.prepareForCreate(decoded(resource, changed(json, changes)));
}

function row<T extends KubeObject>(resource: Resource<T>, object: T): readonly unknown[] {
  return resource.columns.map(({ cell }) => cell(object, nowMs)).slice(1);
}

const notRun = (kind: string) => `${kind} are kept here and not run: no pods are made of them. DaemonSets are run.`;

describe("a Deployment", () => {
  it("says that it is not run in the one word that makes kubectl rollout status give up", () => {
    const { status, metadata: made } = created(deployments, replicated);
    expect(status.observedGeneration).toBe(made.generation);
    expect(status.unavailableReplicas).toBe(1);
    expect(status.conditions?.find(({ type }) => type === "Progressing")).toEqual({
      type: "Progressing",
      status: "False",
      reason: "ProgressDeadlineExceeded",
      message: notRun("Deployments"),
      lastUpdateTime: "2026-01-01T00:00:00Z",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    });
    expect(status.conditions?.at(-1)).toMatchObject({ type: "lares.dev/NotRunHere", status: "True" });
  });

  it("says so of each new spec, and keeps a status that somebody else wrote", () => {
    const old = created(deployments, replicated);
    const scaled = decoded(deployments, changed(replicated, { "spec.replicas": 3 }));
    const next = deployments.prepareForUpdate(scaled, old);
    expect(next.metadata.generation).toBe(2);
    expect(next.status).toMatchObject({ observedGeneration: 2, unavailableReplicas: 3 });
    const written = { ...old, status: { readyReplicas: 1 } };
    const labelled = decoded(deployments, changed(replicated, { "metadata.labels": { a: "b" } }));
    expect(deployments.prepareForUpdate(labelled, written).status).toEqual({ readyReplicas: 1 });
  });

  it("has all defaults", () => {
    const { spec } = created(deployments, replicated);
    expect(spec).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
    });
  });

  it.each<readonly [string, Changes, readonly string[]]>([
    ["that is fine", {}, []],
    ["without selector", { "spec.selector": undefined }, ["spec.selector: Required value"]],
    [
      "with a selector of everything",
      { "spec.selector": {} },
      ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
    ],
    [
      "that would stand still",
      { "spec.strategy.rollingUpdate": { maxUnavailable: 0, maxSurge: "0%" } },
      ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
    ],
    [
      "with less time than a pod takes",
      { "spec.minReadySeconds": 600 },
      ["spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"],
    ],
    [
      "of pods that end",
      { "spec.template.spec.restartPolicy": "Never", "spec.template.spec.activeDeadlineSeconds": 5 },
      [
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
        "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported",
      ],
    ],
    [
      "of less than none",
      { "spec.replicas": -1 },
      ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
    ],
  ])("%s", (_what, changes, errors) => {
    expect(texts(deployments.validate(created(deployments, replicated, changes)))).toEqual(errors);
  });

  it("keeps its selector", () => {
    const old = created(deployments, replicated);
    const other = { ...old, spec: { ...old.spec, selector: { matchLabels: { app: "x" } } } };
    expect(texts(deployments.validateUpdate(other, old))).toEqual([
      'spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable',
    ]);
  });
});

it("a ReplicaSet and a StatefulSet say that they are not run", () => {
  expect(created(replicaSets, replicated).status).toMatchObject({
    replicas: 0,
    observedGeneration: 1,
    conditions: [{ type: "ReplicaFailure", reason: "NotRunHere", message: notRun("ReplicaSets") }, {}],
  });
  expect(created(statefulSets, replicated).status).toMatchObject({
    observedGeneration: 1,
    conditions: [{ type: "lares.dev/NotRunHere", status: "True", message: notRun("StatefulSets") }],
  });
});

describe("a ReplicationController", () => {
  const { template } = Object(replicated["spec"]);
  const controller: JsonObject = { metadata, spec: { template } };

  it("has the labels of its template, and says that it is not run", () => {
    expect(created(replicationControllers, controller)).toMatchObject({
      metadata: { labels: { app: "web" }, generation: 1 },
      spec: { replicas: 1, selector: { app: "web" } },
      status: {
        observedGeneration: 1,
        conditions: [{ type: "ReplicaFailure", reason: "NotRunHere", message: notRun("ReplicationControllers") }, {}],
      },
    });
  });

  it.each<readonly [string, Changes, readonly string[]]>([
    ["is fine", {}, []],
    [
      "without a template",
      { "spec.template": undefined },
      ["spec.selector: Required value", "spec.template: Required value"],
    ],
    [
      "that picks other pods",
      { "spec.selector": { app: "x" } },
      ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
    ],
    [
      "with pods that end",
      { "spec.template.spec.restartPolicy": "Never" },
      ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ],
  ])("%s", (_what, changes, errors) => {
    expect(texts(replicationControllers.validate(created(replicationControllers, controller, changes)))).toEqual(
      errors,
    );
  });
});

describe("a StatefulSet", () => {
  it("writes its claims as whole objects, and has all defaults", () => {
    const claims = [{ metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"] } }];
    const { spec } = created(statefulSets, replicated, { "spec.volumeClaimTemplates": claims });
    expect(spec).toMatchObject({
      podManagementPolicy: "OrderedReady",
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      volumeClaimTemplates: [
        {
          apiVersion: "v1",
          kind: "PersistentVolumeClaim",
          spec: { volumeMode: "Filesystem" },
          status: { phase: "Pending" },
        },
      ],
    });
  });

  it.each<readonly [string, Changes, readonly string[]]>([
    [
      "of an unknown order",
      { "spec.podManagementPolicy": "Chaos" },
      ["spec.podManagementPolicy: Invalid value: \"Chaos\": must be 'OrderedReady' or 'Parallel'"],
    ],
    [
      "with a partition that nobody uses",
      { "spec.updateStrategy": { type: "OnDelete", rollingUpdate: { partition: 1 } } },
      [
        "spec.updateStrategy.rollingUpdate: Invalid value: {\"partition\":1}: only allowed for updateStrategy 'RollingUpdate'",
      ],
    ],
  ])("%s is refused", (_what, changes, errors) => {
    expect(texts(statefulSets.validate(created(statefulSets, replicated, changes)))).toEqual(errors);
  });
});

describe("a Job", () => {
  it("fails at once and says why, and is told from others by its uid", () => {
    const made = created(jobs, job);
    expect(made.status.conditions).toMatchObject([
      { type: "FailureTarget", status: "True", reason: "NotRunHere" },
      { type: "Failed", status: "True", reason: "NotRunHere", message: notRun("Jobs") },
    ]);
    expect(made.spec.selector).toEqual({ matchLabels: { "batch.kubernetes.io/controller-uid": "u-1" } });
    expect(made.spec.template.metadata.labels).toMatchObject({ "job-name": "web", "controller-uid": "u-1" });
    expect(made.spec).toMatchObject({ completions: 1, parallelism: 1, backoffLimit: 6, completionMode: "NonIndexed" });
    expect(texts(jobs.validate(made))).toEqual([]);
  });

  it("only waits while it is suspended", () => {
    const suspended = created(jobs, job, { "spec.suspend": true });
    expect(suspended.status.conditions).toMatchObject([{ type: "Suspended", status: "True" }]);
    const resumed = jobs.prepareForUpdate({ ...suspended, spec: { ...suspended.spec, suspend: false } }, suspended);
    expect(resumed.status.conditions?.at(-1)).toMatchObject({ type: "Failed", reason: "NotRunHere" });
  });

  it.each<readonly [string, Changes, readonly string[]]>([
    [
      "of pods that never end",
      { "spec.template.spec.restartPolicy": undefined },
      ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ],
    [
      "with numbers and without a count",
      { "spec.completionMode": "Indexed", "spec.parallelism": 2 },
      ["spec.completions: Required value: when completion mode is Indexed"],
    ],
    [
      "with limits by numbers that it has not",
      { "spec.backoffLimitPerIndex": 1 },
      ["spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"],
    ],
  ])("%s is refused", (_what, changes, errors) => {
    expect(texts(jobs.validate(created(jobs, job, changes)))).toEqual(errors);
  });

  it("keeps its template", () => {
    const old = created(jobs, job);
    const template = { ...old.spec.template, metadata: {} };
    const [error] = texts(jobs.validateUpdate({ ...old, spec: { ...old.spec, template } }, old));
    expect(error).toMatch(/^spec\.template: Invalid value: .*: field is immutable$/);
  });
});

describe("a CronJob", () => {
  it("fills in nothing for its Jobs before they are made", () => {
    const { spec } = created(cronJobs, cronJob);
    expect(spec).toMatchObject({ concurrencyPolicy: "Allow", suspend: false, successfulJobsHistoryLimit: 3 });
    expect(spec.jobTemplate.spec.backoffLimit).toBeUndefined();
    expect(texts(cronJobs.validate(created(cronJobs, cronJob)))).toEqual([]);
  });

  it.each<readonly [string, Changes, readonly string[]]>([
    ["at no time", { "spec.schedule": "" }, ["spec.schedule: Required value"]],
    [
      "in the time of nowhere",
      { "spec.timeZone": "Moon/Base" },
      ['spec.timeZone: Invalid value: "Moon/Base": unknown time zone Moon/Base'],
    ],
    [
      "in a time that is part of the schedule",
      { "spec.schedule": "TZ=UTC 0 * * * *" },
      [
        'spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
      ],
    ],
    [
      "with a name too long for its Jobs",
      { "metadata.name": "a".repeat(53) },
      [`metadata.name: Invalid value: "${"a".repeat(53)}": must be no more than 52 characters`],
    ],
  ])("%s is refused", (_what, changes, errors) => {
    expect(texts(cronJobs.validate(created(cronJobs, cronJob, changes)))).toEqual(errors);
  });
});

it.each<readonly [string, string | null]>([
  ["0 3 * * *", null],
  ["*/15 0-6,12 1 jan-mar mon", null],
  ["5/10 ? * * ?", null],
  ["@daily", null],
  ["@every 1h30m", null],
  ["0 3 * *", "expected exactly 5 fields, found 4: [0 3 * *]"],
  ["60 * * * *", "end of range (60) above maximum (59): 60"],
  ["* * 0 * *", "beginning of range (0) below minimum (1): 0"],
  ["* 5-3 * * *", "beginning of range (5) beyond end of range (3): 5-3"],
  ["*/0 * * * *", "step of range should be a positive number: */0"],
  ["x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
  ["@noon", "unrecognized descriptor: @noon"],
])("the schedule %s: %s", (schedule, problem) => {
  expect(scheduleProblem(schedule)).toBe(problem);
});

describe("rows", () => {
  it.each<readonly [string, () => readonly unknown[], readonly unknown[]]>([
    [
      "of a Deployment",
      () => row(deployments, created(deployments, replicated)),
      ["0/1", 0, 0, "24h", "c", "nginx:1", "app=web"],
    ],
    [
      "of a ReplicaSet",
      () => row(replicaSets, created(replicaSets, replicated)),
      [1, 0, 0, "24h", "c", "nginx:1", "app=web"],
    ],
    [
      "of a ReplicationController",
      () =>
        row(replicationControllers, created(replicationControllers, replicated, { "spec.selector": { app: "web" } })),
      [1, 0, 0, "24h", "c", "nginx:1", "app=web"],
    ],
    ["of a StatefulSet", () => row(statefulSets, created(statefulSets, replicated)), ["0/1", "24h", "c", "nginx:1"]],
    [
      "of a Job",
      () => row(jobs, created(jobs, job)),
      ["Failed", "0/1", "", "24h", "c", "nginx:1", "batch.kubernetes.io/controller-uid=u-1"],
    ],
    [
      "of a CronJob",
      () => row(cronJobs, created(cronJobs, cronJob)),
      ["*/5 * * * *", "<none>", "False", 0, "<none>", "24h", "c", "nginx:1", "<none>"],
    ],
  ])("%s", (_what, cells, expected) => {
    expect(cells()).toEqual(expected);
  });

  it("tell of a Job's pods and time", () => {
    const done = created(jobs, job, { "spec.completions": undefined, "spec.parallelism": 3 });
    const status = { startTime: "2026-01-01T00:00:00Z", completionTime: "2026-01-01T00:01:30Z", succeeded: 1 };
    const conditions = [{ type: "Complete", status: "True", lastProbeTime: null, lastTransitionTime: null }];
    expect(row(jobs, { ...done, status: { ...status, conditions } }).slice(0, 3)).toEqual([
      "Complete",
      "1/1 of 3",
      "90s",
    ]);
  });
});
