// What the log keeps of an object as it was before a change: what selectors saw of it and, if they see something else now,
// the object itself, so that whoever loses sight of it can be told how it was last.
import { semanticEqual } from "../model/equality.ts";
import type { KubeObject } from "../model/meta.ts";
import type { Resource } from "../model/resource.ts";
import type { Change, Previous } from "./log.ts";
import type { PodRow } from "./pod-rows.ts";
import { loggedColumns } from "./pod-rows.ts";

/** A row of the log holds two of these at most, and a row of the database no more than 2 MB. */
const mostCharacters = 450_000;

type Seen = Required<Pick<Previous, "labels" | "fields">>;

function seenOf(resource: Pick<Resource, "selectableFields">, object: KubeObject): Seen {
  return { labels: object.metadata.labels ?? {}, fields: resource.selectableFields(object) };
}

/** Null: selectors see the same as before. */
export function previousOfObject(
  resource: Pick<Resource, "selectableFields">,
  before: KubeObject,
  after: KubeObject,
): Previous | null {
  const seen = seenOf(resource, before);
  if (semanticEqual(seen, seenOf(resource, after))) return null;
  const { resourceVersion: _column, ...metadata } = before.metadata;
  const body = { ...before, metadata };
  return JSON.stringify(body).length > mostCharacters ? seen : { ...seen, before: body };
}

/** As `previousOfObject`, of a pod and its stored row. */
export function previousOfPod(
  resource: Pick<Resource, "selectableFields">,
  { pod, row }: { readonly pod: KubeObject; readonly row: PodRow },
  after: KubeObject,
): Previous | null {
  const seen = seenOf(resource, pod);
  return semanticEqual(seen, seenOf(resource, after)) ? null : { ...seen, before: loggedColumns(row) };
}

/** The body of a log row as it would have been before the change; the body itself where nothing was kept. */
export function bodyBefore({ resource, body, previous }: Change): string {
  const before = previous?.before;
  if (before === undefined) return body;
  if (resource !== "pods") return JSON.stringify(before);
  // Of a pod only the columns that changed are kept, and the phase among its fields; the body is written by the store.
  const columns = JSON.parse(body) as object;
  const phase = previous?.fields?.["status.phase"];
  return JSON.stringify({ ...columns, ...(phase === undefined ? {} : { phase }), ...before });
}
