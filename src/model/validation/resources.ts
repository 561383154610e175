// Which amounts of which resources may be asked for.
// Source: pkg/apis/core/validation validateResourceRequirements, pkg/apis/core/helper.
import { duplicate, forbidden, invalid, invalidForEach, notFound, notSupported, required } from "../field-error.ts";
import { compareQuantities, isMultipleOf } from "../quantity.ts";
import type { ContainerResizePolicy, ResourceList, ResourceRequirements } from "../resource-requirements.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors, repetitions } from "./each.ts";
import { notNegative } from "./metadata.ts";
import { dns1123Label, qualifiedName } from "./names.ts";

const containerResources = ["cpu", "memory", "ephemeral-storage"];
const countedResources = [
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
];
const standardResources = [
  ...containerResources,
  ...countedResources,
  "storage",
  "requests.cpu",
  "requests.memory",
  "requests.storage",
  "requests.ephemeral-storage",
  "limits.cpu",
  "limits.memory",
  "limits.ephemeral-storage",
];
const hugePages = "hugepages-";
const podResources = ["cpu", "memory"];

function isHugePages(name: string): boolean {
  return name.startsWith(hugePages);
}

/** Without a domain, or of a domain of Kubernetes'. */
function isNative(name: string): boolean {
  return !name.includes("/") || name.includes("kubernetes.io/");
}

function isExtended(name: string): boolean {
  return !isNative(name) && !name.startsWith("requests.") && qualifiedName(`requests.${name}`).length === 0;
}

/** What a ResourceQuota may limit, of names without a domain. */
export function isQuotaResource(name: string): boolean {
  return (
    (name !== "storage" && standardResources.includes(name)) ||
    isHugePages(name) ||
    name.startsWith(`requests.${hugePages}`)
  );
}

function mayOvercommit(name: string): boolean {
  return isNative(name) && !isHugePages(name);
}

export function validateResourceName(name: string, path: string): Errors {
  const problems = qualifiedName(name);
  if (problems.length > 0) return invalidForEach(path, name, problems);
  if (name.includes("/") || standardResources.includes(name)) return noErrors;
  if (isHugePages(name) || name.startsWith(`requests.${hugePages}`)) return noErrors;
  return [invalid(path, name, "must be a standard resource type or fully qualified")];
}

function validateContainerResourceName(name: string, path: string): Errors {
  const errors = validateResourceName(name, path);
  if (!name.includes("/")) {
    if (containerResources.includes(name) || isHugePages(name)) return errors;
    return [...errors, invalid(path, name, "must be a standard resource for containers")];
  }
  if (isNative(name) || isExtended(name)) return errors;
  return [...errors, invalid(path, name, "doesn't follow extended resource name standard")];
}

function validatePodResourceName(name: string, path: string): Errors {
  const errors = validateResourceName(name, path);
  if (errors.length > 0 || podResources.includes(name)) return errors;
  return [notSupported(path, name, podResources)];
}

export function validateResourceAmount(name: string, amount: string, path: string): Errors {
  const counted = countedResources.includes(name) || isExtended(name);
  return [
    ...(compareQuantities(amount, "0") < 0 ? [invalid(path, amount, notNegative)] : []),
    ...(counted && !isMultipleOf(amount, "1") ? [invalid(path, amount, "must be an integer")] : []),
  ];
}

type NameRule = (name: string, path: string) => Errors;

export function validateContainerResources(
  requirements: ResourceRequirements,
  claimNames: ReadonlySet<string>,
  path: string,
): Errors {
  return validateRequirements({ requirements, claimNames, nameRule: validateContainerResourceName }, path);
}

export function validatePodResources(
  requirements: ResourceRequirements,
  claimNames: ReadonlySet<string>,
  path: string,
): Errors {
  return [
    ...(requirements.claims === undefined
      ? []
      : [forbidden(`${path}.claims`, "claims cannot be set for Resources at pod-level")]),
    ...validateRequirements({ requirements, claimNames, nameRule: validatePodResourceName }, path),
  ];
}

type Requirements = {
  readonly requirements: ResourceRequirements;
  readonly claimNames: ReadonlySet<string>;
  readonly nameRule: NameRule;
};

