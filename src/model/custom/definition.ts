// CustomResourceDefinitions: kinds that users add to the API.
// Source: apiextensions.k8s.io/v1 CustomResourceDefinition, its defaults and its strategy.
import * as z from "zod";

import { semanticEqual } from "../equality.ts";
import {
  always,
  bytes,
  embedded,
  flag,
  int32,
  list,
  mandatory,
  nullWhenAbsent,
  pointer,
  string,
  strings,
  struct,
  text,
  timestamp,
} from "../fields.ts";
import { ObjectMeta, typeMeta } from "../meta.ts";
import { createdAtColumn, nameColumn } from "../printing.ts";
import type { Resource } from "../resource.ts";
import { defineResource } from "../resource.ts";
import { actedOn } from "../support.ts";
import {
  validateDefinition,
  validateDefinitionStatusUpdate,
  validateDefinitionUpdate,
  validateNewDefinition,
} from "../validation/custom-resource-definition.ts";
import { dns1123Subdomain, nameRule } from "../validation/names.ts";
import { extensions, JsonSchemaProps } from "./json-schema-props.ts";

const Names = struct(
  extensions("CustomResourceDefinitionNames"),
  {
    plural: always(string, ""),
    singular: text,
    shortNames: strings,
    kind: always(string, ""),
    listKind: text,
    categories: strings,
  },
  {
    about: "What the kind and its resource are called.",
    plural: "The resource as it stands in URLs, in lower case.",
    singular: "One of them, in lower case. The kind in lower case unless something else is said.",
    shortNames: "Shorter names for people to type.",
    kind: "The kind, in CamelCase and singular.",
    listKind: "The kind of lists. The kind with List behind it unless something else is said.",
    categories: "Groups of resources it belongs to, such as all.",
  },
);
export type Names = z.output<typeof Names>;

const ServiceReference = struct(
  extensions("ServiceReference"),
  { namespace: always(string, ""), name: always(string, ""), path: pointer(string), port: pointer(int32) },
  {
    about: "A Service that converts objects.",
    namespace: "The Service's namespace.",
    name: "The Service's name.",
    path: "The path of the URL.",
    port: "The Service's port.",
  },
);

const WebhookConversion = struct(
  extensions("WebhookConversion"),
  {
    clientConfig: pointer(
      struct(
        extensions("WebhookClientConfig"),
        { url: pointer(string), service: pointer(ServiceReference), caBundle: pointer(bytes) },
        {
          about: "How a webhook is reached.",
          url: "Its address.",
          service: "The Service it is behind.",
          caBundle: "Certificates that vouch for it, in PEM.",
        },
      ),
    ),
    conversionReviewVersions: mandatory(nullWhenAbsent(z.array(string))),
  },
  {
    about: "A webhook that converts objects.",
    clientConfig: "How it is reached.",
    conversionReviewVersions: "The versions of ConversionReview it understands, the best first.",
  },
);

const CustomResourceConversion = struct(
  extensions("CustomResourceConversion"),
  { strategy: always(string, ""), webhook: pointer(WebhookConversion) },
  {
    about: "How objects are brought from one version into another.",
    strategy: "None: only apiVersion changes.",
    webhook: "Who converts them, with the strategy Webhook.",
  },
);

const ScaleSubresource = struct(
  extensions("CustomResourceSubresourceScale"),
  {
    specReplicasPath: always(string, ""),
    statusReplicasPath: always(string, ""),
    labelSelectorPath: pointer(string),
  },
  {
    about: "Where in an object kubectl scale and its like find what they need.",
    specReplicasPath: "The field with the wanted number, such as .spec.replicas.",
    statusReplicasPath: "The field with the actual number, such as .status.replicas.",
    labelSelectorPath: "The field with the selector of what is counted, as text.",
  },
);

const PrinterColumn = struct(
  extensions("CustomResourceColumnDefinition"),
  {
    name: always(string, ""),
    type: always(string, ""),
    format: text,
    description: text,
    priority: pointer(int32)
      .transform((value) => (value === 0 ? undefined : value))
      .optional(),
    jsonPath: always(string, ""),
  },
  {
    about: "A column of the table that kubectl get prints.",
    name: "Its heading.",
    type: "What is in it: string, integer, number, boolean or date.",
    format: "How it is written; name marks the column with the object's name.",
    description: "What it shows.",
    priority: "Above 0: only in wide output.",
    jsonPath: "Where the value is, such as .spec.replicas.",
  },
);

export type PrinterColumn = z.output<typeof PrinterColumn>;

const DefinitionVersion = struct(
  extensions("CustomResourceDefinitionVersion"),
  {
    name: always(string, ""),
    served: always(z.boolean(), false),
    storage: always(z.boolean(), false),
    deprecated: flag,
    deprecationWarning: pointer(string),
    schema: pointer(
      struct(
        extensions("CustomResourceValidation"),
        { openAPIV3Schema: pointer(JsonSchemaProps) },
        { about: "What objects of a version look like.", openAPIV3Schema: "The schema." },
      ),
    ),
    subresources: pointer(
      struct(
        extensions("CustomResourceSubresources"),
        {
          status: pointer(
            z.record(string, z.unknown()).meta({
              id: extensions("CustomResourceSubresourceStatus"),
              description: "Says nothing: that it is there is enough.",
            }),
          ),
          scale: pointer(ScaleSubresource),
        },
        {
          about: "What of an object has a URL of its own.",
          status: "Present: status is written through /status, and only there.",
          scale: "Present: the object can be scaled through /scale.",
        },
      ),
    ),
    additionalPrinterColumns: list(PrinterColumn),
    selectableFields: list(
      struct(
        extensions("SelectableField"),
        { jsonPath: always(string, "") },
        { about: "A field that field selectors may ask for.", jsonPath: "Where it is, such as .spec.color." },
      ),
    ),
  },
  {
    about: "One version of the kind.",
    name: "The version, such as v1 or v1beta1.",
    served: "Whether it is served.",
    storage: "Whether objects are stored in it; true for exactly one version.",
    deprecated: "Whether those who use it are warned.",
    deprecationWarning: "What they are told.",
    schema: "What objects look like.",
    subresources: "What of an object has a URL of its own.",
    additionalPrinterColumns: "The columns of tables. Without any, there is the age.",
    selectableFields: "What field selectors may ask for, beside name and namespace.",
  },
);
export type DefinitionVersion = z.output<typeof DefinitionVersion>;

