// What a change is to a watcher: an object that comes into its sight, changes in it, or leaves it.
import { qualifiedResource } from "../model/api-error.ts";
import { fieldQueryMatches } from "../model/field-query.ts";
import { labelQueryMatches } from "../model/label-query.ts";
import type { KubeObject } from "../model/meta.ts";
import { withMountStatuses } from "../model/mount-statuses.ts";
import { podFromTemplate } from "../model/pod-template.ts";
import type { Resource } from "../model/resource.ts";
import { selectableFieldsOf } from "../model/resource.ts";
import type { Change } from "../store/log.ts";
import { withResourceVersion } from "../store/objects.ts";
import { loggedPodRow } from "../store/pod-rows.ts";
import { bodyBefore } from "../store/previous.ts";
import type { TemplateCache } from "../store/template-cache.ts";
import type { ListOptions } from "./list-options.ts";

export type WatchEvent = { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: KubeObject };

type Viewing = {
  readonly resource: Resource;
  readonly selectors: Pick<ListOptions, "labels" | "fields">;
  readonly templates: TemplateCache;
};

/** The changes as events, in their order; those that are out of sight are left out. */
export async function eventsOf(changes: readonly Change[], viewing: Viewing): Promise<readonly WatchEvent[]> {
  const objects = await objectsOf(changes, viewing);
  const seen = changes.flatMap((change, index) => {
    const object = objects[index];
    const event = object === undefined ? null : eventOf(change, object, viewing);
    return event === null ? [] : [{ change, event }];
  });
  const lost = seen.filter(({ change, event }) => event.type === "DELETED" && change.type !== "DELETED");
  if (lost.length === 0) return seen.map(({ event }) => event);
  // Who loses sight of an object is told how it was when it was last seen, with the number of the change.
  const last = await objectsOf(
    lost.map(({ change }) => ({ ...change, body: bodyBefore(change) })),
    viewing,
  );
  const lastOf = new Map(lost.map(({ event }, index) => [event, last[index] ?? event.object]));
  return seen.map(({ event }) => ({ ...event, object: lastOf.get(event) ?? event.object }));
}

async function objectsOf(changes: readonly Change[], { resource, templates }: Viewing): Promise<readonly KubeObject[]> {
  if (qualifiedResource(resource) !== "pods")
    return changes.map(({ body, seq }) => resource.fromStorage(withResourceVersion(body, seq)));
  const rows = changes.map(loggedPodRow);
  await templates.load(rows.map(({ template }) => template));
  return rows.map((row) => withMountStatuses(podFromTemplate(templates.get(row.template), row)));
}

/** What the change is to the watch; where it leaves its sight, the object is the one that it cannot see. */
function eventOf(change: Change, object: KubeObject, { resource, selectors }: Viewing): WatchEvent | null {
  const labels = object.metadata.labels ?? {};
  const fields = selectableFieldsOf(resource, object);
  const before = { labels: change.previous?.labels ?? labels, fields: { ...fields, ...change.previous?.fields } };
  const isSeen = isPicked(selectors, { labels, fields });
  const wasSeen = change.type !== "ADDED" && isPicked(selectors, before);
  if (change.type === "DELETED") return isSeen || wasSeen ? { type: "DELETED", object } : null;
  if (!wasSeen) return isSeen ? { type: "ADDED", object } : null;
  return { type: isSeen ? "MODIFIED" : "DELETED", object };
}

type Visible = { readonly labels: Readonly<Record<string, string>>; readonly fields: Readonly<Record<string, string>> };

function isPicked(selectors: Viewing["selectors"], { labels, fields }: Visible): boolean {
  return labelQueryMatches(selectors.labels, labels) && fieldQueryMatches(selectors.fields, fields);
}
