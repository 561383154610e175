// `/scale`: the numbers in an object that its kind points to, in the form that all scalers know.
// Source: apiextensions-apiserver pkg/registry/customresource etcd.go ScaleREST.
import type { JsonObject } from "../core/json.ts";
import { ApiError, conflictError, invalidError } from "../model/api-error.ts";
import { apiVersionOf } from "../model/decode.ts";
import { invalid } from "../model/field-error.ts";
import { formatLabelSelector } from "../model/labels.ts";
import type { KubeObject, LabelSelector } from "../model/meta.ts";
import type { ScalePaths } from "../model/resource.ts";
import type { Scale } from "../model/scale.ts";
import { scaleColumns, scales } from "../model/scale.ts";
import { simpleValueAt, withSimpleValue } from "../model/validation/custom-objects.ts";
import { answer } from "./answer.ts";
import { appliedObject, tracked } from "./apply/ownership.ts";
import type { RequestContext } from "./context.ts";
import { existing, methodNotAllowed, placeOf } from "./context.ts";
import { decodeBody } from "./decode-body.ts";
import type { Representation } from "./negotiation.ts";
import { negotiate } from "./negotiation.ts";
import { applyMediaType } from "./patch/patch.ts";
import { patchedObject, patchMediaTypeOf, readPatch } from "./patch/patch-body.ts";
import type { WriteOptions } from "./query.ts";
import { patchOptions, writeOptions } from "./query.ts";
import { mediaTypeOf, readApplied, readObject } from "./request-body.ts";
import { includeObjectOf, tableOf, toPartialObjectMetadata } from "./table.ts";
import { decode, replace, wrongName } from "./write.ts";

const mostTries = 8;

export async function answerScale(context: RequestContext, paths: ScalePaths): Promise<Response> {
  switch (context.request.method) {
    case "GET":
    case "HEAD":
      return respond(context, scaleOf(await existing(context), paths));
    case "PUT":
      return putScale(context, paths);
    case "PATCH":
      return mediaTypeOf(context.request) === applyMediaType ? applyScale(context, paths) : patchScale(context, paths);
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

/** Custom kinds tell theirs as text, and the oldest ones as labels. */
function selectorText(selector: unknown): string {
  if (typeof selector === "string") return selector;
  if (typeof selector !== "object" || selector === null) return "";
  const labels = Object.entries(selector);
  if (labels.length === 0) return "";
  const isPlain = labels.every(([, value]) => typeof value === "string");
  // What is no text was decoded as labels or as a LabelSelector.
  return formatLabelSelector(isPlain ? { matchLabels: Object.fromEntries(labels) } : (selector as LabelSelector));
}

/** The Scale in the form that the client asked for. */
function respond({ request, url, nowMs }: RequestContext, scale: Scale): Response {
  const representation = negotiate(request.headers.get("accept"), ["table", "partialMetadata"]);
  return answer(represented(scale, representation, { url, nowMs }), { representation });
}

function represented(scale: Scale, { form }: Representation, { url, nowMs }: Pick<RequestContext, "url" | "nowMs">) {
  const { resourceVersion } = scale.metadata;
  switch (form) {
    case "table":
      return tableOf({
        resource: { columns: scaleColumns, rowConditions: () => [] },
        objects: [scale],
        includeObject: includeObjectOf(url.searchParams.get("includeObject")),
        nowMs,
        metadata: resourceVersion === undefined ? {} : { resourceVersion },
        describesColumns: true,
      });
    case "partialMetadata":
      return toPartialObjectMetadata(scale);
    default:
      return scale;
  }
}

function numberAt(object: KubeObject, path: string): number | null {
  const value = simpleValueAt(object, path);
  return typeof value === "number" ? value : null;
}

async function putScale(context: RequestContext, paths: ScalePaths): Promise<Response> {
  const options = writeOptions(context.url.searchParams, "UpdateOptions");
  const body = await readObject(context.request, scales);
  const given = decodeBody(context, { kind: scales, body, options, patch: undefined });
  return respond(context, await rescale(context, paths, { before: await existing(context), given, options }));
}

async function patchScale(context: RequestContext, paths: ScalePaths): Promise<Response> {
  const mediaType = patchMediaTypeOf(context.request, context.target.resource);
  const options = patchOptions(context.url.searchParams, { isApply: false });
  const body = await readPatch(context.request, mediaType);
  for (let tries = 1; ; tries += 1) {
    const before = await existing(context);
    const given = patchedObject(context, scaleOf(before, paths), { body, kind: scales, options });
    try {
      return respond(context, await rescale(context, paths, { before, given, options }));
    } catch (error) {
      // Somebody wrote in between; a patch is about whichever number there is.
      if (!(error instanceof ApiError) || error.reason !== "Conflict" || tries === mostTries) throw error;
    }
  }
}

/** The number is applied to the object that has it: that is where it is owned, through this subresource. */
async function applyScale(context: RequestContext, paths: ScalePaths): Promise<Response> {
  const { resource } = context.target;
  const options = patchOptions(context.url.searchParams, { isApply: true });
  const body = await readApplied(context.request);
  const { metadata, spec } = decodeBody(context, { kind: scales, body, options, patch: undefined });
  const { name } = placeOf(context.target);
  if (metadata.name !== name) throw wrongName(metadata.name ?? "", name);
  checkReplicas(name, spec.replicas ?? 0);
  const typed = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata };
  const scaled = spec.replicas === undefined ? typed : withSimpleValue(typed, paths.specReplicas, spec.replicas);
  // Made of JSON, so it is JSON.
  const applied = JSON.parse(JSON.stringify(scaled)) as JsonObject;
  for (let tries = 1; ; tries += 1) {
    const before = await existing(context);
    const json = appliedObject(context, { before, applied, force: options.force });
    const wanted = decode(context, { json, problems: () => [], changedNumbers: [] }, options);
    const isLocked = wanted.metadata.resourceVersion !== before.metadata.resourceVersion;
    const outcome = isLocked ? "conflict" : await replace(context, before, wanted, options);
    if (outcome !== "conflict") return respond(context, scaleOf(outcome, paths));
    if (isLocked || tries === mostTries) throw conflictError(resource, name);
  }
}

type Rescaling = { readonly before: KubeObject; readonly given: Scale; readonly options: WriteOptions };

async function rescale(
  context: RequestContext,
  paths: ScalePaths,
  { before, given: { metadata, spec }, options }: Rescaling,
): Promise<Scale> {
  const { resource } = context.target;
  const { name } = placeOf(context.target);
  const replicas = spec.replicas ?? 0;
  checkReplicas(name, replicas);
  const scaled = withSimpleValue(before, paths.specReplicas, replicas);
  const { resourceVersion = before.metadata.resourceVersion, uid = before.metadata.uid } = metadata;
  const given = { ...before, ...scaled, metadata: { ...before.metadata, resourceVersion, uid } };
  const outcome = await replace(context, before, tracked(context, before, given), options);
  if (outcome === "conflict") throw conflictError(resource, name);
  return scaleOf(outcome, paths);
}

function checkReplicas(name: string, replicas: number): void {
  if (replicas >= 0) return;
  throw invalidError({ group: "autoscaling", plural: "scales", kind: "Scale" }, name, [
    invalid("spec.replicas", replicas, "must be greater than or equal to 0"),
  ]);
}
