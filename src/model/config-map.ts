// ConfigMaps: settings and files for pods.
// Source: core/v1 ConfigMap; pkg/apis/core/validation ValidateConfigMap.
import type * as z from "zod";

import { base64Size } from "./base64.ts";
import { invalid, tooLong } from "./field-error.ts";
import { boolean, bytes, core, embedded, mapOf, pointer, stringMap, struct } from "./fields.ts";
import { configMapBytes } from "./limits.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { utf8Length } from "./utf8.ts";
import type { Errors } from "./validation/each.ts";
import { validateImmutability, validateKey } from "./validation/keyed-data.ts";
import { validateMetadata, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

export const ConfigMap = struct(
  core("ConfigMap"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    immutable: pointer(boolean),
    data: stringMap,
    binaryData: mapOf(bytes),
  },
  {
    about: "Settings and files for pods.",
    metadata: "Standard object metadata.",
    immutable: "Whether its content can no longer be changed. Cannot be taken back.",
    data: "The content by key, as text.",
    binaryData: "Content that is no text, by key, in base64.",
  },
);
export type ConfigMap = z.output<typeof ConfigMap>;

function validateConfigMap({ metadata, data = {}, binaryData = {} }: ConfigMap): Errors {
  const size =
    Object.values(data).reduce((sum, value) => sum + utf8Length(value), 0) +
    Object.values(binaryData).reduce((sum, value) => sum + base64Size(value), 0);
  return [
    ...validateMetadata(metadata, { namespaced: true, name: dns1123Subdomain }),
    ...Object.keys(data).flatMap((key) => [
      ...validateKey(key, "data"),
      ...(Object.hasOwn(binaryData, key)
        ? [invalid(`data[${key}]`, key, "duplicate of key present in binaryData")]
        : []),
    ]),
    ...Object.keys(binaryData).flatMap((key) => validateKey(key, "binaryData")),
    // The object as a whole is too large; upstream writes the empty path like this.
    ...(size > configMapBytes ? [tooLong("[]", configMapBytes)] : []),
  ];
}

export const configMaps: Resource<ConfigMap> = defineResource<ConfigMap>({
  group: "",
  version: "v1",
  kind: "ConfigMap",
  plural: "configmaps",
  support: actedOn("sent to the nodes of the pods that name them, and to no others; a change is pushed"),
  shortNames: ["cm"],
  schema: ConfigMap,
  validateName: nameRule(dns1123Subdomain),
  validate: validateConfigMap,
  validateUpdate: (configMap, old) => [
    ...validateMetadataUpdate(configMap.metadata, old.metadata),
    ...validateImmutability(configMap, old, ["data", "binaryData"]),
  ],
  columns: [
    nameColumn,
    {
      name: "Data",
      type: "string",
      description: "How many keys it has.",
      cell: ({ data = {}, binaryData = {} }) => Object.keys(data).length + Object.keys(binaryData).length,
    },
    ageColumn,
  ],
});
