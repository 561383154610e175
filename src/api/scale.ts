// `/scale`: the numbers in an object that its kind points to, in the form that all scalers know.
// Source: apiextensions-apiserver pkg/registry/customresource etcd.go ScaleREST.
import { ApiError, conflictError, invalidError } from "../model/api-error.ts";
import { decode } from "../model/decode.ts";
import { invalid } from "../model/field-error.ts";
import { formatLabelSelector } from "../model/labels.ts";
import type { KubeObject, LabelSelector } from "../model/meta.ts";
import type { ScalePaths } from "../model/resource.ts";
import { Scale } from "../model/scale.ts";
import { simpleValueAt, withSimpleValue } from "../model/validation/custom-objects.ts";
import { answer } from "./answer.ts";
import { tracked } from "./apply/ownership.ts";
import type { RequestContext } from "./context.ts";
import { existing, methodNotAllowed, placeOf } from "./context.ts";
import { applyPatch, patchMediaTypesOf } from "./patch/patch.ts";
import { writeOptions } from "./query.ts";
import { mediaTypeOf, parseJson, readObject, readText, unsupportedMediaType } from "./request-body.ts";
import { replace } from "./write.ts";

const mostTries = 8;

export async function answerScale(context: RequestContext, paths: ScalePaths): Promise<Response> {
  switch (context.request.method) {
    case "GET":
    case "HEAD":
      return answer(scaleOf(await existing(context), paths));
    case "PUT":
      return putScale(context, paths);
    case "PATCH":
      return patchScale(context, paths);
    default:
      throw methodNotAllowed();
  }
}

/** What an object says of its numbers. Throws when it does not say how many are wanted. */
function scaleOf(object: KubeObject, { specReplicas, statusReplicas, labelSelector }: ScalePaths): Scale {
  const wanted = numberAt(object, specReplicas);
  if (wanted === null) {
    throw new ApiError(
      "InternalError",
      `Internal error occurred: the spec replicas field ${JSON.stringify(specReplicas)} does not exist`,
    );
  }
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = labelSelector === null ? "" : selectorText(simpleValueAt(object, labelSelector));
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: wanted === 0 ? {} : { replicas: wanted },
    status: {
      replicas: numberAt(object, statusReplicas) ?? 0,
      ...(selector === "" ? {} : { selector }),
    },
  };
}

/** Custom kinds tell theirs as text. */
function selectorText(selector: unknown): string {
  if (typeof selector === "string") return selector;
  // What is no text was decoded as a LabelSelector.
  return selector === undefined || selector === null ? "" : formatLabelSelector(selector as LabelSelector);
}

function numberAt(object: KubeObject, path: string): number | null {
  const value = simpleValueAt(object, path);
  return typeof value === "number" ? value : null;
}

async function putScale(context: RequestContext, paths: ScalePaths): Promise<Response> {
  const given = decodeScale((await readObject(context.request, { kind: "Scale", schema: Scale })).json);
  return answer(await rescale(context, paths, await existing(context), given));
}

async function patchScale(context: RequestContext, paths: ScalePaths): Promise<Response> {
  const given = mediaTypeOf(context.request);
  const accepted = patchMediaTypesOf(context.target.resource);
  const mediaType = accepted.find((type) => type === given);
  if (mediaType === undefined) throw unsupportedMediaType(accepted);
  const patch = parseJson(await readText(context.request), "Patch");
  for (let tries = 1; ; tries += 1) {
    const before = await existing(context);
    const scale = JSON.parse(JSON.stringify(scaleOf(before, paths)));
    const patched = applyPatch({ mediaType, document: scale, patch, resource: { schema: Scale } });
    try {
      return answer(await rescale(context, paths, before, decodeScale(patched)));
    } catch (error) {
      // Somebody wrote in between; a patch is about whichever number there is.
      if (!(error instanceof ApiError) || error.reason !== "Conflict" || tries === mostTries) throw error;
    }
  }
}

function decodeScale(json: unknown): Scale {
  const decoded = decode<Scale>(Scale, json);
  if (decoded.ok) return decoded.object;
  throw new ApiError("BadRequest", `Scale in version "v1" cannot be handled as a Scale: ${decoded.message}`);
}

async function rescale(
  context: RequestContext,
  paths: ScalePaths,
  before: KubeObject,
  { metadata, spec }: Scale,
): Promise<Scale> {
  const { resource } = context.target;
  const { name } = placeOf(context.target);
  const replicas = spec.replicas ?? 0;
  if (replicas < 0) {
    throw invalidError({ group: "autoscaling", plural: "scales", kind: "Scale" }, name, [
      invalid("spec.replicas", replicas, "must be greater than or equal to 0"),
    ]);
  }
  const options = writeOptions(context.url.searchParams, "UpdateOptions");
  const scaled = withSimpleValue(before, paths.specReplicas, replicas);
  const { resourceVersion = before.metadata.resourceVersion, uid = before.metadata.uid } = metadata;
  const given = { ...before, ...scaled, metadata: { ...before.metadata, resourceVersion, uid } };
  const outcome = await replace(context, before, tracked(context, before, given), options);
  if (outcome === "conflict") throw conflictError(resource, name);
  return scaleOf(outcome, paths);
}
