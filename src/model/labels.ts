// Which labels a selector picks.
// Source: apimachinery pkg/labels, metav1.LabelSelectorAsSelector, metav1.FormatLabelSelector.
import type { LabelSelector, LabelSelectorRequirement } from "./meta.ts";

export type Labels = Readonly<Record<string, string>>;

/** A selector that is missing matches nothing, an empty one everything. */
export function labelSelectorMatches(selector: LabelSelector | null | undefined, labels: Labels | undefined): boolean {
  if (selector === null || selector === undefined) return false;
  const present = labels ?? {};
  return matchesAll(selector.matchLabels ?? {}, present) && matchesExpressions(selector, present);
}

/** Whether all pairs of `wanted` are among the labels. */
export function matchesAll(wanted: Labels, labels: Labels): boolean {
  for (const key in wanted) {
    if (!Object.hasOwn(labels, key) || labels[key] !== wanted[key]) return false;
  }
  return true;
}

function matchesExpressions({ matchExpressions = [] }: LabelSelector, labels: Labels): boolean {
  return matchExpressions.every((requirement) => matchesRequirement(requirement, labels));
}

/** A requirement with an operator that does not exist matches nothing. */
function matchesRequirement({ key, operator, values = [] }: LabelSelectorRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      return false;
  }
}

/** The selector as a query (`a=b,c in (x,y)`), or `<none>` when there is none or it picks everything. */
export function formatLabelSelector(selector: LabelSelector | null | undefined): string {
  const requirements = [
    ...Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => ({ key, text: `${key}=${value}` })),
    ...(selector?.matchExpressions ?? []).map((requirement) => ({
      key: requirement.key,
      text: requirementText(requirement),
    })),
  ];
  if (requirements.some(({ text }) => text === null)) return "<error>";
  return requirements.length === 0 ? "<none>" : sortedByKey(requirements);
}

function sortedByKey(requirements: readonly { readonly key: string; readonly text: string | null }[]): string {
  return requirements
    .toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ text }) => text)
    .join(",");
}

function requirementText({ key, operator, values = [] }: LabelSelectorRequirement): string | null {
  switch (operator) {
    case "In":
      return `${key} in (${values.toSorted().join(",")})`;
    case "NotIn":
      return `${key} notin (${values.toSorted().join(",")})`;
    case "Exists":
      return key;
    case "DoesNotExist":
      return `!${key}`;
    default:
      return null;
  }
}

/** `a=b,c=d` in the order of the keys, or `<none>`. */
export function formatLabels(labels: Labels | undefined): string {
  const pairs = Object.keys(labels ?? {})
    .toSorted()
    .map((key) => `${key}=${labels?.[key]}`);
  return pairs.length === 0 ? "<none>" : pairs.join(",");
}
