// GET: one object or a list of them, in the form the client asked for.

import { apiVersionOf } from "../model/decode.ts";
import { fieldQueryMatches } from "../model/field-query.ts";
import { labelQueryMatches } from "../model/label-query.ts";
import { pageObjects } from "../model/limits.ts";
import type { KubeObject } from "../model/meta.ts";
import type { Resource } from "../model/resource.ts";
import { selectableFieldsOf } from "../model/resource.ts";
import { answer } from "./answer.ts";
import type { RequestContext } from "./context.ts";
import { shown, storageOf } from "./context.ts";
import { withHeartbeats } from "./heartbeats.ts";
import type { Continuation, ListOptions } from "./list-options.ts";
import { continuationToken, listOptions, resourceVersionOf } from "./list-options.ts";
import type { Representation } from "./negotiation.ts";
import { negotiate } from "./negotiation.ts";
import type { Listing, Storage } from "./storage.ts";
import type { ListMetadata } from "./table.ts";
import { includeObjectOf, tableOf, toPartialObjectMetadata, toPartialObjectMetadataList } from "./table.ts";
import { awaitVersion, requireRemembered, requireUnchangedSince } from "./versions.ts";

export async function getObject(context: RequestContext): Promise<Response> {
  const representation = negotiate(context.request.headers.get("accept"), ["table", "partialMetadata"]);
  const wanted = resourceVersionOf(context.url.searchParams.get("resourceVersion") ?? "") ?? 0;
  if (wanted > 0) await awaitVersion(context.env.DB, wanted);
  const object = await shown(context);
  return answer(await represented(context, object, representation), { representation });
}

/** One object in the form the client asked for. */
export async function represented(
  context: RequestContext,
  object: KubeObject,
  { form }: Representation,
): Promise<unknown> {
  const { resource } = context.target;
  const resourceVersion = object.metadata.resourceVersion;
  switch (form) {
    case "table":
      return tableOf({
        resource,
        objects: [object],
        includeObject: includeObjectOf(context.url.searchParams.get("includeObject")),
        nowMs: context.nowMs,
        metadata: resourceVersion === undefined ? {} : { resourceVersion },
        describesColumns: true,
      });
    case "partialMetadata":
      return toPartialObjectMetadata(object);
    default:
      return (await withHeartbeats(context, [object]))[0];
  }
}

export async function listObjects(context: RequestContext): Promise<Response> {
  const representation = negotiate(context.request.headers.get("accept"), ["table", "partialMetadataList"]);
  const { resource } = context.target;
  const options = listOptions(context.url.searchParams, resource);
  const { rv, continueAt, objects } = await listPage(context, options);
  const remaining = continueAt?.remaining ?? null;
  const metadata = {
    resourceVersion: String(rv),
    ...(continueAt === null ? {} : { continue: continuationToken(continueAt) }),
    ...(remaining === null ? {} : { remainingItemCount: remaining }),
  };
  return answer(await representedList(context, objects, metadata, representation), { representation });
}

async function representedList(
  context: RequestContext,
  objects: readonly KubeObject[],
  metadata: ListMetadata,
  { form }: Representation,
): Promise<unknown> {
  const { resource } = context.target;
  switch (form) {
    case "table":
      return tableOf({
        resource,
        objects,
        includeObject: includeObjectOf(context.url.searchParams.get("includeObject")),
        nowMs: context.nowMs,
        metadata,
        describesColumns: true,
      });
    case "partialMetadataList":
      return toPartialObjectMetadataList(objects, metadata);
    default: {
      const items = (await withHeartbeats(context, objects)).map(withoutType);
      return { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata, items };
    }
  }
}

/** The items of a list leave out what the list says for all of them. */
function withoutType({ apiVersion: _apiVersion, kind: _kind, ...item }: KubeObject): unknown {
  return item;
}

type Page = Omit<Listing, "preceding"> & { readonly continueAt: Continuation | null };

/** Beyond this, how many objects are left is not told: who asks for one shall not wait until all are counted. */
const mostCounted = 5_000;

