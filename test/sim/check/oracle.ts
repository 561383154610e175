// What Kubernetes says of placement, availability and budgets, written down once more for the checkers, on purpose not
// with the code that is checked. It knows as much as the simulated users use.
import type {
  Affinity,
  DaemonSetBody,
  Labels,
  NodeBody,
  PodState,
  Requirement,
  Selector,
  Taint,
  TemplateSpec,
  Toleration,
} from "./state.ts";

function fits({ key, operator, values = [] }: Requirement, labels: Labels): boolean {
  const value = labels[key];
  if (operator === "In") return value !== undefined && values.includes(value);
  if (operator === "NotIn") return value === undefined || !values.includes(value);
  if (operator === "Exists") return value !== undefined;
  if (operator === "DoesNotExist") return value === undefined;
  throw new Error(`the oracle does not know the operator ${operator}`);
}

export function selects({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every((requirement) => fits(requirement, labels))
  );
}

/** Whether it matters to pods who is beside them. */
export function isPicky(affinity: Affinity | undefined): boolean {
  return (affinity?.podAffinity ?? affinity?.podAntiAffinity) !== undefined;
}

/** What every daemon pod puts up with. */
const automatic: readonly Toleration[] = [
  ...["not-ready", "unreachable"].map((name) => toleration(name, "NoExecute")),
  ...["disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"].map((name) =>
    toleration(name, "NoSchedule"),
  ),
];

function toleration(name: string, effect: string): Toleration {
  return { key: `node.kubernetes.io/${name}`, operator: "Exists", effect };
}

function isTolerated(taint: Taint, tolerations: readonly Toleration[]): boolean {
  return tolerations.some(({ key, operator, value, effect }) => {
    if (effect !== undefined && effect !== taint.effect) return false;
    if (key !== undefined && key !== taint.key) return false;
    return operator === "Exists" || (value ?? "") === (taint.value ?? "");
  });
}

/** Whether a pod ought to be on the node, and whether one that is there may stay. */
export function eligibility(spec: TemplateSpec, node: NodeBody): { readonly run: boolean; readonly stay: boolean } {
  const labels = node.metadata.labels ?? {};
  const selected = Object.entries(spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value);
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const attracted =
    required === undefined ||
    (required.nodeSelectorTerms ?? []).some(
      ({ matchExpressions = [] }) =>
        matchExpressions.length > 0 && matchExpressions.every((requirement) => fits(requirement, labels)),
    );
  if (!selected || !attracted) return { run: false, stay: false };
  const tolerations = [...(spec.tolerations ?? []), ...automatic];
  const untolerated = (node.spec.taints ?? []).filter((taint) => !isTolerated(taint, tolerations));
  return {
    run: !untolerated.some(({ effect }) => effect === "NoSchedule" || effect === "NoExecute"),
    stay: !untolerated.some(({ effect }) => effect === "NoExecute"),
  };
}

export function isTerminal({ phase }: PodState): boolean {
  return phase === "Failed" || phase === "Succeeded";
}

/** Neither ending nor ended. */
export function isLive(pod: PodState): boolean {
  return pod.deletionMs === null && !isTerminal(pod);
}

export function isAvailable(pod: PodState, set: DaemonSetBody, atMs: number): boolean {
  if (pod.readySinceMs === null) return false;
  const waitMs = 1000 * (set.spec.minReadySeconds ?? 0);
  return waitMs === 0 || pod.readySinceMs + waitMs < atMs;
}

/** An absolute number, or a share of `total` rounded up. */
function scaled(value: number | string | undefined, total: number): number {
  if (value === undefined) return 0;
  return typeof value === "number" ? value : Math.ceil((Number(value.replace("%", "")) * total) / 100);
}

export type Budget = { readonly unavailable: number; readonly surge: number };

export function budgetOf({ spec }: DaemonSetBody, desired: number): Budget {
  const { maxUnavailable, maxSurge } = spec.updateStrategy.rollingUpdate ?? {};
  const unavailable = scaled(maxUnavailable, desired);
  const surge = scaled(maxSurge, desired);
  return unavailable === 0 && surge === 0 ? { unavailable: 1, surge: 0 } : { unavailable, surge };
}

export function usesSurge({ spec }: DaemonSetBody): boolean {
  return spec.updateStrategy.type === "RollingUpdate" && scaled(spec.updateStrategy.rollingUpdate?.maxSurge, 1) > 0;
}

export const hashLabel = "controller-revision-hash";
const generationLabel = "pod-template-generation";
const generationAnnotation = "deprecated.daemonset.template.generation";

/** Whether the pod was made of the set's current template; `hash` is that of its current revision. */
export function isCurrent({ labels }: PodState, set: DaemonSetBody, hash: string): boolean {
  if (labels[hashLabel] === hash) return true;
  const generation = set.metadata.annotations?.[generationAnnotation];
  return generation !== undefined && labels[generationLabel] === generation;
}
