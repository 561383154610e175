// Server-side apply: PATCH with what somebody wants of an object, whether it exists or not.
// Source: apiserver pkg/endpoints/handlers patch.go (applyPatcher).
import { goJsonKind, isJsonObject } from "../../core/json.ts";
import { ApiError, conflictError, notFoundError } from "../../model/api-error.ts";
import type { KubeObject } from "../../model/meta.ts";
import type { RequestContext } from "../context.ts";
import { placeOf, storageOf } from "../context.ts";
import { requireKept } from "../decode-body.ts";
import type { WriteOptions } from "../query.ts";
import { patchOptions } from "../query.ts";
import type { Body } from "../request-body.ts";
import { readApplied } from "../request-body.ts";
import { checkNamespace, decode, replace, respond, storeMissing, wrongName } from "../write.ts";
import { appliedObject } from "./ownership.ts";

/** How often it is tried again when others write in between. */
const mostTries = 8;

type Options = WriteOptions & { readonly force: boolean };

export async function applyToObject(context: RequestContext): Promise<Response> {
  const { resource, subresource } = context.target;
  const options = patchOptions(context.url.searchParams, { isApply: true });
  const body = await readApplied(context.request);
  const place = placeOf(context.target);
  for (let tries = 1; ; tries += 1) {
    const before = await storageOf(context).read(place);
    if (before === null && subresource !== null) throw notFoundError(resource, place.name);
    const answer =
      before === null ? await create(context, body, options) : await change(context, before, body, options);
    if (answer !== "conflict" && answer !== "exists") return answer;
    if (tries === mostTries) throw conflictError(resource, place.name);
  }
}

/** "exists": somebody else made it meanwhile. */
async function create(context: RequestContext, body: Body, options: Options): Promise<Response | "exists"> {
  const object = applied(context, null, body, options);
  const { uid } = object.metadata;
  if (uid !== undefined) {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflictError(context.target.resource, placeOf(context.target).name, why);
  }
  return storeMissing(context, object, options);
}

/** "conflict": somebody else changed it meanwhile. */
async function change(
  context: RequestContext,
  before: KubeObject,
  body: Body,
  options: Options,
): Promise<Response | "conflict"> {
  const object = applied(context, before, body, options);
  const isLocked = object.metadata.resourceVersion !== before.metadata.resourceVersion;
  const outcome = isLocked ? "conflict" : await replace(context, before, object, options);
  if (isLocked) throw conflictError(context.target.resource, before.metadata.name ?? "");
  return outcome === "conflict" ? outcome : respond(context, { code: 200, object: outcome });
}

/** The whole object that is wanted, with defaults. */
function applied(context: RequestContext, before: KubeObject | null, body: Body, options: Options): KubeObject {
  if (!isJsonObject(body.json)) {
    const why = `cannot unmarshal ${goJsonKind(body.json)} into Go value of type map[string]interface {}`;
    throw new ApiError("BadRequest", `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: ${why}`);
  }
  requireKept(context.target.resource, body);
  const json = appliedObject(context, { before, applied: body.json, force: options.force });
  const [problem] = options.fieldValidation === "Ignore" ? [] : body.problems([]);
  if (problem !== undefined && options.fieldValidation === "Strict") {
    throw new ApiError("BadRequest", `error strict decoding YAML: ${problem}`);
  }
  if (problem !== undefined) context.warn(problem);
  const object = decode(context, { json, problems: () => [], changedNumbers: [] }, options);
  checkNamespace(context, object);
  const { name } = placeOf(context.target);
  const given = object.metadata.name ?? "";
  if (given === "") {
    throw new ApiError(
      "BadRequest",
      `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    );
  }
  if (given !== name) throw wrongName(given, name);
  return object;
}
