// The kind that a CustomResourceDefinition adds, in one of its versions, as a resource like any other.
// Source: apiextensions-apiserver pkg/registry/customresource strategy.go, pkg/apiserver customresource_handler.go.
import * as z from "zod";

import { ApiError } from "../api-error.ts";
import type { Decoded } from "../decode.ts";
import { apiVersionOf, decode } from "../decode.ts";
import { semanticEqual } from "../equality.ts";
import { embedded } from "../fields.ts";
import type { KubeObject } from "../meta.ts";
import { ObjectMeta, typeMeta } from "../meta.ts";
import type { Resource, ServedKind } from "../resource.ts";
import { defineResource } from "../resource.ts";
import { storedOnly } from "../support.ts";
import { validateEmbedded, validateLists, validateScale } from "../validation/custom-objects.ts";
import { validateAgainst } from "../validation/custom-resource.ts";
import type { Errors } from "../validation/each.ts";
import { validateMetadata, validateMetadataUpdate } from "../validation/metadata.ts";
import { dns1123Subdomain, nameRule } from "../validation/names.ts";
import { isConditionTrue } from "./accepted-names.ts";
import { compareVersions, kindOf } from "./custom-kinds.ts";
import type { CustomResourceDefinition, DefinitionVersion } from "./definition.ts";
import { parseJsonPath, valueAt } from "./json-path.ts";
import type { JsonSchemaProps } from "./json-schema-props.ts";
import { printerColumns } from "./printer-columns.ts";
import { keepsUnknown, prune, withDefaults } from "./structural.ts";

/** The resource of one version; undefined: it is not served. Throws when objects cannot be brought into the version. */
export function customResource(definition: CustomResourceDefinition, versionName: string): Resource | undefined {
  const version = definition.spec.versions?.find(({ name }) => name === versionName);
  if (version === undefined || !version.served || !isConditionTrue(definition, "Established")) return undefined;
  const kind = kindOf(definition, { ...version, subresources: version.subresources ?? null });
  if (definition.spec.conversion.strategy === "Webhook" && !version.storage) throw unconvertible(kind);
  const schema = version.schema?.openAPIV3Schema ?? {};
  const content = contentSchema(schema);
  return defineResource<KubeObject>({
    support: storedOnly("what a definition says it is"),
    ...kind,
    schema: schemaOf(schema),
    custom: { openApi: schema, isTerminating: isConditionTrue(definition, "Terminating") },
    deprecation: deprecationOf(definition, version),
    decode: (json) => decodeCustom(json, content),
    fromStorage: (stored) => fromStorage(stored, apiVersionOf(kind), content),
    validateName: nameRule(dns1123Subdomain),
    ...selectable(version),
    ...preparation(kind),
    ...validation(kind, schema),
    columns: printerColumns(version.additionalPrinterColumns),
  });
}

/** Objects are converted by a webhook, and none is called from here. */
function unconvertible(kind: ServedKind): ApiError {
  const text = `conversion webhook for ${apiVersionOf(kind)}, Kind=${kind.kind} failed: webhooks are not called`;
  return new ApiError("InternalError", text);
}

/** The schema of all but what every object has. */
function contentSchema({ properties, required: _required, ...schema }: JsonSchemaProps): JsonSchemaProps {
  if (properties === undefined) return schema;
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...content } = properties;
  return { ...schema, properties: content };
}

/** What server-side apply and patches learn about the kind; objects are not read by it. */
function schemaOf({ properties = {}, ...schema }: JsonSchemaProps): z.ZodType<KubeObject> {
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...content } = properties;
  const fields = Object.entries(content).map(([name, property]) => [
    name,
    z
      .unknown()
      .meta({ ...property })
      .optional(),
  ]);
  const shape = { ...typeMeta, metadata: embedded(ObjectMeta), ...Object.fromEntries(fields) };
  const struct = keepsUnknown(schema) ? z.looseObject(shape) : z.strictObject(shape);
  // Typed stub: what is said of objects of any kind, which is all that is known of these.
  return struct as unknown as z.ZodType<KubeObject>;
}

// Typed stub: an object's metadata is all that is decoded here.
const MetadataOnly = z.strictObject({ metadata: embedded(ObjectMeta) }) as unknown as z.ZodType<KubeObject>;

