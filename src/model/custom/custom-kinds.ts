// What discovery tells of the kinds that CustomResourceDefinitions add.
import type { ServedKind } from "../resource.ts";
import { allVerbs } from "../resource.ts";
import { isConditionTrue } from "./accepted-names.ts";
import type { CustomResourceDefinition, DefinitionVersion } from "./definition.ts";

/** Of a definition, what says which kinds it adds. */
export type Outline = {
  readonly spec: Pick<CustomResourceDefinition["spec"], "group" | "scope">;
  readonly status: CustomResourceDefinition["status"];
  readonly versions: readonly OutlinedVersion[];
};
type OutlinedVersion = Pick<DefinitionVersion, "name" | "served"> & {
  readonly subresources: DefinitionVersion["subresources"] | null;
};

/** One kind for each version that is served, in the order of groups, versions (the preferred one first) and names. */
export function customKinds(outlines: readonly Outline[]): readonly ServedKind[] {
  const kinds = outlines
    .filter((outline) => isConditionTrue(outline, "Established"))
    .flatMap((outline) => outline.versions.filter(({ served }) => served).map((version) => kindOf(outline, version)));
  return kinds.sort(
    (a, b) => compare(a.group, b.group) || compareVersions(a.version, b.version) || compare(a.plural, b.plural),
  );
}

export function kindOf(
  { spec, status: { acceptedNames } }: Pick<Outline, "spec" | "status">,
  { name, subresources }: Omit<OutlinedVersion, "served">,
): ServedKind {
  const { plural, kind, singular, shortNames, categories } = acceptedNames;
  const scale = subresources?.scale;
  return {
    group: spec.group,
    version: name,
    kind,
    plural,
    singular: singular ?? kind.toLowerCase(),
    shortNames: shortNames ?? [],
    categories: categories ?? [],
    namespaced: spec.scope === "Namespaced",
    verbs: allVerbs,
    statusSubresource: isPresent(subresources?.status),
    scale:
      scale === undefined || scale === null
        ? null
        : {
            specReplicas: scale.specReplicasPath,
            statusReplicas: scale.statusReplicasPath,
            labelSelector: scale.labelSelectorPath ?? null,
          },
  };
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const versionPattern = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/;
const stages = ["alpha", "beta", undefined];

/**
 * Orders versions with the best first: v2, v1, v1beta2, v1beta1, v1alpha1, and then what has no such form.
 * Source: apimachinery pkg/version CompareKubeAwareVersionStrings.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [versionPattern.exec(a), versionPattern.exec(b)];
  if (left === null || right === null) return left === right ? compare(a, b) : left === null ? 1 : -1;
  return (
    stages.indexOf(right[2]) - stages.indexOf(left[2]) ||
    Number(right[1]) - Number(left[1]) ||
    Number(right[3] ?? 0) - Number(left[3] ?? 0)
  );
}
