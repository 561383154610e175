// PriorityClasses: names for how important a pod is.
// Source: scheduling.k8s.io/v1 PriorityClass; pkg/apis/scheduling/validation.
import type * as z from "zod";
import { forbidden } from "./field-error.ts";
import { always, defaultedPointer, embedded, flag, int32, oneOf, struct, text } from "./fields.ts";
import { highestUserPriority } from "./limits.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import type { Errors } from "./validation/each.ts";
import { noErrors } from "./validation/each.ts";
import { validateImmutable, validateMetadata, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";
import { validatePreemption } from "./validation/pod-spec.ts";

export const PriorityClass = struct(
  "io.k8s.api.scheduling.v1.PriorityClass",
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    value: always(int32, 0),
    globalDefault: flag,
    description: text,
    preemptionPolicy: defaultedPointer(oneOf("Never", "PreemptLowerPriority"), "PreemptLowerPriority"),
  },
  {
    about: "A name for how important pods are, for pods to refer to.",
    metadata: "Standard object metadata.",
    value: "How important a pod of this class is: the higher, the more. Cannot be changed.",
    globalDefault: "Whether pods that name no class are of this one. At most one class should say so.",
    description: "For people: when to use the class.",
    preemptionPolicy:
      "Whether pods of the class may take the place of less important ones: PreemptLowerPriority or Never.",
  },
);
export type PriorityClass = z.output<typeof PriorityClass>;

function systemClass(name: string, value: number, description: string): PriorityClass {
  return {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name },
    value,
    description,
    preemptionPolicy: "PreemptLowerPriority",
  };
}

/** The classes that are always there. */
export const systemPriorityClasses: readonly PriorityClass[] = [
  systemClass(
    "system-node-critical",
    2 * highestUserPriority + 1000,
    "For pods without which their node does not work, and which cannot run on another.",
  ),
  systemClass(
    "system-cluster-critical",
    2 * highestUserPriority,
    "For pods without which the cluster does not work, on whichever node they run.",
  ),
];

const systemPrefix = "system-";

function validateValue(priorityClass: PriorityClass): Errors {
  const name = priorityClass.metadata.name ?? "";
  if (name.startsWith(systemPrefix)) {
    const problem = systemClassProblem(name, priorityClass);
    if (problem === null) return noErrors;
    const reserved = `priority class names with '${systemPrefix}' prefix are reserved for system use only.`;
    return [forbidden("metadata.name", `${reserved} error: ${problem}`)];
  }
  if (priorityClass.value <= highestUserPriority) return noErrors;
  return [forbidden("value", `maximum allowed value of a user defined priority is ${highestUserPriority}`)];
}

function systemClassProblem(name: string, { value, globalDefault }: PriorityClass): string | null {
  const known = systemPriorityClasses.find(({ metadata }) => metadata.name === name);
  if (known === undefined) return `${name} is not a known system priority class`;
  if (value !== known.value) return `value of ${name} PriorityClass must be ${known.value}`;
  return globalDefault === true ? `globalDefault of ${name} PriorityClass must be false` : null;
}

export const priorityClasses: Resource<PriorityClass> = defineResource<PriorityClass>({
  group: "scheduling.k8s.io",
  version: "v1",
  kind: "PriorityClass",
  plural: "priorityclasses",
  support: actedOn(
    "its value is copied into pods, and a pod that finds no room takes the place of less important ones",
  ),
  shortNames: ["pc"],
  namespaced: false,
  schema: PriorityClass,
  validateName: nameRule(dns1123Subdomain),
  prepareForCreate: (priorityClass) => ({
    ...priorityClass,
    metadata: { ...priorityClass.metadata, generation: 1 },
  }),
  validate: (priorityClass) => [
    ...validateMetadata(priorityClass.metadata, { namespaced: false, name: dns1123Subdomain }),
    ...validateValue(priorityClass),
    ...validatePreemption(priorityClass.preemptionPolicy, "preemptionPolicy"),
  ],
  validateUpdate: (priorityClass, old) => [
    ...validateMetadataUpdate(priorityClass.metadata, old.metadata),
    ...(priorityClass.value === old.value ? [] : [forbidden("value", "may not be changed in an update.")]),
    ...validateImmutable(priorityClass.preemptionPolicy, old.preemptionPolicy, "preemptionPolicy"),
  ],
  refuseDeletion: ({ metadata }) =>
    systemPriorityClasses.some((known) => known.metadata.name === metadata.name)
      ? "this is a system priority class and cannot be deleted"
      : null,
  columns: [
    nameColumn,
    {
      name: "Value",
      type: "integer",
      description: "The higher, the more important.",
      cell: ({ value }) => value,
    },
    {
      name: "Global-Default",
      type: "boolean",
      description: "Whether pods that name no class are of this one.",
      cell: ({ globalDefault }) => globalDefault ?? false,
    },
    ageColumn,
    {
      name: "PreemptionPolicy",
      type: "string",
      description: "Whether pods of the class may take the place of less important ones.",
      cell: ({ preemptionPolicy }) => preemptionPolicy,
    },
  ],
});
