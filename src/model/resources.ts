// Every kind of object that is always there. Users add others: see custom/ and store/served-kinds.ts.
import {
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
} from "./access-reviews.ts";
import { selfSubjectReviews, selfSubjectReviewsBeta, tokenReviews } from "./authentication.ts";
import { bindings } from "./binding.ts";
import { certificateSigningRequests } from "./certificate-signing-request.ts";
import { configMaps } from "./config-map.ts";
import { controllerRevisions } from "./controller-revision.ts";
import { cronJobs } from "./cron-job.ts";
import { customResourceDefinitions } from "./custom/definition.ts";
import { daemonSets } from "./daemonset.ts";
import { apiVersionOf } from "./decode.ts";
import { deployments } from "./deployment.ts";
import { endpointSlices } from "./endpoint-slice.ts";
import { endpoints } from "./endpoints.ts";
import { events } from "./event.ts";
import { eventsOfEventsGroup } from "./event-of-events-group.ts";
import { ingresses } from "./ingress.ts";
import { jobs } from "./job.ts";
import { joinTokens } from "./join-token.ts";
import { leases } from "./lease.ts";
import { limitRanges } from "./limit-range.ts";
import { nodeMetrics, podMetrics } from "./metrics.ts";
import { namespaces } from "./namespace.ts";
import { networkPolicies } from "./network-policy.ts";
import { nodes } from "./node.ts";
import { persistentVolumes } from "./persistent-volume.ts";
import { persistentVolumeClaims } from "./persistent-volume-claim.ts";
import { pods } from "./pod.ts";
import { podDisruptionBudgets } from "./pod-disruption-budget.ts";
import { priorityClasses } from "./priority-class.ts";
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from "./rbac.ts";
import { replicaSets } from "./replica-set.ts";
import { replicationControllers } from "./replication-controller.ts";
import type { Resource } from "./resource.ts";
import { resourceQuotas } from "./resource-quota.ts";
import { runtimeClasses } from "./runtime-class.ts";
import { secrets } from "./secret.ts";
import { services } from "./service.ts";
import { serviceAccounts } from "./service-account.ts";
import { statefulSets } from "./stateful-set.ts";
import { csiDrivers, storageClasses } from "./storage-class.ts";

export const resources: readonly Resource[] = [
  bindings,
  configMaps,
  endpoints,
  events,
  limitRanges,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  replicationControllers,
  resourceQuotas,
  secrets,
  serviceAccounts,
  services,
  controllerRevisions,
  daemonSets,
  deployments,
  replicaSets,
  statefulSets,
  cronJobs,
  jobs,
  customResourceDefinitions,
  selfSubjectReviews,
  tokenReviews,
  selfSubjectReviewsBeta,
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
  certificateSigningRequests,
  leases,
  endpointSlices,
  eventsOfEventsGroup,
  ingresses,
  networkPolicies,
  runtimeClasses,
  podDisruptionBudgets,
  clusterRoleBindings,
  clusterRoles,
  roleBindings,
  roles,
  priorityClasses,
  csiDrivers,
  storageClasses,
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
