// The paths of an OpenAPI document: which requests a resource answers, with which parameters and bodies.
// Source: the OpenAPI documents of Kubernetes 1.32.

import type { JsonObject } from "../../core/json.ts";
import type { Json } from "../../model/fields.ts";
import type { Resource } from "../../model/resource.ts";
import type { Subresource } from "../discovery.ts";
import { mediaTypes } from "../negotiation.ts";
import { applyMediaType, patchMediaTypesOf } from "../patch/patch.ts";
import { kindSchemaName } from "./component-schemas.ts";
import { deleting, deletingMany, listing, patching, pathParameters, writing } from "./parameters.ts";
import { refTo, schemaNames } from "./standard-schemas.ts";

type Method = "get" | "post" | "put" | "patch" | "delete";
type Body = "object" | "patch" | "deleteOptions" | undefined;

type Operation = {
  readonly method: Method;
  /** Of discovery: who does not list it is not asked. */
  readonly verb: string;
  /** Upstream's word for it in `x-kubernetes-action`. */
  readonly action: string;
  /** Upstream's word for it in operation ids. */
  readonly idVerb: string;
  readonly description: string;
  readonly query: readonly Json[];
  readonly body: Body;
  readonly answer: "list" | "object" | "status" | "text" | "watchEvent";
  readonly deprecated?: true;
};

const list: Operation = {
  method: "get",
  verb: "list",
  action: "list",
  idVerb: "list",
  description: "Lists objects, or watches them.",
  query: listing,
  body: undefined,
  answer: "list",
};
const create: Operation = {
  method: "post",
  verb: "create",
  action: "post",
  idVerb: "create",
  description: "Creates it.",
  query: writing,
  body: "object",
  answer: "object",
};
const read: Operation = {
  method: "get",
  verb: "get",
  action: "get",
  idVerb: "read",
  description: "Reads it.",
  query: [],
  body: undefined,
  answer: "object",
};
const replace: Operation = {
  method: "put",
  verb: "update",
  action: "put",
  idVerb: "replace",
  description: "Replaces it.",
  query: writing,
  body: "object",
  answer: "object",
};
const patch: Operation = {
  method: "patch",
  verb: "patch",
  action: "patch",
  idVerb: "patch",
  description: "Changes parts of it.",
  query: patching,
  body: "patch",
  answer: "object",
};
const remove: Operation = {
  method: "delete",
  verb: "delete",
  action: "delete",
  idVerb: "delete",
  description: "Deletes it.",
  query: deleting,
  body: "deleteOptions",
  answer: "status",
};
const removeMany: Operation = {
  ...remove,
  verb: "deletecollection",
  action: "deletecollection",
  idVerb: "deleteCollection",
  description: "Deletes all objects that match.",
  query: deletingMany,
};
/** The old way to watch, by paths of its own. */
const watchMany: Operation = {
  ...list,
  verb: "watch",
  action: "watchlist",
  idVerb: "watch",
  description: "Watches objects. Use the parameter watch of a list instead.",
  answer: "watchEvent",
  deprecated: true,
};
const watchOne: Operation = { ...watchMany, action: "watch" };
const subresourceOperations = [read, create, replace, patch];

/** Requests that carry on as something else: a stream of bytes, in one direction or both. */
const connections: readonly Operation[] = [
  { ...read, action: "connect", idVerb: "connectGet", description: "Opens the stream.", answer: "text" },
  {
    ...create,
    action: "connect",
    idVerb: "connectPost",
    description: "Opens the stream.",
    query: [],
    body: undefined,
    answer: "text",
  },
];

type Kind = Pick<Resource, "group" | "version" | "kind">;

type Place = {
  readonly path: string;
  readonly parameters: readonly string[];
  readonly operations: readonly Operation[];
  readonly verbs: readonly string[];
  /** What operation ids say of it, before and after the kind of the resource. */
  readonly idPrefix: string;
  readonly idSuffix: string;
  /** What is sent to it and read from it. */
  readonly kind: Kind;
  /** The name of that kind's schema; undefined: it has none, and its bodies are anything. */
  readonly schema: string | undefined;
};

/** The paths of one resource and of what is below it. */
export function resourcePaths(resource: Resource, subresources: readonly Subresource[]): JsonObject {
  const paths = placesOf(resource, subresources).map((place) => {
    const served = place.operations.filter(({ verb }) => place.verbs.includes(verb));
    const entries = served.map((operation): [string, Json] => [
      operation.method,
      operationObject(resource, place, operation),
    ]);
    const item = { ...Object.fromEntries(entries), parameters: pathParameters(place.parameters) };
    return [place.path, item, served.length] as const;
  });
  return Object.fromEntries(paths.filter(([, , count]) => count > 0).map(([path, item]) => [path, item]));
}

/** Where the API of a group and version is served, without the leading slash. */
export function groupVersionPath({ group, version }: Pick<Resource, "group" | "version">): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

