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
import { existing, storageOf } from "./context.ts";
import { withHeartbeats } from "./heartbeats.ts";
import type { Representation } from "./negotiation.ts";
import { negotiate } from "./negotiation.ts";
import type { ListOptions } from "./query.ts";
import { continuationToken, listOptions } from "./query.ts";
import type { Listing, Storage } from "./storage.ts";
import { includeObjectOf, tableOf, toPartialObjectMetadata, toPartialObjectMetadataList } from "./table.ts";

export async function getObject(context: RequestContext): Promise<Response> {
  const representation = negotiate(context.request.headers.get("accept"), ["table", "partialMetadata"]);
  const object = await existing(context);
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
      return (await withHeartbeats(context.env, resource, [object]))[0];
  }
}

export async function listObjects(context: RequestContext): Promise<Response> {
  const representation = negotiate(context.request.headers.get("accept"), ["table", "partialMetadataList"]);
  const { resource } = context.target;
  const options = listOptions(context.url.searchParams, resource);
  const page = await selectPage(storageOf(context), resource, context.target.namespace, options);
  const metadata = {
    resourceVersion: String(page.rv),
    ...(page.continueToken === null ? {} : { continue: page.continueToken }),
  };
  return answer(await representedList(context, page.objects, metadata, representation), { representation });
}

async function representedList(
  context: RequestContext,
  objects: readonly KubeObject[],
  metadata: { readonly resourceVersion: string; readonly continue?: string },
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
      const items = (await withHeartbeats(context.env, resource, objects)).map(withoutType);
      return { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata, items };
    }
  }
}

/** The items of a list leave out what the list says for all of them. */
function withoutType({ apiVersion: _apiVersion, kind: _kind, ...item }: KubeObject): unknown {
  return item;
}

type Page = Listing & { readonly continueToken: string | null };

/** Objects that the selectors pick, as many as the limit allows; what is read for that is bounded page by page. */
export async function selectPage(
  storage: Storage,
  resource: Resource,
  namespace: string | null,
  { labels, fields, limit, continueAt }: ListOptions,
): Promise<Page> {
  const picks = (object: KubeObject) => isSelected(resource, object, { labels, fields });
  const equal = (name: string) => fields.find(({ field, operator }) => field === name && operator === "=")?.value;
  const name = namespace !== null || !resource.namespaced ? (equal("metadata.name") ?? null) : null;
  const nodeName = equal("spec.nodeName") ?? null;
  const objects: KubeObject[] = [];
  let kept = 0;
  let after = continueAt?.after ?? null;
  let rv = continueAt?.rv ?? 0;
  // Where nothing is sorted out, one more than is wanted tells whether there is more.
  const takesAll = labels.length === 0 && fields.length === 0;
  const atOnce = takesAll && limit > 0 ? Math.min(limit + 1, pageObjects) : pageObjects;
  for (;;) {
    const read = await storage.list({ namespace, name, nodeName, after, limit: atOnce });
    rv = rv === 0 ? read.rv : rv;
    objects.push(...(read.preceding ?? []).filter(picks));
    for (const object of read.objects) {
      if (!picks(object)) continue;
      if (limit > 0 && objects.length >= limit && kept > 0) {
        return { objects, rv, continueToken: continuationToken({ rv, after: placeOfLast(objects) }) };
      }
      objects.push(object);
      kept += 1;
    }
    const last = read.objects.at(-1);
    if (read.objects.length < atOnce || last === undefined) return { objects, rv, continueToken: null };
    after = { namespace: last.metadata.namespace ?? "", name: last.metadata.name ?? "" };
  }
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