function decodeCustom(json: unknown, content: JsonSchemaProps): Decoded<KubeObject> {
  // Typed stub: that it is an object is found out before it is decoded.
  const { apiVersion, kind, metadata, ...fields } = json as Readonly<Record<string, unknown>>;
  const decoded = decode(MetadataOnly, metadata === undefined ? {} : { metadata });
  if (!decoded.ok) return decoded;
  const { value, dropped } = prune(withDefaults(fields, content), content, false);
  return {
    ok: true,
    object: {
      apiVersion: String(apiVersion ?? ""),
      kind: String(kind ?? ""),
      metadata: decoded.object.metadata,
      ...Object(value),
    },
    unknownFields: [...decoded.unknownFields, ...dropped],
  };
}

function fromStorage(stored: KubeObject, apiVersion: string, content: JsonSchemaProps): KubeObject {
  const { apiVersion: _stored, kind, metadata, ...fields } = stored;
  return { apiVersion, kind, metadata, ...Object(prune(withDefaults(fields, content), content, false).value) };
}

function selectable({ selectableFields = [] }: DefinitionVersion) {
  const fields = selectableFields.map(({ jsonPath }) => ({
    name: jsonPath.replace(/^\./, ""),
    path: parseJsonPath(jsonPath) ?? [],
  }));
  return {
    selectableFieldNames: fields.map(({ name }) => name),
    selectableFields: (object: KubeObject) =>
      Object.fromEntries(fields.map(({ name, path }) => [name, String(valueAt(object, path) ?? "")])),
  };
}

function preparation({ statusSubresource }: ServedKind) {
  return {
    prepareForCreate: (object: KubeObject) => withGeneration(statusSubresource ? withoutStatus(object) : object, 1),
    prepareForUpdate: (object: KubeObject, old: KubeObject) => {
      const { generation = 0 } = old.metadata;
      const kept = statusSubresource ? withStatusOf(object, old) : object;
      return withGeneration(kept, hasSameContent(kept, old) ? generation : generation + 1);
    },
    prepareForStatusUpdate: (object: KubeObject, old: KubeObject) => {
      const { resourceVersion, managedFields } = object.metadata;
      return { ...withStatusOf(old, object), metadata: { ...old.metadata, resourceVersion, managedFields } };
    },
  };
}

function withGeneration(object: KubeObject, generation: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, generation } };
}

function withoutStatus({ status: _status, ...object }: KubeObject): KubeObject {
  // Typed stub: the rest has all that an object must have.
  return object as KubeObject;
}

function withStatusOf(object: KubeObject, { status }: KubeObject): KubeObject {
  return status === undefined ? withoutStatus(object) : { ...withoutStatus(object), status };
}

/** Whether nothing differs but metadata. */
function hasSameContent({ metadata: _a, ...left }: KubeObject, { metadata: _b, ...right }: KubeObject): boolean {
  return semanticEqual(left, right);
}

function validation({ namespaced, scale }: ServedKind, schema: JsonSchemaProps) {
  const content = (object: KubeObject): Errors => [
    ...validateAgainst(object, schema),
    ...(scale === null ? [] : validateScale(object, scale)),
    ...validateEmbedded(object, schema),
  ];
  // What was so before may stay so.
  const lists = (object: KubeObject, old: KubeObject) =>
    validateLists(old, schema).length > 0 ? [] : validateLists(object, schema);
  return {
    validate: (object: KubeObject) => [
      ...validateMetadata(object.metadata, { namespaced, name: dns1123Subdomain }),
      ...content(object),
    ],
    validateCreate: (object: KubeObject) => validateLists(object, schema),
    validateUpdate: (object: KubeObject, old: KubeObject) => [
      ...validateMetadataUpdate(object.metadata, old.metadata),
      ...lists(object, old),
    ],
    validateStatusUpdate: (object: KubeObject, old: KubeObject) => [
      ...validateMetadataUpdate(object.metadata, old.metadata),
      ...content(object),
      ...lists(object, old),
    ],
  };
}

function deprecationOf({ spec }: CustomResourceDefinition, version: DefinitionVersion): string | null {
  if (version.deprecated !== true) return null;
  if (version.deprecationWarning !== undefined) return version.deprecationWarning;
  const [newest] = (spec.versions ?? [])
    .filter(({ served, deprecated, name }) => served && deprecated !== true && compareVersions(name, version.name) < 0)
    .map(({ name }) => name)
    .sort(compareVersions);
  const told = (name: string) => `${spec.group}/${name} ${spec.names.kind}`;
  return `${told(version.name)} is deprecated${newest === undefined ? "" : `; use ${told(newest)}`}`;
}
