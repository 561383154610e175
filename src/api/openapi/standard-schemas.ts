// The schemas of the API that no resource of ours declares: scalars with a form of their own, and what requests and
// answers of every kind share. Source: the OpenAPI documents of Kubernetes 1.32.

import type { JsonObject } from "../../core/json.ts";
import { DeleteOptions } from "../../model/delete-options.ts";
import { ListMeta } from "../../model/meta.ts";
import { Status, WatchEvent } from "../../model/status.ts";

const metaPrefix = "io.k8s.apimachinery.pkg.apis.meta.v1";

export const schemaNames = {
  deleteOptions: `${metaPrefix}.DeleteOptions`,
  intOrString: "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
  listMeta: `${metaPrefix}.ListMeta`,
  microTime: `${metaPrefix}.MicroTime`,
  objectMeta: `${metaPrefix}.ObjectMeta`,
  patch: `${metaPrefix}.Patch`,
  quantity: "io.k8s.apimachinery.pkg.api.resource.Quantity",
  status: `${metaPrefix}.Status`,
  time: `${metaPrefix}.Time`,
  watchEvent: `${metaPrefix}.WatchEvent`,
} as const;

/** How texts and numbers of these Go types are written. Other types are written as what they are in JSON. */
export const scalarSchemas: ReadonlyMap<string, JsonObject> = new Map([
  ["v1.Time", refTo(schemaNames.time)],
  ["v1.MicroTime", refTo(schemaNames.microTime)],
  ["resource.Quantity", refTo(schemaNames.quantity)],
  ["intstr.IntOrString", refTo(schemaNames.intOrString)],
  ["[]uint8", { type: "string", format: "byte" }],
  ["int32", { type: "integer", format: "int32" }],
  ["int64", { type: "integer", format: "int64" }],
]);

/** What the fields that all objects and lists have are for. */
export const commonDescriptions = {
  apiVersion: "The API group and version in which this object is written, such as apps/v1.",
  kind: "What kind of object this is.",
  metadata: "What every object has: name, namespace, labels, annotations, owners.",
  spec: "What is wanted.",
  status: "What was last observed. The system writes it; it is not changed by writing the object.",
  items: "The objects, ordered by namespace and name.",
} as const;

export function refTo(name: string): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}

/** A reference cannot have a description beside it in OpenAPI 3.0; it has to be wrapped. */
export function described(schema: JsonObject, description: string): JsonObject {
  return "$ref" in schema ? { allOf: [schema], description } : { ...schema, description };
}

/** Structs of every document, beside those of its kinds. */
export const sharedStructs = [ListMeta, DeleteOptions, Status, WatchEvent] as const;

export const sharedSchemas: JsonObject = {
  [schemaNames.intOrString]: {
    description: 'A number, or a text such as "25%".',
    format: "int-or-string",
    oneOf: [{ type: "integer" }, { type: "string" }],
  },
  [schemaNames.quantity]: {
    description: "An amount with an optional unit: 0.5, 500m, 128Mi, 1e3.",
    oneOf: [{ type: "string" }, { type: "number" }],
  },
  [schemaNames.time]: {
    type: "string",
    format: "date-time",
    description: "A point in time, to the second (RFC 3339).",
  },
  [schemaNames.microTime]: {
    type: "string",
    format: "date-time",
    description: "A point in time, to the microsecond (RFC 3339).",
  },
  [schemaNames.patch]: {
    type: "object",
    description: "A patch, in the form that the media type of the request names.",
  },
};
