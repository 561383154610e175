// Whether somebody who hands out rights has them: what of some rules others do not cover.
// Source: component-helpers/auth/rbac/validation Covers; pkg/registry/rbac/validation CompactRules, ConfirmNoEscalation.
import type { PolicyRule } from "../model/rbac.ts";
import type { User } from "../model/user-info.ts";
import { urlMatches } from "./authorization.ts";

type Rules = readonly PolicyRule[];

/** One verb for one thing. */
type Right = {
  readonly verb: string;
  readonly group?: string;
  readonly resource?: string;
  readonly name?: string;
  readonly url?: string;
};

/** What `wanted` allows and `held` does not, as short rules. Empty: everything is covered. */
export function missingRules(held: Rules, wanted: Rules): Rules {
  const missing = wanted.flatMap(rightsOf).filter((right) => !held.some((rule) => covers(rule, right)));
  const rules = new Map<string, PolicyRule>();
  for (const right of missing) {
    const rule = ruleOf(right);
    const key = JSON.stringify({ ...rule, verbs: [] });
    const verbs = [...(rules.get(key)?.verbs ?? []), right.verb];
    rules.set(key, { ...rule, verbs: [...new Set(verbs)] });
  }
  return [...rules.values()];
}

function rightsOf(rule: PolicyRule): readonly Right[] {
  const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const names = resourceNames.length === 0 ? [{}] : resourceNames.map((name) => ({ name }));
  const things = [
    ...apiGroups.flatMap((group) =>
      resources.flatMap((resource) => names.map((named) => ({ group, resource, ...named }))),
    ),
    ...nonResourceURLs.map((url) => ({ url })),
  ];
  return things.flatMap((thing) => (rule.verbs ?? []).map((verb) => ({ ...thing, verb })));
}

function covers(rule: PolicyRule, { verb, group, resource, name, url }: Right): boolean {
  const holds = (values: readonly string[] | undefined, wanted: string) =>
    values !== undefined && (values.includes("*") || values.includes(wanted));
  if (!holds(rule.verbs ?? [], verb)) return false;
  if (url !== undefined) return (rule.nonResourceURLs ?? []).some((held) => urlMatches(held, url));
  const names = rule.resourceNames ?? [];
  return (
    holds(rule.apiGroups, group ?? "") &&
    coversResource(rule.resources ?? [], resource ?? "") &&
    (names.length === 0 || (name !== undefined && names.includes(name)))
  );
}

function coversResource(held: readonly string[], wanted: string): boolean {
  if (held.includes("*") || held.includes(wanted)) return true;
  const [, subresource] = wanted.split("/");
  return subresource !== undefined && held.includes(`*/${subresource}`);
}

function ruleOf({ verb, group, resource, name, url }: Right): PolicyRule {
  if (url !== undefined) return { verbs: [verb], nonResourceURLs: [url] };
  return {
    verbs: [verb],
    apiGroups: [group ?? ""],
    resources: [resource ?? ""],
    ...(name === undefined ? {} : { resourceNames: [name] }),
  };
}

/** What somebody is told who gives what they have not. */
export function escalationMessage({ name, groups }: User, missing: Rules, notFound: readonly string[]): string {
  const rights = [...new Set(missing.map(ruleText))].toSorted().join("\n");
  const errors = notFound.length === 0 ? "" : `; resolution errors: [${notFound.join(" ")}]`;
  const who = `user ${JSON.stringify(name)} (groups=${listText(groups)})`;
  return `${who} is attempting to grant RBAC permissions not currently held:\n${rights}${errors}`;
}

function ruleText({ apiGroups, resources, nonResourceURLs, resourceNames, verbs }: PolicyRule): string {
  const parts = [
    ["APIGroups", apiGroups],
    ["Resources", resources],
    ["NonResourceURLs", nonResourceURLs],
    ["ResourceNames", resourceNames],
    ["Verbs", verbs],
  ] as const;
  const shown = parts.flatMap(([name, values]) =>
    values === undefined || values === null || values.length === 0 ? [] : [`${name}:${listText(values)}`],
  );
  return `{${shown.join(", ")}}`;
}

function listText(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(" ")}]`;
}
