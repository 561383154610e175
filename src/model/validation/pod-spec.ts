// Which pod specs are acceptable, in pods and in templates.
// Source: pkg/apis/core/validation ValidatePodSpec, ValidatePodTemplateSpec.
import { duplicate, forbidden, invalid, invalidForEach, notSupported, required } from "../field-error.ts";
import * as limits from "../limits.ts";
import type { HostAlias, PodDNSConfig, PodResourceClaim, PodSpec, PodTemplateSpec } from "../pod-spec.ts";
import { ipErrors } from "./addresses.ts";
import { validateAffinity } from "./affinity.ts";
import { validateAllContainers, validateHostNetworkPorts } from "./containers.ts";
import type { Errors, Repetitions } from "./each.ts";
import { eachOf, noErrors, repetitions } from "./each.ts";
import { validateAnnotations, validateLabelName, validateLabels } from "./metadata.ts";
import type { Check } from "./names.ts";
import { dns1123Label, dns1123Subdomain, rangeText } from "./names.ts";
import { validatePodAnnotations, validateProfileAnnotations } from "./pod-annotations.ts";
import { validateChoice, validateContainerResources, validatePodResources } from "./resources.ts";
import { validateSchedulingGates, validateSpread, validateTolerations } from "./scheduling.ts";
import { validateHostUsers, validatePodSecurity } from "./security.ts";
import { validateVolumes } from "./volumes.ts";
import { validateHostProcess, validateOs } from "./windows.ts";

const int32Max = 2_147_483_647;
const restartPolicies = ["Always", "OnFailure", "Never"];
const dnsPolicies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

/** `podName`: the name of the pod that the spec belongs to; templates have none. */
export type PodSpecPlace = { readonly isPod: boolean; readonly podName?: string | undefined };

export function validatePodSpec(spec: PodSpec, path: string, { isPod, podName }: PodSpecPlace): Errors {
  const volumes = validateVolumes(spec.volumes, `${path}.volumes`, { podName, isPod });
  const claimNames = new Set((spec.resourceClaims ?? []).map(({ name }) => name).filter((name) => name !== ""));
  return [
    ...volumes.errors,
    ...validateClaims(spec.resourceClaims, `${path}.resourceClaims`),
    ...validateAllContainers({ spec, volumes: volumes.usable, claimNames }, path),
    ...(spec.resources === undefined ? [] : validatePodResources(spec.resources, claimNames, `${path}.resources`)),
    ...validateHostNetworkPorts(spec, path, { isPod }),
    ...validateChoice(spec.restartPolicy, restartPolicies, `${path}.restartPolicy`),
    ...validateChoice(spec.dnsPolicy, dnsPolicies, `${path}.dnsPolicy`),
    ...validateLabels(spec.nodeSelector, `${path}.nodeSelector`),
    ...validatePodSecurity(spec, path),
    ...validateAffinity(spec.affinity, `${path}.affinity`),
    ...validateDns(spec, `${path}.dnsConfig`),
    ...eachOf(spec.readinessGates, `${path}.readinessGates`, ({ conditionType }, gatePath) =>
      validateLabelName(conditionType, `${gatePath}.conditionType`),
    ),
    ...validateSchedulingGates(spec.schedulingGates, `${path}.schedulingGates`),
    ...validateSpread(spec.topologySpreadConstraints, `${path}.topologySpreadConstraints`),
    ...validateHostProcess(spec, path),
    ...validateHostUsers(spec, path),
    ...validateNames(spec, path),
    ...validateRest(spec, path),
  ];
}

const nameRules = {
  serviceAccountName: dns1123Subdomain,
  nodeName: dns1123Subdomain,
  hostname: dns1123Label,
  subdomain: dns1123Label,
  priorityClassName: dns1123Subdomain,
  runtimeClassName: dns1123Subdomain,
} as const satisfies Partial<Record<keyof PodSpec, Check>>;

function validateName(spec: PodSpec, field: keyof typeof nameRules, path: string): Errors {
  const name = spec[field];
  return name === undefined ? noErrors : invalidForEach(`${path}.${field}`, name, nameRules[field](name));
}

function validateNames(spec: PodSpec, path: string): Errors {
  return [
    ...validateName(spec, "serviceAccountName", path),
    ...validateName(spec, "nodeName", path),
    ...validateDeadline(spec.activeDeadlineSeconds, `${path}.activeDeadlineSeconds`),
    ...validateName(spec, "hostname", path),
    ...validateName(spec, "subdomain", path),
  ];
}

function validateRest(spec: PodSpec, path: string): Errors {
  return [
    ...validateTolerations(spec.tolerations, `${path}.tolerations`),
    ...eachOf(spec.hostAliases, `${path}.hostAliases`, validateHostAlias),
    ...validateName(spec, "priorityClassName", path),
    ...validateName(spec, "runtimeClassName", path),
    ...validatePreemption(spec.preemptionPolicy, `${path}.preemptionPolicy`),
    ...(spec.overhead === undefined
      ? []
      : validateContainerResources({ limits: spec.overhead }, new Set(), `${path}.overhead`)),
    ...validateOs(spec, path),
  ];
}

