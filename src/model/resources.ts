// Every kind of object that is always there. Users add others: see custom/ and store/served-kinds.ts.
import {
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
} from "./access-reviews.ts";
import { selfSubjectReviews, tokenReviews } from "./authentication.ts";
import { bindings } from "./binding.ts";
import { configMaps } from "./config-map.ts";
import { controllerRevisions } from "./controller-revision.ts";
import { customResourceDefinitions } from "./custom/definition.ts";
import { daemonSets } from "./daemonset.ts";
import { apiVersionOf } from "./decode.ts";
import { endpointSlices } from "./endpoint-slice.ts";
import { endpoints } from "./endpoints.ts";
import { events } from "./event.ts";
import { joinTokens } from "./join-token.ts";
import { leases } from "./lease.ts";
import { nodeMetrics, podMetrics } from "./metrics.ts";
import { namespaces } from "./namespace.ts";
import { nodes } from "./node.ts";
import { pods } from "./pod.ts";
import { priorityClasses } from "./priority-class.ts";
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from "./rbac.ts";
import type { Resource } from "./resource.ts";
import { secrets } from "./secret.ts";
import { services } from "./service.ts";
import { serviceAccounts } from "./service-account.ts";

export const resources: readonly Resource[] = [
  bindings,
  configMaps,
  endpoints,
  events,
  namespaces,
  nodes,
  pods,
  secrets,
  serviceAccounts,
  services,
  controllerRevisions,
  daemonSets,
  customResourceDefinitions,
  selfSubjectReviews,
  tokenReviews,
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
  leases,
  endpointSlices,
  clusterRoleBindings,
  clusterRoles,
  roleBindings,
  roles,
  priorityClasses,
  nodeMetrics,
  podMetrics,
  joinTokens,
];

const byPath = new Map(resources.map((resource) => [pathOf(resource), resource]));
const byKind = new Map(resources.map((resource) => [`${apiVersionOf(resource)} ${resource.kind}`, resource]));

type PathOf = { readonly group: string; readonly version: string; readonly plural: string };

function pathOf({ group, version, plural }: PathOf): string {
  return `${group}/${version}/${plural}`;
}

/** `group` is empty for the core group. */
export function findResource(group: string, version: string, plural: string): Resource | undefined {
  return byPath.get(pathOf({ group, version, plural }));
}

/** `apiVersion` as objects have it: `v1`, `apps/v1`. */
export function resourceByKind(apiVersion: string, kind: string): Resource | undefined {
  return byKind.get(`${apiVersion} ${kind}`);
}
