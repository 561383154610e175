// How the conditions of a pod change hands from its agent to the control plane.

type PodCondition = {
  readonly type: string;
  readonly status: string;
  readonly lastTransitionTime?: string | null | undefined;
};

export type ConditionedStatus = { readonly conditions?: readonly PodCondition[] | undefined };

/**
 * A reported status with its transitions dated by the control plane's clock, for a device's clock may be years off and
 * minReadySeconds counts from these. Conditions the agent does not know of stay. `now` in RFC 3339.
 */
export function reportedPodStatus<Status extends ConditionedStatus>(
  stored: ConditionedStatus | null,
  reported: Status,
  now: string,
): Status {
  const before = stored?.conditions ?? [];
  const own = (reported.conditions ?? []).map((condition) => {
    const earlier = before.find(({ type }) => type === condition.type);
    const lastTransitionTime = earlier?.status === condition.status ? (earlier.lastTransitionTime ?? now) : now;
    return { ...condition, lastTransitionTime };
  });
  const others = before.filter((condition) => !own.some(({ type }) => type === condition.type));
  return { ...reported, conditions: [...own, ...others] };
}

export function isReadyStatus(status: ConditionedStatus | null): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true;
}

/** What its node says of a pod, or the control plane for itself. */
const ownTypes: ReadonlySet<string> = new Set([
  "ContainersReady",
  "DisruptionTarget",
  "Initialized",
  "PodReadyToStartContainers",
  "PodScheduled",
  "Ready",
]);

/** How the conditions stand that others write, by their types: a readiness gate may be one. Undefined: there are none. */
export function othersConditions(status: ConditionedStatus | null): Readonly<Record<string, string>> | undefined {
  const others = (status?.conditions ?? []).filter(({ type }) => !ownTypes.has(type));
  return others.length === 0 ? undefined : Object.fromEntries(others.map(({ type, status: value }) => [type, value]));
}
