// Roles and their bindings: who may do what.
// Source: rbac.authorization.k8s.io/v1; pkg/apis/rbac/v1 defaults, pkg/printers/internalversion.

import * as z from "zod";
import {
  always,
  atomicStruct,
  defaulted,
  embedded,
  list,
  mandatory,
  nullWhenAbsent,
  pointer,
  string,
  strings,
  struct,
  text,
} from "./fields.ts";
import { LabelSelector, ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, createdAtColumn, nameColumn } from "./printing.ts";
import type { Column, Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { validateMetadata, validateMetadataUpdate } from "./validation/metadata.ts";
import { nameRule, pathSegment } from "./validation/names.ts";
import {
  rbacGroup,
  validateAggregation,
  validateRoleRef,
  validateRoleRefUpdate,
  validateRules,
  validateSubjects,
} from "./validation/rbac.ts";

const rbac = (name: string): string => `io.k8s.api.rbac.v1.${name}`;

const PolicyRule = struct(
  rbac("PolicyRule"),
  {
    verbs: mandatory(nullWhenAbsent(z.array(string))),
    apiGroups: strings,
    resources: strings,
    resourceNames: strings,
    nonResourceURLs: strings,
  },
  {
    about: "What may be done to which things.",
    verbs: "What may be done: get, list, watch, create, update, patch, delete and so on; * is everything.",
    apiGroups: "The API groups of the resources. Empty text: the core group; *: all.",
    resources: "The resources, subresources as pods/log; * is all of them.",
    resourceNames: "The objects, by name. Absent: all.",
    nonResourceURLs: "Paths that are no resources, in ClusterRoles only; a star may stand at the end.",
  },
);
export type PolicyRule = z.output<typeof PolicyRule>;

const AggregationRule = struct(
  rbac("AggregationRule"),
  { clusterRoleSelectors: list(LabelSelector) },
  {
    about: "The ClusterRoles whose rules together make up this one's.",
    clusterRoleSelectors: "Which ClusterRoles, by their labels: those that one of these matches.",
  },
);
export type AggregationRule = z.output<typeof AggregationRule>;

const Role = struct(
  rbac("Role"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    rules: nullWhenAbsent(z.array(PolicyRule)),
  },
  { about: "What may be done within a namespace.", metadata: "Standard object metadata.", rules: "What may be done." },
);
export type Role = z.output<typeof Role>;

const ClusterRole = struct(
  rbac("ClusterRole"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    rules: nullWhenAbsent(z.array(PolicyRule)),
    aggregationRule: pointer(AggregationRule),
  },
  {
    about: "What may be done in the whole cluster, or in a namespace where a RoleBinding gives it.",
    metadata: "Standard object metadata.",
    rules: "What may be done.",
    aggregationRule: "The ClusterRoles that the rules are gathered from. Then rules are not to be written.",
  },
);
export type ClusterRole = z.output<typeof ClusterRole>;

/** Users and groups are of the group of these kinds, unless something else is said. */
const Subject = atomicStruct(
  rbac("Subject"),
  {
    kind: always(string, ""),
    apiGroup: text,
    name: always(string, ""),
    namespace: text,
  },
  {
    about: "Somebody who is given a role.",
    kind: "User, Group or ServiceAccount.",
    apiGroup: "The API group of the kind: rbac.authorization.k8s.io for users and groups, empty for ServiceAccounts.",
    name: "The name of the user, group or account.",
    namespace: "The namespace of a ServiceAccount.",
  },
).transform((subject) => {
  const isOfGroup = subject.kind === "User" || subject.kind === "Group";
  return subject.apiGroup === undefined && isOfGroup ? { ...subject, apiGroup: rbacGroup } : subject;
});
export type Subject = z.output<typeof Subject>;

const RoleRef = atomicStruct(
  rbac("RoleRef"),
  {
    apiGroup: mandatory(defaulted(string, rbacGroup)),
    kind: always(string, ""),
    name: always(string, ""),
  },
  {
    about: "The role that is given.",
    apiGroup: "The API group of the role: rbac.authorization.k8s.io.",
    kind: "Role or ClusterRole.",
    name: "The name of the role.",
  },
);
export type RoleRef = z.output<typeof RoleRef>;

const bindingFields = {
  ...typeMeta,
  metadata: embedded(ObjectMeta),
  subjects: list(Subject),
  roleRef: mandatory(embedded(RoleRef)),
};
const RoleBinding = struct(rbac("RoleBinding"), bindingFields, {
  about: "Who is given a role within a namespace.",
  metadata: "Standard object metadata.",
  subjects: "Who is given it.",
  roleRef: "The Role of the namespace, or the ClusterRole, that is given. Cannot be changed.",
});
export type RoleBinding = z.output<typeof RoleBinding>;
const ClusterRoleBinding = struct(rbac("ClusterRoleBinding"), bindingFields, {
  about: "Who is given a ClusterRole in the whole cluster.",
  metadata: "Standard object metadata.",
  subjects: "Who is given it.",
  roleRef: "The ClusterRole that is given. Cannot be changed.",
});

const group = {
  group: rbacGroup,
  version: "v1",
  support: actedOn("everybody but administrators may do what they say; aggregated ClusterRoles are filled"),
  validateName: nameRule(pathSegment),
} as const;

const roleColumns: readonly Column<Role>[] = [nameColumn, createdAtColumn];

export const roles: Resource<Role> = defineResource<Role>({
  ...group,
  kind: "Role",
  plural: "roles",
  createsOnUpdate: true,
  schema: Role,
  validate: ({ metadata, rules }) => [
    ...validateMetadata(metadata, { namespaced: true, name: pathSegment }),
    ...validateRules(rules, { namespaced: true }),
  ],
  validateUpdate: ({ metadata }, old) => validateMetadataUpdate(metadata, old.metadata),
  columns: roleColumns,
});

export const clusterRoles: Resource<ClusterRole> = defineResource<ClusterRole>({
  ...group,
  kind: "ClusterRole",
  plural: "clusterroles",
  createsOnUpdate: true,
  namespaced: false,
  schema: ClusterRole,
  validate: ({ metadata, rules, aggregationRule }) => [
    ...validateMetadata(metadata, { namespaced: false, name: pathSegment }),
    ...validateRules(rules, { namespaced: false }),
    ...validateAggregation(aggregationRule),
  ],
  validateUpdate: ({ metadata }, old) => validateMetadataUpdate(metadata, old.metadata),
  columns: roleColumns,
});

function subjectsColumn(name: string, kind: string, shown: (subject: Subject) => string): Column<RoleBinding> {
  return {
    name,
    type: "string",
    priority: 1,
    description: `Which ${name} are given the role.`,
    cell: ({ subjects = [] }) =>
      subjects
        .filter((subject) => subject.kind === kind)
        .map(shown)
        .join(", "),
  };
}

const bindingColumns: readonly Column<RoleBinding>[] = [
  nameColumn,
  {
    name: "Role",
    type: "string",
    description: "The role that is given.",
    cell: ({ roleRef: { kind, name } }) => `${kind}/${name}`,
  },
  ageColumn,
  subjectsColumn("Users", "User", ({ name }) => name),
  subjectsColumn("Groups", "Group", ({ name }) => name),
  subjectsColumn("ServiceAccounts", "ServiceAccount", ({ namespace = "", name }) => `${namespace}/${name}`),
];

function bindings(
  names: Pick<Resource<RoleBinding>, "kind" | "plural" | "schema" | "namespaced">,
  roleKinds: readonly string[],
): Resource<RoleBinding> {
  const { namespaced } = names;
  return defineResource<RoleBinding>({
    ...group,
    ...names,
    createsOnUpdate: true,
    validate: ({ metadata, roleRef, subjects }) => [
      ...validateMetadata(metadata, { namespaced, name: pathSegment }),
      ...validateRoleRef(roleRef, roleKinds),
      ...validateSubjects(subjects, { namespaced }),
    ],
    validateUpdate: ({ metadata, roleRef }, old) => [
      ...validateMetadataUpdate(metadata, old.metadata),
      ...validateRoleRefUpdate(roleRef, old.roleRef),
    ],
    columns: bindingColumns,
  });
}

export const roleBindings = bindings(
  { kind: "RoleBinding", plural: "rolebindings", schema: RoleBinding, namespaced: true },
  ["Role", "ClusterRole"],
);

export const clusterRoleBindings = bindings(
  { kind: "ClusterRoleBinding", plural: "clusterrolebindings", schema: ClusterRoleBinding, namespaced: false },
  ["ClusterRole"],
);
