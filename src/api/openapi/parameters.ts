// What may stand in the query and the path of a request, and what it is for.
// Source: the OpenAPI documents of Kubernetes 1.32.
import type { JsonObject } from "../../core/json.ts";

type Type = "boolean" | "integer" | "string";

function parameter(name: string, type: Type, description: string): JsonObject {
  return { name, in: "query", description, schema: { type, uniqueItems: true } };
}

const selection = [
  parameter("fieldSelector", "string", "Only objects whose fields match, such as metadata.name=web."),
  parameter("labelSelector", "string", "Only objects whose labels match, such as app=web,tier!=cache."),
];

const continuing = [
  parameter("continue", "string", "Where to go on: what the page before said in metadata.continue."),
  ...selection,
  parameter("limit", "integer", "How many objects a page has at most. The rest is fetched with continue."),
  parameter("resourceVersion", "string", "How new the answer has to be. 0: any state will do."),
  parameter("resourceVersionMatch", "string", "What resourceVersion means for a list: NotOlderThan or Exact."),
  parameter(
    "sendInitialEvents",
    "boolean",
    "Whether a watch tells of what is there already before it tells of changes.",
  ),
  parameter("timeoutSeconds", "integer", "After how many seconds the request is ended, whatever it is doing."),
];

export const listing: readonly JsonObject[] = [
  parameter("allowWatchBookmarks", "boolean", "Whether a watch may say now and then how far it has come."),
  ...continuing,
  parameter("watch", "boolean", "Whether to be told of changes instead of being given a list."),
];

const dryRun = parameter("dryRun", "string", "All: check everything, change nothing.");
const fieldManager = parameter("fieldManager", "string", "Who makes the change, in 128 characters at most.");
const fieldValidation = parameter(
  "fieldValidation",
  "string",
  "What to do about unknown and repeated fields: Ignore them, Warn of them, or refuse them (Strict).",
);

export const writing: readonly JsonObject[] = [dryRun, fieldManager, fieldValidation];

export const patching: readonly JsonObject[] = [
  ...writing,
  parameter("force", "boolean", "Whether an apply takes over fields that others have set."),
];

const deletion = [
  parameter("gracePeriodSeconds", "integer", "How many seconds the object may take to end; 0 is at once."),
  parameter(
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "boolean",
    "For objects that cannot be read any more. There are none here.",
  ),
  parameter("orphanDependents", "boolean", "Obsolete: use propagationPolicy."),
  parameter("propagationPolicy", "string", "What happens to what the object owns: Orphan, Background or Foreground."),
];

export const deleting: readonly JsonObject[] = [dryRun, ...deletion];

export const deletingMany: readonly JsonObject[] = [...continuing, dryRun, ...deletion].toSorted((a, b) =>
  String(a["name"]) < String(b["name"]) ? -1 : 1,
);

const pretty = parameter("pretty", "string", "Whether the answer is indented, for people to read.");

const inPath: Readonly<Record<string, string>> = {
  name: "The name of the object.",
  namespace: "The namespace that the object is in.",
};

/** What all requests to a path may have, and what stands in the path itself. */
export function pathParameters(names: readonly string[]): readonly JsonObject[] {
  const required = names.map((name) => ({
    name,
    in: "path",
    description: inPath[name] ?? "",
    required: true,
    schema: { type: "string", uniqueItems: true },
  }));
  return [...required, pretty];
}
