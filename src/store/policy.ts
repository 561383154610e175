// Roles and their bindings, read all at once, and a mark that tells whether they are still what they were.
import type { PolicyObjects } from "../core/authorization.ts";
import { qualifiedResource } from "../model/api-error.ts";
import type { ClusterRole, Role, RoleBinding } from "../model/rbac.ts";
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from "../model/rbac.ts";
import type { Part } from "./batch.ts";
import { rowsOf } from "./batch.ts";
import { withResourceVersion } from "./objects.ts";

const kinds = JSON.stringify([clusterRoles, roles, clusterRoleBindings, roleBindings].map(qualifiedResource));

/** Whether an object of this resource is part of it. */
export function isPolicy(resource: string): boolean {
  return resource.endsWith(`.${roles.group}`);
}

/**
 * Differs whenever the objects do: each that is made or changed gets a higher number than all before it, and each that
 * goes makes them fewer.
 */
export function readPolicyMark(db: D1Database): Part<string> {
  const statement = db
    .prepare(
      `SELECT count(*) AS number, max(rv) AS rv FROM objects
       WHERE resource IN (SELECT value FROM json_each(?1))`,
    )
    .bind(kinds);
  return {
    statements: [statement],
    read: ([result]) => {
      const row = rowsOf(result)[0];
      return `${row?.["number"]}/${row?.["rv"]}`;
    },
  };
}

export function readPolicyObjects(db: D1Database): Part<PolicyObjects> {
  const statement = db
    .prepare(
      `SELECT resource, rv, body FROM objects WHERE resource IN (SELECT value FROM json_each(?1))
       ORDER BY resource, namespace, name`,
    )
    .bind(kinds);
  return {
    statements: [statement],
    read: ([result]) => {
      const found = Map.groupBy(rowsOf(result), (row) => String(row["resource"]));
      const of = <T>(resource: typeof roles | typeof clusterRoles | typeof roleBindings) =>
        // Stored under the kind's own resource, so each is of the kind.
        (found.get(qualifiedResource(resource)) ?? []).map(
          (row) => withResourceVersion(String(row["body"]), Number(row["rv"])) as T,
        );
      return {
        clusterRoles: of<ClusterRole>(clusterRoles),
        roles: of<Role>(roles),
        clusterRoleBindings: of<RoleBinding>(clusterRoleBindings),
        roleBindings: of<RoleBinding>(roleBindings),
      };
    },
  };
}
