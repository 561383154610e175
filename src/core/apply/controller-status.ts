// What a controller's writes of a status leave in managedFields. No types are needed for it: a status that a controller
// writes is of plain fields.

import { goTime } from "../../model/instant.ts";
import type { KubeObject } from "../../model/meta.ts";
import type { JsonObject } from "../json.ts";
import { emptySet } from "./field-set.ts";
import { managedAfterWrite } from "./tracking.ts";

const manager = "kube-controller-manager";

/** The object with another status, and with who wrote it where writers are kept. */
export function withControllerStatus<T extends KubeObject & { readonly status: object }>(
  object: T,
  status: T["status"],
  nowMs: number,
): T {
  const { managedFields } = object.metadata;
  if (managedFields === undefined) return { ...object, status };
  const tracking = {
    type: { kind: "any" },
    apiVersion: object.apiVersion,
    ignored: emptySet,
    empty: {},
    subresource: "status",
    time: goTime(nowMs),
  } as const;
  // Statuses are read from JSON, and stored as such.
  const apart = (of: T["status"]) => ({ object: { status: of } as unknown as JsonObject, managedFields });
  const entries = managedAfterWrite(tracking, { live: apart(object.status), next: apart(status), manager });
  return { ...object, status, metadata: { ...object.metadata, managedFields: [...(entries ?? [])] } };
}
