// The pod that a session is asked for with: that it has such a container, and that its namespace allows it.
// Source: pkg/registry/core/pod/strategy.go (validateContainer), whose words these are.
import type { SessionKind } from "../../core/session-policy.ts";
import { limitOf, sessionsLabel } from "../../core/session-policy.ts";
import { ApiError, forbiddenError } from "../../model/api-error.ts";
import { namespaces } from "../../model/namespace.ts";
import type { Pod } from "../../model/pod.ts";
import { pods } from "../../model/pod.ts";
import type { RequestContext } from "../context.ts";
import { existing } from "../context.ts";
import { ObjectStorage } from "../object-storage.ts";

/** The request's pod. Throws NotFound, and Forbidden where the namespace does not want such sessions. */
export async function sessionPod(context: RequestContext, kind: SessionKind): Promise<Pod> {
  // Read from the pods, so it is one.
  const pod = (await existing(context)) as Pod;
  const namespace = pod.metadata.namespace ?? "";
  const found = await new ObjectStorage(context.env.DB, namespaces).read({ namespace: "", name: namespace });
  const limit = limitOf(found?.metadata.labels ?? {}, kind);
  if (limit === null) return pod;
  const why = `the label ${sessionsLabel}=${limit} of namespace ${JSON.stringify(namespace)} does not allow this`;
  throw forbiddenError(pods, pod.metadata.name ?? "", why);
}

/** The container that is meant. Throws BadRequest when it is not clear, or there is none of that name. */
export function containerOf({ metadata, spec }: Pod, asked: string): string {
  const regular = spec.containers.map(({ name }) => name);
  const initial = (spec.initContainers ?? []).map(({ name }) => name);
  if (asked !== "") {
    if (regular.includes(asked) || initial.includes(asked)) return asked;
    throw new ApiError("BadRequest", `container ${asked} is not valid for pod ${metadata.name}`);
  }
  const [only, ...others] = regular;
  if (only !== undefined && others.length === 0) return only;
  const choice = `choose one of: [${regular.join(" ")}]`;
  const more = initial.length === 0 ? "" : ` or one of the init containers: [${initial.join(" ")}]`;
  throw new ApiError("BadRequest", `a container name must be specified for pod ${metadata.name}, ${choice}${more}`);
}
