// What a URL of the Kubernetes API is about.
// Source: apiserver pkg/endpoints/request RequestInfo.
import type { Resource } from "../model/resource.ts";
import type { ServedKinds } from "../store/served-kinds.ts";

export type Target = {
  readonly resource: Resource;
  /** Null: all namespaces, or a cluster-scoped kind. */
  readonly namespace: string | null;
  /** Null: the collection. */
  readonly name: string | null;
  /** Null: the object itself. */
  readonly subresource: string | null;
  /** True: a path of the old form `/api/v1/watch/...`, which is a watch whatever the query says. */
  readonly isWatch: boolean;
};

/** Null: the path is none of a resource that is served here. */
export async function targetOf(path: string, kinds: ServedKinds): Promise<Target | null> {
  const [root, ...rest] = pathSegments(path) ?? [];
  if (root === "api") return resourceTarget(kinds, "", rest);
  const [group, ...versioned] = rest;
  return root === "apis" && group !== undefined ? resourceTarget(kinds, group, versioned) : null;
}

/** The parts of a path; null: it is one that nothing is served at. */
export function pathSegments(path: string): readonly string[] | null {
  // Slashes at the end say nothing.
  const segments = path.replace(/\/+$/, "").split("/").slice(1).map(decodeSegment);
  const isOdd = segments.some((segment) => segment === null || segment === "" || segment === "." || segment === "..");
  return isOdd ? null : segments.flatMap((segment) => segment ?? []);
}

function decodeSegment(segment: string): string | null {
  try {
    const decoded = decodeURIComponent(segment);
    return decoded.includes("/") || decoded.includes("\0") ? null : decoded;
  } catch {
    return null;
  }
}

async function resourceTarget(
  kinds: ServedKinds,
  group: string,
  [version, ...segments]: readonly string[],
): Promise<Target | null> {
  if (version === undefined) return null;
  const isWatch = isWatchPrefix(segments);
  const rest = isWatch ? segments.slice(1) : segments;
  // `namespaces/NAME` and `namespaces/NAME/status` are about the Namespace itself.
  const isInNamespace = rest[0] === "namespaces" && rest.length > 2 && !isNamespacePart(group, rest[2]);
  const [namespace, path] = isInNamespace ? [rest[1] ?? null, rest.slice(2)] : [null, rest];
  const [plural, name, subresource, ...more] = path;
  if (plural === undefined || more.length > 0) return null;
  const resource = await kinds.find({ group, version, plural });
  if (resource === undefined || (isInNamespace && !resource.namespaced)) return null;
  // A named object of a namespaced kind is always in a namespace.
  if (resource.namespaced && !isInNamespace && name !== undefined) return null;
  if (isWatch && subresource !== undefined) return null;
  return { resource, namespace, name: name ?? null, subresource: subresource ?? null, isWatch };
}

/** Whether what follows the version is of the old form `watch/namespaces/...`. */
export function isWatchPrefix([first, second]: readonly string[]): boolean {
  return first === "watch" && second !== undefined;
}

/** `namespaces/NAME/status` is a part of the Namespace, not a kind in it. */
export function isNamespacePart(group: string, segment: string | undefined): boolean {
  return group === "" && (segment === "status" || segment === "finalize");
}
