// What pods of one kind share, kept once; and how a whole Pod is made of it and the little that is the pod's own.
import { goTime } from "./instant.ts";
import type { ObjectMeta } from "./meta.ts";
import type { Pod } from "./pod.ts";
import type { PodSpec } from "./pod-spec.ts";
import { qosClass } from "./qos.ts";

/** A pod but for its name, uid, node, times and status. Never changed: another content is another template. */
export type PodTemplate = {
  readonly metadata: Pick<
    ObjectMeta,
    "generateName" | "labels" | "annotations" | "finalizers" | "ownerReferences" | "managedFields"
  >;
  /** Without nodeName. */
  readonly spec: PodSpec;
  /** True: required node affinity is for the pod's own node alone, and is not in `spec`. */
  readonly pinned?: true;
};

/** What a pod does not share. */
export type PodIdentity = {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly rv: number;
  /** Empty while the pod is bound to no node. */
  readonly node: string;
  readonly createdMs: number;
  readonly deletionMs: number | null;
  readonly graceSeconds: number | null;
  /** The number of the last report of its agent; below 0: the pod waits for its node, as said below. */
  readonly observation: number;
  /** JSON of a PodStatus; null: nothing was reported yet. */
  readonly status: Readonly<Record<string, unknown>> | null;
};

/** The observation of a daemon pod that waits for room on its node: its agent is not given it. */
export const waitingObservation = -1;

/** The observation of a daemon pod that the scheduler has to find to be right beside all others, wherever they are. */
export const unscheduledObservation = -2;

/** Whether the pod waits for the one node that it is for; to its readers it is bound to none. */
export function isWaiting({ observation }: Pick<PodIdentity, "observation">): boolean {
  return observation < 0;
}

/** Whether it waits for the scheduler, and not for its node's shard. */
export function isUnscheduled({ observation }: Pick<PodIdentity, "observation">): boolean {
  return observation === unscheduledObservation;
}

export function podFromTemplate(template: PodTemplate, identity: PodIdentity): Pod {
  const { generateName, labels, annotations, ownerReferences, finalizers, managedFields } = template.metadata;
  const metadata: ObjectMeta = {
    name: identity.name,
    ...(generateName === undefined ? {} : { generateName }),
    namespace: identity.namespace,
    uid: identity.uid,
    resourceVersion: String(identity.rv),
    creationTimestamp: goTime(identity.createdMs),
    ...(identity.deletionMs === null ? {} : { deletionTimestamp: goTime(identity.deletionMs) }),
    ...(identity.graceSeconds === null ? {} : { deletionGracePeriodSeconds: identity.graceSeconds }),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(ownerReferences === undefined ? {} : { ownerReferences }),
    ...(finalizers === undefined ? {} : { finalizers }),
    ...(managedFields === undefined ? {} : { managedFields }),
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata,
    spec: boundSpec(template, identity),
    // Only decoded statuses are stored.
    status: (identity.status ?? pendingStatus(template.spec, identity)) as Pod["status"],
  };
}

function boundSpec({ spec, pinned }: PodTemplate, { node, observation }: PodIdentity): PodSpec {
  if (node === "") return spec;
  const affinity = pinned === undefined ? {} : { affinity: pinnedAffinity(spec.affinity, node) };
  return { ...spec, ...(isWaiting({ observation }) ? {} : { nodeName: node }), ...affinity };
}

type Affinity = NonNullable<PodSpec["affinity"]>;

/** The affinity with its required node terms replaced by one for `node`. Source: ReplaceDaemonSetPodNodeNameNodeAffinity. */
function pinnedAffinity(affinity: Affinity | undefined, node: string): Affinity {
  const matchFields = [{ key: "metadata.name", operator: "In", values: [node] }];
  return {
    ...affinity,
    nodeAffinity: {
      ...affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] },
    },
  };
}

/** Splits a pod into its template and the node it is bound to, or (`node` given) known to be for. */
export function templateOfPod(
  pod: Pod,
  node = pod.spec.nodeName ?? "",
): { readonly template: PodTemplate; readonly node: string } {
  const { generateName, labels, annotations, finalizers, ownerReferences, managedFields } = pod.metadata;
  const { nodeName: _node, ...unbound } = pod.spec;
  const pinned = node !== "" && isPinnedTo(pod.spec.affinity, node);
  const metadata = { generateName, labels, annotations, finalizers, ownerReferences, managedFields };
  const template: PodTemplate = {
    metadata: withoutEmpty(metadata),
    spec: pinned ? unpinned(unbound) : unbound,
    ...(pinned ? { pinned: true as const } : {}),
  };
  return { template, node };
}

function isPinnedTo(affinity: Affinity | undefined, node: string): boolean {
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms !== undefined && JSON.stringify(terms) === JSON.stringify(pinTerms(node));
}

function pinTerms(node: string): unknown {
  return pinnedAffinity(undefined, node).nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
    ?.nodeSelectorTerms;
}

function unpinned({ affinity, ...spec }: PodSpec): PodSpec {
  const { requiredDuringSchedulingIgnoredDuringExecution: _pin, ...nodeAffinity } = affinity?.nodeAffinity ?? {};
  const { nodeAffinity: _node, ...others } = affinity ?? {};
  const rest = Object.keys(nodeAffinity).length === 0 ? others : { ...others, nodeAffinity };
  return Object.keys(rest).length === 0 ? spec : { ...spec, affinity: rest };
}

function withoutEmpty<T extends object>(fields: T): T {
  const isEmpty = (value: unknown) => value === undefined || Object.keys(Object(value)).length === 0;
  // Only empty fields are dropped, and the type allows each to be absent.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value))) as T;
}

/** Source: the scheduler's binding, before the kubelet has said anything. */
function pendingStatus(spec: PodSpec, { node, createdMs, observation }: PodIdentity): Record<string, unknown> {
  const status = { phase: "Pending", qosClass: qosClass(spec) };
  if (node === "" || isWaiting({ observation })) return status;
  const lastTransitionTime = goTime(createdMs);
  const scheduled = { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime };
  return { ...status, conditions: [scheduled] };
}
