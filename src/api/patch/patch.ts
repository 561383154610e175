// Which kinds of patch there are, by the media type of the request, and what each does to an object.

import type { JsonObject } from "../../core/json.ts";
import type { Json } from "../../model/fields.ts";
import type { Resource } from "../../model/resource.ts";
import { applyJsonPatch } from "./json-patch.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { patchSchemaOf } from "./patch-schema.ts";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";

const mediaTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
] as const;
export type PatchMediaType = (typeof mediaTypes)[number];

/** Of server-side apply, which is no change to an object but a wish how it should be. */
export const applyMediaType = "application/apply-patch+yaml";

/** Custom kinds declare no strategies, so there is no strategic merge for them. */
export function patchMediaTypesOf({ decode }: Pick<Resource, "decode">): readonly PatchMediaType[] {
  return decode === null ? mediaTypes : mediaTypes.filter((type) => type !== "application/strategic-merge-patch+json");
}

export type PatchRequest = {
  readonly mediaType: PatchMediaType;
  readonly document: JsonObject;
  readonly patch: Json;
  readonly resource: Pick<Resource, "schema">;
};

/**
 * The object after the patch: anything at all, for the caller to decode and check.
 * Throws what the functions for the single kinds throw.
 */
export function applyPatch({ mediaType, document, patch, resource }: PatchRequest): Json {
  switch (mediaType) {
    case "application/json-patch+json":
      return applyJsonPatch(document, patch);
    case "application/merge-patch+json":
      return applyMergePatch(document, patch);
    case "application/strategic-merge-patch+json":
      return applyStrategicMergePatch(document, patch, patchSchemaOf(resource));
    default:
      return mediaType satisfies never;
  }
}
