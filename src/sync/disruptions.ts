// Why pods go, as conditions in statuses that agents write too.
import type { PodStatus } from "../model/pod-status.ts";
import type { PodRow } from "../store/pod-rows.ts";
import type { ShardWrites } from "./shard-writes.ts";

/** The pod as the last batch has left it. */
export type PodOf = (key: { readonly node: string; readonly uid: string }) => PodRow | undefined;

/**
 * The statuses with the reasons why pods go. Those are added only now, to what an agent reports of the same pod in this
 * batch, or else to what the batch before has left: with a status of its own, made when it was decided that the pod
 * goes, either the reason or the report would be lost.
 */
export function statusesWithReasons(
  { statuses, disruptions }: Pick<ShardWrites, "statuses" | "disruptions">,
  podOf: PodOf,
): ShardWrites["statuses"] {
  const all = new Map(statuses.map((update) => [update.uid, update]));
  const stored = statuses.flatMap((update) => forgotten(update, podOf));
  for (const { condition, phase, ...key } of [...stored, ...disruptions]) {
    const row = podOf(key);
    if (row === undefined) continue;
    const wanted = all.get(key.uid);
    const isTaken = wanted !== undefined && (wanted.observation > row.observation || wanted.expectRv === row.rv);
    const update = isTaken ? wanted : asItIs(row);
    const others = conditionsOf(update).filter(({ type }) => type !== condition.type);
    const own = phase ?? update.phase;
    all.set(key.uid, {
      ...update,
      phase: own,
      status: { ...update.status, phase: own, conditions: [...others, condition] },
    });
  }
  return [...all.values()];
}

/** A report that was read while the reason was being written does not know of it. */
function forgotten(update: ShardWrites["statuses"][number], podOf: PodOf): ShardWrites["disruptions"] {
  const { namespace, name, uid, node, observation } = update;
  const row = podOf(update);
  if (row === undefined || observation <= row.observation || conditionsOf(update).some(isReason)) return [];
  const reason = conditionsOf(row).find(isReason);
  return reason === undefined ? [] : [{ namespace, name, uid, node, condition: reason, phase: null }];
}

function isReason({ type }: { readonly type: string }): boolean {
  return type === "DisruptionTarget";
}

function conditionsOf({ status }: Pick<PodRow, "status">) {
  // Statuses are decoded before they are stored.
  return (status as PodStatus | null)?.conditions ?? [];
}

function asItIs({
  namespace,
  name,
  uid,
  node,
  phase,
  status,
  observation,
  rv,
}: PodRow): ShardWrites["statuses"][number] {
  return { namespace, name, uid, node, phase, status: status ?? {}, observation, expectRv: rv, lost: false };
}
