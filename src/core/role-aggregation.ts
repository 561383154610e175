// What a ClusterRole that is put together from others allows.
// Source: pkg/controller/clusterroleaggregation.
import { labelSelectorMatches } from "../model/labels.ts";
import type { ClusterRole, PolicyRule } from "../model/rbac.ts";

type Rules = readonly PolicyRule[];

/** The rules of a role, as they are or as they are put together from the roles that it selects, and those from theirs. */
export function effectiveRules(role: ClusterRole, all: readonly ClusterRole[]): Rules {
  return collect(role, all, new Set([role.metadata.name ?? ""]));
}

/** `seen`: roles on the way here, for roles may select each other. */
function collect(
  { aggregationRule, rules }: ClusterRole,
  all: readonly ClusterRole[],
  seen: ReadonlySet<string>,
): Rules {
  if (aggregationRule === undefined) return rules ?? [];
  const collected = new Map<string, PolicyRule>();
  for (const selector of aggregationRule.clusterRoleSelectors ?? []) {
    for (const other of all) {
      const name = other.metadata.name ?? "";
      if (seen.has(name) || !labelSelectorMatches(selector, other.metadata.labels)) continue;
      for (const rule of collect(other, all, new Set([...seen, name]))) collected.set(JSON.stringify(rule), rule);
    }
  }
  return [...collected.values()];
}

/** The roles whose stored rules are not what they are put together from, with the rules they should have. */
export function planAggregation(all: readonly ClusterRole[]): readonly ClusterRole[] {
  return all
    .filter(
      ({ aggregationRule, metadata }) => aggregationRule !== undefined && metadata.deletionTimestamp === undefined,
    )
    .map((role) => ({ role, rules: [...effectiveRules(role, all)] }))
    .filter(({ role, rules }) => JSON.stringify(role.rules ?? []) !== JSON.stringify(rules))
    .map(({ role, rules }) => ({ ...role, rules: rules.length === 0 ? null : rules }));
}
