// What may be written into a pod's status.
// Source: pkg/apis/core/validation ValidatePodStatusUpdate.
import type { ContainerStatus } from "../container-status.ts";
import { duplicate, forbidden, invalid, invalidForEach } from "../field-error.ts";
import type { PodSpec } from "../pod-spec.ts";
import type { PodCondition, PodStatus } from "../pod-status.ts";
import { ipErrors, ipFamily } from "./addresses.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors, repetitions } from "./each.ts";
import { validateImmutable, validateLabelName } from "./metadata.ts";
import { dns1123Subdomain, userOrGroupId } from "./names.ts";

const systemConditions = ["PodScheduled", "Ready", "Initialized"];

/** `spec` is the pod's, which a status write does not change. */
export function validatePodStatus(status: PodStatus, old: PodStatus, spec: PodSpec): Errors {
  return [
    ...validateConditions(status.conditions),
    ...validateNominatedNode(status.nominatedNodeName, old.nominatedNodeName),
    ...validateImmutable(status.qosClass, old.qosClass, "status.qosClass"),
    ...validateTransitions(status, old, spec),
    ...validateClaimStatuses(status, spec),
    ...validateIps(status.podIPs, "status.podIPs"),
    ...validateHostIps(status),
    ...containerLists.flatMap((list) => validateUsers(status[list], spec, `status.${list}`)),
  ];
}

const containerLists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const;

/** Upstream reports these under metadata. */
function validateConditions(conditions: readonly PodCondition[] | undefined): Errors {
  return eachOf(conditions, "metadata.conditions", ({ type }, path) =>
    systemConditions.includes(type) ? noErrors : validateLabelName(type, `${path}.Type`),
  );
}

function validateNominatedNode(name: string | undefined, old: string | undefined): Errors {
  if (name === undefined || name === old) return noErrors;
  return invalidForEach("status.nominatedNodeName", name, dns1123Subdomain(name));
}

/** A container that has ended for good may not come back. */
function validateTransitions(status: PodStatus, old: PodStatus, spec: PodSpec): Errors {
  const sidecars = (spec.initContainers ?? [])
    .filter(({ restartPolicy }) => restartPolicy === "Always")
    .map(({ name }) => name);
  return [
    ...validateEnded(status, old, { list: "containerStatuses", restartPolicy: spec.restartPolicy, restartable: [] }),
    ...validateEnded(status, old, {
      list: "initContainerStatuses",
      restartPolicy: spec.restartPolicy,
      restartable: sidecars,
    }),
    ...validateEnded(status, old, { list: "ephemeralContainerStatuses", restartPolicy: "Never", restartable: [] }),
  ];
}

type Ended = {
  readonly list: (typeof containerLists)[number];
  readonly restartPolicy: string;
  /** Names of containers that restart whatever the policy. */
  readonly restartable: readonly string[];
};

function validateEnded(status: PodStatus, old: PodStatus, { list, restartPolicy, restartable }: Ended): Errors {
  if (restartPolicy === "Always") return noErrors;
  return eachOf(old[list], `status.${list}`, ({ name, state }, path) => {
    const { terminated } = state;
    if (terminated === undefined || restartable.includes(name)) return noErrors;
    if (terminated.exitCode !== 0 && restartPolicy === "OnFailure") return noErrors;
    const revived = (status[list] ?? []).some((now) => now.name === name && now.state.terminated === undefined);
    return revived ? [forbidden(`${path}.state`, "may not be transitioned to non-terminated state")] : noErrors;
  });
}

function validateClaimStatuses({ resourceClaimStatuses }: PodStatus, { resourceClaims = [] }: PodSpec): Errors {
  const isRepeated = repetitions();
  return eachOf(resourceClaimStatuses, "status.resourceClaimStatuses", ({ name, resourceClaimName }, path) => [
    ...(resourceClaims.some((claim) => claim.name === name)
      ? []
      : [invalid(`${path}.name`, name, "must match the name of an entry in `spec.resourceClaims`")]),
    ...(isRepeated(name) ? [duplicate(`${path}.name`, name)] : []),
    ...(resourceClaimName === undefined
      ? []
      : invalidForEach(`${path}.name`, resourceClaimName, dns1123Subdomain(resourceClaimName))),
  ]);
}

type Address = { readonly ip: string };

function validateIps(addresses: readonly Address[] = [], path: string): Errors {
  const isRepeated = repetitions();
  const families = new Set(addresses.map(({ ip }) => ipFamily(ip)));
  const mixed = addresses.length <= 1 || (addresses.length === 2 && families.size === 2);
  return [
    ...eachOf(addresses, path, ({ ip }, ipPath) => ipErrors(ipPath, ip)),
    ...(mixed ? [] : [invalid(path, addresses, "may specify no more than one IP for each IP family")]),
    ...eachOf(addresses, path, (address, ipPath) => (isRepeated(address.ip) ? [duplicate(ipPath, address)] : noErrors)),
  ];
}

function validateHostIps({ hostIP, hostIPs }: PodStatus): Errors {
  const first = hostIPs?.[0];
  if (first === undefined) return noErrors;
  return [
    ...(first.ip === hostIP ? [] : [invalid("status.hostIPs[0].ip", first.ip, "must be equal to `hostIP`")]),
    ...validateIps(hostIPs, "status.hostIPs"),
  ];
}

function validateUsers(statuses: readonly ContainerStatus[] | undefined, spec: PodSpec, path: string): Errors {
  return eachOf(statuses, path, ({ user }, statusPath) => {
    if (user?.linux === undefined) return noErrors;
    const linux = `${statusPath}.linux`;
    if (spec.os?.name === "windows") return [forbidden(linux, "cannot be set for a windows pod")];
    return [
      ...invalidForEach(`${linux}.uid`, user.linux.uid, userOrGroupId(user.linux.uid)),
      ...invalidForEach(`${linux}.gid`, user.linux.gid, userOrGroupId(user.linux.gid)),
      ...eachOf(user.linux.supplementalGroups, `${linux}.supplementalGroups`, (group, groupPath) =>
        invalidForEach(groupPath, group, userOrGroupId(group)),
      ),
    ];
  });
}