const Condition = struct(
  extensions("CustomResourceDefinitionCondition"),
  {
    type: always(string, ""),
    status: always(string, ""),
    lastTransitionTime: timestamp,
    reason: text,
    message: text,
  },
  {
    about: "Something that is, or is not, true of the definition.",
    type: "Established, NamesAccepted, NonStructuralSchema or Terminating.",
    status: "True, False or Unknown.",
    lastTransitionTime: "Since when.",
    reason: "Why, for programs.",
    message: "Why, for people.",
  },
);
export type Condition = z.output<typeof Condition>;

const Spec = struct(
  extensions("CustomResourceDefinitionSpec"),
  {
    group: always(string, ""),
    names: mandatory(embedded(Names)),
    scope: always(string, ""),
    versions: mandatory(nullWhenAbsent(z.array(DefinitionVersion))),
    conversion: CustomResourceConversion.prefault({ strategy: "None" }),
    preserveUnknownFields: flag,
  },
  {
    about: "The kind that is added.",
    group: "The API group, a domain such as example.com. The definition is named after it.",
    names: "What the kind and its resource are called.",
    scope: "Namespaced or Cluster.",
    versions: "The versions of the kind.",
    conversion: "How objects are brought from one version into another.",
    preserveUnknownFields: "Must be false; see x-kubernetes-preserve-unknown-fields.",
  },
).transform(({ names, conversion, ...spec }) => ({
  ...spec,
  names: {
    ...names,
    singular: names.singular ?? names.kind.toLowerCase(),
    listKind: names.listKind ?? (names.kind === "" ? "" : `${names.kind}List`),
  },
  conversion: conversion.strategy === "" ? { ...conversion, strategy: "None" } : conversion,
}));

const DefinitionStatus = struct(
  extensions("CustomResourceDefinitionStatus"),
  {
    conditions: nullWhenAbsent(z.array(Condition)),
    acceptedNames: embedded(Names),
    storedVersions: nullWhenAbsent(z.array(string)),
  },
  {
    about: "What has become of the definition.",
    conditions: "Whether its names are free, and whether its kind is served.",
    acceptedNames: "The names in use.",
    storedVersions: "Every version in which objects may have been stored.",
  },
);
export type DefinitionStatus = z.output<typeof DefinitionStatus>;

export const CustomResourceDefinition = struct(
  extensions("CustomResourceDefinition"),
  {
    ...typeMeta,
    metadata: embedded(ObjectMeta),
    spec: mandatory(embedded(Spec)),
    status: embedded(DefinitionStatus),
  },
  {
    about: "A kind that is added to the API. It is named after its resource and group: widgets.example.com.",
    metadata: "Standard object metadata.",
    spec: "The kind.",
    status: "What has become of it.",
  },
);
export type CustomResourceDefinition = z.output<typeof CustomResourceDefinition>;

/** Where definitions are kept. */
export const definitionsResource = "customresourcedefinitions.apiextensions.k8s.io";
export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

/** The status with the version that objects are stored in from now on. */
function withStoredVersion({ spec, status }: CustomResourceDefinition): DefinitionStatus {
  const storage = spec.versions?.find((version) => version.storage)?.name;
  const stored = status.storedVersions ?? [];
  if (storage === undefined || stored.includes(storage)) return status;
  return { ...status, storedVersions: [...stored, storage] };
}

export const customResourceDefinitions: Resource<CustomResourceDefinition> = defineResource<CustomResourceDefinition>({
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  support: actedOn("its kinds are served as soon as it is there"),
  shortNames: ["crd", "crds"],
  categories: ["api-extensions"],
  namespaced: false,
  statusSubresource: true,
  schema: CustomResourceDefinition,
  validateName: nameRule(dns1123Subdomain),
  prepareForCreate: (definition) => {
    const status = { conditions: null, acceptedNames: { plural: "", kind: "" }, storedVersions: null };
    const metadata = { ...definition.metadata, generation: 1 };
    return { ...definition, metadata, status: withStoredVersion({ ...definition, status }) };
  },
  prepareForUpdate: (definition, old) => {
    const { generation = 0 } = old.metadata;
    const isSame = semanticEqual(definition.spec, old.spec);
    const metadata = isSame ? definition.metadata : { ...definition.metadata, generation: generation + 1 };
    return { ...definition, metadata, status: withStoredVersion({ ...definition, status: old.status }) };
  },
  prepareForStatusUpdate: ({ status, metadata }, old) => ({
    ...old,
    metadata: { ...old.metadata, resourceVersion: metadata.resourceVersion },
    status,
  }),
  validate: validateDefinition,
  validateCreate: validateNewDefinition,
  validateUpdate: validateDefinitionUpdate,
  validateStatusUpdate: validateDefinitionStatusUpdate,
  columns: [nameColumn, createdAtColumn],
});
