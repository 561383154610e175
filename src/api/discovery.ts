// What the API says of itself: its version, its groups and their resources, in the old form (a list per group and
// version) and in the aggregated one (everything in two requests).
// Source: apimachinery meta/v1 (APIGroup, APIResource), api/apidiscovery.
import type * as z from "zod";

import { apiVersionOf } from "../model/decode.ts";
import type { ServedKind } from "../model/resource.ts";
import { Scale } from "../model/scale.ts";

/** The version this API is compatible with. Build metadata after "+" leaves comparisons of versions alone. */
export const serverVersion = {
  major: "1",
  minor: "32",
  gitVersion: "v1.32.0+lares",
  gitCommit: "",
  gitTreeState: "",
  buildDate: "",
  goVersion: "",
  compiler: "",
  platform: "cloudflare/workers",
} as const;

/** A subresource other than `status`, such as `pods/eviction`. */
export type Subresource = {
  /** The resource it is part of. */
  readonly parent: Pick<ServedKind, "group" | "plural">;
  readonly name: string;
  /** What it answers with or takes; without a group and version, those of its parent. */
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
  /** Of what it takes and answers with; absent: the kind is its parent's, or it is a stream. */
  readonly schema?: z.ZodType;
  /** It answers with bytes of no form in particular. */
  readonly isStream?: true;
};

export type Catalogue = {
  readonly resources: readonly ServedKind[];
  readonly subresources: readonly Subresource[];
};

type GroupVersion = Pick<ServedKind, "group" | "version">;

const statusVerbs = ["get", "patch", "update"];

/** `/api`, for clients that do not aggregate. */
export function apiVersions() {
  return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] } as const;
}

/** `/apis`, for clients that do not aggregate. */
export function apiGroupList({ resources }: Catalogue) {
  const groups = namedGroups(resources).map((group) => groupVersions(resources, group));
  return { kind: "APIGroupList", apiVersion: "v1", groups } as const;
}

/** `/apis/<group>`; undefined when there is no such group. */
export function apiGroup({ resources }: Catalogue, group: string) {
  if (!namedGroups(resources).includes(group)) return undefined;
  return { kind: "APIGroup", apiVersion: "v1", ...groupVersions(resources, group) } as const;
}

/** `/api/v1` and `/apis/<group>/<version>`; undefined when nothing is served there. */
export function apiResourceList({ resources, subresources }: Catalogue, { group, version }: GroupVersion) {
  const served = resources.filter((resource) => resource.group === group && resource.version === version);
  if (served.length === 0) return undefined;
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: apiVersionOf({ group, version }),
    resources: served.flatMap((resource) => [
      apiResource(resource),
      ...subresourcesOf(resource, subresources).map((subresource) => apiSubresource(resource, subresource)),
    ]),
  } as const;
}

/** `/api` (`which` is core) and `/apis` (named), aggregated. */
export function apiGroupDiscoveryList(
  { resources, subresources }: Catalogue,
  { which, version }: { readonly which: "core" | "named"; readonly version: "v2" | "v2beta1" },
) {
  const groups = which === "core" ? [""] : namedGroups(resources);
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: versionsOf(resources, group).map((groupVersion) => ({
        version: groupVersion,
        resources: resources
          .filter((resource) => resource.group === group && resource.version === groupVersion)
          .map((resource) => discoveredResource(resource, subresourcesOf(resource, subresources))),
        freshness: "Current",
      })),
    })),
  } as const;
}

function namedGroups(resources: readonly ServedKind[]): readonly string[] {
  return [...new Set(resources.map(({ group }) => group))].filter((group) => group !== "");
}

/** Versions of a group, the preferred one first: the order of the table. */
function versionsOf(resources: readonly ServedKind[], group: string): readonly string[] {
  return [...new Set(resources.filter((resource) => resource.group === group).map(({ version }) => version))];
}

function groupVersions(resources: readonly ServedKind[], group: string) {
  const versions = versionsOf(resources, group).map((version) => ({
    groupVersion: apiVersionOf({ group, version }),
    version,
  }));
  return { name: group, versions, preferredVersion: versions[0] };
}

/** What is below a resource, `/status` included, in order of names. */
export function subresourcesOf(resource: ServedKind, subresources: readonly Subresource[]): readonly Subresource[] {
  const { group, plural, kind } = resource;
  const own = subresources.filter(({ parent }) => parent.group === group && parent.plural === plural);
  const status = { parent: { group, plural }, name: "status", kind, verbs: statusVerbs };
  const scale = {
    parent: { group, plural },
    name: "scale",
    kind: "Scale",
    group: "autoscaling",
    version: "v1",
    verbs: statusVerbs,
    schema: Scale,
  };
  const all = [...own, ...(resource.statusSubresource ? [status] : []), ...(resource.scale === null ? [] : [scale])];
  return all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function apiResource({ plural, singular, namespaced, kind, verbs, shortNames, categories }: ServedKind) {
  return {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
  };
}

function apiSubresource(resource: ServedKind, { name, kind, group, version, verbs }: Subresource) {
  return {
    name: `${resource.plural}/${name}`,
    singularName: "",
    namespaced: resource.namespaced,
    // kubectl drain evicts only when it finds group and version here.
    ...(group === undefined || version === undefined ? {} : { group, version }),
    kind,
    verbs,
  };
}

function discoveredResource(resource: ServedKind, subresources: readonly Subresource[]) {
  const { group, version, kind, plural, singular, namespaced, verbs, shortNames, categories } = resource;
  return {
    resource: plural,
    responseKind: { group, version, kind },
    scope: namespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
    ...(subresources.length === 0
      ? {}
      : { subresources: subresources.map((sub) => discoveredSubresource(resource, sub)) }),
  };
}

function discoveredSubresource(resource: ServedKind, { name, kind, group, version, verbs }: Subresource) {
  const responseKind = { group: group ?? resource.group, version: version ?? resource.version, kind };
  return { subresource: name, responseKind, verbs };
}
