// POST of a Binding, to a pod or to the collection: puts a pod that has no node on one.
// Source: pkg/registry/core/pod/storage BindingREST, LegacyBindingREST.
import { bindingRefusal, boundPod, validateBinding } from "../core/binding.ts";
import { ApiError, conflictError, preconditionError } from "../model/api-error.ts";
import type { Binding } from "../model/binding.ts";
import { bindings } from "../model/binding.ts";
import { decodeObject } from "../model/decode.ts";
import { fieldErrorText } from "../model/field-error.ts";
import { goTime } from "../model/instant.ts";
import type { Pod } from "../model/pod.ts";
import { pods } from "../model/pod.ts";
import { answer } from "./answer.ts";
import type { RequestContext } from "./context.ts";
import { existing, methodNotAllowed, storageOf, wrote } from "./context.ts";
import { writeOptions } from "./query.ts";
import { readObject } from "./request-body.ts";

const mostTries = 8;

export async function bindPod(context: RequestContext): Promise<Response> {
  const { request, target, url } = context;
  const isCollection = target.resource === bindings;
  if (request.method !== "POST" || target.namespace === null || isCollection !== (target.name === null)) {
    throw methodNotAllowed();
  }
  const { dryRun } = writeOptions(url.searchParams, "CreateOptions");
  const binding = await readBinding(context);
  const name = binding.metadata.name ?? "";
  if (target.name !== null && name !== target.name) {
    throw new ApiError("BadRequest", "name in URL does not match name in Binding object");
  }
  const errors = validateBinding(binding).map(fieldErrorText);
  // Upstream hands these on as they are, which makes them its own failure.
  if (errors.length > 0) {
    throw new ApiError("InternalError", errors.length === 1 ? String(errors[0]) : `[${errors.join(", ")}]`);
  }
  await assign({ ...context, target: { ...target, resource: pods, name, subresource: "binding" } }, binding, dryRun);
  return answer({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 }, { code: 201 });
}

async function readBinding({ request }: RequestContext): Promise<Binding> {
  const { json } = await readObject(request, bindings);
  const decoded = decodeObject(bindings, json);
  if (!decoded.ok) {
    throw new ApiError("BadRequest", `Binding in version "v1" cannot be handled as a Binding: ${decoded.message}`);
  }
  return decoded.object;
}

async function assign(context: RequestContext, binding: Binding, dryRun: boolean): Promise<void> {
  const { uid, resourceVersion, annotations } = binding.metadata;
  for (let tries = 1; tries <= mostTries; tries += 1) {
    // Pods are decoded before they are stored.
    const pod = (await existing(context)) as Pod;
    const name = pod.metadata.name ?? "";
    if (uid !== undefined && uid !== pod.metadata.uid)
      throw preconditionError(pods, pod.metadata, { what: "UID", wanted: uid, actual: pod.metadata.uid });
    if (resourceVersion !== undefined && resourceVersion !== pod.metadata.resourceVersion) {
      throw preconditionError(pods, pod.metadata, {
        what: "ResourceVersion",
        wanted: resourceVersion,
        actual: pod.metadata.resourceVersion,
      });
    }
    const refusal = bindingRefusal(pod);
    if (refusal !== null) throw conflictError({ group: "", plural: "pods/binding", kind: "Pod" }, name, refusal);
    if (dryRun) return;
    const bound = boundPod(annotated(pod, annotations), binding.target.name ?? "", goTime(context.nowMs));
    const outcome = await storageOf(context).update(pod, bound, context.nowMs);
    if (outcome.outcome !== "conflict") return wrote(context, [outcome.object]);
  }
  throw conflictError(pods, binding.metadata.name ?? "");
}

function annotated(pod: Pod, annotations: Readonly<Record<string, string>> | undefined): Pod {
  if (annotations === undefined) return pod;
  return { ...pod, metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, ...annotations } } };
}
