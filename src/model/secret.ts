// Secrets: what pods need to know and others must not.
// Source: core/v1 Secret; pkg/apis/core/validation ValidateSecret.
import type * as z from "zod";

import { base64Size, decodeBase64, textToBase64 } from "./base64.ts";
import { invalid, required, tooLong } from "./field-error.ts";
import { boolean, bytes, core, defaulted, embedded, mapOf, pointer, string, stringMap, struct } from "./fields.ts";
import { configMapBytes } from "./limits.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { utf8Text } from "./utf8.ts";
import type { Errors } from "./validation/each.ts";
import { noErrors } from "./validation/each.ts";
import { validateImmutability, validateKey } from "./validation/keyed-data.ts";
import { validateImmutable, validateMetadata, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

export const Secret = struct(
  core("Secret"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    immutable: pointer(boolean),
    data: mapOf(bytes),
    /** For writing only: plain text that goes into `data`. */
    stringData: stringMap,
    type: defaulted(string, "Opaque"),
  },
  {
    about: "Passwords, keys and the like, for pods.",
    metadata: "Standard object metadata.",
    immutable: "Whether its content can no longer be changed. Cannot be taken back.",
    data: "The content by key, in base64.",
    stringData: "For writing only: content in plain text, which goes into data and wins over it.",
    type: "What it is for; some types require certain keys. Cannot be changed.",
  },
);
export type Secret = z.output<typeof Secret>;

const accountAnnotation = "kubernetes.io/service-account.name";

function withStringData({ stringData, ...secret }: Secret): Secret {
  if (stringData === undefined) return secret;
  const encoded = Object.entries(stringData).map(([key, value]) => [key, textToBase64(value)]);
  return { ...secret, data: { ...secret.data, ...Object.fromEntries(encoded) } };
}

function validateSecret(secret: Secret): Errors {
  const { metadata, data = {} } = secret;
  const size = Object.values(data).reduce((sum, value) => sum + base64Size(value), 0);
  return [
    ...validateMetadata(metadata, { namespaced: true, name: dns1123Subdomain }),
    ...Object.keys(data).flatMap((key) => validateKey(key, "data")),
    ...(size > configMapBytes ? [tooLong("data", configMapBytes)] : []),
    ...validateContents(secret),
  ];
}

/** Some types promise that certain keys are there. */
function validateContents({ metadata, type, data = {} }: Secret): Errors {
  const requireKeys = (...keys: readonly string[]): Errors =>
    keys.filter((key) => !Object.hasOwn(data, key)).map((key) => required(`data[${key}]`));
  switch (type) {
    case "kubernetes.io/service-account-token":
      return metadata.annotations?.[accountAnnotation]
        ? noErrors
        : [required(`metadata.annotations[${accountAnnotation}]`)];
    case "kubernetes.io/dockercfg":
      return [...requireKeys(".dockercfg"), ...validateJson(data, ".dockercfg")];
    case "kubernetes.io/dockerconfigjson":
      return [...requireKeys(".dockerconfigjson"), ...validateJson(data, ".dockerconfigjson")];
    case "kubernetes.io/basic-auth": {
      const missing = requireKeys("username", "password");
      return missing.length === 2 ? missing : noErrors;
    }
    case "kubernetes.io/ssh-auth":
      return data["ssh-privatekey"] ? noErrors : [required("data[ssh-privatekey]")];
    case "kubernetes.io/tls":
      return requireKeys("tls.crt", "tls.key");
    default:
      return noErrors;
  }
}

function validateJson(data: Readonly<Record<string, string>>, key: string): Errors {
  const encoded = data[key];
  if (encoded === undefined || isJsonObject(utf8Text(decodeBase64(encoded)))) return noErrors;
  return [invalid(`data[${key}]`, "<secret contents redacted>", "must be a JSON object")];
}

function isJsonObject(text: string): boolean {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && !Array.isArray(json);
  } catch {
    return false;
  }
}

export const secrets: Resource<Secret> = defineResource<Secret>({
  group: "",
  version: "v1",
  kind: "Secret",
  plural: "secrets",
  support: actedOn("sent to the nodes of the pods that name them, and to no others; sealed on the disk of a node"),
  schema: Secret,
  validateName: nameRule(dns1123Subdomain),
  completed: withStringData,
  prepareForCreate: withStringData,
  prepareForUpdate: withStringData,
  validate: validateSecret,
  validateUpdate: (secret, old) => [
    ...validateMetadataUpdate(secret.metadata, old.metadata),
    ...validateImmutable(secret.type, old.type, "type"),
    ...validateImmutability(secret, old, ["data"]),
  ],
  selectableFields: ({ type }) => ({ type }),
  columns: [
    nameColumn,
    { name: "Type", type: "string", description: "What the secret is for.", cell: ({ type }) => type },
    {
      name: "Data",
      type: "string",
      description: "How many keys it has.",
      cell: ({ data = {} }) => Object.keys(data).length,
    },
    ageColumn,
  ],
});
