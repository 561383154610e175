// The schemas of the API that no resource of ours declares: scalars with a form of their own, and what requests and
// answers of every kind share. Source: the OpenAPI documents of Kubernetes 1.32.
import type { JsonObject } from "../../core/json.ts";

const metaPrefix = "io.k8s.apimachinery.pkg.apis.meta.v1";

export const schemaNames = {
  deleteOptions: `${metaPrefix}.DeleteOptions`,
  intOrString: "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
  listMeta: `${metaPrefix}.ListMeta`,
  microTime: `${metaPrefix}.MicroTime`,
  patch: `${metaPrefix}.Patch`,
  preconditions: `${metaPrefix}.Preconditions`,
  quantity: "io.k8s.apimachinery.pkg.api.resource.Quantity",
  status: `${metaPrefix}.Status`,
  statusCause: `${metaPrefix}.StatusCause`,
  statusDetails: `${metaPrefix}.StatusDetails`,
  time: `${metaPrefix}.Time`,
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

const text: JsonObject = { type: "string" };
const flag: JsonObject = { type: "boolean" };
const int32: JsonObject = { type: "integer", format: "int32" };
const int64: JsonObject = { type: "integer", format: "int64" };

export const typeFields: JsonObject = {
  apiVersion: described(text, commonDescriptions.apiVersion),
  kind: described(text, commonDescriptions.kind),
};

function struct(description: string, properties: JsonObject): JsonObject {
  return { type: "object", description, properties };
}

function listOf(items: JsonObject): JsonObject {
  return { type: "array", items };
}

const deleteOptions = struct("How an object is to be deleted.", {
  ...typeFields,
  dryRun: described(listOf(text), "All: check everything, change nothing."),
  gracePeriodSeconds: described(
    int64,
    "How long the object may take to end; 0 is at once. Absent: as the object says.",
  ),
  orphanDependents: described(flag, "Obsolete: use propagationPolicy."),
  preconditions: described(refTo(schemaNames.preconditions), "What must be true of the object for it to be deleted."),
  propagationPolicy: described(text, "What happens to the objects it owns: Orphan, Background or Foreground."),
});

const status = struct("The outcome of a request that answers with no object.", {
  ...typeFields,
  metadata: described(refTo(schemaNames.listMeta), "Of a list that could not be read to its end: where to go on."),
  status: described(text, "Success or Failure."),
  message: described(text, "What happened, for people."),
  reason: described(text, "What happened, for programs."),
  details: described(refTo(schemaNames.statusDetails), "What it happened to."),
  code: described(int32, "The HTTP status code."),
});

/** The components of every document. `groupVersion` may delete its objects with DeleteOptions of its own. */
export function standardSchemas(groupVersion: { readonly group: string; readonly version: string }): JsonObject {
  const core = { group: "", version: "v1" };
  const versions = groupVersion.group === "" ? [core] : [core, groupVersion];
  return {
    [schemaNames.deleteOptions]: {
      ...deleteOptions,
      "x-kubernetes-group-version-kind": versions.map(({ group, version }) => ({
        group,
        kind: "DeleteOptions",
        version,
      })),
    },
    [schemaNames.status]: {
      ...status,
      "x-kubernetes-group-version-kind": [{ group: "", kind: "Status", version: "v1" }],
    },
    ...sharedSchemas,
  };
}

const sharedSchemas: JsonObject = {
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
  [schemaNames.preconditions]: struct("What must be true of an object for it to be deleted.", {
    resourceVersion: described(text, "The version it must have."),
    uid: described(text, "The uid it must have."),
  }),
  [schemaNames.statusDetails]: struct("What a failure is about.", {
    name: described(text, "The name of the object."),
    group: described(text, "The API group of the object."),
    kind: described(text, "The resource, or the kind where the object is invalid."),
    uid: described(text, "The uid of the object."),
    causes: described(listOf(refTo(schemaNames.statusCause)), "All that was wrong, field by field."),
    retryAfterSeconds: described(int32, "After how many seconds the request may be repeated."),
  }),
  [schemaNames.statusCause]: struct("One thing that was wrong.", {
    reason: described(text, "What kind of mistake, for programs."),
    message: described(text, "What was wrong, for people."),
    field: described(text, "Where, such as spec.template.spec.containers[0].name."),
  }),
};