function validateDeadline(seconds: number | undefined, path: string): Errors {
  if (seconds === undefined || (seconds >= 1 && seconds <= int32Max)) return noErrors;
  return [invalid(path, seconds, rangeText(1, int32Max))];
}

export function validatePreemption(policy: string | undefined, path: string): Errors {
  if (policy === undefined) return noErrors;
  const policies = ["PreemptLowerPriority", "Never"];
  if (policy === "") return [required(path)];
  return policies.includes(policy) ? noErrors : [notSupported(path, policy, policies)];
}

function validateHostAlias({ ip, hostnames }: HostAlias, path: string): Errors {
  return [
    ...ipErrors(`${path}.ip`, ip),
    ...eachOf(hostnames, `${path}.hostnames`, (name, namePath) =>
      invalidForEach(namePath, name, dns1123Subdomain(name)),
    ),
  ];
}

function validateClaims(claims: readonly PodResourceClaim[] | undefined, path: string): Errors {
  const isRepeated = repetitions();
  return eachOf(claims, path, (claim, claimPath) => [
    ...validateClaimName(claim.name, isRepeated, `${claimPath}.name`),
    ...validateClaimSource(claim, claimPath),
  ]);
}

function validateClaimName(name: string, isRepeated: Repetitions, path: string): Errors {
  if (name === "") return [required(path)];
  return isRepeated(name) ? [duplicate(path, name)] : invalidForEach(path, name, dns1123Label(name));
}

function validateClaimSource(claim: PodResourceClaim, path: string): Errors {
  const { resourceClaimName, resourceClaimTemplateName } = claim;
  const both = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
  const none = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`";
  return [
    ...(resourceClaimName !== undefined && resourceClaimTemplateName !== undefined ? [invalid(path, claim, both)] : []),
    ...(resourceClaimName === undefined && resourceClaimTemplateName === undefined ? [invalid(path, claim, none)] : []),
    ...(resourceClaimName === undefined
      ? []
      : invalidForEach(`${path}.resourceClaimName`, resourceClaimName, dns1123Subdomain(resourceClaimName))),
    ...(resourceClaimTemplateName === undefined
      ? []
      : invalidForEach(
          `${path}.resourceClaimTemplateName`,
          resourceClaimTemplateName,
          dns1123Subdomain(resourceClaimTemplateName),
        )),
  ];
}

function validateDns({ dnsPolicy, dnsConfig }: PodSpec, path: string): Errors {
  if (dnsPolicy === "None" && dnsConfig === undefined) {
    return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")];
  }
  if (dnsPolicy === "None" && dnsConfig?.nameservers === undefined) {
    return [required(`${path}.nameservers`, "must provide at least one DNS nameserver when `dnsPolicy` is None")];
  }
  return dnsConfig === undefined ? noErrors : validateDnsConfig(dnsConfig, path);
}

function validateDnsConfig({ nameservers = [], searches = [], options }: PodDNSConfig, path: string): Errors {
  const tooManyServers = `must not have more than ${limits.dnsNameservers} nameservers`;
  const tooManyPaths = `must not have more than ${limits.dnsSearchPaths} search paths`;
  const listTooLong = `must not have more than ${limits.dnsSearchListCharacters} characters (including spaces) in the search list`;
  return [
    ...(nameservers.length > limits.dnsNameservers
      ? [invalid(`${path}.nameservers`, nameservers, tooManyServers)]
      : []),
    ...eachOf(nameservers, `${path}.nameservers`, (server, serverPath) => ipErrors(serverPath, server)),
    ...(searches.length > limits.dnsSearchPaths ? [invalid(`${path}.searches`, searches, tooManyPaths)] : []),
    ...(searches.join(" ").length > limits.dnsSearchListCharacters
      ? [invalid(`${path}.searches`, searches, listTooLong)]
      : []),
    ...eachOf(searches, `${path}.searches`, (search, searchPath) => {
      const name = search.endsWith(".") ? search.slice(0, -1) : search;
      return invalidForEach(searchPath, name, dns1123Subdomain(name));
    }),
    ...eachOf(options, `${path}.options`, ({ name }, optionPath) =>
      name === undefined ? [required(optionPath, "must not be empty")] : noErrors,
    ),
  ];
}

/** A pod template; `path` is where it stands, `spec.template` say. */
export function validatePodTemplate({ metadata, spec }: PodTemplateSpec, path: string): Errors {
  return [
    ...validateLabels(metadata.labels, `${path}.labels`),
    ...validateAnnotations(metadata.annotations, `${path}.annotations`),
    ...validatePodAnnotations(metadata.annotations, spec, `${path}.annotations`),
    ...validatePodSpec(spec, `${path}.spec`, { isPod: false }),
    ...validateProfileAnnotations(metadata.annotations, spec, `${path}.spec`),
    ...(spec.ephemeralContainers === undefined
      ? []
      : [forbidden(`${path}.spec.ephemeralContainers`, "ephemeral containers not allowed in pod template")]),
  ];
}
