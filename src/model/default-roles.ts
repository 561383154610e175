// The roles and bindings that every cluster has from the start. What of them is Kubernetes' is as there, kinds that are
// not served here included: they cost nothing, and roles that are put together with them stay the same.
// Source: plugin/pkg/auth/authorizer/rbac/bootstrappolicy.
import { nodeEnrolmentSigner } from "./certificate-signers.ts";
import type { KubeObject } from "./meta.ts";
import type { ClusterRole, PolicyRule, Subject } from "./rbac.ts";
import { authenticatedGroup, mastersGroup } from "./user-info.ts";
import { rbacGroup } from "./validation/rbac.ts";

const reading = ["get", "list", "watch"];
const writing = ["create", "delete", "deletecollection", "patch", "update"];
const everything = [...writing, ...reading];

function rule(verbs: readonly string[], group: string, resources: readonly string[]): PolicyRule {
  return { verbs: [...verbs], apiGroups: [group], resources: [...resources] };
}

function urls(...nonResourceURLs: readonly string[]): PolicyRule {
  return { verbs: ["get"], nonResourceURLs: [...nonResourceURLs] };
}

const labels = { "kubernetes.io/bootstrapping": "rbac-defaults" };
const annotations = { "rbac.authorization.kubernetes.io/autoupdate": "true" };
const metadataOf = (name: string) => ({ name, labels, annotations });
const typed = (kind: "ClusterRole" | "ClusterRoleBinding") => ({ apiVersion: `${rbacGroup}/v1`, kind });

function role(name: string, ...rules: PolicyRule[]): ClusterRole {
  return { ...typed("ClusterRole"), metadata: metadataOf(name), rules };
}

const aggregationLabel = (to: string) => `rbac.authorization.k8s.io/aggregate-to-${to}`;

/** A role that adds to `to`. */
function part(to: string, ...rules: PolicyRule[]): ClusterRole {
  const plain = role(`system:aggregate-to-${to}`, ...rules);
  return { ...plain, metadata: { ...plain.metadata, labels: { ...labels, [aggregationLabel(to)]: "true" } } };
}

/** A role put together from all that add to it; it may itself add to another. */
function whole(name: string, to: string | null): ClusterRole {
  const own = to === null ? labels : { ...labels, [aggregationLabel(to)]: "true" };
  return {
    ...typed("ClusterRole"),
    metadata: { ...metadataOf(name), labels: own },
    rules: null,
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [aggregationLabel(name)]: "true" } }] },
  };
}

const scalable = ["deployments", "deployments/scale", "replicasets", "replicasets/scale"];
const healthUrls = ["/healthz", "/livez", "/readyz"];
const versionUrls = ["/version", "/version/"];

const viewRules = [
  rule(reading, "", [
    "bindings",
    "configmaps",
    "endpoints",
    "events",
    "limitranges",
    "namespaces",
    "namespaces/status",
  ]),
  rule(reading, "", ["persistentvolumeclaims", "persistentvolumeclaims/status", "pods", "pods/log", "pods/status"]),
  rule(reading, "", ["replicationcontrollers", "replicationcontrollers/scale", "replicationcontrollers/status"]),
  rule(reading, "", ["resourcequotas", "resourcequotas/status", "serviceaccounts", "services", "services/status"]),
  rule(reading, "discovery.k8s.io", ["endpointslices"]),
  rule(reading, "apps", ["controllerrevisions", "daemonsets", "daemonsets/status", ...scalable, "deployments/status"]),
  rule(reading, "apps", ["replicasets/status", "statefulsets", "statefulsets/scale", "statefulsets/status"]),
  rule(reading, "autoscaling", ["horizontalpodautoscalers", "horizontalpodautoscalers/status"]),
  rule(reading, "batch", ["cronjobs", "cronjobs/status", "jobs", "jobs/status"]),
  rule(reading, "policy", ["poddisruptionbudgets", "poddisruptionbudgets/status"]),
  rule(reading, "networking.k8s.io", ["ingresses", "ingresses/status", "networkpolicies"]),
];

const editRules = [
  rule(reading, "", ["pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"]),
  rule(["impersonate"], "", ["serviceaccounts"]),
  rule(writing, "", ["pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"]),
  rule(["create"], "", ["pods/eviction", "serviceaccounts/token"]),
  rule(writing, "", ["configmaps", "events", "persistentvolumeclaims", "replicationcontrollers"]),
  rule(writing, "", ["replicationcontrollers/scale", "secrets", "serviceaccounts", "services", "services/proxy"]),
  rule(writing, "apps", ["daemonsets", ...scalable, "deployments/rollback", "statefulsets", "statefulsets/scale"]),
  rule(writing, "autoscaling", ["horizontalpodautoscalers"]),
  rule(writing, "batch", ["cronjobs", "jobs"]),
  rule(writing, "policy", ["poddisruptionbudgets"]),
  rule(writing, "networking.k8s.io", ["ingresses", "networkpolicies"]),
  rule(everything, "coordination.k8s.io", ["leases"]),
];

