// When a NoExecute taint drives a pod off its node.
// Source: pkg/controller/tainteviction.
import type { Taint, Toleration } from "./tolerations.ts";
import { tolerates } from "./tolerations.ts";

/** How long a pod may stay: "stays" for ever, or for so many milliseconds (0: not at all). */
export type Stay = "stays" | number;

/** The shortest of the times that the tolerations used allow; a taint that nothing tolerates allows none. */
export function stayOnTaintedNode(taints: readonly Taint[], tolerations: readonly Toleration[]): Stay {
  let shortest: Stay = "stays";
  for (const taint of taints) {
    if (taint.effect !== "NoExecute") continue;
    const used = tolerations.filter((toleration) => tolerates(toleration, taint));
    if (used.length === 0) return 0;
    for (const { tolerationSeconds } of used) {
      if (tolerationSeconds === undefined) continue;
      const stayMs = Math.max(0, tolerationSeconds) * 1000;
      shortest = shortest === "stays" ? stayMs : Math.min(shortest, stayMs);
    }
  }
  return shortest;
}
