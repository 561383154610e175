// How long to wait before trying again: 10 s, doubling to 5 min, forgotten after 10 quiet minutes.
// Source: client-go util/flowcontrol backoff, kubelet kuberuntime doBackOff.

const firstDelayMs = 10_000;
const longestDelayMs = 300_000;

/** `delayMs` holds since the event that it is asked about; `updatedAtMs` is when it was last doubled. */
export type BackOff = { readonly delayMs: number; readonly updatedAtMs: number };

function isForgotten(backOff: BackOff, eventAtMs: number): boolean {
  return eventAtMs - backOff.updatedAtMs > 2 * longestDelayMs;
}

/** Until when to hold off after what happened at `eventAtMs`; 0 when there is nothing to wait for. */
export function heldOffUntilMs(backOff: BackOff | undefined, eventAtMs: number): number {
  if (backOff === undefined || isForgotten(backOff, eventAtMs)) return 0;
  return eventAtMs + backOff.delayMs;
}

/** The back-off to hold for the next event, given that another try is made now. */
export function nextBackOff(backOff: BackOff | undefined, eventAtMs: number, nowMs: number): BackOff {
  if (backOff === undefined || isForgotten(backOff, eventAtMs)) return { delayMs: firstDelayMs, updatedAtMs: nowMs };
  return { delayMs: Math.min(backOff.delayMs * 2, longestDelayMs), updatedAtMs: nowMs };
}

/** A duration as Go prints whole seconds: 10s, 1m20s, 5m0s. */
export function durationText(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours > 0) return `${hours}h${minutes % 60}m${seconds % 60}s`;
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}

/** A duration as Go prints it to the millisecond: 0s, 250ms, 1.5s, 1m0.02s. */
export function preciseDurationText(durationMs: number): string {
  const wholeMs = Math.max(0, Math.floor(durationMs));
  if (wholeMs > 0 && wholeMs < 1000) return `${wholeMs}ms`;
  const minutes = Math.floor(wholeMs / 60_000);
  const seconds = `${(wholeMs % 60_000) / 1000}s`;
  if (minutes === 0) return seconds;
  return minutes < 60 ? `${minutes}m${seconds}` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}
