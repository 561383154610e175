// Whether the names that a CustomResourceDefinition asks for are free, and what its status says of it.
// Source: apiextensions-apiserver pkg/controller/status naming_controller.go.
import { goTime } from "../instant.ts";
import type { Condition, CustomResourceDefinition, DefinitionStatus, Names } from "./definition.ts";

/** What others in the group are called already. */
export type TakenNames = {
  /** Plurals, singulars and short names. */
  readonly resources: ReadonlySet<string>;
  /** Kinds and kinds of lists. */
  readonly kinds: ReadonlySet<string>;
};

export function isConditionTrue({ status }: Pick<CustomResourceDefinition, "status">, type: string): boolean {
  return status.conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;
}

/** The conditions with one more, or another one in its place; its time is that of the last change of its status. */
export function withCondition(
  conditions: readonly Condition[],
  condition: Omit<Condition, "lastTransitionTime">,
  nowMs: number,
): Condition[] {
  const old = conditions.find(({ type }) => type === condition.type);
  const lastTransitionTime = old?.status === condition.status ? old.lastTransitionTime : goTime(nowMs);
  const added = { lastTransitionTime, ...condition };
  if (old === undefined) return [...conditions, added];
  return conditions.map((other) => (other === old ? added : other));
}

function withDefinitionStatus(
  definition: CustomResourceDefinition,
  status: Partial<DefinitionStatus>,
): CustomResourceDefinition {
  return { ...definition, status: { ...definition.status, ...status } };
}

type Conflict = { readonly reason: string; readonly message: string };

/** The definition with the names it may have, and with the conditions that follow from that. */
export function acceptNames(
  definition: CustomResourceDefinition,
  taken: TakenNames,
  nowMs: number,
): CustomResourceDefinition {
  const { acceptedNames, conflict } = namesFor(definition.spec.names, definition.status.acceptedNames, taken);
  const accepted =
    conflict === null
      ? { type: "NamesAccepted", status: "True", reason: "NoConflicts", message: "no conflicts found" }
      : { type: "NamesAccepted", status: "False", ...conflict };
  const conditions = withCondition(definition.status.conditions ?? [], accepted, nowMs);
  if (isConditionTrue(definition, "Established"))
    return withDefinitionStatus(definition, { acceptedNames, conditions });
  const established =
    conflict === null
      ? { status: "True", reason: "InitialNamesAccepted", message: "the initial names have been accepted" }
      : { status: "False", reason: "NotAccepted", message: "not all names are accepted" };
  return withDefinitionStatus(definition, {
    acceptedNames,
    conditions: withCondition(conditions, { type: "Established", ...established }, nowMs),
  });
}

/** Names that are taken stay what they were before; of several conflicts the last is told. */
function namesFor(wanted: Names, had: Names, taken: TakenNames) {
  let acceptedNames: Names = { ...had };
  let conflict: Conflict | null = null;
  const refuse = (reason: string, message: string) => {
    conflict = { reason, message };
  };
  for (const [field, reason, names] of [
    ["plural", "PluralConflict", taken.resources],
    ["singular", "SingularConflict", taken.resources],
    ["shortNames", "ShortNamesConflict", taken.resources],
    ["kind", "KindConflict", taken.kinds],
    ["listKind", "ListKindConflict", taken.kinds],
  ] as const) {
    const own = listOf(had[field]);
    const used = listOf(wanted[field]).filter((name) => !own.includes(name) && names.has(name));
    if (used.length > 0) refuse(reason, aggregate(used.map((name) => `${JSON.stringify(name)} is already in use`)));
    else acceptedNames = { ...acceptedNames, [field]: wanted[field] };
  }
  acceptedNames = { ...acceptedNames, categories: wanted.categories };
  return { acceptedNames, conflict: conflict as Conflict | null };
}

function listOf(names: string | readonly string[] | undefined): readonly string[] {
  return typeof names === "string" ? [names] : (names ?? []);
}

/** Several errors as Go writes them. */
function aggregate(texts: readonly string[]): string {
  return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
}

type NamesInUse = {
  readonly plural: string;
  readonly singular?: string | undefined;
  readonly shortNames?: readonly string[] | undefined;
  readonly kind: string;
  readonly listKind?: string | undefined;
};

/** The names that some kinds of one group are in possession of. */
export function takenNames(names: readonly NamesInUse[]): TakenNames {
  return {
    resources: new Set(
      names.flatMap(({ plural, singular, shortNames }) => [plural, singular ?? "", ...(shortNames ?? [])]),
    ),
    kinds: new Set(names.flatMap(({ kind, listKind }) => [kind, listKind ?? `${kind}List`])),
  };
}
