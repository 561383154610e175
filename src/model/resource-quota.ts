// ResourceQuotas: how much of what a namespace may use. They are kept and shown; nobody counts what is used.
// Source: core/v1 ResourceQuota; pkg/printers/internalversion printResourceQuota.
import type * as z from "zod";

import { always, atomicStruct, core, embedded, list, oneOf, pointer, resourceList, strings, struct } from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { storedOnly } from "./support.ts";
import { validateMetadataStatusUpdate, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";
import { validateQuota, validateQuotaAmounts, validateQuotaScopesUpdate } from "./validation/resource-quota.ts";

const ScopedResourceSelectorRequirement = struct(
  core("ScopedResourceSelectorRequirement"),
  {
    scopeName: always(
      oneOf(
        "BestEffort",
        "CrossNamespacePodAffinity",
        "NotBestEffort",
        "NotTerminating",
        "PriorityClass",
        "Terminating",
      ),
      "",
    ),
    operator: always(oneOf("DoesNotExist", "Exists", "In", "NotIn"), ""),
    values: strings,
  },
  {
    about: "A condition on the objects that are counted.",
    scopeName: "What is asked about an object.",
    operator: "In, NotIn, Exists or DoesNotExist.",
    values: "What it may be, or may not, for In and NotIn.",
  },
);
export type ScopedResourceSelectorRequirement = z.output<typeof ScopedResourceSelectorRequirement>;

const ScopeSelector = atomicStruct(
  core("ScopeSelector"),
  { matchExpressions: list(ScopedResourceSelectorRequirement) },
  { about: "Which objects are counted.", matchExpressions: "All of these have to hold for an object." },
);

const ResourceQuotaSpec = struct(
  core("ResourceQuotaSpec"),
  { hard: resourceList, scopes: strings, scopeSelector: pointer(ScopeSelector) },
  {
    about: "How much of what may be used, and by which objects.",
    hard: "The most that may be used of each resource.",
    scopes: "Only objects of all of these sorts are counted.",
    scopeSelector: "Only objects for which this holds are counted.",
  },
);
export type ResourceQuotaSpec = z.output<typeof ResourceQuotaSpec>;

const ResourceQuotaStatus = struct(
  core("ResourceQuotaStatus"),
  { hard: resourceList, used: resourceList },
  {
    about: "How much is used. Nobody fills it in here.",
    hard: "The limits that are in force.",
    used: "How much of each is used.",
  },
);

const ResourceQuota = struct(
  core("ResourceQuota"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(ResourceQuotaSpec),
    status: embedded(ResourceQuotaStatus),
  },
  {
    about: "How much of what a namespace may use. It is kept here, and nothing is held to it.",
    metadata: "Standard object metadata.",
    spec: "The limits.",
    status: "What is used.",
  },
);
export type ResourceQuota = z.output<typeof ResourceQuota>;

function usage({ status: { hard = {}, used = {} } }: ResourceQuota, isLimit: boolean): string {
  return Object.keys(hard)
    .toSorted()
    .filter((name) => name.startsWith("limits.") === isLimit)
    .map((name) => `${name}: ${used[name] ?? "0"}/${hard[name]}`)
    .join(", ");
}

export const resourceQuotas: Resource<ResourceQuota> = defineResource<ResourceQuota>({
  group: "",
  version: "v1",
  kind: "ResourceQuota",
  plural: "resourcequotas",
  shortNames: ["quota"],
  statusSubresource: true,
  schema: ResourceQuota,
  support: storedOnly("nothing is held to it"),
  validateName: nameRule(dns1123Subdomain),
  prepareForCreate: (quota) => ({ ...quota, status: {} }),
  prepareForUpdate: (quota, old) => ({ ...quota, status: old.status }),
  validate: validateQuota,
  validateUpdate: (quota, old) => [
    ...validateMetadataUpdate(quota.metadata, old.metadata),
    ...validateQuotaScopesUpdate(quota.spec, old.spec),
  ],
  validateStatusUpdate: ({ metadata, status }, old) => [
    ...validateMetadataStatusUpdate(metadata, old.metadata),
    ...validateQuotaAmounts(status.hard, "status.hard"),
    ...validateQuotaAmounts(status.used, "status.used"),
  ],
  columns: [
    nameColumn,
    {
      name: "Request",
      type: "string",
      description: "How much is used and may be used.",
      cell: (quota) => usage(quota, false),
    },
    {
      name: "Limit",
      type: "string",
      description: "How much the limits of containers come to and may come to.",
      cell: (quota) => usage(quota, true),
    },
    ageColumn,
  ],
});
