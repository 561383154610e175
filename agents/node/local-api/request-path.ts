// What a request to the API is about, as far as its path and its query say it.
// Source: apiserver pkg/endpoints/request RequestInfoFactory.

/** One kind of object, in one namespace or (empty) in all or none, and perhaps one object or a part of it. */
export type Target = {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
};

/** Null: about no object, as discovery is. */
export function targetOf(path: string): Target | null {
  const parts = path.split("/").filter((part) => part !== "");
  const [root, ...rest] = parts;
  if (root === "api") return within("", rest);
  if (root !== "apis") return null;
  const [group = "", ...below] = rest;
  return within(group, below);
}

function within(group: string, [version = "", ...rest]: readonly string[]): Target | null {
  const [first = "", second = "", third, ...more] = rest;
  if (first === "") return null;
  // A namespace is an object itself, and its parts are named like the kinds below it.
  const isBelow = first === "namespaces" && third !== undefined && !["status", "finalize"].includes(third);
  const [resource = "", name = "", subresource = ""] = isBelow ? [third, ...more] : [first, second, third ?? ""];
  return { group, version, resource, namespace: isBelow ? second : "", name, subresource };
}

/** The path of the list that an object is in. */
export function listPath({ group, version, resource, namespace }: Target): string {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}${namespace === "" ? "" : `/namespaces/${namespace}`}/${resource}`;
}

const forwardedRoots = new Set(["api", "apis", "openapi", "version", "healthz", "livez", "readyz", ".well-known"]);

/** Whether the path is one of the API that users have: of no other is anything forwarded. */
export function isOfApi(path: string): boolean {
  return forwardedRoots.has(path.split("/")[1] ?? "") && !path.includes("/../") && !/%2f|%2e/i.test(path);
}

export function isWatch(query: URLSearchParams): boolean {
  return ["true", "1"].includes(query.get("watch") ?? "");
}