/** The page that a list asks for. Throws what refuses its resourceVersion or its token. */
export async function listPage(context: RequestContext, options: ListOptions): Promise<Page> {
  const { resource, namespace } = context.target;
  const storage = storageOf(context);
  const wanted = options.resourceVersion ?? 0;
  if (wanted > 0) await awaitVersion(context.env.DB, wanted);
  if (options.continueAt !== null) await requireRemembered(context.env.DB, options.continueAt);
  const page = await selectPage(storage, resource, namespace, options);
  const isExact = options.match === "Exact" && wanted > 0;
  if (isExact && page.rv !== wanted) await requireUnchangedSince(context, wanted);
  const rv = isExact ? wanted : page.rv;
  if (page.continueAt === null || options.labels.length + options.fields.length > 0) return { ...page, rv };
  const remaining = await remainingAfter(storage, namespace, { at: page.continueAt, options, page });
  return { ...page, rv, continueAt: { ...page.continueAt, rv, remaining } };
}

type Left = { readonly at: Continuation; readonly options: ListOptions; readonly page: Page };

/** Counted for the first page; later ones take off what they show. */
async function remainingAfter(storage: Storage, namespace: string | null, { at, options, page }: Left) {
  if (options.continueAt !== null) {
    const { remaining } = options.continueAt;
    return remaining === null ? null : Math.max(1, remaining - page.objects.length);
  }
  const found = await storage.count?.({ namespace, after: at.after, limit: mostCounted });
  return found === undefined || found === mostCounted ? null : found;
}

/** What the selectors pick of a part of what is kept. */
export type Selected = {
  /** Objects that are not kept anywhere and come before all others. */
  readonly preceding: readonly KubeObject[];
  readonly objects: readonly KubeObject[];
  /** Of the first part: the others may be younger. */
  readonly rv: number;
};

/** Reads `atOnce` objects at a time, each when the one before has been taken; there is at least one part. */
export async function* selectParts(
  storage: Storage,
  resource: Resource,
  namespace: string | null,
  { labels, fields, continueAt, atOnce }: Selectors & { readonly atOnce: number },
): AsyncGenerator<Selected, undefined> {
  const picks = (object: KubeObject) => isSelected(resource, object, { labels, fields });
  const equal = (name: string) => fields.find(({ field, operator }) => field === name && operator === "=")?.value;
  const name = namespace !== null || !resource.namespaced ? (equal("metadata.name") ?? null) : null;
  const nodeName = equal("spec.nodeName") ?? null;
  let after = continueAt?.after ?? null;
  let rv = continueAt?.rv ?? 0;
  for (;;) {
    const {
      preceding = [],
      objects,
      ...read
    } = await storage.list({ namespace, name, nodeName, after, limit: atOnce });
    rv = rv === 0 ? read.rv : rv;
    yield { preceding: preceding.filter(picks), objects: objects.filter(picks), rv };
    if (objects.length < atOnce || objects.length === 0) return;
    after = placeOfLast(objects);
  }
}

type Selectors = Pick<ListOptions, "labels" | "fields" | "continueAt">;

/** Objects that the selectors pick, as many as the limit allows; what is read for that is bounded page by page. */
async function selectPage(
  storage: Storage,
  resource: Resource,
  namespace: string | null,
  { labels, fields, limit, continueAt }: Selectors & Pick<ListOptions, "limit">,
): Promise<Page> {
  const objects: KubeObject[] = [];
  let kept = 0;
  let version = 0;
  // Where nothing is sorted out, one more than is wanted tells whether there is more.
  const takesAll = labels.length === 0 && fields.length === 0;
  const atOnce = takesAll && limit > 0 ? Math.min(limit + 1, pageObjects) : pageObjects;
  for await (const part of selectParts(storage, resource, namespace, { labels, fields, continueAt, atOnce })) {
    version = part.rv;
    objects.push(...part.preceding);
    for (const object of part.objects) {
      if (limit > 0 && objects.length >= limit && kept > 0) {
        return { objects, rv: version, continueAt: { rv: version, after: placeOfLast(objects), remaining: null } };
      }
      objects.push(object);
      kept += 1;
    }
  }
  return { objects, rv: version, continueAt: null };
}

function placeOfLast(objects: readonly KubeObject[]) {
  const { namespace = "", name = "" } = objects.at(-1)?.metadata ?? {};
  return { namespace, name };
}

function isSelected(
  resource: Resource,
  object: KubeObject,
  { labels, fields }: Pick<ListOptions, "labels" | "fields">,
): boolean {
  return (
    labelQueryMatches(labels, object.metadata.labels) && fieldQueryMatches(fields, selectableFieldsOf(resource, object))
  );
}
