// "Not now": how a Node says that nothing new is to be started on it for a while.
import { goTime, parseTimeMs } from "./instant.ts";
import type { ObjectMeta } from "./meta.ts";
import type { Node } from "./node.ts";

/** When the hold ends, RFC 3339. It may be set by hand as well: rollouts heed it whoever wrote it. */
export const heldUntilAnnotation = "lares.dev/held-until";
export const heldReasonAnnotation = "lares.dev/held-reason";

/** The condition's type; True while somebody at the node holds it. */
export const heldCondition = "lares.dev/Held";

/** A hold is always over some day: a node that was forgotten must not keep an old version for ever. */
export const longestHoldMs = 30 * 24 * 3_600_000;

/** Undefined: the node is not held, or the annotation says nothing that can be read. */
export function heldUntilMs(annotations: ObjectMeta["annotations"]): number | undefined {
  return parseTimeMs(annotations?.[heldUntilAnnotation]) ?? undefined;
}

/** The Node as it is to be read: its agent may never be back to say that its hold is over. */
export function withHoldOver(node: Node, nowMs: number): Node {
  const untilMs = heldUntilMs(node.metadata.annotations);
  const { conditions = [] } = node.status;
  const isOver = ({ type, status }: (typeof conditions)[number]) => type === heldCondition && status === "True";
  if (untilMs === undefined || untilMs > nowMs || !conditions.some(isOver)) return node;
  const until = goTime(untilMs);
  const over = { status: "False", reason: "HoldOver", message: `the hold was over at ${until}` } as const;
  const read = conditions.map((condition) =>
    isOver(condition) ? { ...condition, ...over, lastTransitionTime: until } : condition,
  );
  return { ...node, status: { ...node.status, conditions: read } };
}
