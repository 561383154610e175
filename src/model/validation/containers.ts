// Which containers a pod may have.
// Source: pkg/apis/core/validation validateContainers, validateInitContainers, validateEphemeralContainers.
import type { Container, ContainerPort, EphemeralContainer } from "../container.ts";
import { duplicate, forbidden, invalid, invalidForEach, notFound, notSupported, required } from "../field-error.ts";
import type { PodSpec } from "../pod-spec.ts";
import type { Volume } from "../volume.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors, repetitions } from "./each.ts";
import { validateEnv, validateEnvFrom } from "./env.ts";
import { validateMounts } from "./mounts.ts";
import { dns1123Label, portName, portNumber } from "./names.ts";
import { validateLifecycle, validateProbes } from "./probes.ts";
import { validateChoice, validateContainerResources, validateResizePolicy } from "./resources.ts";
import { validateSecurityContext } from "./security.ts";

const protocols = ["SCTP", "TCP", "UDP"];

/** What the rules of a container need to know of its pod. */
export type PodContext = {
  readonly spec: PodSpec;
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly claimNames: ReadonlySet<string>;
};

/** The regular, the init and the ephemeral containers; `path` is the spec's. */
export function validateAllContainers(context: PodContext, path: string): Errors {
  return [
    ...validateContainers(context, `${path}.containers`),
    ...validateInitContainers(context, `${path}.initContainers`),
    ...validateEphemeralContainers(context, `${path}.ephemeralContainers`),
  ];
}

function validateContainers(context: PodContext, path: string): Errors {
  const { containers, terminationGracePeriodSeconds: gracePeriodSeconds } = context.spec;
  if (containers.length === 0) return [required(path)];
  const isRepeated = repetitions();
  return [
    ...eachOf(containers, path, (container, containerPath) => [
      ...validateCommon(container, context, containerPath),
      ...(isRepeated(container.name) ? [duplicate(`${containerPath}.name`, container.name)] : []),
      ...validateLifecycle(container.lifecycle, { gracePeriodSeconds, path: `${containerPath}.lifecycle` }),
      ...validateProbes(container, { gracePeriodSeconds, path: containerPath }),
      ...(container.restartPolicy === undefined
        ? []
        : [forbidden(`${containerPath}.restartPolicy`, "may not be set for non-init containers")]),
    ]),
    ...validateHostPorts(containers, path),
  ];
}

function validateInitContainers(context: PodContext, path: string): Errors {
  const names = new Set(context.spec.containers.map(({ name }) => name));
  return eachOf(context.spec.initContainers, path, (container, containerPath) => {
    const { name } = container;
    const repeated = names.has(name);
    if (name !== "") names.add(name);
    return [
      ...validateCommon(container, context, containerPath),
      ...validateInitRestartPolicy(container.restartPolicy, `${containerPath}.restartPolicy`),
      ...(repeated ? [duplicate(`${containerPath}.name`, name)] : []),
      // They run one after the other, so only a container's own ports can clash; upstream counts it as the first.
      ...validateHostPorts([container], path),
      ...validateInitHooks(container, context, containerPath),
      ...(container.resizePolicy === undefined
        ? []
        : [invalid(`${containerPath}.resizePolicy`, container.resizePolicy, "must not be set for init containers")]),
    ];
  });
}

function validateInitRestartPolicy(policy: string | undefined, path: string): Errors {
  return policy === undefined || policy === "Always" ? noErrors : [notSupported(path, policy, ["Always"])];
}

