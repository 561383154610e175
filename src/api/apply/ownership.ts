// The managedFields of what a request writes, and what a request applies.
// Source: apiserver pkg/endpoints/handlers create.go, update.go, patch.go and their field managers.

import type { FieldSet } from "../../core/apply/field-set.ts";
import { setOf } from "../../core/apply/field-set.ts";
import type { ManagedFieldsEntry } from "../../core/apply/managed-fields.ts";
import { pathText } from "../../core/apply/path-element.ts";
import { applyObject, managedAfterWrite, ownerText, type Tracked, type Tracking } from "../../core/apply/tracking.ts";
import { typedProblem } from "../../core/apply/typed-errors.ts";
import { isJsonObject, type JsonObject, withoutMember } from "../../core/json.ts";
import { ApiError } from "../../model/api-error.ts";
import { apiVersionOf } from "../../model/decode.ts";
import type { Json } from "../../model/fields.ts";
import { goTime } from "../../model/instant.ts";
import { fieldManagerBytes } from "../../model/limits.ts";
import type { KubeObject } from "../../model/meta.ts";
import type { Resource } from "../../model/resource.ts";
import { unsetObject } from "../../model/unset.ts";
import { utf8Length } from "../../model/utf8.ts";
import type { RequestContext } from "../context.ts";
import { isPrintable } from "../query.ts";
import { fieldTypeOf } from "./field-types.ts";

/** The object with the managedFields that this write leaves it; `before` null: it is new. */
export function tracked(context: RequestContext, before: KubeObject | null, object: KubeObject): KubeObject {
  const managedFields = managedAfterWrite(trackingOf(context), {
    live: before === null ? null : apart(before),
    next: apart(context.target.resource.completed(object)),
    manager: managerOf(context),
  });
  return withManagedFields(object, managedFields);
}

type Application = {
  /** Null: the object does not exist. */
  readonly before: KubeObject | null;
  readonly applied: JsonObject;
  readonly force: boolean;
};

/**
 * The object after somebody applied to it, still without defaults. Throws BadRequest for what cannot be meant for this
 * object, an error without a reason for what does not fit its type and Conflict for fields that others own.
 */
export function appliedObject(context: RequestContext, { before, applied, force }: Application): JsonObject {
  const { resource } = context.target;
  const tracking = trackingOf(context);
  const config = checkedConfig(resource, applied);
  const problem = typedProblem(tracking.type, config);
  if (problem !== null) {
    throw new ApiError("", `failed to create typed patch object (${nameOf(config)}; ${kindText(config)}): ${problem}`);
  }
  const manager = context.url.searchParams.get("fieldManager") ?? "";
  const live = before === null ? null : apart(before);
  const outcome = applyObject(tracking, { live, applied: config, manager, force });
  if (!outcome.ok) throw conflictsError(outcome.conflicts);
  const { metadata } = outcome.object;
  const { managedFields } = outcome;
  // Entries are JSON.
  const entries = managedFields as readonly Json[] | undefined;
  const withEntries = {
    ...(isJsonObject(metadata) ? metadata : {}),
    ...(entries === undefined ? {} : { managedFields: entries }),
  };
  return { ...outcome.object, metadata: withEntries };
}

function trackingOf({ target, nowMs }: RequestContext): Tracking {
  const { resource, subresource } = target;
  return {
    type: fieldTypeOf(resource),
    apiVersion: apiVersionOf(resource),
    ignored: subresource === "status" ? besideStatus : resource.statusSubresource ? status : setOf(),
    empty: unsetObject(resource.schema),
    subresource: subresource ?? "",
    time: goTime(nowMs),
  };
}

/** What a write to the object itself does not reach, and what one to its status does not. */
const status: FieldSet = setOf(["f:status"]);
const besideStatus: FieldSet = setOf(
  ["f:spec"],
  ["f:metadata", "f:deletionTimestamp"],
  ["f:metadata", "f:ownerReferences"],
);

function apart(object: KubeObject): Tracked {
  const { managedFields, ...metadata } = object.metadata;
  // Objects are read from JSON, and stored as such.
  return { object: { ...object, metadata } as unknown as JsonObject, managedFields };
}

function withManagedFields(object: KubeObject, entries: readonly ManagedFieldsEntry[] | undefined): KubeObject {
  const { managedFields: _given, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, ...(entries === undefined ? {} : { managedFields: [...entries] }) } };
}

/** Who writes, as the request says, or else by the name of its program. */
function managerOf({ url, request }: RequestContext): string {
  const given = url.searchParams.get("fieldManager") ?? "";
  if (given !== "") return given;
  const [program = ""] = (request.headers.get("user-agent") ?? "").split("/");
  let manager = "";
  for (const character of program) {
    if (!isPrintable(character)) continue;
    if (utf8Length(manager + character) > fieldManagerBytes) break;
    manager += character;
  }
  return manager;
}

function checkedConfig(resource: Resource, config: JsonObject): JsonObject {
  const { apiVersion, kind, metadata } = config;
  if (apiVersion !== apiVersionOf(resource) || kind !== resource.kind) {
    throw new ApiError("BadRequest", `invalid object type: ${kindText(config)}`);
  }
  if (isJsonObject(metadata) && (metadata["managedFields"] ?? null) !== null) {
    throw new ApiError("BadRequest", "metadata.managedFields must be nil");
  }
  return isJsonObject(metadata) ? { ...config, metadata: withoutMember(metadata, "managedFields") } : config;
}

/** Group, version and kind as Go prints them: `apps/v1, Kind=DaemonSet`. */
function kindText({ apiVersion, kind }: JsonObject): string {
  const version = typeof apiVersion === "string" ? apiVersion : "";
  return `${version.includes("/") ? version : `/${version}`}, Kind=${typeof kind === "string" ? kind : ""}`;
}

function nameOf({ metadata }: JsonObject): string {
  const { namespace, name } = isJsonObject(metadata) ? metadata : {};
  return [namespace, name].map((part) => (typeof part === "string" ? part : "")).join("/");
}

type Conflicts = readonly { readonly owner: string; readonly path: readonly string[] }[];

function conflictsError(conflicts: Conflicts): ApiError {
  const causes = conflicts.map(({ owner, path }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${ownerText(owner)}`,
    field: pathText(path),
  }));
  return new ApiError("Conflict", conflictsText(conflicts), { causes });
}

function conflictsText(conflicts: Conflicts): string {
  const [only] = conflicts;
  if (only !== undefined && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${ownerText(only.owner)}: ${pathText(only.path)}`;
  }
  const owners = [...new Set(conflicts.map(({ owner }) => owner))];
  const lines = owners.flatMap((owner) => [
    `conflicts with ${ownerText(owner)}:`,
    ...conflicts.filter((conflict) => conflict.owner === owner).map(({ path }) => `- ${pathText(path)}`),
  ]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join("\n")}`;
}
