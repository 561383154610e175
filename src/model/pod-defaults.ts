// What pods are given that templates are not: a new default in a template would restart every daemon.
// Source: pkg/apis/core/v1 SetDefaults_Pod; the admission plugins ServiceAccount, Priority, DefaultTolerationSeconds.
import { forbiddenError } from "./api-error.ts";
import type { Container } from "./container.ts";
import type { Pod } from "./pod.ts";
import type { PodSpec } from "./pod-spec.ts";
import type { PriorityClass } from "./priority-class.ts";
import type { Toleration } from "./taint.ts";

const tolerationSeconds = 300;

/**
 * The pod with the defaults of pods filled in. Throws Forbidden when it names a priority class that is not among
 * `priorityClasses`, or a priority that is not its class's.
 */
export function defaultPod(pod: Pod, priorityClasses: readonly PriorityClass[]): Pod {
  const { spec } = pod;
  const account = spec.serviceAccountName ?? "default";
  const { hostNetwork } = spec;
  return {
    ...pod,
    spec: {
      ...spec,
      containers: spec.containers.map((container) => defaultContainer(container, hostNetwork)),
      ...(spec.initContainers === undefined
        ? {}
        : { initContainers: spec.initContainers.map((container) => defaultContainer(container, hostNetwork)) }),
      enableServiceLinks: spec.enableServiceLinks ?? true,
      serviceAccountName: account,
      serviceAccount: account,
      tolerations: withNodeTolerations(spec.tolerations ?? []),
      ...priorityOf(pod, priorityClasses),
    },
  };
}

function defaultContainer(container: Container, hostNetwork: boolean | undefined): Container {
  const { resources, ports } = container;
  return {
    ...container,
    resources:
      resources.limits === undefined
        ? resources
        : { ...resources, requests: { ...resources.limits, ...resources.requests } },
    ...(ports === undefined || hostNetwork !== true
      ? {}
      : { ports: ports.map((port) => ({ ...port, hostPort: port.hostPort ?? port.containerPort })) }),
  };
}

/** A pod stays on a sick node for five minutes, unless it says something else about that. */
function withNodeTolerations(tolerations: Toleration[]): Toleration[] {
  const missing = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].filter(
    (key) => !tolerations.some((toleration) => isAbout(toleration, key)),
  );
  const added = missing.map((key) => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds }));
  return [...tolerations, ...added];
}

function isAbout({ key, effect }: Toleration, taintKey: string): boolean {
  return (key === undefined || key === taintKey) && (effect === undefined || effect === "NoExecute");
}

type Priority = Pick<PodSpec, "priorityClassName" | "priority" | "preemptionPolicy">;

function priorityOf({ metadata, spec }: Pod, priorityClasses: readonly PriorityClass[]): Priority {
  const chosen = priorityClassOf(spec.priorityClassName, priorityClasses);
  const refuse = (why: string) => forbiddenError({ group: "", plural: "pods", kind: "Pod" }, metadata.name ?? "", why);
  if (chosen === null) throw refuse(`no PriorityClass with name ${spec.priorityClassName} was found`);
  const { name, value, preemptionPolicy } = chosen;
  const computed = "priority admission controller computed";
  if (spec.priority !== undefined && spec.priority !== value) {
    throw refuse(
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; ${computed} ${value} from the given PriorityClass name`,
    );
  }
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy) {
    throw refuse(
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; ${computed} ${preemptionPolicy} from the given PriorityClass name`,
    );
  }
  return { ...(name === undefined ? {} : { priorityClassName: name }), priority: value, preemptionPolicy };
}

type Choice = { readonly name: string | undefined; readonly value: number; readonly preemptionPolicy: string };

/** Null: the class that was asked for does not exist. */
function priorityClassOf(name: string | undefined, priorityClasses: readonly PriorityClass[]): Choice | null {
  if (name !== undefined) {
    const named = priorityClasses.find(({ metadata }) => metadata.name === name);
    return named === undefined ? null : { ...named, name };
  }
  const defaults = priorityClasses.filter(({ globalDefault }) => globalDefault === true);
  const lowest = defaults.toSorted((a, b) => a.value - b.value)[0];
  if (lowest === undefined) return { name: undefined, value: 0, preemptionPolicy: "PreemptLowerPriority" };
  return { ...lowest, name: lowest.metadata.name };
}