/** A sidecar may have the hooks and probes of a container, any other init container none. */
function validateInitHooks(container: Container, { spec }: PodContext, path: string): Errors {
  const { terminationGracePeriodSeconds: gracePeriodSeconds } = spec;
  if (container.restartPolicy === "Always") {
    return [
      ...validateLifecycle(container.lifecycle, { gracePeriodSeconds, path: `${path}.lifecycle` }),
      ...validateProbes(container, { gracePeriodSeconds, path }),
    ];
  }
  return (["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const)
    .filter((field) => container[field] !== undefined)
    .map((field) => forbidden(`${path}.${field}`, "may not be set for init containers without restartPolicy=Always"));
}

const forbiddenForEphemeral = [
  "ports",
  "resizePolicy",
  "restartPolicy",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
] as const;

function validateEphemeralContainers(context: PodContext, path: string): Errors {
  const { containers, initContainers = [], ephemeralContainers } = context.spec;
  const targets = new Set([...containers, ...initContainers].map(({ name }) => name));
  const isRepeated = repetitions();
  return eachOf(ephemeralContainers, path, (container, containerPath) => {
    const { name, targetContainerName } = container;
    return [
      ...validateCommon(container, context, containerPath),
      ...validateImageOfPod(container, containerPath),
      ...(targets.has(name) || isRepeated(name) ? [duplicate(`${containerPath}.name`, name)] : []),
      ...(targetContainerName === undefined || targets.has(targetContainerName)
        ? []
        : [notFound(`${containerPath}.targetContainerName`, targetContainerName)]),
      ...validateEphemeralFields(container, containerPath),
    ];
  });
}

function validateEphemeralFields(container: EphemeralContainer, path: string): Errors {
  const why = "cannot be set for an Ephemeral Container";
  const fields: readonly string[] = [
    ...forbiddenForEphemeral.filter((field) => container[field] !== undefined),
    ...(Object.keys(container.resources).length === 0 ? [] : ["resources"]),
  ];
  return [
    ...fields.map((field) => forbidden(`${path}.${field}`, why)),
    ...eachOf(container.volumeMounts, `${path}.volumeMounts`, ({ subPath, subPathExpr }, mountPath) => [
      ...(subPath === undefined ? [] : [forbidden(`${mountPath}.subPath`, why)]),
      ...(subPathExpr === undefined ? [] : [forbidden(`${mountPath}.subPathExpr`, why)]),
    ]),
  ];
}

/** A pod's image name may have no blanks around it; a template's may. */
export function validateImageOfPod({ image = "" }: Pick<Container, "image">, path: string): Errors {
  if (image.trim() === image) return noErrors;
  return [invalid(`${path}.image`, image, "must not have leading or trailing whitespace")];
}

/** The rules that every kind of container has. */
function validateCommon(container: Container, { spec, volumes, claimNames }: PodContext, path: string): Errors {
  const { name, image } = container;
  return [
    ...(name === "" ? [required(`${path}.name`)] : invalidForEach(`${path}.name`, name, dns1123Label(name))),
    ...(image === undefined ? [required(`${path}.image`)] : []),
    ...validateChoice(
      container.terminationMessagePolicy,
      ["File", "FallbackToLogsOnError"],
      `${path}.terminationMessagePolicy`,
    ),
    ...validatePorts(container.ports, `${path}.ports`),
    ...validateEnv(container.env, `${path}.env`),
    ...validateEnvFrom(container.envFrom, `${path}.envFrom`),
    ...validateMounts(container, volumes, path),
    ...validateChoice(container.imagePullPolicy, ["Always", "IfNotPresent", "Never"], `${path}.imagePullPolicy`),
    ...validateContainerResources(container.resources, claimNames, `${path}.resources`),
    ...validateResizePolicy(container.resizePolicy, spec.restartPolicy, `${path}.resizePolicy`),
    ...validateSecurityContext(container.securityContext, `${path}.securityContext`, {
      hostUsers: spec.hostUsers !== false,
    }),
  ];
}

function validatePorts(ports: readonly ContainerPort[] | undefined, path: string): Errors {
  const names = new Set<string>();
  return eachOf(ports, path, ({ name, containerPort, hostPort, protocol }, portPath) => [
    ...(name === undefined ? [] : validatePortName(name, names, `${portPath}.name`)),
    ...(containerPort === 0
      ? [required(`${portPath}.containerPort`)]
      : invalidForEach(`${portPath}.containerPort`, containerPort, portNumber(containerPort))),
    ...(hostPort === undefined ? [] : invalidForEach(`${portPath}.hostPort`, hostPort, portNumber(hostPort))),
    ...(protocols.includes(protocol) ? [] : [notSupported(`${portPath}.protocol`, protocol, protocols)]),
  ]);
}

/** Adds a good name to `names`. */
function validatePortName(name: string, names: Set<string>, path: string): Errors {
  const problems = portName(name);
  if (problems.length > 0) return invalidForEach(path, name, problems);
  if (names.has(name)) return [duplicate(path, name)];
  names.add(name);
  return noErrors;
}

function validateHostPorts(containers: readonly Container[], path: string): Errors {
  const isTaken = repetitions();
  return eachOf(containers, path, ({ ports }, containerPath) =>
    eachOf(ports, `${containerPath}.ports`, ({ protocol, hostIP = "", hostPort }, portPath) => {
      const address = `${protocol}/${hostIP}/${hostPort}`;
      return hostPort !== undefined && isTaken(address) ? [duplicate(`${portPath}.hostPort`, address)] : noErrors;
    }),
  );
}

/** On the node's network, a container's port is the node's. Templates may leave the host port to the pod's defaults. */
export function validateHostNetworkPorts(
  { hostNetwork, containers }: PodSpec,
  path: string,
  { isPod }: { readonly isPod: boolean },
): Errors {
  if (hostNetwork !== true) return noErrors;
  return eachOf(containers, `${path}.containers`, ({ ports }, containerPath) =>
    eachOf(ports, `${containerPath}.ports`, ({ hostPort = 0, containerPort }, portPath) => {
      if (hostPort === containerPort || (hostPort === 0 && !isPod)) return noErrors;
      return [invalid(`${portPath}.hostPort`, hostPort, "must match `containerPort` when `hostNetwork` is true")];
    }),
  );
}
