// ControllerRevisions: what a DaemonSet's template was at some time.
// Source: apps/v1 ControllerRevision; pkg/apis/apps/validation.
import * as z from "zod";
import { invalid, required } from "./field-error.ts";
import { always, apps, embedded, int64, struct } from "./fields.ts";
import { controllerOf, ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { validateMetadata, validateMetadataUpdate, validateNotNegative } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

export const ControllerRevision = struct(
  apps("ControllerRevision"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    /** Any JSON, kept as it came; null when there is none. */
    data: z.unknown().prefault(null),
    revision: always(int64, 0),
  },
  {
    about: "What a DaemonSet's template was at some time. Made by its controller and never changed.",
    metadata: "Standard object metadata.",
    data: "The template, in the form of a patch.",
    revision: "The number of the revision: the highest is the newest.",
  },
);
export type ControllerRevision = z.output<typeof ControllerRevision>;

/** `daemonset.apps/web` for an owner of apps/v1. */
function controllerName({ metadata }: ControllerRevision): string {
  const owner = controllerOf(metadata);
  if (owner === undefined) return "<none>";
  const [group = "", version] = owner.apiVersion.split("/");
  const kind = owner.kind.toLowerCase();
  return `${version === undefined ? kind : `${kind}.${group}`}/${owner.name}`;
}

export const controllerRevisions: Resource<ControllerRevision> = defineResource<ControllerRevision>({
  group: "apps",
  version: "v1",
  kind: "ControllerRevision",
  plural: "controllerrevisions",
  support: actedOn("made and pruned by the controller"),
  schema: ControllerRevision,
  rawFields: ["data"],
  validateName: nameRule(dns1123Subdomain),
  validate: ({ metadata, data, revision }) => [
    ...validateMetadata(metadata, { namespaced: true, name: dns1123Subdomain }),
    ...(data === null ? [required("data", "data is mandatory")] : []),
    ...validateNotNegative(revision, "revision"),
  ],
  // Bytes are compared, as upstream does: clients do the same with what they read.
  validateUpdate: (object, old) => [
    ...validateMetadataUpdate(object.metadata, old.metadata),
    ...(JSON.stringify(object.data) === JSON.stringify(old.data)
      ? []
      : [invalid("data", object.data, "field is immutable")]),
  ],
  columns: [
    nameColumn,
    {
      name: "Controller",
      type: "string",
      description: "Whose history this is part of.",
      cell: controllerName,
    },
    {
      name: "Revision",
      type: "string",
      description: "The number of this state in the history.",
      cell: ({ revision }) => revision,
    },
    ageColumn,
  ],
});
