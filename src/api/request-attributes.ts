// What a request asks for, in the words in which rights are given.
// Source: apiserver pkg/endpoints/request RequestInfoFactory.
import type { Attributes } from "../core/authorization.ts";
import { parseFieldQuery } from "../model/field-query.ts";
import { isNamespacePart, isWatchPrefix, pathSegments } from "./target.ts";

/** Subresources through which programs are reached: whoever opens one does something, whatever the method. */
const connections: ReadonlySet<string> = new Set(["attach", "exec", "portforward"]);

/** Says of a path that is served as a resource (`targetOf`) the same as that. */
export function attributesOf(method: string, url: URL): Attributes {
  const [root, ...rest] = pathSegments(url.pathname) ?? [];
  const [group, [, ...said]] = root === "apis" ? [rest[0] ?? "", rest.slice(1)] : ["", rest];
  const isOldWatch = isWatchPrefix(said);
  const parts = isOldWatch ? said.slice(1) : said;
  const isResource = (root === "api" || root === "apis") && parts.length > 0;
  if (!isResource) return { kind: "path", verb: method.toLowerCase(), path: url.pathname };
  const isInNamespace = parts[0] === "namespaces" && parts.length > 2 && !isNamespacePart(group, parts[2]);
  const [resource = "", name = "", subresource = ""] = isInNamespace ? parts.slice(2) : parts;
  // A Namespace is in itself: a role in it may allow to read it.
  const isNamespace = group === "" && resource === "namespaces" && name !== "";
  const namespace = isInNamespace ? (parts[1] ?? "") : isNamespace ? name : "";
  const asked = { kind: "resource", group, resource, subresource, namespace } as const;
  if (isOldWatch) return { ...asked, name: name === "" ? namedByField(url) : name, verb: "watch" };
  if (name !== "") return { ...asked, name, verb: verbOfObject(method, subresource) };
  const verb = verbOfCollection(method, url);
  return { ...asked, verb, name: verb === "list" || verb === "watch" ? namedByField(url) : "" };
}

function verbOfObject(method: string, subresource: string): string {
  switch (method) {
    case "POST":
      return "create";
    case "GET":
    case "HEAD":
      return connections.has(subresource) ? "create" : "get";
    case "PUT":
      return "update";
    default:
      return method.toLowerCase();
  }
}

function verbOfCollection(method: string, url: URL): string {
  switch (method) {
    case "GET":
    case "HEAD":
      return isTrue(url.searchParams.get("watch")) ? "watch" : "list";
    case "DELETE":
      return "deletecollection";
    default:
      return verbOfObject(method, "");
  }
}

/** As parameters of the API say it: an empty one says yes. */
export function isTrue(parameter: string | null): boolean {
  return parameter === "true" || parameter === "1" || parameter === "";
}

/** A list of what has one name is about that object. */
function namedByField(url: URL): string {
  try {
    const fields = parseFieldQuery(url.searchParams.get("fieldSelector") ?? "");
    return fields.find(({ field, operator }) => field === "metadata.name" && operator === "=")?.value ?? "";
  } catch {
    // A selector that cannot be read is refused later.
    return "";
  }
}
