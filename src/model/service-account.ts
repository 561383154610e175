// ServiceAccounts: who a pod is when it talks to the API.
// Source: core/v1 ServiceAccount.
import type * as z from "zod";

import { boolean, core, embedded, list, pointer, struct } from "./fields.ts";
import { ObjectMeta, typeMeta } from "./meta.ts";
import { ageColumn, nameColumn } from "./printing.ts";
import { LocalObjectReference, ObjectReference } from "./references.ts";
import type { Resource } from "./resource.ts";
import { defineResource } from "./resource.ts";
import { actedOn } from "./support.ts";
import { validateMetadata, validateMetadataUpdate } from "./validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "./validation/names.ts";

export const ServiceAccount = struct(
  core("ServiceAccount"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    secrets: list(ObjectReference, { mergeKey: "name" }),
    imagePullSecrets: list(LocalObjectReference),
    automountServiceAccountToken: pointer(boolean),
  },
  {
    about: "Who pods are when they talk to the API.",
    metadata: "Standard object metadata.",
    secrets: "Secrets that pods of the account may use.",
    imagePullSecrets: "Secrets for pulling images, given to pods of the account that name none.",
    automountServiceAccountToken: "Whether pods of the account get a token of it. A pod's own word goes before.",
  },
);
export type ServiceAccount = z.output<typeof ServiceAccount>;

export const serviceAccounts: Resource<ServiceAccount> = defineResource<ServiceAccount>({
  group: "",
  version: "v1",
  kind: "ServiceAccount",
  plural: "serviceaccounts",
  support: actedOn(
    "every namespace has `default`; `/token` gives tokens that open the API, to nodes those of their pods; `imagePullSecrets` count for pods that name none",
  ),
  shortNames: ["sa"],
  schema: ServiceAccount,
  validateName: nameRule(dns1123Subdomain),
  validate: ({ metadata }) => validateMetadata(metadata, { namespaced: true, name: dns1123Subdomain }),
  validateUpdate: (account, old) => validateMetadataUpdate(account.metadata, old.metadata),
  columns: [
    nameColumn,
    {
      name: "Secrets",
      type: "string",
      description: "How many secrets the account refers to.",
      cell: ({ secrets = [] }) => secrets.length,
    },
    ageColumn,
  ],
});
