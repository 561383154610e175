// Whether a node is one that a pod asks for by label, field or expression.
// Source: component-helpers scheduling/corev1/nodeaffinity.

export type NodeSelectorRequirement = {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[] | undefined;
};

export type NodeSelectorTerm = {
  readonly matchExpressions?: readonly NodeSelectorRequirement[] | undefined;
  readonly matchFields?: readonly NodeSelectorRequirement[] | undefined;
};

export type SelectableNode = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
};

const base10Int64 = /^[+-]?\d{1,19}$/;
const int64Max = 2n ** 63n - 1n;

/** All pairs must be among the labels; an empty selector matches every node. */
export function matchesNodeSelector(
  selector: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>>,
): boolean {
  for (const key in selector) {
    if (labels[key] !== selector[key] || !Object.hasOwn(labels, key)) return false;
  }
  return true;
}

/**
 * Whether one of the terms matches. No terms (an empty list) match nothing, nor does an empty term or one with a
 * requirement that cannot be read; the other terms still count.
 */
export function matchesNodeSelectorTerms(terms: readonly NodeSelectorTerm[], node: SelectableNode): boolean {
  return terms.some((term) => matchesTerm(term, node));
}

function matchesTerm(term: NodeSelectorTerm, node: SelectableNode): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  return (
    expressions.every((requirement) => matchesExpression(requirement, node.labels)) &&
    fields.every((requirement) => matchesField(requirement, node))
  );
}

function matchesExpression(
  { key, operator, values = [] }: NodeSelectorRequirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return values.length > 0 && (value === undefined || !values.includes(value));
    case "Exists":
      return value !== undefined && values.length === 0;
    case "DoesNotExist":
      return value === undefined && values.length === 0;
    case "Gt":
    case "Lt":
      return values.length === 1 && compares(operator, value, values[0] ?? "");
    default:
      return false;
  }
}

function compares(operator: "Gt" | "Lt", label: string | undefined, bound: string): boolean {
  const left = parseInt64(label);
  const right = parseInt64(bound);
  if (left === null || right === null) return false;
  return operator === "Gt" ? left > right : left < right;
}

function parseInt64(value: string | undefined): bigint | null {
  if (value === undefined || !base10Int64.test(value)) return null;
  const number = BigInt(value);
  return number > int64Max || number < -int64Max - 1n ? null : number;
}

/** The only field is metadata.name, compared with exactly one value. */
function matchesField({ key, operator, values = [] }: NodeSelectorRequirement, node: SelectableNode): boolean {
  if (key !== "metadata.name" || values.length !== 1) return false;
  if (operator === "In") return values[0] === node.name;
  if (operator === "NotIn") return values[0] !== node.name;
  return false;
}
