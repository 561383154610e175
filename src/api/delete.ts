// DELETE: of one object, or of all that a query picks.
// Source: apiserver pkg/endpoints/handlers/delete.go; apimachinery metav1 DeleteOptions.
import type { PropagationPolicy } from "../core/deletion.ts";
import { ApiError, conflictError, forbiddenError, invalidError, qualifiedResource } from "../model/api-error.ts";
import { apiVersionOf, decode } from "../model/decode.ts";
import { DeleteOptions } from "../model/delete-options.ts";
import { invalid, notSupported } from "../model/field-error.ts";
import type { KubeObject } from "../model/meta.ts";
import { answer } from "./answer.ts";
import type { RequestContext } from "./context.ts";
import { existing, storageOf, wrote } from "./context.ts";
import { wouldRemove } from "./dry-run.ts";
import { listOptions } from "./list-options.ts";
import { booleanParameter, integerParameter, unsupportedDryRun } from "./parameters.ts";
import { listPage } from "./read.ts";
import { readObject } from "./request-body.ts";
import type { Removed } from "./storage.ts";

const policies = ["Foreground", "Background", "Orphan"] as const satisfies readonly PropagationPolicy[];

type Checked = {
  readonly policy: PropagationPolicy | null;
  readonly graceSeconds: number | null;
  readonly dryRun: boolean;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
};

const optionsName = { group: "meta.k8s.io", plural: "", kind: "DeleteOptions" };

/** Options come in the body, or in the query, or not at all. */
async function deleteOptions({ request, url }: RequestContext): Promise<Checked> {
  const body = await readOptions(request);
  const query = url.searchParams;
  const grace = integerParameter(query, "gracePeriodSeconds");
  const orphan = booleanParameter(query, "orphanDependents");
  return checkOptions({
    ...(grace === null ? {} : { gracePeriodSeconds: grace }),
    ...(orphan === null ? {} : { orphanDependents: orphan }),
    ...(query.has("propagationPolicy") ? { propagationPolicy: query.get("propagationPolicy") ?? "" } : {}),
    ...(query.has("dryRun") ? { dryRun: query.getAll("dryRun") } : {}),
    ...body,
  });
}

async function readOptions(request: Request): Promise<DeleteOptions> {
  const { json } = await readObject(request, { kind: "DeleteOptions", schema: DeleteOptions, mayBeEmpty: true });
  const decoded = decode(DeleteOptions, json ?? {});
  if (!decoded.ok) throw new ApiError("BadRequest", decoded.message);
  const { kind = "", apiVersion = "" } = decoded.object;
  // Whoever sends something else, the object itself say, means something else.
  if (kind !== "" && kind !== "DeleteOptions") {
    const [asked, version] = [kind, apiVersion].map((text) => JSON.stringify(text));
    throw new ApiError(
      "BadRequest",
      `no kind ${asked} is registered for version ${version} that could be DeleteOptions`,
    );
  }
  return decoded.object;
}

/** Throws Invalid for options that cannot be meant. */
export function checkOptions(options: DeleteOptions): Checked {
  const { propagationPolicy, orphanDependents, gracePeriodSeconds, preconditions } = options;
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    throw invalidError(optionsName, "", [
      invalid("propagationPolicy", propagationPolicy, "orphanDependents and deletionPropagation cannot be both set"),
    ]);
  }
  const policy = policies.find((name) => name === propagationPolicy);
  if (propagationPolicy !== undefined && policy === undefined) {
    throw invalidError(optionsName, "", [notSupported("propagationPolicy", propagationPolicy, [...policies, "nil"])]);
  }
  const dryRun = options.dryRun ?? [];
  if (dryRun.some((value) => value !== "All")) throw invalidError(optionsName, "", [unsupportedDryRun(dryRun)]);
  const older = orphanDependents === undefined ? null : orphanDependents ? "Orphan" : "Background";
  return {
    policy: policy ?? older,
    graceSeconds:
      gracePeriodSeconds === undefined ? null : Math.max(gracePeriodSeconds, gracePeriodSeconds < 0 ? 1 : 0),
    dryRun: dryRun.length > 0,
    uid: preconditions?.uid,
    resourceVersion: preconditions?.resourceVersion,
  };
}

export async function deleteObject(context: RequestContext): Promise<Response> {
  const options = await deleteOptions(context);
  const object = await existing(context);
  checkRemovable(context, object);
  checkPreconditions(context, object, options);
  const outcome = options.dryRun ? wouldRemove(context, object, options) : await removeOne(context, object, options);
  if (!outcome.gone || isPod(context)) return answer(outcome.object);
  return answer(removedStatus(context, object));
}

function checkRemovable({ target: { resource } }: RequestContext, object: KubeObject): void {
  const why = resource.refuseDeletion(object);
  if (why !== null) throw forbiddenError(resource, object.metadata.name ?? "", why);
}

function isPod({ target }: RequestContext): boolean {
  return qualifiedResource(target.resource) === "pods";
}

async function removeOne(context: RequestContext, object: KubeObject, options: Checked): Promise<Removed> {
  let current = object;
  for (let tries = 0; tries < 5; tries += 1) {
    const [removed] = await storageOf(context).remove([current], options, context.nowMs);
    if (removed !== undefined) {
      wrote(context, [removed.object], removed.gone);
      return removed;
    }
    // Somebody wrote in between; unless the caller minds, the object as it is now goes.
    current = await existing(context);
    checkPreconditions(context, current, { ...options, uid: options.uid ?? object.metadata.uid });
  }
  throw conflictError(context.target.resource, object.metadata.name ?? "");
}

/** Throws Conflict unless the object is the one that is meant. */
export function checkPreconditions(
  { target }: Pick<RequestContext, "target">,
  { metadata }: KubeObject,
  { uid, resourceVersion }: Pick<Checked, "uid" | "resourceVersion">,
): void {
  // Upstream names the kind here and not the resource.
  const { group, kind } = target.resource;
  const refuse = (why: string) => {
    throw conflictError({ group, kind, plural: kind }, metadata.name ?? "", why);
  };
  if (uid !== undefined && uid !== metadata.uid) {
    refuse(
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    refuse(
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    );
  }
}

function removedStatus({ target: { resource } }: RequestContext, { metadata }: KubeObject) {
  const group = resource.group === "" ? {} : { group: resource.group };
  const details = { name: metadata.name, ...group, kind: resource.plural, uid: metadata.uid };
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}

export async function deleteCollection(context: RequestContext): Promise<Response> {
  const { resource } = context.target;
  const options = await deleteOptions(context);
  const query = listOptions(context.url.searchParams, resource);
  const storage = storageOf(context);
  const page = await listPage(context, query);
  for (const object of page.objects) checkRemovable(context, object);
  const removed = options.dryRun
    ? page.objects.map((object) => wouldRemove(context, object, options))
    : await storage.remove(page.objects, options, context.nowMs);
  if (!options.dryRun)
    wrote(
      context,
      removed.map(({ object }) => object),
      removed.some(({ gone }) => gone),
    );
  return answer({
    kind: `${resource.kind}List`,
    apiVersion: apiVersionOf(resource),
    metadata: { resourceVersion: String(page.rv) },
    items: removed.map(({ object }) => object),
  });
}
