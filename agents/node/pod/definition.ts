// A pod template, read once and looked at from the side of the one who runs it.
import type { Container } from "../../../src/model/container.ts";
import type { NamedObject } from "../../../src/model/named-objects.ts";
import { objectsUsedBy } from "../../../src/model/named-objects.ts";
import type { PodSpec } from "../../../src/model/pod-spec.ts";
import type { PodTemplate } from "../../../src/model/pod-template.ts";
import type { Volume } from "../../../src/model/volume.ts";
import type { AssignedPod } from "../../../src/sync/messages.ts";
import { withAppArmorOf } from "./app-armor.ts";
import { hashText } from "./hash.ts";
import type { QosClass } from "./qos.ts";
import { qosClassOf } from "./qos.ts";
import { withApiAccess } from "./service-account.ts";
import { hasContent } from "./volume-content.ts";

/** `init` containers run one after the other before the rest, `sidecar`s beside it. */
type ContainerKind = "init" | "sidecar" | "regular";

export type ContainerDefinition = {
  readonly name: string;
  readonly kind: ContainerKind;
  readonly container: Container;
  /** Changes when the container must be restarted because it was changed in place. */
  readonly hash: string;
  readonly hasProbes: boolean;
};

export type RestartPolicy = "Always" | "OnFailure" | "Never";

export type PodDefinition = {
  readonly template: PodTemplate;
  readonly spec: PodSpec;
  readonly restartPolicy: RestartPolicy;
  readonly gracePeriodSeconds: number;
  /** In the order in which they are started. */
  readonly containers: readonly ContainerDefinition[];
  readonly inits: readonly ContainerDefinition[];
  readonly regulars: readonly ContainerDefinition[];
  readonly qosClass: QosClass;
  /** What its containers and volumes are made of, as its author named it. */
  readonly objects: readonly NamedObject[];
  /** Volumes whose content is brought up to date while the pod runs. */
  readonly contentVolumes: readonly Volume[];
};

const defaultGracePeriodSeconds = 30;

/** Says what the pod's ServiceAccount says where the template is silent. */
type Assigned = Pick<AssignedPod, "serviceAccount">;

// Weakly, so that a template goes with the last assignment that names it; shared by all agents of one process.
const definitions = new WeakMap<PodTemplate, PodDefinition>();
const definitionsWithoutAccess = new WeakMap<PodTemplate, PodDefinition>();

export function definitionOf(template: PodTemplate, { serviceAccount }: Assigned = {}): PodDefinition {
  const hasAccess = template.spec.automountServiceAccountToken ?? serviceAccount?.automountServiceAccountToken ?? true;
  const all = hasAccess ? definitions : definitionsWithoutAccess;
  const known = all.get(template);
  if (known !== undefined) return known;
  const spec = hasAccess ? withApiAccess(template) : template.spec;
  const definition = readTemplate(template, withAppArmorOf(template.metadata.annotations ?? {}, spec));
  all.set(template, definition);
  return definition;
}

function readTemplate(template: PodTemplate, spec: PodSpec): PodDefinition {
  const inits = (spec.initContainers ?? []).map((container) =>
    defineContainer(container, container.restartPolicy === "Always" ? "sidecar" : "init"),
  );
  const regulars = spec.containers.map((container) => defineContainer(container, "regular"));
  return {
    template,
    spec,
    restartPolicy: readRestartPolicy(spec.restartPolicy),
    gracePeriodSeconds: spec.terminationGracePeriodSeconds ?? defaultGracePeriodSeconds,
    containers: [...inits, ...regulars],
    inits,
    regulars,
    qosClass: qosClassOf(spec),
    objects: objectsUsedBy(template.spec),
    contentVolumes: (spec.volumes ?? []).filter(hasContent),
  };
}

function readRestartPolicy(value: string | undefined): RestartPolicy {
  return value === "OnFailure" || value === "Never" ? value : "Always";
}

function defineContainer(container: Container, kind: ContainerKind): ContainerDefinition {
  const { startupProbe, livenessProbe, readinessProbe } = container;
  return {
    name: container.name,
    kind,
    container,
    hash: hashText(`${container.name}\n${container.image ?? ""}`),
    hasProbes:
      kind !== "init" && (startupProbe !== undefined || livenessProbe !== undefined || readinessProbe !== undefined),
  };
}

/** The policy that a container is restarted by: a sidecar's is its own. */
export function restartPolicyOf(pod: PodDefinition, container: ContainerDefinition): RestartPolicy {
  if (container.kind === "sidecar") return "Always";
  // An init container that has succeeded is done, whatever the pod's policy.
  if (container.kind === "init") return pod.restartPolicy === "Never" ? "Never" : "OnFailure";
  return pod.restartPolicy;
}
