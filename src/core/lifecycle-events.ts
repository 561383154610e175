// The Events of a pod's ordinary start, made up when they are asked for: everything they tell is in the pod already,
// and writing them would double what a rollout writes.
// Source: the scheduler's and the kubelet's events Scheduled, Pulled, Created, Started.
import { goTime, parseTimeMs } from "../model/instant.ts";
import type { KubeObject } from "../model/meta.ts";
import { controllerOf } from "../model/meta.ts";
import type { Pod } from "../model/pod.ts";
import { eventTtlMs } from "./event-object.ts";

type Told = {
  readonly reason: string;
  readonly message: string;
  readonly component: string;
  readonly atMs: number;
  readonly count: number;
  readonly fieldPath?: string;
};

/** How often images were pulled for each container, as far as Events tell; null: it is not known. */
export type Pulls = ReadonlyMap<string, number> | null;

/** Counts what agents have told of images that they pulled. */
export function pullsIn(events: readonly KubeObject[]): ReadonlyMap<string, number> {
  const pulls = new Map<string, number>();
  for (const event of events) {
    if (event["reason"] !== "Pulled") continue;
    const { involvedObject, count } = event as PulledEvent;
    const key = pullKey(involvedObject?.uid, involvedObject?.fieldPath);
    pulls.set(key, (pulls.get(key) ?? 0) + (count ?? 1));
  }
  return pulls;
}

/** What of a written Event is looked at: its kind is kept as it was sent, and anything may be left out. */
type PulledEvent = KubeObject & {
  readonly involvedObject?: { readonly uid?: string; readonly fieldPath?: string };
  readonly count?: number;
};

function pullKey(uid: string | undefined, fieldPath: string | undefined): string {
  return `${uid} ${fieldPath}`;
}

/** The Events that are young enough to be remembered still, oldest first. */
export function lifecycleEvents(pod: Pod, pulls: Pulls, nowMs: number): readonly KubeObject[] {
  return [...scheduled(pod), ...started(pod, pulls)]
    .filter(({ atMs }) => nowMs - atMs < eventTtlMs)
    .map((told) => eventOf(pod, told));
}

/** Of daemons alone: where others went was written by whoever put them there. */
function scheduled(pod: Pod): readonly Told[] {
  const { metadata, spec } = pod;
  const atMs = scheduledAtMs(pod);
  if (spec.nodeName === undefined || atMs === null || controllerOf(metadata)?.kind !== "DaemonSet") return [];
  const message = `Successfully assigned ${metadata.namespace}/${metadata.name} to ${spec.nodeName}`;
  return [{ reason: "Scheduled", message, component: "default-scheduler", atMs, count: 1 }];
}

/** One that had to wait for room has a time of its own; its agent dates that of others later than its first container. */
function scheduledAtMs({ metadata, status }: Pod): number | null {
  const condition = (status.conditions ?? []).find(({ type }) => type === "PodScheduled");
  const changedAtMs = parseTimeMs(condition?.lastTransitionTime);
  const starts = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].flatMap(
    ({ state }) => parseTimeMs((state.running ?? state.terminated)?.startedAt) ?? [],
  );
  return changedAtMs === null ? parseTimeMs(metadata.creationTimestamp) : Math.min(changedAtMs, ...starts);
}

function started({ metadata, status }: Pod, pulls: Pulls): readonly Told[] {
  const statuses = [
    ...(status.initContainerStatuses ?? []).map((container) => ({ container, field: "spec.initContainers" })),
    ...(status.containerStatuses ?? []).map((container) => ({ container, field: "spec.containers" })),
  ];
  return statuses.flatMap(({ container, field }) => {
    const state = container.state ?? {};
    const atMs = parseTimeMs((state.running ?? state.terminated ?? container.lastState?.terminated)?.startedAt);
    if (atMs === null) return [];
    const { name, image, imageID } = container;
    const common = { component: "kubelet", atMs, count: container.restartCount + 1, fieldPath: `${field}{${name}}` };
    // Pulls that happened have Events of their own.
    const told = pulls === null ? common.count : (pulls.get(pullKey(metadata.uid, common.fieldPath)) ?? 0);
    const present = {
      ...{ ...common, count: common.count - told, reason: "Pulled" },
      message: `Container image "${image}" already present on machine`,
    };
    return [
      // A runtime without images has none to pull.
      ...(imageID === "" || present.count <= 0 ? [] : [present]),
      { ...common, reason: "Created", message: `Created container: ${name}` },
      { ...common, reason: "Started", message: `Started container ${name}` },
    ];
  });
}

function eventOf({ metadata, spec }: Pod, { reason, message, component, atMs, count, fieldPath }: Told): KubeObject {
  const { name = "", namespace = "", uid = "", resourceVersion } = metadata;
  const time = goTime(atMs);
  const host = component === "kubelet" ? spec.nodeName : undefined;
  const firstMs = count === 1 ? atMs : (parseTimeMs(metadata.creationTimestamp) ?? atMs);
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: {
      name: `${name}.${reason.toLowerCase()}${fieldPath === undefined ? "" : `.${/\{(.*)\}/.exec(fieldPath)?.[1]}`}`,
      namespace,
      uid: `${uid}-${reason.toLowerCase()}`,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      creationTimestamp: time,
    },
    involvedObject: {
      kind: "Pod",
      namespace,
      name,
      uid,
      apiVersion: "v1",
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(fieldPath === undefined ? {} : { fieldPath }),
    },
    reason,
    message,
    source: { component, ...(host === undefined ? {} : { host }) },
    firstTimestamp: goTime(firstMs),
    lastTimestamp: time,
    count,
    type: "Normal",
    eventTime: null,
    reportingComponent: component,
    reportingInstance: host ?? "",
  };
}
