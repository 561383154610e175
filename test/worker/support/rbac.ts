// People with few rights: service accounts, roles, and what ties them together.
import * as api from "./api.ts";

const group = "/apis/rbac.authorization.k8s.io/v1";
const typed = { apiVersion: "rbac.authorization.k8s.io/v1" };

export const rbac = {
  roles: `${group}/namespaces/default/roles`,
  roleBindings: `${group}/namespaces/default/rolebindings`,
  clusterRoles: `${group}/clusterroles`,
  clusterRoleBindings: `${group}/clusterrolebindings`,
};

export type Rule = {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
};

export function role(name: string, ...rules: readonly Rule[]) {
  return { ...typed, kind: "Role", metadata: { name }, rules };
}

export function clusterRole(name: string, ...rules: readonly Rule[]) {
  return { ...typed, kind: "ClusterRole", metadata: { name }, rules };
}

type Subject = { readonly kind: string; readonly name: string; readonly namespace?: string };

export function binding(name: string, roleRef: string, subject: Subject) {
  const [kind, roleName] = roleRef.split("/");
  const apiGroup = "rbac.authorization.k8s.io";
  return { ...typed, metadata: { name }, roleRef: { apiGroup, kind, name: roleName }, subjects: [subject] };
}

export function account(name: string): Subject {
  return { kind: "ServiceAccount", name, namespace: "default" };
}

/** Makes a service account; its token. */
export async function newAccount(name: string, spec: object = {}): Promise<string> {
  await api.create(api.serviceAccounts, { metadata: { name } });
  return tokenOf(name, spec);
}

export async function tokenOf(name: string, spec: object = {}): Promise<string> {
  const { status } = await api.create(`${api.serviceAccounts}/${name}/token`, { spec });
  // The answer to a TokenRequest.
  return (status as { readonly token: string }).token;
}

/** A service account that may do what the rules say in the namespace, and its token. */
export async function accountWith(name: string, ...rules: readonly Rule[]): Promise<string> {
  const token = await newAccount(name);
  await api.create(rbac.roles, role(name, ...rules));
  await api.create(rbac.roleBindings, binding(name, `Role/${name}`, account(name)));
  return token;
}