function validateRequirements({ requirements, claimNames, nameRule }: Requirements, path: string): Errors {
  const { limits = {}, requests = {}, claims } = requirements;
  return [
    ...Object.entries(limits).flatMap(([name, amount]) =>
      validateAmount(nameRule, { name, amount, path: `${path}.limits[${name}]` }),
    ),
    ...Object.entries(requests).flatMap(([name, amount]) => [
      ...validateAmount(nameRule, { name, amount, path: `${path}.requests[${name}]` }),
      ...validateAgainstLimit({ name, amount, limits }, path),
    ]),
    ...validateHugePagesCompany({ ...limits, ...requests }, path),
    ...validateClaims(claims ?? [], claimNames, `${path}.claims`),
  ];
}

type NamedAmount = { readonly name: string; readonly amount: string; readonly path: string };

function validateAmount(nameRule: NameRule, { name, amount, path }: NamedAmount): Errors {
  return [
    ...nameRule(name, path),
    ...validateResourceAmount(name, amount, path),
    ...(isHugePages(name) && !isMultipleOf(amount, name.slice(hugePages.length))
      ? [invalid(path, amount, `${amount} is not positive integer multiple of ${name}`)]
      : []),
  ];
}

type Request = { readonly name: string; readonly amount: string; readonly limits: ResourceList };

function validateAgainstLimit({ name, amount, limits }: Request, path: string): Errors {
  const limit = Object.hasOwn(limits, name) ? limits[name] : undefined;
  if (limit === undefined) {
    if (mayOvercommit(name)) return noErrors;
    return [required(`${path}.limits`, "Limit must be set for non overcommitable resources")];
  }
  const comparison = compareQuantities(amount, limit);
  if (comparison !== 0 && !mayOvercommit(name)) {
    return [invalid(`${path}.requests`, amount, `must be equal to ${name} limit of ${limit}`)];
  }
  if (comparison <= 0) return noErrors;
  return [invalid(`${path}.requests`, amount, `must be less than or equal to ${name} limit of ${limit}`)];
}

function validateHugePagesCompany(amounts: ResourceList, path: string): Errors {
  const names = Object.keys(amounts);
  if (!names.some(isHugePages) || names.includes("cpu") || names.includes("memory")) return noErrors;
  return [forbidden(path, "HugePages require cpu or memory")];
}

type Claim = NonNullable<ResourceRequirements["claims"]>[number];

function validateClaims(claims: readonly Claim[], podClaims: ReadonlySet<string>, path: string): Errors {
  const seen = new Set<string>();
  return eachOf(claims, path, ({ name, request }, claimPath) => {
    if (name === "") return [required(claimPath)];
    return [
      ...validateClaimOnce({ name, request, seen }, claimPath),
      ...validateClaimKnown(name, podClaims, claimPath),
    ];
  });
}

type SeenClaim = { readonly name: string; readonly request: string | undefined; readonly seen: Set<string> };

function validateClaimOnce({ name, request, seen }: SeenClaim, path: string): Errors {
  if (seen.has(name)) return [duplicate(path, name)];
  const key = request === undefined ? name : `${name}/${request}`;
  const overlaps = request === undefined && [...seen].some((other) => other.startsWith(`${name}/`));
  const repeated = seen.has(key) ? [duplicate(path, key)] : overlaps ? [duplicate(path, name)] : [];
  seen.add(key);
  if (request === undefined) return repeated;
  return [...invalidForEach(`${path}.request`, request, dns1123Label(request)), ...repeated];
}

function validateClaimKnown(name: string, podClaims: ReadonlySet<string>, path: string): Errors {
  if (podClaims.has(name)) return noErrors;
  const known = podClaims.size === 0 ? " which is empty" : `: ${[...podClaims].toSorted().join(", ")}`;
  return [notFound(path, name, `must be one of the names in pod.spec.resourceClaims${known}`)];
}

export function validateResizePolicy(
  policies: readonly ContainerResizePolicy[] | undefined,
  podRestartPolicy: string,
  path: string,
): Errors {
  const isRepeated = repetitions();
  return eachOf(policies, path, ({ resourceName, restartPolicy }, policyPath) => [
    ...(isRepeated(resourceName) ? [duplicate(policyPath, resourceName)] : []),
    ...validateChoice(resourceName, podResources, path),
    ...validateChoice(restartPolicy, ["NotRequired", "RestartContainer"], path),
    ...(podRestartPolicy === "Never" && restartPolicy !== "NotRequired"
      ? [invalid(path, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'")]
      : []),
  ]);
}

/** A value that has to be there and be one of a few. */
export function validateChoice(value: string | undefined, choices: readonly string[], path: string): Errors {
  if (value === undefined || value === "") return [required(path)];
  return choices.includes(value) ? noErrors : [notSupported(path, value, choices)];
}
