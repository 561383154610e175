// Namespaces: rooms in which names are unique.
// Source: core/v1 Namespace; pkg/registry/core/namespace/strategy.go.
import type * as z from "zod";
import { invalid, invalidForEach } from "./field-error.ts";
import { always, core, embedded, list, omitempty, oneOf, string, strings, struct, text, timestamp } from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import type { Errors } from "./validation/each.ts";
import { noErrors } from "./validation/each.ts";
import {
  validateKubeFinalizer,
  validateMetadata,
  validateMetadataStatusUpdate,
  validateMetadataUpdate,
} from "./validation/metadata.ts";
import { dns1123Label, nameRule, qualifiedName } from "./validation/names.ts";

const NamespaceCondition = struct(
  core("NamespaceCondition"),
  {
    type: always(string, ""),
    status: always(string, ""),
    lastTransitionTime: timestamp,
    reason: text,
    message: text,
  },
  {
    about: "One thing that is or is not so of a namespace that is being emptied.",
    type: "What: whether something stands in the way of its deletion.",
    status: "True, False or Unknown.",
    lastTransitionTime: "When its status last changed.",
    reason: "Why, in a word for programs.",
    message: "Why, for people.",
  },
);

export const Namespace = struct(
  core("Namespace"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: embedded(
      struct(
        core("NamespaceSpec"),
        { finalizers: strings },
        {
          about: "What a namespace waits for.",
          finalizers: "Who has to be done before a deleted namespace goes. `kubernetes` is the emptying of it.",
        },
      ),
    ),
    status: embedded(
      struct(
        core("NamespaceStatus"),
        {
          phase: omitempty(oneOf("Active", "Terminating")),
          conditions: list(NamespaceCondition, { mergeKey: "type" }),
        },
        {
          about: "How a namespace is.",
          phase: "Active, or Terminating while it is being emptied.",
          conditions: "What stands in the way of its deletion.",
        },
      ),
    ),
  },
  {
    about: "A room in which names are unique. What is in it goes with it.",
    metadata: "Standard object metadata.",
    spec: "What the namespace waits for when it is deleted.",
    status: "How the namespace is.",
  },
);
export type Namespace = z.output<typeof Namespace>;

/** So that selectors can pick namespaces by name. */
const nameLabel = "kubernetes.io/metadata.name";
const finalizer = "kubernetes";

/** Source: plugin/pkg/admission/namespace/lifecycle. */
const lasting: readonly string[] = ["default", "kube-public", "kube-system"];

function withNameLabel(namespace: Namespace): Namespace {
  const { metadata } = namespace;
  const labels = { ...metadata.labels, [nameLabel]: metadata.name ?? "" };
  return { ...namespace, metadata: { ...metadata, labels } };
}

function prepareForCreate(namespace: Namespace): Namespace {
  const { finalizers = [] } = namespace.spec;
  const complete = finalizers.includes(finalizer) ? finalizers : [...finalizers, finalizer];
  return withNameLabel({ ...namespace, spec: { finalizers: complete }, status: { phase: "Active" } });
}

function validatePhase({ metadata, status }: Namespace): Errors {
  const deleting = metadata.deletionTimestamp !== undefined;
  if (status.phase === (deleting ? "Terminating" : "Active")) return noErrors;
  const why = deleting
    ? "may only be 'Terminating' if `deletionTimestamp` is not empty"
    : "may only be 'Active' if `deletionTimestamp` is empty";
  return [invalid("status.Phase", status.phase ?? "", why)];
}

export const namespaces: Resource<Namespace> = defineResource<Namespace>({
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  support: actedOn("deleting one empties it first; its label `lares.dev/sessions` limits sessions with its pods"),
  shortNames: ["ns"],
  namespaced: false,
  verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
  statusSubresource: true,
  schema: Namespace,
  validateName: nameRule(dns1123Label),
  completed: withNameLabel,
  prepareForCreate,
  prepareForUpdate: (namespace, old) => withNameLabel({ ...namespace, spec: old.spec, status: old.status }),
  prepareForStatusUpdate: (namespace, old) => withNameLabel({ ...namespace, spec: old.spec }),
  validate: ({ metadata, spec }) => [
    ...validateMetadata(metadata, { namespaced: false, name: dns1123Label }),
    ...(spec.finalizers ?? []).flatMap((name) => [
      ...invalidForEach("spec.finalizers", name, qualifiedName(name)),
      ...validateKubeFinalizer(name, "spec.finalizers"),
    ]),
  ],
  validateUpdate: (namespace, old) => validateMetadataUpdate(namespace.metadata, old.metadata),
  validateStatusUpdate: (namespace, old) => [
    ...validateMetadataStatusUpdate(namespace.metadata, old.metadata),
    ...validatePhase(namespace),
  ],
  refuseDeletion: ({ metadata }) =>
    lasting.includes(metadata.name ?? "") ? "this namespace may not be deleted" : null,
  selectableFields: ({ status }) => ({ "status.phase": status.phase ?? "" }),
  columns: [
    nameColumn,
    {
      name: "Status",
      type: "string",
      description: "Active, or Terminating while it is being emptied.",
      cell: ({ status }) => status.phase ?? "",
    },
    ageColumn,
  ],
});