/** What `kubectl top` reads; metrics-server brings it where there is one. */
const metricsReader: ClusterRole = (() => {
  const plain = role("system:aggregated-metrics-reader", rule(reading, "metrics.k8s.io", ["nodes", "pods"]));
  const to = Object.fromEntries(["view", "edit", "admin"].map((name) => [aggregationLabel(name), "true"]));
  return { ...plain, metadata: { ...plain.metadata, labels: { ...labels, ...to } } };
})();

const certificates = "certificates.k8s.io";

export const defaultClusterRoles: readonly ClusterRole[] = [
  role("cluster-admin", rule(["*"], "*", ["*"]), { verbs: ["*"], nonResourceURLs: ["*"] }),
  whole("admin", null),
  whole("edit", "admin"),
  whole("view", "edit"),
  part(
    "admin",
    rule(["create"], "authorization.k8s.io", ["localsubjectaccessreviews"]),
    rule(everything, rbacGroup, ["rolebindings", "roles"]),
  ),
  part("edit", ...editRules),
  part("view", ...viewRules),
  metricsReader,
  role(
    "system:discovery",
    urls("/api", "/api/*", "/apis", "/apis/*", ...healthUrls, "/openapi", "/openapi/*", ...versionUrls),
  ),
  role("system:public-info-viewer", urls(...healthUrls, ...versionUrls)),
  role(
    "system:basic-user",
    rule(["create"], "authorization.k8s.io", ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]),
    rule(["create"], "authentication.k8s.io", ["selfsubjectreviews"]),
  ),
  role("system:monitoring", urls(...healthUrls, ...healthUrls.map((url) => `${url}/*`), "/metrics", "/metrics/slis")),
  role(
    "system:service-account-issuer-discovery",
    urls(
      "/.well-known/openid-configuration",
      "/.well-known/openid-configuration/",
      "/openid/v1/jwks",
      "/openid/v1/jwks/",
    ),
  ),
  role(
    "system:auth-delegator",
    rule(["create"], "authentication.k8s.io", ["tokenreviews"]),
    rule(["create"], "authorization.k8s.io", ["subjectaccessreviews"]),
  ),
  role(
    "system:node",
    rule(["create"], "authentication.k8s.io", ["tokenreviews"]),
    rule(["create"], "authorization.k8s.io", ["localsubjectaccessreviews", "subjectaccessreviews"]),
    rule(["create", "get", "list", "watch"], "", ["nodes"]),
    rule(["patch", "update"], "", ["nodes/status", "pods/status"]),
    rule(["patch", "update"], "", ["nodes"]),
    rule(["create", "patch", "update"], "", ["events"]),
    rule(["create", "patch", "update"], "events.k8s.io", ["events"]),
    rule(["create", "delete", "get", "list", "watch"], "", ["pods"]),
    rule(["create"], "", ["pods/eviction", "serviceaccounts/token"]),
    rule(reading, "", ["configmaps", "secrets"]),
    rule(["create", "delete", "get", "patch", "update"], "coordination.k8s.io", ["leases"]),
  ),
  role(
    "system:node-bootstrapper",
    rule(["create", "get", "list", "watch"], certificates, ["certificatesigningrequests"]),
  ),
  // Who may let machines in that have asked with a join token that needs approval.
  role(
    "lares:node-enrolment-approver",
    rule(reading, certificates, ["certificatesigningrequests"]),
    rule(["update"], certificates, ["certificatesigningrequests/approval"]),
    { ...rule(["approve"], certificates, ["signers"]), resourceNames: [nodeEnrolmentSigner] },
  ),
];

function binding(name: string, ...groups: readonly string[]): KubeObject {
  const subjects: Subject[] = groups.map((group) => ({ kind: "Group", apiGroup: rbacGroup, name: group }));
  return {
    ...typed("ClusterRoleBinding"),
    metadata: metadataOf(name),
    ...(subjects.length === 0 ? {} : { subjects }),
    roleRef: { apiGroup: rbacGroup, kind: "ClusterRole", name },
  };
}

export const defaultClusterRoleBindings: readonly KubeObject[] = [
  binding("cluster-admin", mastersGroup),
  binding("system:discovery", authenticatedGroup),
  binding("system:public-info-viewer", authenticatedGroup, "system:unauthenticated"),
  binding("system:basic-user", authenticatedGroup),
  binding("system:monitoring", "system:monitoring"),
  binding("system:service-account-issuer-discovery", "system:serviceaccounts"),
  // Nobody: nodes have an API of their own.
  binding("system:node"),
];
