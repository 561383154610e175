// POST, PUT and PATCH: decode, default, check, and only then write. Every way to an object goes through here.
// Source: apiserver pkg/endpoints/handlers create.go, update.go, patch.go; pkg/registry/generic/registry/store.go.
import { generatedName, nameSuffix } from "../core/hash.ts";
import {
  ApiError,
  alreadyExistsError,
  conflictError,
  forbiddenError,
  invalidError,
  notFoundError,
  preconditionError,
} from "../model/api-error.ts";
import type { FieldError } from "../model/field-error.ts";
import { goTime } from "../model/instant.ts";
import { objectBytes } from "../model/limits.ts";
import type { KubeObject } from "../model/meta.ts";
import { controllerOf } from "../model/meta.ts";
import { namespaces } from "../model/namespace.ts";
import type { Resource } from "../model/resource.ts";
import { admitChanged, admitNew } from "./admission.ts";
import { answer } from "./answer.ts";
import { tracked } from "./apply/ownership.ts";
import { requireAllowed } from "./authorization.ts";
import type { RequestContext } from "./context.ts";
import { existing, methodNotAllowed, placeOf, storageOf, wrote } from "./context.ts";
import { decodeBody } from "./decode-body.ts";
import { wouldCreate, wouldUpdate } from "./dry-run.ts";
import { requireMayGrant } from "./granting.ts";
import { negotiate } from "./negotiation.ts";
import { patchedObject, patchMediaTypeOf, readPatch } from "./patch/patch-body.ts";
import type { WriteOptions } from "./query.ts";
import { patchOptions, writeOptions } from "./query.ts";
import { represented } from "./read.ts";
import { attributesOf } from "./request-attributes.ts";
import type { Body } from "./request-body.ts";
import { readObject } from "./request-body.ts";
import { answererOf } from "./reviews.ts";

/** How often a patch is tried again when others write in between, and a generated name when it is taken. */
const mostTries = 8;

export async function createObject(context: RequestContext): Promise<Response> {
  const { target, url } = context;
  const { resource } = target;
  if (target.name !== null || (resource.namespaced && target.namespace === null)) throw methodNotAllowed();
  const options = writeOptions(url.searchParams, "CreateOptions");
  const object = decode(context, await readObject(context.request, resource), options);
  checkNamespace(context, object);
  const answerer = answererOf(resource);
  if (answerer !== undefined) {
    check(resource, object, resource.validate(object));
    return respond(context, { code: 201, object: await answerer(context, object) });
  }
  return storeNew(context, tracked(context, null, object), options);
}

/** Stores a new object and answers. Throws AlreadyExists where there is one. */
async function storeNew(
  context: RequestContext,
  object: KubeObject,
  options: Pick<WriteOptions, "dryRun">,
): Promise<Response> {
  const { resource } = context.target;
  for (let tries = 1; ; tries += 1) {
    const prepared = await prepareNew(context, object);
    const outcome = options.dryRun
      ? await wouldCreate(context, prepared.object)
      : await storageOf(context).create(prepared.object, context.nowMs);
    if (outcome.outcome === "created") {
      if (options.dryRun) return respond(context, { code: 201, object: outcome.object });
      await prepared.created(outcome.object);
      wrote(context, [outcome.object]);
      return respond(context, { code: 201, object: prepared.told(outcome.object) });
    }
    const isGenerated = object.metadata.name === undefined;
    if (outcome.outcome !== "exists" || !isGenerated || tries === mostTries) {
      throw creationError(resource, prepared.object, outcome.outcome);
    }
  }
}

/** Stores what a write found missing, for those who may make it. "exists": somebody else made it meanwhile. */
export async function storeMissing(
  context: RequestContext,
  object: KubeObject,
  options: Pick<WriteOptions, "dryRun">,
): Promise<Response | "exists"> {
  // Whoever may change objects may not therefore make them.
  await requireAllowed(context.caller, attributesOf("POST", context.url), context.policy);
  const { uid: _uid, resourceVersion: _version, ...metadata } = object.metadata;
  try {
    return await storeNew(context, { ...object, metadata }, options);
  } catch (error) {
    if (error instanceof ApiError && error.reason === "AlreadyExists") return "exists";
    throw error;
  }
}

function creationError(
  resource: Resource,
  { metadata: { name = "", namespace = "" } }: KubeObject,
  outcome: "exists" | "namespace missing" | "namespace terminating",
): ApiError {
  switch (outcome) {
    case "exists":
      return alreadyExistsError(resource, name);
    case "namespace missing":
      return notFoundError(namespaces, namespace);
    case "namespace terminating":
      return forbiddenError(
        resource,
        name,
        `unable to create new content in namespace ${namespace} because it is being terminated`,
        [
          {
            reason: "NamespaceTerminating",
            message: `namespace ${namespace} is being terminated`,
            field: "metadata.namespace",
          },
        ],
      );
  }
}

