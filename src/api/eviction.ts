// policy/v1 Eviction: a deletion that asks the pod's disruption budget first.
// Source: pkg/registry/core/pod/storage/eviction.go.
import type { EvictionVerdict } from "../core/disruption.ts";
import { judgeEviction } from "../core/disruption.ts";
import { isJsonObject } from "../core/json.ts";
import { isReadyStatus } from "../core/pod-conditions.ts";
import { ApiError, forbiddenError } from "../model/api-error.ts";
import { apiVersionOf } from "../model/decode.ts";
import type { Eviction } from "../model/eviction.ts";
import { evictions } from "../model/eviction.ts";
import type { Json } from "../model/fields.ts";
import { goTime } from "../model/instant.ts";
import { labelSelectorMatches } from "../model/labels.ts";
import type { KubeObject } from "../model/meta.ts";
import type { Pod } from "../model/pod.ts";
import type { PodDisruptionBudget } from "../model/pod-disruption-budget.ts";
import { podDisruptionBudgets } from "../model/pod-disruption-budget.ts";
import { runBatch } from "../store/batch.ts";
import { readObjects, updateObjects } from "../store/objects.ts";
import { answer } from "./answer.ts";
import type { RequestContext } from "./context.ts";
import { existing, methodNotAllowed, storageOf, wrote } from "./context.ts";
import { decodeBody } from "./decode-body.ts";
import { checkOptions, checkPreconditions } from "./delete.ts";
import type { WriteOptions } from "./query.ts";
import { writeOptions } from "./query.ts";
import { readObject } from "./request-body.ts";
import { checkNamespace } from "./write.ts";

const budgetResource = "poddisruptionbudgets.policy";
const mostBudgets = 1_000;
/** How often it is tried again when others write the budget in between. */
const mostTries = 8;

export async function evictPod(context: RequestContext): Promise<Response> {
  if (context.request.method !== "POST") throw methodNotAllowed();
  const asked = writeOptions(context.url.searchParams, "CreateOptions");
  const eviction = await readEviction(context, asked);
  // Read from the pods, so it is one.
  const pod = (await existing(context)) as Pod;
  const options = checkOptions(eviction.deleteOptions ?? {});
  checkPreconditions(context, pod, options);
  const isDryRun = asked.dryRun || options.dryRun;
  const isGuarded = !isUnguarded(pod);
  if (isGuarded) await askBudget(context, pod, isDryRun);
  if (!isDryRun) {
    // Who means one version of the pod alone does not mean the next one.
    if (isGuarded && !(await markDisrupted(context, pod)))
      checkPreconditions(context, await existing(context), options);
    const removed = await storageOf(context).remove([pod], options, context.nowMs);
    wrote(
      context,
      removed.map(({ object }) => object),
      removed.some(({ gone }) => gone),
    );
  }
  return answer({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 }, { code: 201 });
}

/** Throws BadRequest for what is none, or one of another pod. */
async function readEviction(context: RequestContext, options: WriteOptions): Promise<Eviction> {
  const body = await readObject(context.request, evictions);
  const eviction = decodeBody(context, {
    kind: evictions,
    body: { ...body, json: inServedVersion(body.json) },
    options,
    patch: undefined,
  });
  const { name = "" } = eviction.metadata;
  if (name !== "" && name !== context.target.name) {
    throw new ApiError("BadRequest", "name in URL does not match name in Eviction object");
  }
  checkNamespace(context, eviction);
  return eviction;
}

/** Upstream takes evictions of the version before as well, which says the same. */
function inServedVersion(json: Json): Json {
  const isOlder = isJsonObject(json) && json["apiVersion"] === "policy/v1beta1" && json["kind"] === evictions.kind;
  return isOlder ? { ...json, apiVersion: apiVersionOf(evictions) } : json;
}

/** A pod that does not run serves nobody, and one that is ending goes anyway. */
function isUnguarded({ metadata, status }: Pod): boolean {
  const { phase } = status;
  const isIdle = phase === "Succeeded" || phase === "Failed" || phase === "Pending";
  return isIdle || metadata.deletionTimestamp !== undefined;
}

/** Throws what keeps the pod from being evicted; else the pod's budget counts it as going. */
async function askBudget(context: RequestContext, pod: Pod, isDryRun: boolean): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const [budget, ...more] = await budgetsOf(context, pod);
    if (budget === undefined) return;
    if (more.length > 0) {
      const why = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
      throw new ApiError("InternalError", why);
    }
    const evicted = { name: pod.metadata.name ?? "", isReady: isReadyStatus(pod.status) };
    const verdict = judgeEviction(budget, evicted, context.nowMs);
    if (verdict.verdict !== "granted") throw refusal(budget, verdict);
    if (verdict.status === null || isDryRun || (await spend(context, { ...budget, status: verdict.status }))) return;
    if (tries === mostTries) {
      const why = `couldn't update PodDisruptionBudget ${JSON.stringify(budget.metadata.name)} due to conflicts`;
      throw new ApiError("Timeout", `Timeout: ${why}`, { retryAfterSeconds: 10 });
    }
  }
}

async function budgetsOf({ env }: RequestContext, { metadata }: Pod): Promise<readonly PodDisruptionBudget[]> {
  const { namespace = "", labels } = metadata;
  if (labels === undefined) return [];
  const query = { resource: budgetResource, namespace, after: null, limit: mostBudgets };
  const [budgets] = await runBatch(env.DB, [readObjects(env.DB, query)]);
  // Stored as budgets, so they are.
  return (budgets as unknown as readonly PodDisruptionBudget[]).filter(({ spec }) =>
    labelSelectorMatches(spec.selector, labels),
  );
}

function refusal(
  { metadata: { name = "" } }: PodDisruptionBudget,
  verdict: Exclude<EvictionVerdict, { readonly verdict: "granted" }>,
): ApiError {
  if (verdict.verdict === "forbidden") return forbiddenError(podDisruptionBudgets, name, verdict.message);
  const { message, retryAfterSeconds } = verdict;
  return new ApiError("TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: "DisruptionBudget", message }],
    ...(retryAfterSeconds === 0 ? {} : { retryAfterSeconds }),
  });
}

/** False: the budget is other than it was when it was asked. */
async function spend({ env, nowMs, touched }: RequestContext, budget: PodDisruptionBudget): Promise<boolean> {
  const { namespace = "", name = "", resourceVersion } = budget.metadata;
  const key = { resource: budgetResource, namespace, name };
  const object: KubeObject = budget;
  const row = { ...key, object, expectRv: Number(resourceVersion), previous: null };
  const [written] = await runBatch(env.DB, [updateObjects(env.DB, [row], { nowMs })]);
  if (written.size === 0) return false;
  touched({ nodes: [], objects: [{ key, object }] });
  return true;
}

/**
 * The pod says why it ends. That it says so is not worth a failure: a report that comes in between may take its place.
 * False: one did.
 */
async function markDisrupted(context: RequestContext, pod: Pod): Promise<boolean> {
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "EvictionByEvictionAPI",
    message: "Eviction API: evicting",
    lastProbeTime: null,
    lastTransitionTime: goTime(context.nowMs),
  };
  const others = (pod.status.conditions ?? []).filter(({ type }) => type !== condition.type);
  const status = { ...pod.status, conditions: [...others, condition] };
  const { outcome } = await storageOf(context).update(pod, { ...pod, status }, context.nowMs);
  return outcome !== "conflict";
}
