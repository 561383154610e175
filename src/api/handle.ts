// Which function answers which request.
import { ApiError, qualifiedResource } from "../model/api-error.ts";
import { bindings } from "../model/binding.ts";
import type { Verb } from "../model/resource.ts";
import { applyToObject } from "./apply/apply.ts";
import { bindPod } from "./binding.ts";
import type { RequestContext } from "./context.ts";
import { methodNotAllowed } from "./context.ts";
import { deleteCollection, deleteObject } from "./delete.ts";
import { evictPod } from "./eviction.ts";
import { applyMediaType } from "./patch/patch.ts";
import { getObject, listObjects } from "./read.ts";
import { isTrue } from "./request-attributes.ts";
import { mediaTypeOf } from "./request-body.ts";
import { answerScale } from "./scale.ts";
import { readLog } from "./sessions/log.ts";
import { openStream } from "./sessions/stream.ts";
import { requestToken } from "./token-request.ts";
import { watchObjects } from "./watch.ts";
import { createObject, patchObject, updateObject } from "./write.ts";

export async function handle(context: RequestContext): Promise<Response> {
  const { resource, subresource } = context.target;
  if (resource.deprecation !== null) context.warn(resource.deprecation);
  if (resource === bindings && subresource === null) return bindPod(context);
  if (subresource === null) return answer(context, verbOf(context));
  if (subresource === "status" && resource.statusSubresource) return answerPart(context);
  if (subresource === "scale" && resource.scale !== null) return answerScale(context, resource.scale);
  if (Object.hasOwn(resource.parts, subresource)) return answerPart(context);
  if (qualifiedResource(resource) === "pods") return answerOfPod(context, subresource);
  if (subresource === "token" && qualifiedResource(resource) === "serviceaccounts") return requestToken(context);
  throw notServed();
}

async function answerOfPod(context: RequestContext, subresource: string): Promise<Response> {
  switch (subresource) {
    case "binding":
      return bindPod(context);
    case "eviction":
      return evictPod(context);
    case "log":
      return readLog(context);
    case "attach":
    case "exec":
    case "portforward":
      return openStream(context, subresource);
    default:
      throw notServed();
  }
}

function notServed(): ApiError {
  return new ApiError("NotFound", "the server could not find the requested resource", {});
}

function refusedByEnd(): ApiError {
  return new ApiError("MethodNotAllowed", "create not allowed while custom resource definition is terminating", {});
}

/** What a request asks for, by method and by whether it names an object; null: nothing that there is. */
function verbOf({ request, url, target }: RequestContext): Verb | null {
  const isNamed = target.name !== null;
  if (target.isWatch) return request.method === "GET" ? "watch" : null;
  switch (request.method) {
    case "GET":
    case "HEAD":
      if (isNamed) return "get";
      return isTrue(url.searchParams.get("watch")) ? "watch" : "list";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return isNamed ? "delete" : "deletecollection";
    default:
      return null;
  }
}

async function answer(context: RequestContext, verb: Verb | null): Promise<Response> {
  if (verb === null || !context.target.resource.verbs.includes(verb)) throw methodNotAllowed();
  switch (verb) {
    case "get":
      return getObject(context);
    case "list":
      return listObjects(context);
    case "watch":
      return watchObjects(context);
    case "create":
      if (context.target.resource.custom?.isTerminating === true) throw refusedByEnd();
      return createObject(context);
    case "update":
      return updateObject(context);
    case "patch":
      return patch(context);
    case "delete":
      return deleteObject(context);
    case "deletecollection":
      return deleteCollection(context);
  }
}

function patch(context: RequestContext): Promise<Response> {
  return mediaTypeOf(context.request) === applyMediaType ? applyToObject(context) : patchObject(context);
}

/** A request to `/status`, or to another part of an object that is read and written as the object. */
function answerPart(context: RequestContext): Promise<Response> {
  switch (context.request.method) {
    case "GET":
    case "HEAD":
      return getObject(context);
    case "PUT":
      return updateObject(context);
    case "PATCH":
      return patch(context);
    default:
      throw methodNotAllowed();
  }
}