/** A new object as it will be stored, checked. */
async function prepareNew(context: RequestContext, given: KubeObject) {
  const { target, nowMs } = context;
  const { resource } = target;
  const { generateName, name = generateName === undefined ? undefined : randomName(generateName) } = given.metadata;
  if (given.metadata.resourceVersion !== undefined) {
    // Upstream's store says so, and nobody between it and the client gives it a reason.
    throw new ApiError("", "resourceVersion should not be set on objects to be created");
  }
  const {
    namespace: _namespace,
    deletionTimestamp: _at,
    deletionGracePeriodSeconds: _grace,
    selfLink: _link,
    ...metadata
  } = given.metadata;
  const object = resource.prepareForCreate({
    ...given,
    metadata: {
      ...metadata,
      ...(name === undefined ? {} : { name }),
      ...(target.namespace === null ? {} : { namespace: target.namespace }),
      uid: crypto.randomUUID(),
      creationTimestamp: goTime(nowMs),
    },
  });
  await requireMayGrant(context, object, null);
  const admitted = await admitNew(context, object);
  check(resource, admitted.object, [
    ...resource.validate(admitted.object),
    ...resource.validateCreate(admitted.object),
  ]);
  for (const text of resource.warnings(admitted.object, null)) context.warn(text);
  return admitted;
}

function randomName(generateName: string): string {
  return generatedName(
    generateName,
    nameSuffix((below) => Math.floor(Math.random() * below)),
  );
}

export async function updateObject(context: RequestContext): Promise<Response> {
  const { resource } = context.target;
  const options = writeOptions(context.url.searchParams, "UpdateOptions");
  const place = placeOf(context.target);
  const object = decode(context, await readObject(context.request, resource), options);
  checkNamespace(context, object);
  if (object.metadata.name !== place.name) throw wrongName(object.metadata.name ?? "", place.name);
  const found = await storageOf(context).read(place);
  const made = found === null ? await createInstead(context, object, options) : "exists";
  if (made !== "exists") return made;
  const before = found ?? (await existing(context));
  const outcome = await replace(context, before, tracked(context, before, object), options);
  if (outcome === "conflict") throw conflictError(resource, place.name);
  return respond(context, { code: 200, object: outcome });
}

/** An update of what is not there. Throws NotFound where that makes nothing. */
async function createInstead(
  context: RequestContext,
  object: KubeObject,
  options: WriteOptions,
): Promise<Response | "exists"> {
  const { resource, subresource } = context.target;
  const { name, namespace } = placeOf(context.target);
  if (!resource.createsOnUpdate || subresource !== null) throw notFoundError(resource, name);
  const { uid } = object.metadata;
  // Whoever names a uid means that one object. A version alone upstream minds only where there is an object.
  if (uid !== undefined) throw preconditionError(resource, { name, namespace }, { what: "UID", wanted: uid });
  return storeMissing(context, tracked(context, null, object), options);
}

export async function patchObject(context: RequestContext): Promise<Response> {
  const { resource } = context.target;
  const mediaType = patchMediaTypeOf(context.request, resource);
  const options = patchOptions(context.url.searchParams, { isApply: false });
  const body = await readPatch(context.request, mediaType);
  const place = placeOf(context.target);
  for (let tries = 1; ; tries += 1) {
    const before = await existing(context);
    const object = patchedObject(context, before, { body, kind: resource, options });
    if (object.metadata.name !== place.name) throw wrongName(object.metadata.name ?? "", place.name);
    checkNamespace(context, object);
    // A patch that does not speak of the version is about whichever there is.
    const isLocked = object.metadata.resourceVersion !== before.metadata.resourceVersion;
    const outcome = isLocked ? "conflict" : await replace(context, before, tracked(context, before, object), options);
    if (outcome !== "conflict") return respond(context, { code: 200, object: outcome });
    if (isLocked || tries === mostTries) throw conflictError(resource, place.name);
  }
}

export function wrongName(given: string, wanted: string): ApiError {
  return new ApiError("BadRequest", `the name of the object (${given}) does not match the name on the URL (${wanted})`);
}

