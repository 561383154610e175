// The body of a PATCH, and the object that it makes of another.
import { goText } from "../../core/json.ts";
import type { Json } from "../../model/fields.ts";
import type { KubeObject } from "../../model/meta.ts";
import type { Kind, Resource } from "../../model/resource.ts";
import type { RequestContext } from "../context.ts";
import { decodeBody } from "../decode-body.ts";
import { changedInJson } from "../json-text.ts";
import type { WriteOptions } from "../query.ts";
import {
  mediaTypeOf,
  parseJson,
  problemsOfJson,
  readText,
  unknownOnly,
  unsupportedMediaType,
} from "../request-body.ts";
import type { PatchMediaType } from "./patch.ts";
import { applyMediaType, applyPatch, patchMediaTypesOf } from "./patch.ts";
import { RejectedPatch } from "./patch-error.ts";

export type PatchBody = { readonly mediaType: PatchMediaType; readonly text: string; readonly patch: Json };

/** Throws UnsupportedMediaType where objects of the resource are not patched so. */
export function patchMediaTypeOf(request: Request, resource: Pick<Resource, "decode">): PatchMediaType {
  const given = mediaTypeOf(request);
  const accepted = patchMediaTypesOf(resource);
  const mediaType = accepted.find((type) => type === given);
  if (mediaType === undefined) throw unsupportedMediaType([...accepted, applyMediaType]);
  return mediaType;
}

export async function readPatch(request: Request, mediaType: PatchMediaType): Promise<PatchBody> {
  const text = await readText(request);
  return { mediaType, text, patch: parseJson(text, "Patch") };
}

type Patching<T extends KubeObject> = {
  readonly body: PatchBody;
  readonly kind: Kind<T>;
  readonly options: Pick<WriteOptions, "fieldValidation">;
};

/** The object that the patch makes of `before`. Throws what refuses the patch, or the object. */
export function patchedObject<T extends KubeObject>(
  context: Pick<RequestContext, "warn">,
  before: KubeObject,
  { body: { mediaType, text, patch }, kind, options }: Patching<T>,
): T {
  const json = patchedJson(context, { mediaType, document: asJson(before), patch, resource: kind });
  const problems = (unknown: readonly string[]) => [...new Set([...problemsOfJson(text, []), ...unknownOnly(unknown)])];
  // Upstream shows what it could not read: the patched object, and of a strategic merge the patch.
  const shown = mediaType === "application/strategic-merge-patch+json" ? goText(patch) : JSON.stringify(json);
  return decodeBody(context, {
    kind,
    body: { json, problems, changedNumbers: changedInJson(text) },
    options,
    patch: shown,
  });
}

function patchedJson({ warn }: Pick<RequestContext, "warn">, request: Parameters<typeof applyPatch>[0]): Json {
  try {
    return applyPatch(request);
  } catch (error) {
    if (error instanceof RejectedPatch) warn(error.detail);
    throw error;
  }
}

function asJson(object: KubeObject) {
  // Objects are read from JSON; a copy keeps the patch away from what is stored.
  return JSON.parse(JSON.stringify(object)) as { readonly [key: string]: Json };
}
