// What the watch hub and the Worker that serves a watch say to each other.
import type { Change } from "./log.ts";

/** What a watch wants to see. */
export type WatchScope = {
  readonly resource: string;
  /** Null: all namespaces. */
  readonly namespace: string | null;
  /** Null: all names. */
  readonly name: string | null;
};

/** Header with the scope and the resourceVersion to start after, as JSON. */
export const watchHeader = "x-lares-watch";
export type WatchStart = WatchScope & { readonly afterRv: number };

export type HubMessage =
  /** Changes within the scope, in order; all of them up to `rv`. */
  | { readonly kind: "changes"; readonly rv: number; readonly changes: readonly Change[] }
  /** Something between `afterRv` and now is not in the log any more, which begins with `first`. */
  | { readonly kind: "expired"; readonly first: number };
