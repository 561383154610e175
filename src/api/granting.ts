// What an object hands out may take more than the right to write it: nobody gives what they have not.
// Source: pkg/registry/rbac (policybased storages, escalation_check.go).
import { decide, isMaster, rulesFor, rulesOfRole } from "../core/authorization.ts";
import { escalationMessage, missingRules } from "../core/escalation.ts";
import { forbiddenError, notFoundError, qualifiedResource } from "../model/api-error.ts";
import type { CertificateSigningRequest } from "../model/certificate-signing-request.ts";
import { certificateSigningRequests } from "../model/certificate-signing-request.ts";
import type { KubeObject } from "../model/meta.ts";
import type { ClusterRole, PolicyRule, Role, RoleBinding } from "../model/rbac.ts";
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from "../model/rbac.ts";
import { requireMayCertify } from "./certifying.ts";
import type { RequestContext } from "./context.ts";

const full: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

/** Throws unless the sender may give what the object gives. `before`: null when it is new. */
export async function requireMayGrant(
  context: RequestContext,
  object: KubeObject,
  before: KubeObject | null,
): Promise<void> {
  const isFree = isMaster(context.caller);
  // Each was decoded as its kind.
  switch (qualifiedResource(context.target.resource)) {
    case qualifiedResource(roles):
    case qualifiedResource(clusterRoles):
      return isFree ? undefined : requireMayDefine(context, object as ClusterRole, before as ClusterRole | null);
    case qualifiedResource(roleBindings):
    case qualifiedResource(clusterRoleBindings):
      return isFree ? undefined : requireMayBind(context, object as RoleBinding, before as RoleBinding | null);
    case qualifiedResource(certificateSigningRequests):
      return requireMayCertify(
        context,
        object as CertificateSigningRequest,
        before as CertificateSigningRequest | null,
      );
    default:
  }
}

async function requireMayDefine(
  context: RequestContext,
  role: Role | ClusterRole,
  before: Role | ClusterRole | null,
): Promise<void> {
  if (before !== null && isSame(given(role), given(before))) return;
  const { resource } = context.target;
  if (await may(context, "escalate", resource.plural, role.metadata.name ?? "")) return;
  const aggregates = "aggregationRule" in role && role.aggregationRule !== undefined;
  if (aggregates && (await lacking(context, full)) !== null) {
    const why = "must have cluster-admin privileges to use the aggregationRule";
    throw forbiddenError(resource, role.metadata.name ?? "", why);
  }
  await requireHas(context, role, role.rules ?? []);
}

function given(role: Role | ClusterRole) {
  return [role.rules ?? [], "aggregationRule" in role ? role.aggregationRule : undefined];
}

async function requireMayBind(
  context: RequestContext,
  binding: RoleBinding,
  before: RoleBinding | null,
): Promise<void> {
  const gives = ({ roleRef, subjects = [] }: RoleBinding) => [roleRef, subjects];
  if (before !== null && isSame(gives(binding), gives(before))) return;
  const { kind, name } = binding.roleRef;
  const role = kind === "Role" ? roles : clusterRoles;
  if (await may(context, "bind", role.plural, name)) return;
  const rules = rulesOfRole(await context.policy(), binding);
  if (rules === null) throw notFoundError(role, name);
  await requireHas(context, binding, rules);
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

async function may({ caller, policy, target }: RequestContext, verb: string, resource: string, name: string) {
  const asked = { kind: "resource", verb, group: roles.group, resource, subresource: "", name } as const;
  return decide(await policy(), caller, { ...asked, namespace: target.namespace ?? "" }).allowed;
}

async function requireHas(context: RequestContext, object: KubeObject, rules: readonly PolicyRule[]): Promise<void> {
  const why = await lacking(context, rules);
  if (why !== null) throw forbiddenError(context.target.resource, object.metadata.name ?? "", why);
}

/** What is wrong with the sender giving these rules; null: nothing, they hold for the sender too. */
async function lacking({ caller, policy, target }: RequestContext, rules: readonly PolicyRule[]) {
  const held = rulesFor(await policy(), caller, target.namespace ?? "");
  const missing = missingRules(held.rules, rules);
  return missing.length === 0 ? null : escalationMessage(caller, missing, held.missing);
}
