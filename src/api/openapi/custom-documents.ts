// The OpenAPI documents of groups with custom kinds: written when they are asked for, and known by what they are written
// from, so that the index needs none of them.
import type { Resource } from "../../model/resource.ts";
import { resources } from "../../model/resources.ts";
import type { ServedKinds } from "../../store/served-kinds.ts";
import type { OpenApiDocument } from "../openapi.ts";
import { hashOf, openApiDocument, openApiIndex } from "../openapi.ts";
import { groupVersionPath } from "./operations.ts";

const mostKept = 8;
const kept = new Map<string, OpenApiDocument>();

/** `/openapi/v3`: where the documents are. */
export async function indexOf(kinds: ServedKinds): Promise<OpenApiDocument> {
  const custom = await kinds.stamps();
  const hashes = new Map([...custom].map(([groupVersion, stamp]) => [`apis/${groupVersion}`, hashOf(stamp)]));
  return openApiIndex(resources, hashes);
}

/** The document of `api/v1` or `apis/apps/v1`; undefined when no kind is served there. */
export async function documentOf(kinds: ServedKinds, path: string): Promise<OpenApiDocument | undefined> {
  const stamp = (await kinds.stamps()).get(path.replace(/^apis\//, ""));
  if (stamp === undefined) return openApiDocument(resources, path);
  const hash = hashOf(stamp);
  const key = `${path} ${hash}`;
  const document = kept.get(key) ?? (await write(kinds, path, hash));
  kept.delete(key);
  if (document !== undefined) kept.set(key, document);
  for (const oldest of kept.keys()) if (kept.size > mostKept) kept.delete(oldest);
  return document;
}

async function write(kinds: ServedKinds, path: string, hash: string): Promise<OpenApiDocument | undefined> {
  const [, group = "", version = ""] = path.split("/");
  const fixed = resources.filter((resource) => groupVersionPath(resource) === path);
  const document = openApiDocument([...fixed, ...(await kinds.customOf({ group, version }))], path);
  return document === undefined ? undefined : { ...document, hash };
}

const every = new WeakMap<ServedKinds, { readonly stamps: string; readonly kinds: readonly Resource[] }>();

/** All kinds, the custom ones as well: the same list for as long as none of them changes. */
export async function everyKind(kinds: ServedKinds): Promise<readonly Resource[]> {
  const custom = [...(await kinds.stamps())];
  const stamps = custom.flat().join(" ");
  if (stamps === "") return resources;
  const known = every.get(kinds);
  if (stamps === known?.stamps) return known.kinds;
  const groupVersions = custom.map(([groupVersion]) => groupVersion.split("/"));
  const found = await Promise.all(
    groupVersions.map(([group = "", version = ""]) => kinds.customOf({ group, version })),
  );
  const all = [...resources, ...found.flat()];
  every.set(kinds, { stamps, kinds: all });
  return all;
}
