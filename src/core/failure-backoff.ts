// How long the controller waits before it deletes yet another failed pod of a node.
// Source: client-go util/flowcontrol Backoff as pkg/controller/daemon uses it.

const firstFailureDelayMs = 1_000;
export const longestFailureDelayMs = 15 * 60_000;

/** One node's failures of one DaemonSet; null: none on record. */
export type FailureBackoff = {
  /** status.observedGeneration when they were counted: a new one starts afresh. */
  readonly generation: number;
  readonly delayMs: number;
  readonly lastAtMs: number;
};

/** When the next failed pod may be deleted; null: now. */
export function failureBackoffUntilMs(
  backoff: FailureBackoff | null,
  generation: number,
  nowMs: number,
): number | null {
  if (backoff === null || backoff.generation !== generation) return null;
  const untilMs = backoff.lastAtMs + backoff.delayMs;
  return nowMs < untilMs ? untilMs : null;
}

/** The record after a failed pod was deleted at `nowMs`. */
export function nextFailureBackoff(backoff: FailureBackoff | null, generation: number, nowMs: number): FailureBackoff {
  const forgotten =
    backoff === null || backoff.generation !== generation || nowMs - backoff.lastAtMs > 2 * longestFailureDelayMs;
  const delayMs = forgotten ? firstFailureDelayMs : Math.min(backoff.delayMs * 2, longestFailureDelayMs);
  return { generation, delayMs, lastAtMs: nowMs };
}
