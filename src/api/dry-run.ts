// What a request would have done and is not to do: dryRun=All is answered as the request would be, and stores nothing.
// Source: apiserver pkg/registry/generic/registry/dryrun.go.
import { planDeletion } from "../core/deletion.ts";
import { goTime } from "../model/instant.ts";
import type { KubeObject } from "../model/meta.ts";
import { namespaces } from "../model/namespace.ts";
import type { Pod } from "../model/pod.ts";
import { runBatch } from "../store/batch.ts";
import { readObject } from "../store/objects.ts";
import type { RequestContext } from "./context.ts";
import { storageOf } from "./context.ts";
import type { CreateOutcome, RemovalOptions, Removed } from "./storage.ts";

/** How the creation of an object would end, short of a failure of the database. */
export async function wouldCreate(context: RequestContext, object: KubeObject): Promise<CreateOutcome> {
  const { namespace = "", name = "" } = object.metadata;
  if (context.target.resource.namespaced) {
    const key = { resource: namespaces.plural, namespace: "", name: namespace };
    const [room] = await runBatch(context.env.DB, [readObject(context.env.DB, key)]);
    if (room === null) return { outcome: "namespace missing" };
    if (Object(room["status"]).phase === "Terminating") return { outcome: "namespace terminating" };
  }
  const storage = storageOf(context);
  const present = await storage.read({ namespace, name });
  if (present !== null) return { outcome: "exists" };
  return { outcome: "created", object: (await storage.preview?.(null, object)) ?? object };
}

/** What an object would be after a change; its version stays the one that there is. */
export async function wouldUpdate(context: RequestContext, before: KubeObject, after: KubeObject): Promise<KubeObject> {
  const changed = (await storageOf(context).preview?.(before, after)) ?? after;
  const { resourceVersion } = before.metadata;
  if (resourceVersion === undefined) return changed;
  return { ...changed, metadata: { ...changed.metadata, resourceVersion } };
}

/** What the deletion of an object would leave of it. */
export function wouldRemove({ target, nowMs }: RequestContext, object: KubeObject, how: RemovalOptions): Removed {
  // Stored as a Pod, so it is one.
  if (target.resource.plural === "pods") return { object: endingPod(object as Pod, how, nowMs), gone: false };
  const plan = planDeletion(object, how.policy, nowMs);
  return { object: plan.do === "mark" ? plan.object : object, gone: plan.do === "remove" };
}

function endingPod(pod: Pod, { graceSeconds }: RemovalOptions, nowMs: number): Pod {
  const { spec, status, metadata } = pod;
  const isOver = (spec.nodeName ?? "") === "" || status.phase === "Failed" || status.phase === "Succeeded";
  const given = isOver ? 0 : (graceSeconds ?? spec.terminationGracePeriodSeconds ?? 30);
  const { deletionGracePeriodSeconds: before } = metadata;
  // Time that was given once can only be cut short.
  if (before !== undefined && before <= given) return pod;
  const ends = { deletionTimestamp: goTime(nowMs + given * 1000), deletionGracePeriodSeconds: given };
  return { ...pod, metadata: { ...metadata, ...ends } };
}
