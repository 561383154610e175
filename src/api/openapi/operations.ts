// The paths of an OpenAPI document: which requests a resource answers, with which parameters and bodies.

import type { JsonObject } from "../../core/json.ts";
import type { Json } from "../../model/fields.ts";
import type { Resource, Verb } from "../../model/resource.ts";
import { patchMediaTypes } from "../patch/patch.ts";
import { kindSchemaName } from "./component-schemas.ts";
import { refTo, schemaNames } from "./standard-schemas.ts";

type Method = "get" | "post" | "put" | "patch" | "delete";
type Body = "object" | "patch" | "deleteOptions" | undefined;

type Operation = {
  readonly method: Method;
  readonly verb: Verb;
  /** Upstream's word for it in `x-kubernetes-action`. */
  readonly action: string;
  /** Upstream's word for it in operation ids. */
  readonly idVerb: string;
  readonly query: readonly Json[];
  readonly body: Body;
  readonly answer: "list" | "object" | "status";
};

function query(name: string, type: "boolean" | "integer" | "string"): JsonObject {
  return { name, in: "query", schema: { type, uniqueItems: true } };
}

const selection = [query("fieldSelector", "string"), query("labelSelector", "string")];
const listing = [
  ...selection,
  query("allowWatchBookmarks", "boolean"),
  query("continue", "string"),
  query("limit", "integer"),
  query("resourceVersion", "string"),
  query("resourceVersionMatch", "string"),
  query("sendInitialEvents", "boolean"),
  query("timeoutSeconds", "integer"),
  query("watch", "boolean"),
];
const dryRun = query("dryRun", "string");
const writing = [dryRun, query("fieldManager", "string"), query("fieldValidation", "string")];
const deleting = [
  dryRun,
  query("gracePeriodSeconds", "integer"),
  query("orphanDependents", "boolean"),
  query("propagationPolicy", "string"),
];

const collectionOperations: readonly Operation[] = [
  { method: "get", verb: "list", action: "list", idVerb: "list", query: listing, body: undefined, answer: "list" },
  {
    method: "post",
    verb: "create",
    action: "post",
    idVerb: "create",
    query: writing,
    body: "object",
    answer: "object",
  },
  {
    method: "delete",
    verb: "deletecollection",
    action: "deletecollection",
    idVerb: "deleteCollection",
    query: [...listing, ...deleting],
    body: "deleteOptions",
    answer: "status",
  },
];

const statusOperations: readonly Operation[] = [
  { method: "get", verb: "get", action: "get", idVerb: "read", query: [], body: undefined, answer: "object" },
  { method: "put", verb: "update", action: "put", idVerb: "replace", query: writing, body: "object", answer: "object" },
  { method: "patch", verb: "patch", action: "patch", idVerb: "patch", query: writing, body: "patch", answer: "object" },
];

const objectOperations: readonly Operation[] = [
  ...statusOperations,
  {
    method: "delete",
    verb: "delete",
    action: "delete",
    idVerb: "delete",
    query: deleting,
    body: "deleteOptions",
    answer: "status",
  },
];

type Place = {
  readonly path: string;
  readonly parameters: readonly string[];
  readonly operations: readonly Operation[];
  /** What operation ids say of it, before and after the kind. */
  readonly idPrefix: string;
  readonly idSuffix: string;
};

/** The paths of one resource, below the path of its group and version. */
export function resourcePaths(resource: Resource): JsonObject {
  const paths = placesOf(resource).map(({ path, parameters, operations, idPrefix, idSuffix }) => {
    const served = operations.filter(({ verb }) => resource.verbs.includes(verb));
    const entries = served.map((operation): [string, Json] => {
      const id = `${operation.idVerb}${groupVersionWord(resource)}${idPrefix}${resource.kind}${idSuffix}`;
      return [operation.method, operationObject(resource, operation, id)];
    });
    return [
      path,
      { ...Object.fromEntries(entries), parameters: parameters.map(pathParameter) },
      served.length,
    ] as const;
  });
  return Object.fromEntries(paths.filter(([, , count]) => count > 0).map(([path, item]) => [path, item]));
}

/** Where the API of a group and version is served, without the leading slash. */
export function groupVersionPath({ group, version }: Pick<Resource, "group" | "version">): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

function placesOf(resource: Resource): readonly Place[] {
  const root = `/${groupVersionPath(resource)}`;
  const collection = `${root}/${resource.namespaced ? "namespaces/{namespace}/" : ""}${resource.plural}`;
  const namespace = resource.namespaced ? ["namespace"] : [];
  const idPrefix = resource.namespaced ? "Namespaced" : "";
  const object = { path: `${collection}/{name}`, parameters: ["name", ...namespace], idPrefix };
  const places: Place[] = [
    { path: collection, parameters: namespace, operations: collectionOperations, idPrefix, idSuffix: "" },
    { ...object, operations: objectOperations, idSuffix: "" },
  ];
  if (resource.statusSubresource) {
    places.push({ ...object, path: `${object.path}/status`, operations: statusOperations, idSuffix: "Status" });
  }
  if (resource.namespaced) {
    const operations = collectionOperations.filter(({ verb }) => verb === "list");
    const path = `${root}/${resource.plural}`;
    places.push({ path, parameters: [], operations, idPrefix: "", idSuffix: "ForAllNamespaces" });
  }
  return places;
}

function pathParameter(name: string): JsonObject {
  return { name, in: "path", required: true, schema: { type: "string", uniqueItems: true } };
}

function operationObject(resource: Resource, operation: Operation, operationId: string): JsonObject {
  const { group, version, kind } = resource;
  const content = requestContent(resource, operation.body);
  return {
    operationId,
    tags: [groupVersionTag(resource)],
    "x-kubernetes-action": operation.action,
    "x-kubernetes-group-version-kind": { group, kind, version },
    parameters: [...operation.query, query("pretty", "string")],
    ...(content === undefined ? {} : { requestBody: { content, required: operation.body !== "deleteOptions" } }),
    responses: responses(resource, operation),
  };
}

function requestContent(resource: Resource, body: Body): JsonObject | undefined {
  switch (body) {
    case undefined:
      return undefined;
    case "object":
      return json(kindSchemaName(resource));
    case "deleteOptions":
      return json(schemaNames.deleteOptions);
    case "patch":
      return Object.fromEntries(patchMediaTypes.map((mediaType) => [mediaType, { schema: refTo(schemaNames.patch) }]));
    default:
      return body satisfies never;
  }
}

function responses(resource: Resource, { answer, method }: Operation): JsonObject {
  const name = kindSchemaName(resource);
  const schema = answer === "status" ? schemaNames.status : answer === "list" ? `${name}List` : name;
  const success = { description: "OK", content: json(schema) };
  return {
    "200": success,
    ...(method === "post" ? { "201": { ...success, description: "Created" } } : {}),
    "401": { description: "Unauthorized" },
  };
}

function json(schemaName: string): JsonObject {
  return { "application/json": { schema: refTo(schemaName) } };
}

function groupWords({ group }: Pick<Resource, "group">): readonly string[] {
  return (group === "" ? "core" : group.replace(/\.k8s\.io$/, "")).split(/[.-]/);
}

/** `AppsV1`, `RbacAuthorizationV1`: how operation ids name a group and version. */
function groupVersionWord(resource: Resource): string {
  return [...groupWords(resource), resource.version].map(capitalised).join("");
}

/** `apps_v1`, `rbacAuthorization_v1` */
function groupVersionTag(resource: Resource): string {
  const [first = "", ...rest] = groupWords(resource);
  return `${first}${rest.map(capitalised).join("")}_${resource.version}`;
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