function placesOf(resource: Resource, subresources: readonly Subresource[]): readonly Place[] {
  const root = `/${groupVersionPath(resource)}`;
  const collection = `${root}/${resource.namespaced ? "namespaces/{namespace}/" : ""}${resource.plural}`;
  const namespace = resource.namespaced ? ["namespace"] : [];
  const idPrefix = resource.namespaced ? "Namespaced" : "";
  const own = { idPrefix, idSuffix: "", kind: resource, schema: kindSchemaName(resource), verbs: resource.verbs };
  const object = { ...own, path: `${collection}/{name}`, parameters: ["name", ...namespace] };
  const everywhere = { ...own, path: `${root}/${resource.plural}`, parameters: [], idPrefix: "" };
  return [
    { ...own, path: collection, parameters: namespace, operations: [list, create, removeMany] },
    { ...object, operations: [read, replace, patch, remove] },
    ...subresources.map((subresource) => subresourcePlace(resource, subresource, object)),
    ...(resource.namespaced ? [{ ...everywhere, operations: [list], idSuffix: "ForAllNamespaces" }] : []),
    ...watchPlaces(resource, own),
  ];
}

function watchPlaces(resource: Resource, own: Pick<Place, "idPrefix" | "kind" | "schema" | "verbs">): readonly Place[] {
  const root = `/${groupVersionPath(resource)}/watch`;
  const collection = `${root}/${resource.namespaced ? "namespaces/{namespace}/" : ""}${resource.plural}`;
  const parameters = resource.namespaced ? ["namespace"] : [];
  const all = { ...own, path: `${root}/${resource.plural}`, parameters: [], idPrefix: "", operations: [watchMany] };
  return [
    { ...own, path: collection, parameters, operations: [watchMany], idSuffix: "List" },
    { ...own, path: `${collection}/{name}`, parameters: ["name", ...parameters], operations: [watchOne], idSuffix: "" },
    ...(resource.namespaced ? [{ ...all, idSuffix: "ListForAllNamespaces" }] : []),
  ];
}

function subresourcePlace(resource: Resource, subresource: Subresource, object: Omit<Place, "operations">): Place {
  const { name, verbs, group = resource.group, version = resource.version, schema } = subresource;
  const kind = { group, version, kind: subresource.kind };
  const isOwnKind = kind.kind === resource.kind && group === resource.group;
  const schemaName = schema !== undefined ? kindSchemaName({ ...kind, schema }) : isOwnKind ? object.schema : undefined;
  const operations = subresource.isStream === true ? connections : subresourceOperations;
  const place = { ...object, path: `${object.path}/${name}`, idSuffix: capitalised(name), kind, verbs };
  return { ...place, operations, schema: schemaName };
}

function operationObject(resource: Resource, place: Place, operation: Operation): JsonObject {
  const { group, version, kind } = place.kind;
  const content = requestContent(resource, place.schema, operation.body);
  const id = [operation.idVerb, groupVersionWord(resource), place.idPrefix, resource.kind, place.idSuffix];
  return {
    operationId: id.join(""),
    description: operation.description,
    ...(operation.deprecated === true ? { deprecated: true } : {}),
    tags: [groupVersionTag(resource)],
    "x-kubernetes-action": operation.action,
    "x-kubernetes-group-version-kind": { group, kind, version },
    ...(operation.query.length === 0 ? {} : { parameters: operation.query }),
    ...(content === undefined ? {} : { requestBody: { content, required: operation.body !== "deleteOptions" } }),
    responses: responses(place, operation),
  };
}

function requestContent(resource: Resource, schema: string | undefined, body: Body): JsonObject | undefined {
  switch (body) {
    case undefined:
      return undefined;
    case "object":
      return { "*/*": { schema: schema === undefined ? { type: "object" } : refTo(schema) } };
    case "deleteOptions":
      return { "*/*": { schema: refTo(schemaNames.deleteOptions) } };
    case "patch":
      return Object.fromEntries(
        [applyMediaType, ...patchMediaTypesOf(resource)].map((type) => [type, { schema: refTo(schemaNames.patch) }]),
      );
    default:
      return body satisfies never;
  }
}

/** What a write may be answered with, besides 200. */
const otherCodes: Readonly<Record<Method, readonly (readonly [code: string, description: string])[]>> = {
  get: [],
  post: [
    ["201", "Created"],
    ["202", "Accepted"],
  ],
  put: [["201", "Created"]],
  patch: [["201", "Created"]],
  delete: [["202", "Accepted"]],
};

function responses(place: Place, operation: Operation): JsonObject {
  const content = answerContent(place, operation);
  const others =
    operation.action === "deletecollection" || operation.answer === "text" ? [] : otherCodes[operation.method];
  const codes = [["200", "OK"] as const, ...others].map(([code, description]) => [code, { description, content }]);
  return { ...Object.fromEntries(codes), "401": { description: "Unauthorized" } };
}

function answerContent({ schema }: Place, { answer }: Operation): JsonObject {
  switch (answer) {
    case "text":
      return { "*/*": { schema: { type: "string" } } };
    case "status":
      return inEach(mediaTypes, refTo(schemaNames.status));
    case "list":
      return inEach([...mediaTypes, "application/json;stream=watch"], refTo(`${schema}List`));
    case "watchEvent":
      return inEach([...mediaTypes, "application/json;stream=watch"], refTo(schemaNames.watchEvent));
    case "object":
      return inEach(mediaTypes, schema === undefined ? { type: "object" } : refTo(schema));
    default:
      return answer satisfies never;
  }
}

function inEach(types: readonly string[], schema: JsonObject): JsonObject {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
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