/** Puts `given` in the place of `before`, or its status in the place of that of `before`. */
export async function replace(
  context: RequestContext,
  before: KubeObject,
  given: KubeObject,
  { dryRun }: WriteOptions,
): Promise<KubeObject | "conflict"> {
  const { resource, subresource } = context.target;
  const { metadata } = given;
  if (metadata.uid !== undefined && metadata.uid !== before.metadata.uid) {
    const mismatch = { what: "UID", wanted: metadata.uid, actual: before.metadata.uid } as const;
    throw preconditionError(resource, before.metadata, mismatch);
  }
  if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== before.metadata.resourceVersion) {
    return "conflict";
  }
  const object = keepServerFields(before, given);
  const { prepare, validate } = writesOf(resource, subresource);
  const after = await admitChanged(context, prepare(object, before));
  check(resource, after, validate(after, before));
  if (subresource === null) for (const text of resource.warnings(after, before)) context.warn(text);
  await requireMayGrant(context, after, before);
  if (isSame(withoutTimes(before), withoutTimes(after))) return before;
  if (dryRun) return wouldUpdate(context, before, after);
  const outcome = await storageOf(context).update(before, after, context.nowMs);
  if (outcome.outcome === "conflict") return "conflict";
  // Who controlled it before has lost it, and acts on that.
  const changesHands = controllerOf(before.metadata)?.uid !== controllerOf(outcome.object.metadata)?.uid;
  wrote(context, changesHands ? [before, outcome.object] : [outcome.object], outcome.outcome === "removed");
  return outcome.object;
}

/** What of a write to the object, or to a part of it, counts, and which rules it must keep. */
function writesOf(resource: Resource, subresource: string | null): Resource["parts"][string] {
  const part = subresource === null ? undefined : resource.parts[subresource];
  if (part !== undefined) return part;
  if (subresource === "status")
    return { prepare: resource.prepareForStatusUpdate, validate: resource.validateStatusUpdate };
  return {
    prepare: resource.prepareForUpdate,
    validate: (after, before) => [...resource.validateUpdate(after, before), ...resource.validate(after)],
  };
}

/** What a client may leave out of an update, because only the server sets it. */
function keepServerFields(before: KubeObject, given: KubeObject): KubeObject {
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation, namespace } =
    before.metadata;
  const { selfLink: _link, ...metadata } = given.metadata;
  return {
    ...given,
    metadata: {
      ...metadata,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(creationTimestamp === undefined
        ? {}
        : { creationTimestamp: metadata.creationTimestamp ?? creationTimestamp }),
      ...(deletionTimestamp === undefined
        ? {}
        : { deletionTimestamp: metadata.deletionTimestamp ?? deletionTimestamp }),
      ...(deletionGracePeriodSeconds === undefined
        ? {}
        : { deletionGracePeriodSeconds: metadata.deletionGracePeriodSeconds ?? deletionGracePeriodSeconds }),
      ...(generation === undefined ? {} : { generation }),
    },
  };
}

/** A write that changes nothing but when somebody last wrote changes nothing. */
function withoutTimes({ metadata, ...object }: KubeObject): KubeObject {
  const managedFields = metadata.managedFields?.map(({ time: _time, ...entry }) => entry);
  // Typed stub: the rest has all that an object must have.
  return { ...object, metadata: { ...metadata, managedFields } } as KubeObject;
}

function isSame(a: KubeObject, b: KubeObject): boolean {
  return canonical(a) === canonical(b);
}

/** JSON that does not depend on the order of keys, nor on the version. */
function canonical({ metadata: { resourceVersion: _version, ...metadata }, ...object }: KubeObject): string {
  return JSON.stringify({ ...object, metadata }, (_key, value: unknown) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function check(resource: Resource, object: KubeObject, errors: readonly FieldError[]): void {
  const name = object.metadata.name ?? object.metadata.generateName ?? "";
  if (errors.length > 0) throw invalidError(resource, name, errors);
  const size = JSON.stringify(object).length;
  if (size > objectBytes) {
    throw new ApiError(
      "RequestEntityTooLarge",
      `${resource.kind} ${JSON.stringify(name)} is too large: ${size} bytes, at most ${objectBytes}`,
    );
  }
}

export function decode(context: RequestContext, body: Body, options: WriteOptions): KubeObject {
  return decodeBody(context, { kind: context.target.resource, body, options, patch: undefined });
}

export function checkNamespace({ target }: RequestContext, { metadata }: KubeObject): void {
  const given = metadata.namespace ?? "";
  if (given === "" || given === target.namespace) return;
  throw new ApiError(
    "BadRequest",
    "the namespace of the provided object does not match the namespace sent on the request",
  );
}

type Reply = { readonly code: number; readonly object: KubeObject };

export async function respond(context: RequestContext, { code, object }: Reply): Promise<Response> {
  const representation = negotiate(context.request.headers.get("accept"), ["table", "partialMetadata"]);
  return answer(await represented(context, object, representation), { code, representation });
}
