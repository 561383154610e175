// policy/v1 Eviction: a deletion that asks first. With no disruption budgets to ask, it is a graceful deletion.
// Source: pkg/registry/core/pod/storage/eviction.go.
import * as z from "zod";

import { ApiError, conflictError } from "../model/api-error.ts";
import { answer } from "./answer.ts";
import type { RequestContext } from "./context.ts";
import { existing, methodNotAllowed, storageOf, wrote } from "./context.ts";
import { readObject } from "./request-body.ts";

const Eviction = z.object({
  deleteOptions: z
    .object({
      gracePeriodSeconds: z.int().min(0).optional(),
      dryRun: z.array(z.string()).optional(),
      preconditions: z.object({ uid: z.string().optional() }).optional(),
    })
    .nullish(),
});

export async function evictPod(context: RequestContext): Promise<Response> {
  if (context.request.method !== "POST") throw methodNotAllowed();
  const { json } = await readObject(context.request, { kind: "Eviction", schema: Eviction });
  const parsed = Eviction.safeParse(json);
  if (!parsed.success) throw new ApiError("BadRequest", "the body is not a policy/v1 Eviction");
  const options = parsed.data.deleteOptions ?? {};
  const pod = await existing(context);
  const { uid } = options.preconditions ?? {};
  if (uid !== undefined && uid !== pod.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`;
    throw conflictError(context.target.resource, pod.metadata.name ?? "", why);
  }
  const isDryRun = context.url.searchParams.has("dryRun") || (options.dryRun ?? []).length > 0;
  if (!isDryRun) {
    const how = { policy: null, graceSeconds: options.gracePeriodSeconds ?? null };
    const removed = await storageOf(context).remove([pod], how, context.nowMs);
    wrote(
      context,
      removed.map(({ object }) => object),
      removed.some(({ gone }) => gone),
    );
  }
  return answer({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 }, { code: 201 });
}
